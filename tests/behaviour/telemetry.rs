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

#[test]
fn an_error_of_a_megabyte_is_a_line_of_few_bytes() {
    let _scope = testing::scope();
    let lines = logged(|| drop(fetch(&"x\u{202e}".repeat(300_000))));
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert!(line.len() < 512 && line.ends_with('…'), "{line}");
        assert!(!line.contains('\u{202e}'), "{line}");
    }
}

/// Counts how often it is asked for its text.
struct Asked<'a>(&'a std::sync::atomic::AtomicU32);

impl fmt::Display for Asked<'_> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    }
}

#[retry(when = |_| true, max_attempts = 3, budget = none)]
fn fail(asked: &std::sync::atomic::AtomicU32) -> Result<(), Asked<'_>> {
    Err(Asked(asked))
}

#[test]
fn nobody_asks_an_error_for_its_text_where_nobody_listens() {
    let _scope = testing::scope();
    let asked = std::sync::atomic::AtomicU32::new(0);
    let nobody = tracing::subscriber::NoSubscriber::new();
    tracing::subscriber::with_default(nobody, || drop(fail(&asked)));
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 0);
    assert_eq!(logged(|| drop(fail(&asked))).len(), 3);
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 3);
}

#[test]
fn what_is_logged_stands_in_the_span_of_the_caller() {
    let _scope = testing::scope();
    let lines = logged(|| {
        tracing::info_span!("checkout", order = 7).in_scope(|| drop(fetch("refused")));
    });
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.contains("checkout{order=7}: steadfast")), "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_logged_after_a_wait_stands_in_the_span_of_the_caller() {
    #[retry(on = any, name = "later", max_attempts = 2)]
    async fn later() -> Result<(), Failed> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Err(Failed("refused".into()))
    }
    use tracing::Instrument as _;
    use tracing::instrument::WithSubscriber as _;

    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    let outside = async {
        let spanned = later().instrument(tracing::info_span!("checkout"));
        let (result, ()) = tokio::join!(spanned, tokio::time::sleep(Duration::from_millis(1)));
        result
    };
    outside.with_subscriber(subscriber).await.unwrap_err();
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.lines().all(|line| line.contains("checkout: steadfast")), "{text}");
}

#[test]
fn a_budget_that_refuses_is_an_error_line() {
    #[retry(on = any, max_attempts = 5, budget(max_tokens = 1))]
    fn poor() -> Result<(), Failed> {
        Err(Failed("busy".into()))
    }
    let _scope = testing::scope();
    let lines = logged(|| drop(poor()));
    let [retried, refused] = &lines[..] else { panic!("{lines:#?}") };
    assert!(retried.starts_with("WARN") && refused.starts_with("ERROR"), "{lines:#?}");
    assert!(refused.contains("result=\"budget\""), "{refused}");
}

#[test]
fn a_transition_of_a_breaker_is_an_info_line() {
    let breaker = steadfast::CircuitBreaker::new("telemetry-transition");
    let lines = logged(|| breaker.force_open());
    assert_eq!(
        lines,
        [
            "INFO steadfast::breaker: circuit breaker changed its state breaker=\"telemetry-transition\" keyed=false from=closed to=forced open"
        ]
    );
}

/// Whatever an error says, in whatever a user can see of a call.
#[test]
fn a_secret_of_an_error_is_nowhere_to_be_seen() {
    const CANARY: &str = "hunter2";
    let _scope = testing::scope();
    let texts = [
        format!("GET https://ann:{CANARY}@host/x?token={CANARY}#{CANARY} failed"),
        format!("GET /x?token={CANARY} failed"),
        format!("connect postgres://ann:{CANARY}/?#@db failed"),
        format!("http://h/?{CANARY},http://h/?{CANARY}"),
        format!("http://h/?{}http://ann:{CANARY}@h/", "q".repeat(1010)),
    ];
    let mut seen = logged(|| {
        for text in &texts {
            fetch(text).unwrap_err();
        }
    });
    assert_eq!(seen.len(), 2 * texts.len());
    let snapshot = steadfast::snapshot();
    seen.push(format!("{snapshot} {snapshot:?}"));
    #[cfg(feature = "serde")]
    seen.push(serde_json::to_string(&snapshot).unwrap());
    for text in seen {
        assert!(!text.contains(CANARY) && !text.contains("ann"), "{text}");
    }
}
