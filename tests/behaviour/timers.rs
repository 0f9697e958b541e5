//! Runtimes other than tokio.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use steadfast::{AttemptTimeout, retry};

/// Polls until the future is ready. Nothing here waits, so nothing wakes.
fn drive<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

static SLEPT: AtomicU32 = AtomicU32::new(0);

/// A timer that is over at the second poll, and counts.
async fn nap(_: Duration) {
    SLEPT.fetch_add(1, Relaxed);
    let mut polled = false;
    std::future::poll_fn(|_| {
        if polled {
            Poll::Ready(())
        } else {
            polled = true;
            Poll::Pending
        }
    })
    .await;
}

#[test]
fn a_function_sleeps_on_the_timer_it_names() {
    #[retry(sleep = nap, max_attempts = 4, jitter = "none")]
    async fn fails() -> io::Result<()> {
        Err(ErrorKind::TimedOut.into())
    }
    SLEPT.store(0, Relaxed);
    drive(fails()).unwrap_err();
    assert_eq!(SLEPT.load(Relaxed), 3);

    #[retry(sleep = nap, max_attempts = 2, attempt_timeout = "1s", base_delay = "0s", on = any)]
    async fn hangs() -> Result<(), AttemptTimeout> {
        std::future::pending().await
    }
    SLEPT.store(0, Relaxed);
    assert_eq!(drive(hangs()).unwrap_err().limit(), Some(Duration::from_secs(1)));
    assert_eq!(SLEPT.load(Relaxed), 2, "two timeouts, and a delay of zero that skips the timer");
}
