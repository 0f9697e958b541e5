//! Every interleaving of a few threads on one bucket, explored by loom.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release -p retry-runtime --lib --no-default-features loom
//! ```

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering::Relaxed};
use loom::thread;

use super::bucket::{Flow, TOKEN, Word, put, take};

impl Word for AtomicU64 {
    fn read(&self) -> u64 {
        self.load(Relaxed)
    }

    fn exchange(&self, current: u64, new: u64) -> Result<u64, u64> {
        self.compare_exchange(current, new, Relaxed, Relaxed)
    }
}

struct Bucket {
    tokens: AtomicU64,
    credited: AtomicU64,
    flow: Flow,
    capacity: u64,
}

impl Bucket {
    fn new(tokens: u64, rate: f64, capacity: u64) -> Arc<Self> {
        let capacity = capacity * TOKEN;
        Arc::new(Self {
            tokens: AtomicU64::new(tokens * TOKEN),
            credited: AtomicU64::new(0),
            flow: Flow::new(rate, capacity),
            capacity,
        })
    }

    fn take(&self, now: u64) -> u64 {
        u64::from(take(&self.tokens, &self.credited, &self.flow, self.capacity, now))
    }

    fn left(&self) -> u64 {
        self.tokens.load(Relaxed)
    }
}

#[test]
fn loom_no_token_is_taken_twice_and_none_is_lost() {
    loom::model(|| {
        let bucket = Bucket::new(2, 0.0, 2);
        let other = {
            let bucket = Arc::clone(&bucket);
            thread::spawn(move || bucket.take(0) + bucket.take(0))
        };
        let granted = bucket.take(0) + other.join().unwrap();
        assert_eq!(granted, 2);
        assert_eq!(bucket.left(), 0);
    });
}

#[test]
fn loom_time_is_credited_once() {
    loom::model(|| {
        // A token a second; a second passes for the one, two for the other.
        let bucket = Bucket::new(0, 1.0, 10);
        let other = {
            let bucket = Arc::clone(&bucket);
            thread::spawn(move || bucket.take(TOKEN))
        };
        let granted = bucket.take(2 * TOKEN) + other.join().unwrap();
        assert!(granted >= 1);
        let later = bucket.take(2 * TOKEN);
        assert_eq!((granted + later) * TOKEN + bucket.left(), 2 * TOKEN);
    });
}

#[test]
fn loom_deposits_and_withdrawals_add_up() {
    loom::model(|| {
        let bucket = Bucket::new(0, 1.0, 10);
        let other = {
            let bucket = Arc::clone(&bucket);
            thread::spawn(move || put(&bucket.tokens, TOKEN / 2, bucket.capacity))
        };
        let granted = bucket.take(TOKEN / 2);
        other.join().unwrap();
        let later = bucket.take(TOKEN / 2);
        assert_eq!(granted + later, 1);
        assert_eq!(bucket.left(), 0);
    });
}

#[test]
fn loom_never_above_the_capacity() {
    loom::model(|| {
        let bucket = Bucket::new(1, 1.0, 1);
        let other = {
            let bucket = Arc::clone(&bucket);
            thread::spawn(move || put(&bucket.tokens, TOKEN, bucket.capacity))
        };
        let _ = bucket.take(9 * TOKEN);
        assert!(bucket.left() <= bucket.capacity);
        other.join().unwrap();
        assert!(bucket.left() <= bucket.capacity);
    });
}
