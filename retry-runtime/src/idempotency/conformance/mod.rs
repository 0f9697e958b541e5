//! The laws of a store as checks that run against any store: the ones here, and yours.
//!
//! A check panics with a sentence that names the law. It uses keys of its own, drawn at random, so that
//! it can run against a store with records in it, and again. It knows nothing of the store but the
//! trait, needs no runtime of its own, and waits only through the function that it is given.
//!
//! ```
//! use retry_runtime::idempotency::{MemoryStore, conformance};
//! use retry_runtime::testing;
//!
//! let scope = testing::scope();
//! let store = MemoryStore::new();
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! // A store with a clock of its own waits for real: `|time| tokio::time::sleep(time)`.
//! conformance::check(&store, async |time| scope.advance(time)).await;
//! # });
//! ```

mod claims;
mod law;
mod operator;
#[cfg(test)]
mod tests;
mod time;
mod writes;

use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use law::{Run, law};

use super::store::IdempotencyStore;

/// The lease of claims that a check lets pass. An operation of the store must be well below it.
pub const LEASE: Duration = Duration::from_millis(300);

/// Runs every check against `store`, one after the other. `pass` waits until so much time has passed
/// for the store; against a real one the whole takes about six seconds.
///
/// # Panics
///
/// When the store breaks a law or cannot be reached, with a sentence that says which law and how.
pub async fn check<S>(store: &S, pass: impl AsyncFn(Duration))
where
    S: IdempotencyStore + ?Sized,
{
    let run = Run::new(store, pass);
    claims::a_free_key_is_owned(&run).await;
    claims::one_of_many_owns(&run).await;
    claims::keys_are_told_apart(&run).await;
    claims::fences_grow(&run).await;
    claims::claims_are_counted(&run).await;
    claims::another_fingerprint_changes_nothing(&run).await;
    claims::a_claim_whose_answer_was_lost_may_be_repeated(&run).await;
    writes::a_done_record_answers_with_its_bytes(&run).await;
    writes::only_the_holder_writes(&run).await;
    writes::a_settled_claim_writes_no_more(&run).await;
    writes::a_write_whose_answer_was_lost_may_be_repeated(&run).await;
    writes::a_released_key_may_be_claimed(&run).await;
    time::a_lease_that_is_over_leaves_unknown(&run).await;
    time::a_renewed_lease_holds(&run).await;
    time::a_stale_owner_changes_nothing(&run).await;
    time::records_expire(&run).await;
    operator::an_unknown_record_stays(&run).await;
    operator::unknowns_are_listed_in_pages(&run).await;
    operator::unknowns_are_resolved(&run).await;
    operator::sweeping_takes_what_has_expired_alone(&run).await;
    operator::handles_see_the_same_records(&run).await;
    law!(store.audit().await.is_ok(), "the interface", "`audit` answers");
}

/// Polls all futures together on this task.
async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> =
        futures.into_iter().map(|future| (Some(Box::pin(future)), None)).collect();
    std::future::poll_fn(move |cx| {
        let mut pending = false;
        for (future, output) in &mut running {
            if let Some(polled) = future {
                match polled.as_mut().poll(cx) {
                    Poll::Ready(ready) => (*future, *output) = (None, Some(ready)),
                    Poll::Pending => pending = true,
                }
            }
        }
        if pending {
            return Poll::Pending;
        }
        Poll::Ready(running.iter_mut().filter_map(|(_, output)| output.take()).collect())
    })
    .await
}

/// Polls once and drops: the answer is lost, and maybe the question.
async fn lose<F: Future>(future: F) {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| {
        let _ = future.as_mut().poll(cx);
        Poll::Ready(())
    })
    .await;
}
