//! What a function returns: aliases, errors of every kind, plain values that are polled.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use steadfast::{retry, testing};

use super::third;

type Answer<T = u32> = io::Result<T>;

#[retry]
fn aliased(calls: &AtomicU32) -> Answer {
    third(calls)
}

#[retry]
async fn aliased_async(calls: &AtomicU32) -> Answer<u32> {
    third(calls)
}

#[retry(on = any)]
fn any_error_text(calls: &AtomicU32) -> Result<u32, String> {
    third(calls).map_err(|error| error.to_string())
}

#[retry(on = any)]
fn any_boxed(calls: &AtomicU32) -> Result<u32, Box<dyn std::error::Error>> {
    third(calls)?;
    Err("always".into())
}

#[retry]
fn boxed_by_itself(calls: &AtomicU32) -> Result<u32, Box<dyn std::error::Error + Send + Sync>> {
    Ok(third(calls)?)
}

#[retry(when = |error| matches!(error, Plain))]
async fn neither_debug_nor_display(calls: &AtomicU32) -> Result<u32, Plain> {
    third(calls).map_err(|_| Plain)
}

struct Plain;

#[retry(when_value = |n| *n < 3)]
async fn polled(calls: &AtomicU32) -> u32 {
    calls.fetch_add(1, Relaxed) + 1
}

#[retry(when_value = Vec::is_empty)]
fn polled_list(calls: &AtomicU32) -> Vec<u32> {
    third(calls).into_iter().collect()
}

#[retry(when_value = |_: &()| calls.load(Relaxed) < 3)]
fn polled_unit(calls: &AtomicU32) {
    calls.fetch_add(1, Relaxed);
}

#[tokio::test]
async fn kinds_of_results() {
    let _scope = testing::scope();
    let calls = AtomicU32::new(0);
    let again = || {
        calls.store(0, Relaxed);
        &calls
    };
    assert_eq!(aliased(again()).unwrap(), 3);
    assert_eq!(aliased_async(again()).await.unwrap(), 3);
    assert_eq!(any_error_text(again()).unwrap(), 3);
    assert_eq!(any_boxed(again()).unwrap_err().to_string(), "always");
    assert_eq!(boxed_by_itself(again()).unwrap(), 3);
    assert!(neither_debug_nor_display(again()).await.is_ok());
    assert_eq!(polled(again()).await, 3);
    assert_eq!(polled_list(again()), [3]);
    polled_unit(again());
    assert_eq!(calls.load(Relaxed), 3);
}
