//! The most heap that so many tasks hold which fail twice and wait in between: `memory WAY TASKS`.

use std::sync::atomic::AtomicU32;
use std::time::Duration;

use backon::Retryable;
use peak_alloc::PeakAlloc;
use steadfast_benches::{Failure, failing, paused, transient};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const DELAY: Duration = Duration::from_millis(10);

async fn bare(calls: &AtomicU32) -> Result<u32, Failure> {
    failing(calls, 2)
}

async fn by_hand(calls: &AtomicU32) -> Result<u32, Failure> {
    let mut attempt = 0;
    loop {
        match bare(calls).await {
            Err(error) if transient(&error) && attempt < 2 => attempt += 1,
            outcome => return outcome,
        }
        tokio::time::sleep(DELAY * attempt).await;
    }
}

// The default budget would refuse most retries of a function whose every call fails twice.
#[steadfast::retry(budget = none, base_delay = "10ms", jitter = "none")]
async fn annotated(calls: &AtomicU32) -> Result<u32, Failure> {
    failing(calls, 2)
}

async fn with_tokio_retry(calls: &AtomicU32) -> Result<u32, Failure> {
    let delays = tokio_retry::strategy::FixedInterval::new(DELAY).take(2);
    tokio_retry::Retry::start(delays, || bare(calls)).await
}

async fn with_backon(calls: &AtomicU32) -> Result<u32, Failure> {
    let delays = backon::ConstantBuilder::default().with_delay(DELAY).with_max_times(2);
    (|| bare(calls)).retry(delays).when(transient).await
}

/// The bytes that the tasks took together at the most, and those of one future.
fn peak<F>(tasks: usize, task: fn() -> F) -> (usize, usize)
where
    F: Future<Output = Result<u32, Failure>> + Send + 'static,
{
    let runtime = paused();
    let mut handles = Vec::with_capacity(tasks);
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    runtime.block_on(async {
        handles.extend((0..tasks).map(|_| tokio::spawn(task())));
        for handle in &mut handles {
            assert!(handle.await.expect("no panic").is_ok(), "the third attempt succeeds");
        }
    });
    (HEAP.peak_usage() - before, size_of_val(&task()))
}

macro_rules! task {
    ($call:expr) => {
        || async {
            let calls = AtomicU32::new(0);
            $call(&calls).await
        }
    };
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let way = arguments.next().expect("which way");
    let tasks: usize = arguments.next().expect("how many tasks").parse().expect("a number");
    let (bytes, future) = match way.as_str() {
        "by_hand" => peak(tasks, task!(by_hand)),
        "annotated" => peak(tasks, task!(annotated)),
        "tokio_retry" => peak(tasks, task!(with_tokio_retry)),
        "backon" => peak(tasks, task!(with_backon)),
        other => panic!("no way {other}"),
    };
    let mebibytes = bytes as f64 / 1_048_576.0;
    println!("{mebibytes:.1} MiB, {} B a task, its future {future} B", bytes / tasks);
}
