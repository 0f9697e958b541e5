//! What a call costs. Not a test: `cargo test --release --test idempotency cost -- --ignored --nocapture`
//! prints medians.

use std::collections::HashMap;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use retry_runtime::__private::{Replay, run_blocking};
use retry_runtime::idempotency::{
    Claim, ClaimRequest, Claimed, IdempotencyStore, MemoryStore, Owner,
};

use crate::support::{Answer, PLAIN, call, ended, key};

const ROUNDS: u64 = 200;
const BATCH: u64 = 200;

/// The median of batches, in nanoseconds a call.
fn median(mut work: impl FnMut(u64)) -> f64 {
    let mut next = 0;
    let mut batches: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            for _ in 0..BATCH {
                next += 1;
                work(next);
            }
            begun.elapsed().as_secs_f64() * 1e9 / BATCH as f64
        })
        .collect();
    batches.sort_by(f64::total_cmp);
    batches[batches.len() / 2]
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("memory answers at once"),
    }
}

#[test]
#[ignore = "prints figures"]
fn in_memory() {
    let value = vec![7_u8; 100];

    let map: Mutex<HashMap<String, Option<Vec<u8>>>> = Mutex::default();
    let bare = median(|number| {
        let key = format!("order_{{{number}}}");
        map.lock().unwrap().insert(key.clone(), None);
        *map.lock().unwrap().get_mut(&key).unwrap() = Some(value.clone());
    });

    let store = MemoryStore::new();
    let stored = median(|number| {
        let key = format!("order_{{{number}}}");
        let request = ClaimRequest::new(&key, Owner(u128::from(number)));
        let Ok(Claimed::Owned { claim, .. }) = ready(store.claim(request)) else { panic!("owned") };
        let claim: Claim = claim;
        let ttl = Duration::from_secs(60);
        ready(store.complete(&key, claim, &value, ttl)).expect("completed");
    });

    let store = MemoryStore::new();
    let whole = median(|number| {
        let order = number.to_string();
        let answer = ready(call(&store, &order, async { Ok(String::from("receipt")) }));
        black_box(answer.expect("ran").expect("paid"));
    });
    let replayed = median(|_| {
        let answer = ready(call(&store, "1", async { Ok(String::from("receipt")) }));
        black_box(answer.expect("replayed").expect("paid"));
    });

    let store = MemoryStore::new();
    let blocking = median(|number| {
        let body = || ended(Ok(String::from("receipt")));
        let key = key(&number.to_string());
        let answer: Result<Answer, _> =
            run_blocking(&PLAIN, &store, &key, None, Replay::values(), body);
        black_box(answer.expect("ran").expect("paid"));
    });

    let future = call(&store, "1", async { Ok(String::new()) });
    println!("bare Mutex<HashMap>, insert and update: {bare:8.0} ns");
    println!("memory store, claim and complete:       {stored:8.0} ns");
    println!("a whole async call that runs:           {whole:8.0} ns");
    println!("a whole async call that is replayed:    {replayed:8.0} ns");
    println!("a whole synchronous call that runs:     {blocking:8.0} ns");
    println!("the future of a call:                   {:8} bytes", size_of_val(&future));
}
