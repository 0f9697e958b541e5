//! What goes on after a call: ends that could not be stored are tried again behind their fence, and
//! claims that were never used are given back.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use super::call::Call;
use super::events;
use super::library;
use super::store::{Claim, IdempotencyStore, Resolution, StoreFuture, Written};
use super::wait::bounded;

/// The write that ends a claim.
#[derive(Clone)]
pub(super) enum Write {
    Complete(Arc<[u8]>),
    Release(String),
    Unknown(String),
}

/// Tries in the background: about a minute and a half.
const TRIES: u32 = 24;
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Write {
    pub(super) fn begin<'a>(
        &'a self,
        store: &'a dyn IdempotencyStore,
        key: &'a str,
        claim: Claim,
        ttl: Duration,
    ) -> StoreFuture<'a, Written> {
        match self {
            Self::Complete(bytes) => store.complete(key, claim, bytes, ttl),
            Self::Release(note) => store.release(key, claim, note),
            Self::Unknown(note) => store.mark_unknown(key, claim, note),
        }
    }
}

/// Whether somebody will see to it.
pub(super) fn write_in_background(call: &Call<'_>, claim: Claim, write: Write) -> bool {
    let Some(store) = call.store.handle() else { return false };
    let key = Arc::clone(call.key());
    let (operation, ttl, limit) = (call.spec.operation, call.spec.ttl, call.limit());
    library::spawn(async move {
        for tried in 0..TRIES {
            if tried > 0 {
                let pause = Duration::from_millis(50).saturating_mul(1 << tried.min(10));
                library::timer(pause.min(LONGEST_PAUSE)).await;
            }
            match bounded(limit, write.begin(&*store, &key, claim, ttl)).await {
                Ok(Written::Made) => return events::stored_late(operation, &key),
                // The lease has passed meanwhile and nobody has taken the record over: that it is
                // unknown is no longer true, and the fence guards the correction.
                Ok(Written::Lost { fence: Some(fence) }) if fence == claim.fence => {
                    let Write::Complete(bytes) = &write else { return };
                    let done = Resolution::Done(bytes.to_vec());
                    match bounded(limit, store.resolve(&key, fence, done)).await {
                        Ok(Written::Made) => return events::stored_late(operation, &key),
                        Ok(Written::Lost { fence }) => {
                            return events::lost(operation, &key, claim.fence, fence);
                        }
                        Err(_) => {}
                    }
                }
                Ok(Written::Lost { fence }) => {
                    return events::lost(operation, &key, claim.fence, fence);
                }
                Err(_) => {}
            }
        }
        events::gave_up_storing(operation, &key, claim.fence);
    });
    true
}

/// The note of a claim that nobody used.
pub(super) const NEVER_RUN: &str = "the caller left before its body began";

/// From a destructor: a store that answers at once has done it at once.
pub(super) fn release_at_once(call: &Call<'_>, claim: Claim) {
    let polled = {
        let release = pin!(call.store.release(call.key(), claim, NEVER_RUN));
        release.poll(&mut Context::from_waker(Waker::noop()))
    };
    // Repeating it is harmless.
    if polled.is_pending() {
        write_in_background(call, claim, Write::Release(NEVER_RUN.to_owned()));
    }
}
