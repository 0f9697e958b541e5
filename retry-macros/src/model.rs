//! What a valid attribute says.
//!
//! The model cannot be wrong: whatever could be said wrongly was reported while parsing, so that
//! expansion returns no `Result`. It knows neither defaults nor how anything is expanded.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{Expr, Ident, LitBool, LitStr, Pat, Path, Type};

/// A value and the two places an error can point at.
#[derive(Clone)]
pub(crate) struct Spanned<T> {
    /// The option's name.
    pub(crate) key: Span,
    /// The value itself; of a `soft("10s")`, the duration inside.
    pub(crate) span: Span,
    pub(crate) value: T,
}

#[derive(Clone)]
pub(crate) enum DurationValue {
    /// A literal string, already read.
    Literal(Duration),
    /// A const expression of type `Duration`.
    Expr(Expr),
}

impl DurationValue {
    pub(crate) fn literal(&self) -> Option<Duration> {
        match self {
            Self::Literal(duration) => Some(*duration),
            Self::Expr(_) => None,
        }
    }
}

/// `#[retry(...)]`: `None` means that nothing was said, not the default.
#[expect(clippy::struct_field_names, reason = "the fields are named as the options are")]
pub(crate) struct Retry {
    /// A path to a `static`.
    pub(crate) policy: Option<Spanned<Expr>>,
    pub(crate) max_attempts: Option<Spanned<Expr>>,
    pub(crate) backoff: Option<Spanned<Backoff>>,
    pub(crate) base_delay: Option<Spanned<DurationValue>>,
    pub(crate) max_delay: Option<Spanned<DurationValue>>,
    pub(crate) attempt_timeout: Option<Spanned<DurationValue>>,
    pub(crate) max_retry_after: Option<Spanned<DurationValue>>,
    /// A float; an integer literal was turned into one.
    pub(crate) factor: Option<Spanned<Expr>>,
    pub(crate) jitter: Option<Spanned<Jitter>>,
    pub(crate) deadline: Option<Spanned<Deadline>>,
    pub(crate) rule: Option<Spanned<Rule>>,
    pub(crate) not_on: Vec<Entry>,
    pub(crate) classify_value: Option<Spanned<Expr>>,
    pub(crate) when_value: Option<Spanned<Expr>>,
    pub(crate) on_retry: Option<Spanned<Expr>>,
    pub(crate) map_timeout: Option<Spanned<Expr>>,
    pub(crate) budget: Option<Spanned<Budget>>,
    /// Names of arguments, each once.
    pub(crate) clone: Vec<Ident>,
    pub(crate) context: Option<Ident>,
    pub(crate) nested: Option<Spanned<Nested>>,
    pub(crate) name: Option<Spanned<LitStr>>,
    pub(crate) sleep: Option<Spanned<Expr>>,
    pub(crate) log_errors: Option<Spanned<LitBool>>,
    pub(crate) log_limit: Option<Spanned<Expr>>,
    pub(crate) crate_path: Option<Path>,
}

impl Retry {
    /// An attribute that says nothing.
    pub(crate) fn new() -> Self {
        Self {
            policy: None,
            max_attempts: None,
            backoff: None,
            base_delay: None,
            max_delay: None,
            attempt_timeout: None,
            max_retry_after: None,
            factor: None,
            jitter: None,
            deadline: None,
            rule: None,
            not_on: Vec::new(),
            classify_value: None,
            when_value: None,
            on_retry: None,
            map_timeout: None,
            budget: None,
            clone: Vec::new(),
            context: None,
            nested: None,
            name: None,
            sleep: None,
            log_errors: None,
            log_limit: None,
            crate_path: None,
        }
    }
}

#[derive(Clone)]
pub(crate) enum Backoff {
    Exponential,
    Linear,
    Constant,
    Decorrelated,
    /// A const expression of a type implementing `Backoff`.
    Custom(Expr),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Jitter {
    Full,
    Equal,
    None,
}

#[derive(Clone)]
pub(crate) struct Deadline {
    pub(crate) soft: bool,
    pub(crate) value: DurationValue,
}

/// Which errors are retried. At most one of the four can be said.
#[derive(Clone)]
pub(crate) enum Rule {
    On(Vec<Entry>),
    Any,
    When(Expr),
    Classify(Expr),
}

/// One element of `on` or `not_on`.
#[derive(Clone)]
pub(crate) enum Entry {
    Type(Type),
    /// `variant` is the whole path, `owner` the same without its last segment.
    Variant {
        owner: Path,
        variant: Path,
    },
    /// `owner` is the type the pattern belongs to, `None` if the pattern has no path.
    Pattern {
        owner: Option<Path>,
        pattern: Pat,
    },
}

impl ToTokens for Entry {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Type(ty) => ty.to_tokens(tokens),
            Self::Variant { owner: _, variant } => variant.to_tokens(tokens),
            Self::Pattern { owner: _, pattern } => pattern.to_tokens(tokens),
        }
    }
}

#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "there is one for each attribute")]
pub(crate) enum Budget {
    None,
    Path(Expr),
    Inline(InlineBudget),
}

/// `budget(...)`: at least one of these is said.
#[derive(Clone, Default)]
pub(crate) struct InlineBudget {
    pub(crate) tokens_per_second: Option<Spanned<Expr>>,
    pub(crate) max_tokens: Option<Spanned<Expr>>,
    /// A float; an integer literal was turned into one.
    pub(crate) ratio: Option<Spanned<Expr>>,
    pub(crate) name: Option<Spanned<LitStr>>,
    /// A template whose placeholders are arguments.
    pub(crate) key: Option<Spanned<Template>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nested {
    Suppress,
    Allow,
}

/// The attributes of ours that stand on one function, read and validated together.
pub(crate) struct Stack {
    pub(crate) idempotent: Option<Idempotent>,
    pub(crate) retry: Option<Retry>,
    pub(crate) breaker: Option<Breaker>,
}

impl Stack {
    /// Where the runtime is, as any of the attributes says.
    pub(crate) fn crate_path(&self) -> Option<&Path> {
        let retry = self.retry.as_ref().and_then(|it| it.crate_path.as_ref());
        let breaker = self.breaker.as_ref().and_then(|it| it.crate_path.as_ref());
        let idempotent = self.idempotent.as_ref().and_then(|it| it.crate_path.as_ref());
        retry.or(breaker).or(idempotent)
    }
}

/// A string with placeholders, taken apart: `"order_{order_id}"`.
#[derive(Clone)]
pub(crate) struct Template {
    pub(crate) pieces: Vec<Piece>,
    /// As it was written.
    pub(crate) text: LitStr,
}

#[derive(Clone)]
pub(crate) enum Piece {
    /// Text, braces unescaped.
    Literal(String),
    /// An argument, located at the string.
    Argument(Ident),
}

/// `#[circuit_breaker(...)]`: `None` means that nothing was said, not the default.
pub(crate) struct Breaker {
    pub(crate) source: BreakerSource,
    pub(crate) failure_threshold: Option<Spanned<Expr>>,
    /// A float above 0 and at most 1, as the other rates.
    pub(crate) failure_rate: Option<Spanned<Expr>>,
    pub(crate) window: Option<Spanned<Window>>,
    pub(crate) minimum_calls: Option<Spanned<Expr>>,
    pub(crate) slow_call: Option<Spanned<DurationValue>>,
    pub(crate) slow_call_rate: Option<Spanned<Expr>>,
    pub(crate) recovery_timeout: Option<Spanned<DurationValue>>,
    pub(crate) recovery_factor: Option<Spanned<Expr>>,
    pub(crate) max_recovery_timeout: Option<Spanned<DurationValue>>,
    pub(crate) recovery_jitter: Option<Spanned<Expr>>,
    pub(crate) half_open_requests: Option<Spanned<Expr>>,
    pub(crate) probe_timeout: Option<Spanned<DurationValue>>,
    pub(crate) trip_on_success: Option<Spanned<LitBool>>,
    /// What counts as a failure.
    pub(crate) rule: Option<Spanned<Rule>>,
    pub(crate) not_on: Vec<Entry>,
    /// What is neither failure nor success.
    pub(crate) ignore: Vec<Entry>,
    pub(crate) classify_value: Option<Spanned<Expr>>,
    pub(crate) key: Option<Spanned<Template>>,
    pub(crate) max_keys: Option<Spanned<Expr>>,
    pub(crate) fallback: Option<Spanned<Expr>>,
    pub(crate) map_open: Option<Spanned<Expr>>,
    pub(crate) per: Option<Spanned<Per>>,
    pub(crate) crate_path: Option<Path>,
}

#[derive(Clone)]
pub(crate) enum BreakerSource {
    /// `name = "payments"`.
    Name(Spanned<LitStr>),
    /// `#[circuit_breaker(PAYMENTS)]`: a path to a `static`.
    Path(Spanned<Expr>),
}

#[derive(Clone)]
pub(crate) enum Window {
    /// The last N calls.
    Calls(Expr),
    /// The last while.
    Time(DurationValue),
    /// One or the other, as the type of the expression says.
    Measured(Expr),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Per {
    /// Around every attempt: the default.
    Attempt,
    /// Around the retry.
    Call,
}

/// `#[idempotent(...)]`: `None` means that nothing was said, not the default.
pub(crate) struct Idempotent {
    pub(crate) key: Spanned<Template>,
    pub(crate) ttl: Option<Spanned<DurationValue>>,
    /// An expression of a store, or a reference or pointer to one.
    pub(crate) store: Option<Spanned<Expr>>,
    /// Names of arguments, each once.
    pub(crate) fingerprint: Vec<Ident>,
    pub(crate) lease: Option<Spanned<DurationValue>>,
    pub(crate) wait: Option<Spanned<DurationValue>>,
    pub(crate) on_unknown: Option<Spanned<OnUnknown>>,
    pub(crate) on_store_down: Option<Spanned<OnStoreDown>>,
    pub(crate) on_drop: Option<Spanned<OnDrop>>,
    pub(crate) on_lease_lost: Option<Spanned<OnLeaseLost>>,
    pub(crate) scope: Option<Spanned<LitStr>>,
    /// A `u32`.
    pub(crate) version: Option<Spanned<Expr>>,
    pub(crate) replay: Option<Spanned<Replay>>,
    /// Whether permanent errors are stored and replayed, too.
    pub(crate) record_errors: Option<Spanned<LitBool>>,
    pub(crate) map_error: Option<Spanned<Expr>>,
    pub(crate) context: Option<Ident>,
    pub(crate) name: Option<Spanned<LitStr>>,
    pub(crate) crate_path: Option<Path>,
}

#[derive(Clone)]
pub(crate) enum OnUnknown {
    Hold,
    Rerun,
    /// A function that finds out what became of the effect.
    Reconcile(Expr),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnStoreDown {
    Fail,
    Run,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnDrop {
    Unknown,
    Detach,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnLeaseLost {
    Cancel,
    Continue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replay {
    /// The body hands the key on, and the other side deduplicates.
    Keyed,
    /// Only what surely never reached the other side is tried again.
    Unsent,
}
