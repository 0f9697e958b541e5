//! Runs the example `propagate` and reads its numbers.
//!
//! A program without a test harness, because the example starts itself again as its services: here
//! that is this program.

#[path = "../examples/propagate.rs"]
#[allow(unreachable_pub, reason = "the example's `main` is called from here")]
mod example;

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    if let Some("service" | "story") = std::env::args().nth(1).as_deref() {
        return example::main();
    }
    let this = std::env::current_exe().unwrap();
    let output = Command::new(this).arg("story").output().unwrap();
    let story = String::from_utf8(output.stdout).unwrap();
    print!("{story}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}", output.status);

    let numbers = |start: &str| -> Vec<u32> {
        let mut lines = story.lines().filter_map(|line| line.strip_prefix(start));
        let line = lines.next().unwrap_or_else(|| panic!("no line starts with {start:?}"));
        line.split_whitespace().map(|number| number.parse().unwrap()).collect()
    };
    assert_eq!(numbers("without propagation "), [3, 9, 27]);
    assert_eq!(numbers("with propagation "), [3, 5, 7]);

    let mut times = story.lines().filter(|line| line.ends_with(" ms"));
    let times = times.next().unwrap().strip_prefix("with propagation ").unwrap();
    let times: Vec<u32> = times
        .split(", ")
        .map(|time| time.trim().strip_suffix(" ms").unwrap().parse().unwrap())
        .collect();
    assert!(times[0] <= 5000, "{times:?}");
    assert!(times[1] + 150 <= times[0] && times[2] + 150 <= times[1], "{times:?}");
    ExitCode::SUCCESS
}
