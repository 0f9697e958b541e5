//! A breaker around nothing, so many times: `breaker WAY CALLS`. `run` counts the instructions.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Acquire};
use std::time::Duration;

use steadfast::breaker::{Attached, CircuitBreaker};

static CONSECUTIVE: Attached = Attached::named(CircuitBreaker::new("consecutive"));
static HAND: CircuitBreaker = CircuitBreaker::new("hand");
static WORD: AtomicU64 = AtomicU64::new(0);
static CALLS: Attached =
    Attached::named(CircuitBreaker::new("calls").failure_rate(0.5).window(100));
static TIME: Attached = Attached::named(
    CircuitBreaker::new("time").failure_rate(0.5).window_duration(Duration::from_secs(10)),
);
static SLOW: Attached =
    Attached::named(CircuitBreaker::new("slow").slow_call(Duration::from_secs(2)));
static OPEN: Attached = Attached::named(
    CircuitBreaker::new("open").failure_threshold(1).recovery_timeout(Duration::from_secs(3600)),
);
static KEYED: Attached = Attached::keyed(CircuitBreaker::new("keyed"), 1024);

/// Leave and success.
#[inline(never)]
fn call(breaker: &'static Attached) -> bool {
    match breaker.admit() {
        Ok(pass) => {
            pass.success();
            true
        }
        Err(_) => false,
    }
}

#[inline(never)]
fn call_key(breaker: &'static Attached, key: &str) -> bool {
    match breaker.admit_key(key) {
        Ok(pass) => {
            pass.success();
            true
        }
        Err(_) => false,
    }
}

/// The same without `Attached`.
#[inline(never)]
fn by_hand(breaker: &'static CircuitBreaker) -> bool {
    match breaker.try_acquire() {
        Ok(permit) => {
            permit.success();
            true
        }
        Err(_) => false,
    }
}

/// What cannot be less: one word read twice.
#[inline(never)]
fn word(word: &AtomicU64) -> bool {
    let before = word.load(Acquire);
    black_box(before) & 7 < 3 && word.load(Acquire) == before
}

#[inline(never)]
fn nothing(breaker: &'static Attached) -> bool {
    black_box(breaker).name().is_empty()
}

fn one(way: &str, calls: u64) {
    macro_rules! times {
        ($call:expr) => {
            (0..calls).for_each(|_| _ = black_box($call))
        };
    }
    match way {
        "nothing" => times!(nothing(&CONSECUTIVE)),
        "word" => times!(word(&WORD)),
        "by_hand" => times!(by_hand(&HAND)),
        "consecutive" => times!(call(&CONSECUTIVE)),
        "calls" => times!(call(&CALLS)),
        "time" => times!(call(&TIME)),
        "slow" => times!(call(&SLOW)),
        "open" => times!(call(&OPEN)),
        "keyed" => times!(call_key(&KEYED, "a.example")),
        other => panic!("no way {other}"),
    }
}

/// Nanoseconds a call by each of so many threads at once.
fn threads(way: &str, count: u64, calls: u64) -> f64 {
    let begin = std::time::Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..count {
            scope.spawn(|| one(way, calls));
        }
    });
    begin.elapsed().as_nanos() as f64 / calls as f64
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let way = arguments.next().expect("which way");
    let calls: u64 = arguments.next().expect("how many calls").parse().expect("a number");
    if let Ok(pass) = OPEN.admit() {
        pass.failure();
    }
    match way.strip_prefix("threads_") {
        // The best of nine: a machine that does something else in between only makes it slower.
        Some(way) => {
            let best = |count| (0..9).map(|_| threads(way, count, calls)).fold(f64::MAX, f64::min);
            let (alone, together) = (best(1), best(2));
            println!("{:.2} ({alone:.1} ns, {together:.1} ns)", 2.0 * alone / together);
        }
        None => one(&way, calls),
    }
}
