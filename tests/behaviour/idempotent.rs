//! `#[idempotent]`, alone and around `#[retry]` and `#[circuit_breaker]`.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use steadfast::idempotency::{
    IdempotencyError, IdempotencyStore, MemoryStore, Reconciled, RecordState,
};
use steadfast::{
    AttemptTimeout, CircuitOpen, Classify, KeyResult, circuit_breaker, idempotent, retry, snapshot,
    testing,
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Receipt {
    id: u32,
}

#[derive(Clone, Debug, Classify, Serialize, Deserialize, PartialEq, Eq)]
enum PaymentError {
    #[retryable]
    Reset,
    #[retryable(unsent)]
    Refused,
    #[permanent]
    Declined,
    #[permanent]
    Idempotency(String),
    #[retryable(unsent)]
    Open,
}

impl From<IdempotencyError> for PaymentError {
    fn from(error: IdempotencyError) -> Self {
        Self::Idempotency(error.as_str().to_owned())
    }
}

impl From<CircuitOpen> for PaymentError {
    fn from(_: CircuitOpen) -> Self {
        Self::Open
    }
}

impl From<AttemptTimeout> for PaymentError {
    fn from(_: AttemptTimeout) -> Self {
        Self::Reset
    }
}

type Payment = Result<Receipt, PaymentError>;

fn refused(word: &str) -> Payment {
    Err(PaymentError::Idempotency(word.to_owned()))
}

#[idempotent(key = "order_{order}_payment")]
async fn charge(order: u64, runs: &AtomicU32) -> Payment {
    Ok(Receipt { id: runs.fetch_add(1, SeqCst) })
}

#[tokio::test]
async fn a_key_is_run_once_and_answered_many_times() {
    let _scope = testing::scope();
    let runs = AtomicU32::new(0);
    for _ in 0..3 {
        assert_eq!(charge(7, &runs).await, Ok(Receipt { id: 0 }));
    }
    assert_eq!(charge(8, &runs).await, Ok(Receipt { id: 1 }));
    assert_eq!(runs.load(SeqCst), 2);
}

#[idempotent(key = "order_{order}", scope = "sync")]
fn charge_blocking(order: &str, runs: &Cell<u32>, answer: Payment) -> Payment {
    let _ = order;
    runs.set(runs.get() + 1);
    answer
}

#[test]
fn a_sync_function_is_run_once_and_answered_many_times() {
    let _scope = testing::scope();
    let runs = Cell::new(0);
    let receipt = Ok(Receipt { id: 1 });
    assert_eq!(charge_blocking("a", &runs, receipt.clone()), receipt);
    assert_eq!(charge_blocking("a", &runs, Err(PaymentError::Declined)), receipt);
    assert_eq!(runs.get(), 1);
    // An argument that is empty makes a key of nothing.
    assert_eq!(charge_blocking("", &runs, receipt), refused("empty_key"));
}

#[test]
fn a_permanent_failure_is_not_stored() {
    let _scope = testing::scope();
    let runs = Cell::new(0);
    assert_eq!(
        charge_blocking("b", &runs, Err(PaymentError::Declined)),
        Err(PaymentError::Declined)
    );
    assert_eq!(charge_blocking("b", &runs, Ok(Receipt { id: 2 })), Ok(Receipt { id: 2 }));
    assert_eq!(runs.get(), 2);
}

#[test]
fn an_ambiguous_failure_is_not_run_again() {
    let _scope = testing::scope();
    let runs = Cell::new(0);
    assert_eq!(charge_blocking("c", &runs, Err(PaymentError::Reset)), Err(PaymentError::Reset));
    assert_eq!(charge_blocking("c", &runs, Ok(Receipt { id: 2 })), refused("unknown"));
    assert_eq!(runs.get(), 1);
    // What surely never reached the other side may be tried again.
    assert_eq!(charge_blocking("d", &runs, Err(PaymentError::Refused)), Err(PaymentError::Refused));
    assert_eq!(charge_blocking("d", &runs, Ok(Receipt { id: 3 })), Ok(Receipt { id: 3 }));
}

#[idempotent(key = "order_{order}_errors", record_errors = true)]
async fn recorded(order: u64, runs: &AtomicU32) -> Payment {
    let _ = order;
    runs.fetch_add(1, SeqCst);
    Err(PaymentError::Declined)
}

#[tokio::test]
async fn a_permanent_failure_is_stored_where_it_says_so() {
    let _scope = testing::scope();
    let runs = AtomicU32::new(0);
    for _ in 0..3 {
        assert_eq!(recorded(1, &runs).await, Err(PaymentError::Declined));
    }
    assert_eq!(runs.load(SeqCst), 1);
}

#[idempotent(key = "keyed_{order}", replay = "keyed")]
#[retry(max_attempts = 4, base_delay = "10ms", context = attempt)]
#[circuit_breaker(name = "stacked payments", failure_threshold = 10)]
async fn keyed(order: u64, keys: &std::sync::Mutex<Vec<String>>) -> Payment {
    let _ = order;
    let mut keys = keys.lock().unwrap();
    keys.push(attempt.idempotency_key().to_string());
    if keys.len() < 3 { Err(PaymentError::Reset) } else { Ok(Receipt { id: 5 }) }
}

#[tokio::test]
async fn one_claim_and_one_key_span_all_attempts() {
    let _scope = testing::scope();
    let keys = std::sync::Mutex::new(Vec::new());
    assert_eq!(keyed(3, &keys).await, Ok(Receipt { id: 5 }));
    assert_eq!(keyed(3, &keys).await, Ok(Receipt { id: 5 }));
    let keys = keys.into_inner().unwrap();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    // The same in every process and every release.
    assert_eq!(keys[0], "659e509d-893e-8d0d-8c6f-9a32473b3732");
}

#[idempotent(key = "unsent_{order}", replay = "unsent")]
#[retry(max_attempts = 4, base_delay = "10ms")]
fn unsent(order: u64, answers: &mut Vec<Payment>) -> Payment {
    let _ = order;
    answers.remove(0)
}

#[test]
fn only_what_was_not_sent_is_retried_without_a_key_downstream() {
    let _scope = testing::scope();
    let receipt = Ok(Receipt { id: 1 });
    let mut answers = vec![Err(PaymentError::Refused), Err(PaymentError::Refused), receipt.clone()];
    assert_eq!(unsent(1, &mut answers), receipt);
    let mut answers = vec![Err(PaymentError::Refused), Err(PaymentError::Reset), receipt.clone()];
    assert_eq!(unsent(2, &mut answers), Err(PaymentError::Reset));
    assert_eq!(answers.len(), 1, "the ambiguous failure ended the retrying");
    assert_eq!(unsent(2, &mut answers), refused("unknown"));
}

#[idempotent(key = "print_{order}", fingerprint(amount, currency))]
async fn printed(order: u64, amount: u64, currency: &str) -> Payment {
    let _ = (order, amount, currency);
    Ok(Receipt { id: 1 })
}

#[tokio::test]
async fn a_key_with_another_payload_is_refused() {
    let _scope = testing::scope();
    assert_eq!(printed(1, 100, "EUR").await, Ok(Receipt { id: 1 }));
    assert_eq!(printed(1, 100, "EUR").await, Ok(Receipt { id: 1 }));
    assert_eq!(printed(1, 200, "EUR").await, refused("key_reused"));
    assert_eq!(printed(1, 100, "USD").await, refused("key_reused"));
}

#[idempotent(key = "in_{order}", store = store)]
async fn stored_in(store: &Arc<MemoryStore>, order: u64, runs: &AtomicU32) -> Payment {
    let _ = order;
    tokio::time::sleep(Duration::from_millis(50)).await;
    Ok(Receipt { id: runs.fetch_add(1, SeqCst) })
}

#[tokio::test(start_paused = true)]
async fn sixty_four_callers_of_one_key_share_one_run() {
    let store = Arc::new(MemoryStore::new());
    let runs = Arc::new(AtomicU32::new(0));
    let calls: Vec<_> = (0..64)
        .map(|_| {
            let (store, runs) = (Arc::clone(&store), Arc::clone(&runs));
            tokio::spawn(async move { stored_in(&store, 1, &runs).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), Ok(Receipt { id: 0 }));
    }
    assert_eq!(runs.load(SeqCst), 1);
    assert_eq!(store.peek("in_{1}").await.unwrap().unwrap().state, RecordState::Done);
}

async fn ask(_: steadfast::IdempotencyKey) -> Reconciled<Receipt> {
    Reconciled::Done(Receipt { id: 99 })
}

#[idempotent(key = "asked_{order}", on_unknown = ask)]
async fn asked(order: u64) -> Payment {
    let _ = order;
    Err(PaymentError::Reset)
}

#[tokio::test]
async fn a_function_finds_out_what_became_of_an_unknown_call() {
    let _scope = testing::scope();
    assert_eq!(asked(1).await, Err(PaymentError::Reset));
    assert_eq!(asked(1).await, Ok(Receipt { id: 99 }));
    assert_eq!(asked(1).await, Ok(Receipt { id: 99 }));
}

#[idempotent(key = "detached_{order}", on_drop = "detach", store = store)]
async fn detached(store: Arc<MemoryStore>, order: u64, done: Arc<AtomicU32>) -> Payment {
    let _ = order;
    tokio::time::sleep(Duration::from_secs(1)).await;
    done.fetch_add(1, SeqCst);
    Ok(Receipt { id: 3 })
}

#[tokio::test(start_paused = true)]
async fn a_detached_call_ends_although_its_caller_left() {
    let store = Arc::new(MemoryStore::new());
    let done = Arc::new(AtomicU32::new(0));
    let call = detached(Arc::clone(&store), 1, Arc::clone(&done));
    tokio::time::timeout(Duration::from_millis(10), call).await.unwrap_err();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(done.load(SeqCst), 1);
    assert_eq!(detached(store, 1, Arc::clone(&done)).await, Ok(Receipt { id: 3 }));
    assert_eq!(done.load(SeqCst), 1);
}

#[idempotent(key = "dropped_{order}", store = store)]
async fn dropped(store: &MemoryStore, order: u64) -> Payment {
    let _ = order;
    std::future::pending().await
}

#[tokio::test(start_paused = true)]
async fn a_call_that_its_caller_drops_is_unknown() {
    let store = MemoryStore::new();
    tokio::time::timeout(Duration::from_millis(10), dropped(&store, 1)).await.unwrap_err();
    assert_eq!(dropped(&store, 1).await, refused("unknown"));
}

struct Shop {
    runs: AtomicU32,
}

#[async_trait::async_trait]
trait Charges {
    async fn charge(&self, order: u64) -> Payment;
}

#[async_trait::async_trait]
impl Charges for Shop {
    #[idempotent(key = "trait_{order}", replay = "keyed")]
    #[retry(base_delay = "1ms")]
    async fn charge(&self, order: u64) -> Payment {
        let _ = order;
        Ok(Receipt { id: self.runs.fetch_add(1, SeqCst) })
    }
}

#[tokio::test]
async fn methods_of_async_traits_are_idempotent_too() {
    let _scope = testing::scope();
    let shop = Shop { runs: AtomicU32::new(0) };
    assert_eq!(shop.charge(1).await, Ok(Receipt { id: 0 }));
    assert_eq!(shop.charge(1).await, Ok(Receipt { id: 0 }));
}

#[idempotent(key = "option_{order}", map_error = |_| steadfast::Absent)]
fn maybe(order: u64, runs: &Cell<u8>) -> Option<u8> {
    let _ = order;
    runs.set(runs.get() + 1);
    (runs.get() > 1).then_some(runs.get())
}

#[test]
fn an_option_is_stored_where_there_is_something() {
    let _scope = testing::scope();
    let runs = Cell::new(0);
    assert_eq!(maybe(1, &runs), None);
    // Nothing is a failure that may have had an effect.
    assert_eq!(maybe(1, &runs), None);
    assert_eq!(runs.get(), 1);
    assert_eq!(maybe(2, &runs), Some(2));
    assert_eq!(maybe(2, &runs), Some(2));
}

#[test]
fn results_of_keys_are_counted_with_their_function() {
    let _scope = testing::scope();
    let runs = Cell::new(0);
    for _ in 0..3 {
        let _ = charge_blocking("counted", &runs, Ok(Receipt { id: 1 }));
    }
    let all = snapshot();
    let mine = all
        .operations
        .iter()
        .find(|operation| operation.name.ends_with("charge_blocking"))
        .expect("it has run");
    assert_eq!(mine.keys, [(KeyResult::Ran, 1), (KeyResult::Replayed, 2)]);
}
