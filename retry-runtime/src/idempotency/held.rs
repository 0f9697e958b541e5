//! A claim that is held: from owning the key to the end of the record, whatever ends the call.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::call::Call;
use super::envelope;
use super::error::IdempotencyError;
use super::events::{self, result};
use super::flight::{End, Leader};
use super::later::{self, Write};
use super::lease::{Lost, Renewal};
use super::own;
use super::spec::UnknownPolicy;
use super::store::{Claim, StoreError, StoreErrorKind, Written};
use super::wait::{bounded, pause};
use crate::classify::Classification;
use crate::time::Timestamp;

/// The owner of a key. Dropped before its end is stored, it leaves the record unknown if the body has
/// begun, and free if it has not.
pub(super) struct Held<'c> {
    pub(super) call: &'c Call<'c>,
    /// `None` where the store could not be asked.
    pub(super) claim: Option<Claim>,
    leader: Option<Leader>,
    /// The record that was taken over.
    pub(super) was_unknown: bool,
    /// The body, or the function that finds out, was begun.
    pub(super) entered: bool,
    /// Until then nobody else can own the key.
    pub(super) until: Timestamp,
    /// What has to be written, once that is known.
    write: Option<Write>,
    settled: bool,
}

/// How a call that owned its key ended.
pub(super) enum Ending {
    /// With these bytes.
    Done(Vec<u8>),
    /// With a failure that is not stored.
    Failed { class: Classification, text: Option<String> },
    /// Nobody could find out what became of an earlier call.
    StillUnknown,
}

impl<'c> Held<'c> {
    pub(super) fn new(
        call: &'c Call<'_>,
        claim: Claim,
        leader: Option<Leader>,
        was_unknown: bool,
        until: Timestamp,
    ) -> Self {
        if was_unknown && call.spec.on_unknown == UnknownPolicy::Rerun {
            events::taken_over(call.spec.operation, call.key(), claim.fence);
        }
        let mut held = Self::without_store(call, leader);
        (held.claim, held.was_unknown, held.until) = (Some(claim), was_unknown, until);
        held
    }

    pub(super) fn without_store(call: &'c Call<'_>, leader: Option<Leader>) -> Self {
        Self {
            call,
            claim: None,
            leader,
            was_unknown: false,
            entered: false,
            until: Timestamp::MAX,
            write: None,
            settled: false,
        }
    }

    pub(super) fn fence(&self) -> u64 {
        self.claim.map_or(0, |claim| claim.fence)
    }

    /// Runs `work` while the claim is renewed; an error if it was lost and the work cut off.
    pub(super) fn during<'h, F: Future>(&'h mut self, work: Pin<&'h mut F>) -> During<'h, 'c, F> {
        During { renewal: Renewal::new(self.call, self.claim), held: self, work }
    }

    fn land(&mut self, end: End) {
        if let Some(leader) = self.leader.take() {
            leader.end(end);
        }
    }

    /// The answer to those who joined when nobody knows what became of the body.
    fn unknown(&self) -> End {
        if self.call.spec.on_unknown == UnknownPolicy::Hold {
            End::Failed(IdempotencyError::Unknown { fence: self.fence() })
        } else {
            End::Again
        }
    }

    /// Stores how the call ended. The caller gets what its body returned unless the claim was lost.
    pub(super) async fn settle(
        mut self,
        ending: Ending,
        told: &'static str,
    ) -> Result<(), IdempotencyError> {
        let (write, end) = match ending {
            Ending::Done(bytes) => {
                let bytes: Arc<[u8]> = Arc::from(bytes);
                (Write::Complete(Arc::clone(&bytes)), End::Answer(bytes))
            }
            Ending::Failed { class, text } => {
                let note = note(class, text.as_deref());
                if self.call.spec.leaves_unknown(class) {
                    events::left_unknown(
                        self.call.spec.operation,
                        self.call.key(),
                        self.fence(),
                        &note,
                    );
                    (Write::Unknown(note), self.unknown())
                } else {
                    let failed = IdempotencyError::OwnerFailed { class, text };
                    (Write::Release(note), End::Failed(failed))
                }
            }
            Ending::StillUnknown => {
                let fence = self.fence();
                let note = "it could not be found out whether the effect happened".to_owned();
                (Write::Unknown(note), End::Failed(IdempotencyError::Unknown { fence }))
            }
        };
        let Some(claim) = self.claim else {
            self.settled = true;
            self.land(end);
            events::observe(self.call.spec.operation, result::RAN_WITHOUT_STORE);
            return Ok(());
        };
        self.write = Some(write.clone());
        let written = self.write_now(claim, &write).await;
        self.write = None;
        self.settled = true;
        match written {
            Ok(Written::Made) => {}
            Ok(Written::Lost { fence }) => return self.rejected(claim, fence, &write, end, told),
            Err(error) => {
                events::unsettled(self.call.spec.operation, self.call.key(), &error);
                self.write_later(claim, write).await;
            }
        }
        self.land(end);
        events::observe(self.call.spec.operation, told);
        Ok(())
    }

    async fn write_now(&self, claim: Claim, write: &Write) -> Result<Written, StoreError> {
        let call = self.call;
        let ttl = call.spec.ttl;
        let written = bounded(call.limit(), write.begin(call.store, call.key(), claim, ttl)).await;
        match (&written, write) {
            // No room for these bytes; there may be for saying so.
            (Err(error), Write::Complete(_))
                if matches!(error.kind(), StoreErrorKind::Full | StoreErrorKind::Refused) =>
            {
                events::not_stored(call.spec.operation, call.key(), &error.to_string());
                let mark = Write::Complete(Arc::from(envelope::not_stored(call.spec.version)));
                bounded(call.limit(), mark.begin(call.store, call.key(), claim, ttl)).await
            }
            _ => written,
        }
    }

    /// Tries again behind the caller's back, or a few times before its eyes where the store has no
    /// handle that outlives the call.
    async fn write_later(&self, claim: Claim, write: Write) {
        let call = self.call;
        if later::write_in_background(call, claim, write.clone()) {
            return;
        }
        for pause_for in [50, 100, 200].map(Duration::from_millis) {
            pause(pause_for).await;
            if let Ok(written) = self.write_now(claim, &write).await {
                if written == Written::Made {
                    events::stored_late(call.spec.operation, call.key());
                }
                return;
            }
        }
        events::gave_up_storing(call.spec.operation, call.key(), claim.fence);
    }

    /// The record belongs to somebody else, or to nobody who is known.
    fn rejected(
        &mut self,
        claim: Claim,
        current: Option<u64>,
        write: &Write,
        end: End,
        told: &'static str,
    ) -> Result<(), IdempotencyError> {
        let call = self.call;
        let fence = claim.fence;
        events::lost(call.spec.operation, call.key(), fence, current);
        if matches!(write, Write::Complete(_)) && !call.spec.continue_when_lease_lost {
            self.land(End::Again);
            return call.refused(IdempotencyError::LeaseLost { fence, current });
        }
        // A failure is what the body returned, and so is a value that it was told to go on for.
        match end {
            End::Answer(_) => self.land(End::Again),
            end => self.land(end),
        }
        events::observe(call.spec.operation, told);
        Ok(())
    }

    /// The claim was lost and the work cut off: nothing is left to write.
    fn cut(&mut self, current: Option<u64>) -> IdempotencyError {
        self.settled = true;
        let fence = self.fence();
        events::lost(self.call.spec.operation, self.call.key(), fence, current);
        self.land(End::Again);
        let error = IdempotencyError::LeaseLost { fence, current };
        events::refused(self.call.spec.operation, self.call.key(), &error);
        error
    }
}

/// What an operator reads of a failure.
fn note(class: Classification, text: Option<&str>) -> String {
    let kind = class.retryable_kind().map_or("permanent", crate::Kind::as_str);
    match text {
        Some(text) => format!("{kind}: {text}"),
        None => kind.to_owned(),
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let call = self.call;
        let (operation, key) = (call.spec.operation, call.key());
        let Some(claim) = self.claim else {
            self.land(End::Again);
            return;
        };
        if let Some(write) = self.write.take() {
            // How it ended is known, and was being stored.
            if !later::write_in_background(call, claim, write) {
                events::gave_up_storing(operation, key, claim.fence);
            }
            self.land(End::Again);
        } else if self.entered || self.was_unknown {
            call.store.abandon(key, claim);
            if self.entered {
                events::observe(operation, result::ABANDONED);
                let why = "the caller dropped the call, or its body panicked";
                events::left_unknown(operation, key, claim.fence, why);
            }
            let end = self.unknown();
            self.land(end);
        } else {
            later::release_at_once(call, claim);
            self.land(End::Again);
        }
    }
}

/// Work under a claim that is renewed.
#[must_use = "futures do nothing unless awaited"]
pub(super) struct During<'h, 'c, F> {
    held: &'h mut Held<'c>,
    renewal: Renewal<'c>,
    work: Pin<&'h mut F>,
}

impl<F: Future> Future for During<'_, '_, F> {
    type Output = Result<F::Output, IdempotencyError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        // The claim is looked at before the work goes on: an owner that was stopped for longer than
        // its lease does nothing more.
        if let Some(Lost { current }) = this.renewal.poll_lost(&mut this.held.until, cx) {
            if !this.held.call.spec.continue_when_lease_lost {
                return Poll::Ready(Err(this.held.cut(current)));
            }
            this.renewal.stop();
        }
        this.held.entered = true;
        let polled = {
            let _inside = own::enter(this.held.call, this.held.claim);
            this.work.as_mut().poll(cx)
        };
        match polled {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => {
                this.renewal.arm(cx);
                Poll::Pending
            }
        }
    }
}
