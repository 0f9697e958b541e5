//! What a claim costs beside the plainest lock there is.

use std::time::{Duration, Instant};

use steadfast::idempotency::IdempotencyStore;
use steadfast_servers::redis::Redis;

use super::{open, request};

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Both over one connection of their own, in turn, so that a busy machine slows both. With
/// `--ignored --nocapture` it prints the medians; a machine under load may fail it.
#[tokio::test]
#[ignore = "measures time: run it alone"]
async fn a_claim_costs_at_most_two_and_a_half_plain_locks() {
    let server = Redis::start();
    let store = open(&server);
    let client = redis::Client::open(server.url()).unwrap();
    let mut plain = client.get_multiplexed_async_connection().await.unwrap();
    let (mut claims, mut locks) = (Vec::new(), Vec::new());
    for number in 0..20_000 {
        let key = format!("key-{number}");
        let begun = Instant::now();
        let taken: bool = redis::cmd("SET")
            .arg(format!("plain-{number}"))
            .arg(number)
            .arg("NX")
            .arg("PX")
            .arg(30_000)
            .query_async(&mut plain)
            .await
            .unwrap();
        locks.push(begun.elapsed());
        assert!(taken);
        let asked = request(&key);
        let begun = Instant::now();
        store.claim(asked).await.unwrap();
        claims.push(begun.elapsed());
    }
    let (claim, lock) = (median(claims), median(locks));
    let ratio = claim.as_secs_f64() / lock.as_secs_f64();
    println!("median of a claim {claim:?}, of SET NX PX {lock:?}: {ratio:.2} times");
    assert!(ratio <= 2.5);
}
