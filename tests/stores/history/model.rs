//! What one record does, one operation after the other.
//!
//! Time is only known within bounds: a lease ends between the earliest and the latest moment at which
//! its claim can have been made, plus its length. Where an operation may have met the lease before or
//! after its end, both are tried.

use std::time::Duration;

use steadfast::idempotency::{Claim, Claimed, Owner, RecordState, Written};

use super::{Answer, Ask, number};

/// What clocks of a store may round: a millisecond at each end.
const ROUNDING: Duration = Duration::from_millis(3);

/// No end is known.
pub(super) const NEVER: Duration = Duration::MAX;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    Nothing,
    /// The lease ends between these.
    InFlight {
        from: Duration,
        to: Duration,
    },
    Done(u64),
    Released,
    Unknown,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Model {
    state: State,
    /// Of the claim that brought it into its state; nobody, when its lease ended or an operator
    /// decided.
    owner: Option<Owner>,
    fence: u64,
    fingerprint: Option<u8>,
}

/// Between when and when an operation was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) from: Duration,
    pub(super) to: Duration,
}

impl Window {
    fn ends_after(self, lease: Duration) -> State {
        let from = self.from.saturating_add(lease).saturating_sub(ROUNDING);
        State::InFlight { from, to: self.latest(lease) }
    }

    fn latest(self, lease: Duration) -> Duration {
        self.to.saturating_add(lease).saturating_add(ROUNDING)
    }
}

impl Model {
    pub(super) const NEW: Self =
        Self { state: State::Nothing, owner: None, fence: 0, fingerprint: None };

    /// The records that an operation may leave behind when it is made within `window` and answered so
    /// (or however, if nobody heard the answer).
    pub(super) fn after(&self, ask: &Ask, answer: Option<&Answer>, window: Window) -> Vec<Self> {
        let mut after = Vec::new();
        for found in self.at(window) {
            for (said, next) in found.answers(ask, window) {
                if answer.is_none_or(|heard| agree(heard, &said)) && !after.contains(&next) {
                    after.push(next);
                }
            }
        }
        after
    }

    /// What an operation within `window` finds.
    fn at(&self, window: Window) -> Vec<Self> {
        let State::InFlight { from, to } = self.state else { return vec![self.clone()] };
        let lapsed = Self { state: State::Unknown, owner: None, ..self.clone() };
        let mut found = Vec::new();
        if window.from <= to {
            found.push(self.clone());
        }
        if window.to >= from {
            found.push(lapsed);
        }
        found
    }

    /// The answers that are right, and what the record is after each.
    fn answers(&self, ask: &Ask, window: Window) -> Vec<(Answer, Self)> {
        match *ask {
            Ask::Claim { owner, lease, take, fingerprint } => {
                self.claim(owner, lease, take, fingerprint, window)
            }
            Ask::Renew { claim, lease } => {
                if self.is_owned_by(claim) {
                    let renewed = Self { state: window.ends_after(lease), ..self.clone() };
                    vec![(Answer::Written(Written::Made), renewed)]
                } else {
                    vec![self.lost()]
                }
            }
            Ask::Complete { claim, value } => {
                // Asked again, it keeps the first value.
                let kept = if let State::Done(kept) = self.state { kept } else { value };
                self.end(claim, State::Done(kept))
            }
            Ask::Release { claim } => self.end(claim, State::Released),
            Ask::MarkUnknown { claim } => self.end(claim, State::Unknown),
            Ask::Resolve { fence, done } => self.resolve(fence, done),
            Ask::Peek => vec![(Answer::Peeked(self.seen()), self.clone())],
        }
    }

    fn claim(
        &self,
        owner: Owner,
        lease: Duration,
        take: bool,
        fingerprint: Option<u8>,
        window: Window,
    ) -> Vec<(Answer, Self)> {
        let stays = |claimed| vec![(Answer::Claimed(claimed), self.clone())];
        let gets = |fence, was_unknown, next| {
            let claim = Claim { owner, fence };
            (Answer::Claimed(Claimed::Owned { claim, was_unknown }), next)
        };
        let is_new = self.state == State::Nothing;
        if !is_new && self.fingerprint.zip(fingerprint).is_some_and(|(mine, other)| mine != other) {
            return stays(Claimed::Mismatch);
        }
        match self.state {
            State::InFlight { from, .. } if self.owner == Some(owner) => {
                // The lease is that of the first time, or counts anew. Whether the record was unknown
                // the first time is the store's to remember or not.
                let to = window.latest(lease);
                let next = Self { state: State::InFlight { from, to }, ..self.clone() };
                vec![gets(self.fence, false, next.clone()), gets(self.fence, true, next)]
            }
            State::InFlight { .. } => {
                stays(Claimed::InFlight { fence: self.fence, left: Duration::ZERO })
            }
            State::Done(value) => stays(Claimed::Done { value: value.to_le_bytes().to_vec() }),
            State::Unknown if !take => stays(Claimed::Unknown { fence: self.fence }),
            State::Nothing | State::Released | State::Unknown => {
                let next = Self {
                    state: window.ends_after(lease),
                    owner: Some(owner),
                    fence: self.fence + 1,
                    fingerprint: fingerprint.or(self.fingerprint),
                };
                vec![gets(self.fence + 1, self.state == State::Unknown, next)]
            }
        }
    }

    fn end(&self, claim: Claim, into: State) -> Vec<(Answer, Self)> {
        let made = |next| vec![(Answer::Written(Written::Made), next)];
        if self.is_owned_by(claim) {
            made(Self { state: into, ..self.clone() })
        } else if self.state == into && self.belongs_to(claim) {
            // It was made before.
            made(self.clone())
        } else {
            vec![self.lost()]
        }
    }

    fn resolve(&self, fence: u64, done: Option<u64>) -> Vec<(Answer, Self)> {
        let into = done.map_or(State::Released, State::Done);
        if self.state == State::Unknown && self.fence == fence {
            let next = Self { state: into, owner: None, ..self.clone() };
            return vec![(Answer::Written(Written::Made), next)];
        }
        let mut answers = vec![self.lost()];
        // Asked again: the laws leave it open.
        if self.state == into && self.fence == fence && self.owner.is_none() {
            answers.push((Answer::Written(Written::Made), self.clone()));
        }
        answers
    }

    fn is_owned_by(&self, claim: Claim) -> bool {
        matches!(self.state, State::InFlight { .. }) && self.belongs_to(claim)
    }

    fn belongs_to(&self, claim: Claim) -> bool {
        self.owner == Some(claim.owner) && self.fence == claim.fence
    }

    fn lost(&self) -> (Answer, Self) {
        let fence = (self.state != State::Nothing).then_some(self.fence);
        (Answer::Written(Written::Lost { fence }), self.clone())
    }

    fn seen(&self) -> Option<(RecordState, u64)> {
        let state = match self.state {
            State::Nothing => return None,
            State::InFlight { .. } => RecordState::InFlight,
            State::Done(_) => RecordState::Done,
            State::Released => RecordState::Released,
            State::Unknown => RecordState::Unknown,
        };
        Some((state, self.fence))
    }
}

/// Whether two answers are the same, but for what is left of a lease.
fn agree(heard: &Answer, said: &Answer) -> bool {
    match (heard, said) {
        (
            Answer::Claimed(Claimed::InFlight { fence: heard, .. }),
            Answer::Claimed(Claimed::InFlight { fence: said, .. }),
        ) => heard == said,
        (
            Answer::Claimed(Claimed::Done { value: heard }),
            Answer::Claimed(Claimed::Done { value: said }),
        ) => number(heard) == number(said),
        _ => heard == said,
    }
}
