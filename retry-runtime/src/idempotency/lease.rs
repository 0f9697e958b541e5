//! Renewing a claim while an async body runs: in the same task, three times in a lease, and never
//! trusting a claim for longer than the store has granted it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::call::Call;
use super::library;
use super::store::{Claim, StoreError, Written};
use super::wait::bounded;
use crate::drivers::clock;
use crate::drivers::sleep::Sleep;
use crate::time::Timestamp;

type Answer<'c> = Pin<Box<dyn Future<Output = Result<Written, StoreError>> + Send + 'c>>;

pub(super) struct Renewal<'c> {
    call: &'c Call<'c>,
    /// `None` where nothing is held, or no longer.
    claim: Option<Claim>,
    step: Step<'c>,
}

/// The claim is not this call's any more.
pub(super) struct Lost {
    /// The fence that the record has instead, where it is known.
    pub(super) current: Option<u64>,
}

enum Step<'c> {
    /// The body has not waited yet: a timer may never be needed.
    Unarmed,
    Waiting(Sleep),
    Asking {
        answer: Answer<'c>,
        asked: Timestamp,
    },
}

impl<'c> Renewal<'c> {
    pub(super) fn new(call: &'c Call<'c>, claim: Option<Claim>) -> Self {
        Self { call, claim, step: Step::Unarmed }
    }

    pub(super) fn stop(&mut self) {
        self.claim = None;
        self.step = Step::Unarmed;
    }

    fn wait(&mut self, time: Duration) {
        self.step = Step::Waiting(library::timer(time));
    }

    /// The body waits: somebody has to be woken for the next renewal.
    pub(super) fn arm(&mut self, cx: &mut Context<'_>) {
        if self.claim.is_some() && matches!(self.step, Step::Unarmed) {
            self.wait(self.call.lease / 3);
            if let Step::Waiting(timer) = &mut self.step
                && Pin::new(timer).poll(cx).is_ready()
            {
                cx.waker().wake_by_ref();
            }
        }
    }

    /// Goes on renewing, until the claim is lost.
    pub(super) fn poll_lost(
        &mut self,
        until: &mut Timestamp,
        cx: &mut Context<'_>,
    ) -> Option<Lost> {
        let claim = self.claim?;
        loop {
            match &mut self.step {
                Step::Unarmed => return None,
                Step::Waiting(timer) => {
                    if Pin::new(timer).poll(cx).is_pending() {
                        break;
                    }
                    let call = self.call;
                    let renewed = call.store.renew(call.key(), claim, call.lease);
                    let answer = Box::pin(bounded(call.limit(), renewed));
                    self.step = Step::Asking { answer, asked: clock::now() };
                }
                Step::Asking { answer, asked } => match answer.as_mut().poll(cx) {
                    Poll::Pending => break,
                    Poll::Ready(Ok(Written::Made)) => {
                        *until = asked.saturating_add(self.call.lease);
                        self.wait(self.call.lease / 3);
                    }
                    Poll::Ready(Ok(Written::Lost { fence })) => {
                        return Some(Lost { current: fence });
                    }
                    // There is time for another try or two.
                    Poll::Ready(Err(_)) => self.wait(self.call.lease / 12),
                },
            }
        }
        (clock::now() >= *until).then_some(Lost { current: None })
    }
}
