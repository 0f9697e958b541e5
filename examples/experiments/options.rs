//! The options of one's own policy: how they are read, checked, and made into a policy and a budget.

use std::fmt;
use std::time::Duration;

use clap::{Args, ValueEnum};
use steadfast::{Jitter, RetryPolicy};

use crate::client::Budget;

/// The policy, the clients and the outage.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Calls of the body in all, the first included.
    #[arg(long, default_value_t = 3)]
    pub(crate) max_attempts: u32,
    /// The first delay before jitter.
    #[arg(long, default_value = "1s", value_parser = duration)]
    pub(crate) base_delay: Duration,
    /// The ceiling of every delay.
    #[arg(long, default_value = "60s", value_parser = duration)]
    pub(crate) max_delay: Duration,
    /// Growth of the exponential schedule.
    #[arg(long, default_value_t = 2.0)]
    pub(crate) factor: f64,
    #[arg(long, value_enum, default_value_t = Schedule::Exponential)]
    pub(crate) backoff: Schedule,
    #[arg(long, value_enum, default_value_t = JitterWord::Full)]
    pub(crate) jitter: JitterWord,
    /// No call goes on longer.
    #[arg(long, value_parser = duration)]
    pub(crate) deadline: Option<Duration>,
    /// Tokens that one call adds to the budget; with this or one of the next two the budget is a
    /// bucket, without it is the default one.
    #[arg(long)]
    pub(crate) budget_ratio: Option<f64>,
    /// Tokens that the bucket holds.
    #[arg(long)]
    pub(crate) budget_max: Option<u32>,
    /// Tokens that flow into the bucket each second.
    #[arg(long)]
    pub(crate) budget_rate: Option<f64>,
    /// Retry without any budget.
    #[arg(long, conflicts_with_all = ["budget_ratio", "budget_max", "budget_rate"])]
    pub(crate) no_budget: bool,
    /// Processes, each with a budget of its own.
    #[arg(long, default_value_t = 40)]
    pub(crate) clients: u32,
    /// Calls a second of each client.
    #[arg(long, default_value_t = 10.0)]
    pub(crate) rate: f64,
    /// How long everything fails, after a minute of health.
    #[arg(long, default_value = "60s", value_parser = duration)]
    pub(crate) outage: Duration,
    /// How long one attempt takes, well or not.
    #[arg(long, default_value = "50ms", value_parser = duration)]
    pub(crate) latency: Duration,
}

/// How delays grow.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Schedule {
    Exponential,
    Linear,
    Constant,
    Decorrelated,
}

/// How delays are spread.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum JitterWord {
    Full,
    Equal,
    None,
}

/// A duration as the attributes take it: `250ms`, `1.5s`, `2m`, `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let wrong = || {
        format!("`{text}` is no duration; write a number and a unit: `250ms`, `1.5s`, `2m`, `1h`")
    };
    let number: f64 = digits.parse().map_err(|_| wrong())?;
    let unit = match &text[digits.len()..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(number * unit).map_err(|_| wrong())
}

impl Options {
    pub(crate) fn policy(&self) -> RetryPolicy {
        let policy = RetryPolicy::new()
            .max_attempts(self.max_attempts)
            .base_delay(self.base_delay)
            .max_delay(self.max_delay)
            .factor(self.factor)
            .jitter(match self.jitter {
                JitterWord::Full => Jitter::Full,
                JitterWord::Equal => Jitter::Equal,
                JitterWord::None => Jitter::None,
            });
        match self.backoff {
            Schedule::Exponential => policy.exponential(),
            Schedule::Linear => policy.linear(),
            Schedule::Constant => policy.constant(),
            Schedule::Decorrelated => policy.decorrelated(),
        }
        .validated()
    }

    pub(crate) fn budget(&self) -> Budget {
        if self.no_budget {
            return Budget::Unlimited;
        }
        if self.budget_ratio.is_none() && self.budget_max.is_none() && self.budget_rate.is_none() {
            return Budget::default_for(self.max_attempts);
        }
        let (rate, ratio) = (self.budget_rate.unwrap_or(0.0), self.budget_ratio.unwrap_or(0.0));
        Budget::bucket(rate, self.budget_max.unwrap_or(10), ratio)
    }

    /// What cannot be simulated, in words.
    pub(crate) fn check(&self) -> Result<(), String> {
        let calls = self.rate * f64::from(self.clients) * (self.outage.as_secs_f64() + 360.0);
        if self.max_attempts == 0 {
            return Err("`--max-attempts` counts the first call: at least 1".into());
        }
        if self.base_delay > self.max_delay {
            return Err("`--max-delay` is shorter than `--base-delay`".into());
        }
        if !(self.factor >= 1.0 && self.factor.is_finite()) {
            return Err("`--factor` is a finite number of at least 1".into());
        }
        if !(self.rate > 0.0 && self.rate <= 1e6) || self.clients == 0 {
            return Err("`--rate` is above 0 and at most 1e6, `--clients` at least 1".into());
        }
        if self.budget_ratio.is_some_and(|ratio| !(0.0..=1000.0).contains(&ratio)) {
            return Err("`--budget-ratio` is from 0 to 1000".into());
        }
        if self.budget_rate.is_some_and(|rate| !(0.0..=1e9).contains(&rate)) {
            return Err("`--budget-rate` is from 0 to 1e9".into());
        }
        if self.budget_max.is_some_and(|most| !(1..=1_000_000_000).contains(&most)) {
            return Err("`--budget-max` is from 1 to 1000000000".into());
        }
        if calls > 2e7 || calls.is_nan() {
            return Err(format!(
                "{calls:.0} calls are more than the 20 million that are simulated"
            ));
        }
        Ok(())
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let jitter = match self.jitter {
            JitterWord::Full => "full",
            JitterWord::Equal => "equal",
            JitterWord::None => "no",
        };
        write!(
            f,
            "{} attempts, {:?} to {:?}, {jitter} jitter; {} clients of {} calls a second; {:?} of outage",
            self.max_attempts,
            self.base_delay,
            self.max_delay,
            self.clients,
            self.rate,
            self.outage
        )
    }
}

#[test]
fn durations_are_read_as_the_attributes_read_them() {
    assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
    assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
    assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
    for wrong in ["", "5", "s", "-1s", "1d", "1 s", "nans"] {
        assert!(duration(wrong).is_err(), "{wrong}");
    }
}

#[cfg(test)]
pub(crate) fn options(arguments: &[&str]) -> Options {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }
    let line = std::iter::once("own").chain(arguments.iter().copied());
    <Line as clap::Parser>::try_parse_from(line).unwrap().options
}

#[test]
fn what_cannot_be_meant_is_refused_in_words() {
    for (arguments, said) in [
        (["--max-attempts", "0"], "--max-attempts"),
        (["--base-delay", "2m"], "--max-delay"),
        (["--factor", "0.5"], "--factor"),
        (["--rate", "0"], "--rate"),
        (["--budget-ratio", "-1"], "--budget-ratio"),
        (["--budget-max", "0"], "--budget-max"),
        (["--rate", "1000000"], "20 million"),
    ] {
        let arguments = [&format!("{}={}", arguments[0], arguments[1])[..]];
        let refused = options(&arguments).check().unwrap_err();
        assert!(refused.contains(said), "{refused}");
    }
}
