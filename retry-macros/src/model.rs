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
    pub(crate) key: Option<Spanned<LitStr>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nested {
    Suppress,
    Allow,
}
