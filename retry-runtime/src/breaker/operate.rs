//! What an operator does with a breaker: look, force, reset, listen.

use std::sync::Arc;
use std::time::Duration;

use super::CircuitBreaker;
use super::events::{Subscription, Transition};
use super::snapshot::Snapshot;
use super::state::State;
use super::stream::Transitions;
use crate::drivers::{clock, random};
use crate::time::Timestamp;

impl CircuitBreaker {
    /// Its state now. An open breaker whose break is over stays open until a call asks.
    #[must_use]
    pub fn state(&self) -> State {
        self.word().state()
    }

    /// What it shows of itself now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot_at(clock::now())
    }

    /// Rejects everything until it is reset or forced otherwise.
    ///
    /// ```
    /// # use retry_runtime::breaker::{CircuitBreaker, State};
    /// let breaker = CircuitBreaker::new("docs-force-open");
    /// breaker.force_open();
    /// assert!(breaker.try_acquire().is_err());
    /// breaker.reset();
    /// assert!(breaker.try_acquire().is_ok());
    /// ```
    pub fn force_open(&self) {
        self.force(State::ForcedOpen, clock::now().as_nanos());
    }

    /// Admits everything until it is reset or forced otherwise; windows go on counting.
    pub fn force_closed(&self) {
        self.force(State::ForcedClosed, clock::now().as_nanos());
    }

    /// Admits everything and counts nothing until it is reset or forced otherwise.
    pub fn disable(&self) {
        self.force(State::Disabled, clock::now().as_nanos());
    }

    /// Closed, with nothing counted. Results of calls that are under way change nothing any more.
    pub fn reset(&self) {
        self.force(State::Closed, clock::now().as_nanos());
    }

    /// Goes to a state by hand, at a moment of the caller's clock.
    ///
    /// `Open` begins a break, and `HalfOpen` admits probes at once.
    pub fn force_state_at(&self, state: State, now: Timestamp) {
        match state {
            State::Open => self.trip(self.word().tag(), now.as_nanos(), |_| true),
            state => self.force(state, now.as_nanos()),
        }
    }

    /// Calls `callback` after every transition: once each, in order, holding no lock. Never twice at
    /// once; a transition that it makes itself is told after it returns.
    ///
    /// A panic of it goes through to whoever made the transition, which stands, once all others
    /// were told; where that is the unwinding of a panic already, it ends there.
    pub fn subscribe(
        &self,
        callback: impl Fn(&Transition) + Send + Sync + 'static,
    ) -> Subscription<'_> {
        Subscription::of(&self.events, Arc::new(callback))
    }

    /// The transitions from now on, as an async stream.
    ///
    /// ```
    /// # use retry_runtime::breaker::{CircuitBreaker, State};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// static B: CircuitBreaker = CircuitBreaker::new("docs-transitions").failure_threshold(1);
    /// let mut transitions = B.transitions();
    /// B.try_acquire().unwrap().failure();
    /// assert_eq!(transitions.next().await.to, State::Open);
    /// # });
    /// ```
    #[must_use]
    pub fn transitions(&self) -> Transitions<'_> {
        Transitions::new(|callback| Subscription::of(&self.events, callback))
    }

    /// How long the circuit stays open from now; `None` where it is not open, and a call may be
    /// admitted. [`Duration::MAX`] while it is forced open.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use retry_runtime::breaker::CircuitBreaker;
    /// let breaker = CircuitBreaker::new("docs-until").failure_threshold(1);
    /// assert_eq!(breaker.until_half_open(), None);
    /// breaker.try_acquire().unwrap().failure();
    /// assert!(breaker.until_half_open() > Some(Duration::from_secs(29)));
    /// ```
    #[must_use]
    pub fn until_half_open(&self) -> Option<Duration> {
        if self.word().admits() {
            return None;
        }
        self.rest_of_break(clock::now().as_nanos(), random::next())
    }

    /// [`until_half_open`](Self::until_half_open) at a moment of the caller's clock. `random` draws
    /// the jitter of the break, unless that is done.
    #[must_use]
    pub fn until_half_open_at(&self, now: Timestamp, random: u64) -> Option<Duration> {
        self.rest_of_break(now.as_nanos(), random)
    }
}
