//! One way of making a call, so many times: `steadfast-benches WAY CALLS`. `run` counts the
//! instructions of each.

mod future;
mod sync;

use std::hint::black_box;
use std::sync::atomic::AtomicU32;

use steadfast_benches::{block_on, runtime, two_threads};

/// So many calls of a synchronous function.
macro_rules! blocking {
    ($calls:expr, $call:expr) => {
        (0..$calls).for_each(|x| _ = black_box($call(x)))
    };
}

/// So many calls of an async function that never waits.
macro_rules! polled {
    ($calls:expr, $call:expr) => {
        (0..$calls).for_each(|x| _ = black_box(block_on($call(x))))
    };
}

#[cfg(feature = "paused")]
/// So many failing calls of an async function on a paused clock.
macro_rules! waiting {
    ($calls:expr, $call:expr) => {{
        let counter = AtomicU32::new(0);
        steadfast_benches::paused().block_on(async {
            for _ in 0..$calls {
                _ = black_box($call(&counter).await);
            }
        });
    }};
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let way = arguments.next().expect("which way");
    let calls: u64 = arguments.next().expect("how many calls").parse().expect("a number");
    let counter = AtomicU32::new(0);
    match way.as_str() {
        "bare" => blocking!(calls, sync::bare),
        "by_hand" => blocking!(calls, sync::by_hand),
        "annotated" => blocking!(calls, sync::annotated),
        "without_budget" => blocking!(calls, sync::without_budget),
        "retry" => blocking!(calls, sync::with_retry),
        "backon" => blocking!(calls, sync::with_backon),
        "bare_async" => polled!(calls, future::bare),
        "by_hand_async" => polled!(calls, future::by_hand),
        "annotated_async" => polled!(calls, future::annotated),
        "without_budget_async" => polled!(calls, future::without_budget),
        "tokio_retry_async" => polled!(calls, future::with_tokio_retry),
        "backon_async" => polled!(calls, future::with_backon),
        "seatbelt_async" => {
            // Its clock wants a runtime at hand, not to run on it.
            let runtime = runtime();
            let _entered = runtime.enter();
            let call = future::seatbelt();
            polled!(calls, call);
        }
        "tower_resilience_async" => {
            let mut call = future::tower_resilience();
            polled!(calls, call);
        }
        "failures_by_hand" => blocking!(calls, |_| sync::failures_by_hand(&counter)),
        "failures" => blocking!(calls, |_| sync::failures(&counter)),
        "failures_retry" => blocking!(calls, |_| sync::failures_with_retry(&counter)),
        "failures_backon" => blocking!(calls, |_| sync::failures_with_backon(&counter)),
        #[cfg(feature = "paused")]
        "failures_by_hand_async" => waiting!(calls, future::failures_by_hand),
        #[cfg(feature = "paused")]
        "failures_async" => waiting!(calls, future::failures),
        #[cfg(feature = "paused")]
        "failures_tokio_retry_async" => waiting!(calls, future::failures_with_tokio_retry),
        #[cfg(feature = "paused")]
        "failures_backon_async" => waiting!(calls, future::failures_with_backon),
        #[cfg(feature = "paused")]
        "failures_backon_ready_async" => waiting!(calls, future::failures_with_backon_ready),
        "growth" => {
            for (way, bytes) in future::growth() {
                println!("{way:<32} {bytes:>6}");
            }
        }
        "threads_by_hand" => {
            println!("{}", two_threads(calls, |calls| blocking!(calls, sync::by_hand)));
        }
        "threads_annotated" => {
            println!("{}", two_threads(calls, |calls| blocking!(calls, sync::annotated)));
        }
        "threads_by_hand_async" => {
            println!("{}", two_threads(calls, |calls| polled!(calls, future::by_hand)));
        }
        "threads_annotated_async" => {
            println!("{}", two_threads(calls, |calls| polled!(calls, future::annotated)));
        }
        other => panic!("no way {other}"),
    }
}
