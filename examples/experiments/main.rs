//! What retries do to a system under stress: a simulator in virtual time that drives the library's
//! own policies, budgets and breakers with thousands of clients.
//!
//! ```text
//! cargo run --release --example experiments -- all
//! cargo run --release --example experiments -- own --max-attempts 5 --base-delay 200ms --no-budget
//! ```
//!
//! Each experiment prints its table, with the known answer in brackets where there is one, and
//! draws a picture into `--out`. The same seed gives the same bytes.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "simulated seconds, counts and pixels are small and not negative"
)]

mod canvas;
mod client;
mod e1;
mod e2;
mod e3;
mod e4;
mod e5;
mod e6;
mod e7;
mod options;
mod own;
mod plot;
mod sim;
mod table;

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use plot::Chart;
use table::Table;

/// Simulates what retries do to a system under stress, with this library's own policies, budgets
/// and breakers.
#[derive(Parser)]
#[command(name = "experiments")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Where the pictures go.
    #[arg(long, global = true, default_value = "target/experiments")]
    out: PathBuf,
    /// The same seed gives the same numbers and pictures.
    #[arg(long, global = true, default_value_t = 1)]
    seed: u64,
    /// Fewer clients and trials: a look in seconds instead of a measurement.
    #[arg(long, global = true)]
    quick: bool,
}

#[derive(Subcommand, Clone)]
enum Command {
    /// Contention on one row: backoff with and without jitter.
    E1,
    /// Clients that failed together: lockstep with and without jitter.
    E2,
    /// Layers of retries on top of each other.
    E3,
    /// Load under an outage, with and without a budget; what the default budget guarantees.
    E4,
    /// Throttling at the client, and what a budget does about overload.
    E5,
    /// Metastable failure: retries that keep a service down, and what lets it recover.
    E6,
    /// Cold recovery: how long a breaker's break has to be.
    E7,
    /// E1 to E7.
    All,
    /// Your own policy in an outage: extra load, worst latency, time to recover.
    Own(Box<options::Options>),
}

/// What an experiment is run with.
pub(crate) struct Context {
    pub(crate) seed: u64,
    quick: bool,
    loud: bool,
}

impl Context {
    /// The full size, or the small one of a quick look.
    pub(crate) fn size<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    /// Tells on stderr how far an experiment is.
    pub(crate) fn progress(&self, name: &str, done: usize, all: usize) {
        if !self.loud {
            return;
        }
        let percent = done * 100 / all.max(1);
        let mut stderr = std::io::stderr().lock();
        // Progress that cannot be shown is not worth failing for.
        let _ = if stderr.is_terminal() {
            write!(stderr, "\r{name} {percent:3} %")
        } else {
            writeln!(stderr, "{name} {percent} %")
        };
    }

    fn done(&self, name: &str) {
        if self.loud {
            let end = if std::io::stderr().is_terminal() { "\r" } else { "" };
            eprintln!("{end}{name} done ");
        }
    }

    #[cfg(test)]
    pub(crate) fn quiet(seed: u64) -> Self {
        Self { seed, quick: true, loud: false }
    }
}

/// What an experiment found.
pub(crate) struct Report {
    pub(crate) tables: Vec<Table>,
    pub(crate) charts: Vec<Chart>,
}

type Experiment = (&'static str, fn(&Context) -> Report);

const EXPERIMENTS: [Experiment; 7] = [
    ("e1", e1::experiment),
    ("e2", e2::experiment),
    ("e3", e3::experiment),
    ("e4", e4::experiment),
    ("e5", e5::experiment),
    ("e6", e6::experiment),
    ("e7", e7::experiment),
];

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<(), Box<dyn Error>> {
    let cx = Context { seed: cli.seed, quick: cli.quick, loud: true };
    let chosen: &[Experiment] = match &cli.command {
        Command::E1 => &EXPERIMENTS[0..1],
        Command::E2 => &EXPERIMENTS[1..2],
        Command::E3 => &EXPERIMENTS[2..3],
        Command::E4 => &EXPERIMENTS[3..4],
        Command::E5 => &EXPERIMENTS[4..5],
        Command::E6 => &EXPERIMENTS[5..6],
        Command::E7 => &EXPERIMENTS[6..7],
        Command::All => &EXPERIMENTS,
        Command::Own(options) => {
            options.check()?;
            let report = own::experiment(&cx, options);
            cx.done("own");
            return show(cli, &report);
        }
    };
    let mut score = (0, 0);
    for (name, experiment) in chosen {
        let report = experiment(&cx);
        cx.done(name);
        for (met, all) in report.tables.iter().map(Table::score) {
            score = (score.0 + met, score.1 + all);
        }
        show(cli, &report)?;
    }
    if chosen.len() > 1 {
        println!("{} of {} known answers within ±15 %", score.0, score.1);
    }
    Ok(())
}

fn show(cli: &Cli, report: &Report) -> Result<(), Box<dyn Error>> {
    for table in &report.tables {
        println!("{}", table.text());
    }
    for chart in &report.charts {
        let path = chart.write(&cli.out)?;
        println!("picture: {}.svg and .png\n", path.display());
    }
    Ok(())
}

/// Everything that a run leaves behind; the pictures as SVG, since drawing pixels takes long without
/// optimisation.
#[cfg(test)]
fn left_behind(report: &Report) -> String {
    let tables = report.tables.iter().map(Table::text);
    tables.chain(report.charts.iter().map(|chart| chart.svg().unwrap())).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for (name, experiment) in EXPERIMENTS {
        let run = |seed| left_behind(&experiment(&Context::quiet(seed)));
        let first = run(1);
        assert!(first == run(1), "{name}");
        // E7 draws nothing; E3 draws, and its numbers may still agree.
        if !["e3", "e7"].contains(&name) {
            assert!(first != run(2), "{name}");
        }
    }
    let own = options::options(&["--clients=5", "--outage=5s"]);
    let run = |seed| own::experiment(&Context::quiet(seed), &own);
    let first = run(1);
    assert!(left_behind(&first) == left_behind(&run(1)));
    assert!(left_behind(&first) != left_behind(&run(2)));
    assert!(first.charts[0].png().unwrap() == run(1).charts[0].png().unwrap());
}

#[test]
fn pictures_have_words_on_their_axes() {
    let report = e2::experiment(&Context::quiet(1));
    let svg = report.charts[0].svg().unwrap();
    for word in ["requests in 50 ms", "seconds", "no jitter", "full jitter", "the server stalls"] {
        assert!(svg.contains(word), "{word}");
    }
    // Text is what is darkest in the head of the picture.
    let png = report.charts[0].png().unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    let head = &pixels[..1800 * 3 * 120];
    assert!(head.iter().filter(|&&value| value < 100).count() > 2000, "the font renders");
}

#[test]
fn the_command_line_is_sound() {
    use clap::CommandFactory;
    Cli::command().debug_assert();
}
