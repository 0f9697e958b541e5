//! Options that name `Self` and const generics.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use steadfast::{retry, testing};

use super::third;

struct Tuned<const N: u32>;

impl<const N: u32> Tuned<N> {
    const DELAY: std::time::Duration = std::time::Duration::from_millis(N as u64);

    #[retry(max_attempts = N, base_delay = Self::DELAY, jitter = "none", budget = none)]
    fn call(&self, calls: &AtomicU32) -> io::Result<u32> {
        third(calls)
    }

    #[retry(max_attempts = N + 1, context = attempt, budget = none)]
    async fn call_async(&self, calls: &AtomicU32) -> io::Result<u32> {
        calls.fetch_add(1, Relaxed);
        assert!(attempt.number() <= N + 1);
        Err(ErrorKind::TimedOut.into())
    }
}

#[retry(max_attempts = M, context = attempt, budget = none)]
fn const_generic<const M: u32>(seen: &mut Vec<u32>) -> io::Result<()> {
    seen.push(attempt.number());
    Err(ErrorKind::TimedOut.into())
}

#[tokio::test]
async fn options_name_self_and_const_generics() {
    let _scope = testing::scope();
    let calls = AtomicU32::new(0);
    Tuned::<2>.call(&calls).unwrap_err();
    assert_eq!(calls.swap(0, Relaxed), 2);
    assert_eq!(Tuned::<5>.call(&calls).unwrap(), 3);
    calls.store(0, Relaxed);
    Tuned::<3>.call_async(&calls).await.unwrap_err();
    assert_eq!(calls.load(Relaxed), 4);
    let mut seen = Vec::new();
    const_generic::<2>(&mut seen).unwrap_err();
    const_generic::<1>(&mut seen).unwrap_err();
    assert_eq!(seen, [1, 2, 1]);
}
