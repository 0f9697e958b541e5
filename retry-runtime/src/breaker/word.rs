//! The one word that every call reads: state, generation and consecutive failures.
//!
//! ```text
//! 63            24 23             4   3    2..0
//! | generation 40 | failures 20 | probe | state |
//! ```
//!
//! Every transition adds one to the generation, so a permit of an earlier period never equals the
//! word again: 2^40 transitions would have to pass while it is out.

use super::state::State;

const STATE_MASK: u64 = 0b111;
/// Never set in the word itself: it keeps a probe's tag from looking like a healthy word.
const PROBE: u64 = 1 << 3;
const FAILURE_SHIFT: u32 = 4;
const GENERATION_SHIFT: u32 = 24;
/// The most consecutive failures that the word can count.
pub(super) const MOST_FAILURES: u32 = (1 << (GENERATION_SHIFT - FAILURE_SHIFT)) - 1;
const FAILURE_MASK: u64 = (MOST_FAILURES as u64) << FAILURE_SHIFT;

/// A reading of the breaker's word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Word(pub(super) u64);

impl Word {
    pub(super) const fn new(state: State, generation: u64) -> Self {
        Self((generation << GENERATION_SHIFT) | state as u64)
    }

    #[inline]
    pub(super) const fn state(self) -> State {
        State::from_bits(self.0 & STATE_MASK)
    }

    /// Closed, and no failure counted: the word and its tag are the same.
    #[inline]
    pub(super) const fn is_healthy(self) -> bool {
        self.0 & (Tag::ROOM - 1) == State::Closed as u64
    }

    /// The word as the tag it is, of a healthy breaker.
    #[inline]
    pub(super) const fn as_tag(self) -> Tag {
        Tag(self.0)
    }

    /// Whether a call is admitted without asking anything else: closed, forced closed, disabled.
    #[inline]
    pub(super) const fn admits(self) -> bool {
        self.0 & STATE_MASK <= State::LAST_ADMITTING
    }

    #[inline]
    pub(super) const fn is_open(self) -> bool {
        self.0 & STATE_MASK == State::Open as u64
    }

    #[inline]
    pub(super) const fn generation(self) -> u64 {
        self.0 >> GENERATION_SHIFT
    }

    pub(super) const fn failures(self) -> u32 {
        ((self.0 & FAILURE_MASK) >> FAILURE_SHIFT) as u32
    }

    pub(super) const fn with_failures(self, failures: u32) -> Self {
        Self((self.0 & !FAILURE_MASK) | ((failures as u64) << FAILURE_SHIFT))
    }

    /// The state that follows, one generation on.
    pub(super) const fn next(self, state: State) -> Self {
        // The highest bits fall out: the generation wraps.
        Self::new(state, self.generation() + 1)
    }

    /// State and generation: what a permit remembers.
    #[inline]
    pub(super) const fn tag(self) -> Tag {
        Tag(self.0 & !FAILURE_MASK)
    }
}

/// The period that a permit belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tag(u64);

impl Tag {
    /// Of no period: its bits are those of no state, so that no word is ever of it.
    pub(super) const SPENT: Self = Self(STATE_MASK);

    /// Numbers from one generation's tag to the next one's: room to count in.
    pub(super) const ROOM: u64 = 1 << GENERATION_SHIFT;

    /// A closed breaker's.
    pub(super) const fn of_generation(generation: u64) -> Self {
        Self(generation << GENERATION_SHIFT)
    }

    /// The tag without its state.
    pub(super) const fn base(self) -> u64 {
        self.0 & !(Self::ROOM - 1)
    }

    /// How far `count` is ahead of this tag of a closed breaker; less than `ROOM` where it is of the
    /// same generation.
    #[inline]
    pub(super) const fn behind(self, count: u64) -> u64 {
        count.wrapping_sub(self.0)
    }

    pub(super) const fn probe(self) -> Self {
        Self(self.0 | PROBE)
    }

    #[inline]
    pub(super) const fn is_probe(self) -> bool {
        self.0 & PROBE != 0
    }

    #[inline]
    pub(super) const fn is_spent(self) -> bool {
        self.0 == Self::SPENT.0
    }

    /// Whether the word is still of this period and counts no failure: nothing to do for a success.
    #[inline]
    pub(super) const fn is_untouched(self, word: Word) -> bool {
        word.0 == self.0
    }

    #[inline]
    pub(super) const fn is_closed(self) -> bool {
        self.0 & STATE_MASK == State::Closed as u64
    }

    /// Whether the word is still of this period.
    #[inline]
    pub(super) const fn is_current(self, word: Word) -> bool {
        word.0 & !FAILURE_MASK == self.0 & !PROBE
    }

    #[inline]
    pub(super) const fn state(self) -> State {
        State::from_bits(self.0 & STATE_MASK)
    }

    #[inline]
    pub(super) const fn generation(self) -> u64 {
        self.0 >> GENERATION_SHIFT
    }
}
