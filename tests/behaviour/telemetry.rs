//! What reaches the log.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use steadfast::{Classification, retry, testing};
use tracing::Level;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log lines of `work`, without their times.
fn logged(work: impl FnOnce()) -> Vec<String> {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::DEBUG)
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, work);
    let bytes = lines.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().lines().map(|line| line.trim().to_owned()).collect()
}

#[derive(Debug)]
struct Failed(String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[retry(on = any, name = "fetch", jitter = "none", max_attempts = 2, budget = none)]
fn fetch(text: &str) -> Result<(), Failed> {
    Err(Failed(text.to_owned()))
}

#[test]
fn a_retry_is_a_warning_and_giving_up_an_error() {
    let _scope = testing::scope();
    let lines = logged(|| fetch("refused").unwrap_err().0.clear());
    assert_eq!(
        lines,
        [
            "WARN steadfast::retry: attempt failed, retrying operation=\"fetch\" attempt=1 of=2 delay=1s reason=\"transient\" error=refused",
            "ERROR steadfast::retry: giving up operation=\"fetch\" attempt=2 of=2 result=\"exhausted\" reason=\"transient\" error=refused",
        ]
    );
}

#[test]
fn secrets_and_control_characters_do_not_reach_the_log() {
    let _scope = testing::scope();
    let lines = logged(|| {
        fetch("GET https://user:hunter2@host/path?token=hunter2\r\nERROR forged\u{1b}[2J")
            .unwrap_err();
    });
    assert_eq!(lines.len(), 2, "{lines:#?}");
    for line in lines {
        assert!(line.ends_with(r"error=GET https://host/path\r\nERROR forged\u{1b}[2J"), "{line}");
    }
}

#[test]
fn error_text_can_be_switched_off() {
    #[retry(on = any, log_errors = false, max_attempts = 2, jitter = "none")]
    fn quiet() -> Result<(), Failed> {
        Err(Failed("secret".into()))
    }
    let _scope = testing::scope();
    let lines = logged(|| drop(quiet()));
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.ends_with("error=-")), "{lines:#?}");
}

#[test]
fn a_permanent_failure_and_a_poll_are_no_more_than_debug() {
    #[retry(max_attempts = 2, when_value = |n| *n == 0, jitter = "none")]
    fn poll() -> u32 {
        0
    }
    #[retry]
    fn missing() -> io::Result<()> {
        Err(ErrorKind::NotFound.into())
    }
    let _scope = testing::scope();
    let lines = logged(|| {
        poll();
        missing().unwrap_err();
    });
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(lines.iter().all(|line| line.starts_with("DEBUG")), "{lines:#?}");
}

#[test]
fn lines_beyond_ten_a_second_are_summed_up() {
    #[retry(on = any, max_attempts = 100, backoff = "constant", base_delay = "50ms", jitter = "none", budget = none)]
    fn noisy() -> Result<(), Failed> {
        Err(Failed("busy".into()))
    }
    let _scope = testing::scope();
    let lines = logged(|| drop(noisy()));
    let (sums, rest): (Vec<_>, Vec<_>) =
        lines.iter().partition(|line| line.contains("were left out"));
    assert_eq!(sums.len(), 4, "{sums:#?}");
    assert!(sums.iter().all(|line| line.contains("lines=10")), "{sums:#?}");
    assert!(rest.len() <= 10 * 5 + 1, "{}", rest.len());
}

#[tokio::test]
async fn a_blocking_retry_on_an_async_worker_warns_once_and_elsewhere_never() {
    #[retry(on = any, max_attempts = 2, base_delay = "1ns")]
    fn blocks() -> Result<(), Failed> {
        Err(Failed("busy".into()))
    }
    let warned = |lines: Vec<String>| {
        lines.iter().filter(|line| line.contains("async worker thread")).count()
    };
    let elsewhere = tokio::task::spawn_blocking(move || warned(logged(|| drop(blocks())))).await;
    assert_eq!(elsewhere.unwrap(), 0);
    let here = tokio::spawn(async move {
        warned(logged(|| {
            for _ in 0..64 {
                let _ = blocks();
            }
        }))
    });
    assert_eq!(here.await.unwrap(), 1);
}

#[test]
fn the_hint_of_the_server_stands_in_the_delay() {
    #[retry(classify = |_| Classification::retryable().after(Duration::from_secs(7)), base_delay = "0ms", max_attempts = 2)]
    fn throttled() -> Result<(), Failed> {
        Err(Failed("slow down".into()))
    }
    let _scope = testing::scope();
    let lines = logged(|| drop(throttled()));
    assert!(lines[0].contains("delay=7."), "{lines:#?}");
}
