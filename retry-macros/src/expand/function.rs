//! The annotated function with its new body: where the loop stands in it, and what is the same in
//! every part of the loop.
//!
//! The loop stands inline in the function: an inner function or a driver that takes closures loses
//! the names, borrows and `Send` of many signatures. What is slow is called, not emitted.

use proc_macro2::{Group, Ident, Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, Type};

use super::breaker;
use super::policy::{Statics, statics};
use crate::model::{Breaker, Budget, Idempotent, InlineBudget, Retry, Spanned, Stack};
use crate::runtime_path;
use crate::signature::{self, AsyncTail, Function, Kind, Rebound};

/// The annotated function with its new body.
pub(crate) fn expand(function: &Function, body: &Group, stack: &Stack) -> TokenStream {
    let single = Retry::new();
    let retry = stack.retry.as_ref().unwrap_or(&single);
    let private = runtime_path::private(stack.crate_path());
    let facts = function.facts();
    let Statics { items, policy } =
        statics(stack, retry, &function.signature.ident, &facts, &private);
    let (stripped, rebound) = signature::rebind(&function.signature, &retry.clone, &private);
    let idempotent = stack.idempotent.as_ref();
    let context = retry.context.as_ref().or(idempotent.and_then(|it| it.context.as_ref()));
    let mut frame = Frame {
        retry,
        breaker: stack.breaker.as_ref(),
        idempotent,
        context,
        repeats: stack.retry.is_some(),
        arguments: breaker::arguments(function),
        inputs: function.signature.inputs.to_token_stream(),
        private,
        policy,
        rebound,
        output: None,
        output_span: function.output_span(),
        returned: None,
        refusal: signature::refusal(&function.signature),
        keeps_borrow: signature::may_keep_exclusive(&function.signature),
        name: function.signature.ident.span(),
        wait: Wait::Blocked,
    };
    let site = Span::mixed_site();
    let (signature, statements) = match function.kind() {
        Kind::Sync => {
            frame.output = function.output().map(signature::nameable);
            (&stripped, frame.tokens(body))
        }
        Kind::Async => {
            frame.output = function.output().map(signature::nameable);
            frame.wait = Wait::Awaited;
            (&stripped, frame.tokens(body))
        }
        Kind::Future { output, boxed } => {
            frame.output = Some(signature::nameable(&output));
            frame.output_span = output.span();
            match signature::async_tail(body) {
                Some(AsyncTail { before, head, boxing, prologue, content }) => {
                    frame.wait = Wait::Awaited;
                    let (prologue, fresh) =
                        signature::rebind_prologue(&function.signature, prologue);
                    frame.rebound.extend(fresh);
                    let block = frame.tokens(&content);
                    let block = quote_spanned!(site => #head { #prologue #block });
                    let tail = match boxing {
                        Some(path) => quote_spanned!(site => #path(#block)),
                        None => block,
                    };
                    // A prologue may change what it was given.
                    let signature = if before.is_empty() { &stripped } else { &function.signature };
                    (signature, quote_spanned!(site => #before #tail))
                }
                None => {
                    frame.wait = Wait::Returned;
                    if boxed {
                        frame.returned = function.output().map(signature::nameable);
                    }
                    let block = frame.tokens(body);
                    let block = quote_spanned!(site => async move { #block });
                    let block = if boxed {
                        quote_spanned!(site => ::std::boxed::Box::pin(#block))
                    } else {
                        block
                    };
                    (&stripped, block)
                }
            }
        }
    };
    let body = quote_spanned!(site => { #items #statements });
    function.with_body(signature, &body)
}

/// How an attempt produces its outcome.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// The body is run.
    Blocked,
    /// The body is the content of an async block.
    Awaited,
    /// The body returns a future.
    Returned,
}

/// What every part of the loop needs to know.
pub(super) struct Frame<'a> {
    /// One that says nothing where there is no `#[retry]`.
    pub(super) retry: &'a Retry,
    pub(super) breaker: Option<&'a Breaker>,
    pub(super) idempotent: Option<&'a Idempotent>,
    /// What the body calls its attempt.
    pub(super) context: Option<&'a Ident>,
    /// Whether there can be a second attempt.
    pub(super) repeats: bool,
    /// The arguments, for a fallback.
    pub(super) arguments: TokenStream,
    /// The same with patterns and types.
    pub(super) inputs: TokenStream,
    pub(super) private: TokenStream,
    pub(super) policy: TokenStream,
    pub(super) rebound: Vec<Rebound>,
    /// What an attempt returns; `None` for `()`.
    pub(super) output: Option<Type>,
    pub(super) output_span: Span,
    /// What the body returns where that is a box of a future.
    pub(super) returned: Option<Type>,
    /// The macro around an attempt, whose name is told where borrow checking refuses the body.
    pub(super) refusal: Ident,
    /// Whether the body may return or keep a borrow of an exclusive reference, as far as the
    /// signature tells.
    pub(super) keeps_borrow: bool,
    /// Where the function has its name.
    pub(super) name: Span,
    pub(super) wait: Wait,
}

impl Frame<'_> {
    pub(super) fn is_async(&self) -> bool {
        self.wait != Wait::Blocked
    }

    /// The runtime's type of a call. Its methods that take `&mut self` are called by path: one of the
    /// same name that a trait in scope gives every type by `&self` would be found first.
    pub(super) fn call(&self) -> Ident {
        Ident::new(if self.is_async() { "Polled" } else { "Blocking" }, Span::mixed_site())
    }

    /// Whether an attempt can be cut off, so that the loop needs a timer and an error for it.
    pub(super) fn is_limited(&self) -> bool {
        let hard = self.retry.deadline.as_ref().is_some_and(|deadline| !deadline.value.soft);
        self.is_async()
            && (self.retry.attempt_timeout.is_some() || hard || self.asks_policy_for_limits())
    }

    /// What finds failures among values: the retry's word, or the breaker's where there is none.
    pub(super) fn classify_value(&self) -> Option<&Spanned<Expr>> {
        let breaker = self.breaker.filter(|_| !self.repeats);
        self.retry.classify_value.as_ref().or(breaker.and_then(|it| it.classify_value.as_ref()))
    }

    pub(super) fn looks_at_values(&self) -> bool {
        self.retry.when_value.is_some()
            || self.classify_value().is_some()
            || self.breaker.is_some_and(|it| it.classify_value.is_some() || it.fallback.is_some())
    }

    /// Whether a shared policy may limit attempts. Not where values are looked at: there may be no
    /// error to cut off with, and the policy was refused if it cuts.
    pub(super) fn asks_policy_for_limits(&self) -> bool {
        self.retry.policy.is_some() && !self.looks_at_values()
    }

    /// Whether the last error outlives its attempt, because the cut or the rejection of a later one
    /// returns it.
    pub(super) fn keeps_error(&self) -> bool {
        let cut =
            self.is_limited() && (self.retry.deadline.is_some() || self.asks_policy_for_limits());
        let rejected = self.attempt_breaker().is_some_and(|breaker| breaker.fallback.is_none());
        self.repeats && (cut || rejected)
    }

    /// A failure with this error. A type that knows no failures is underlined where it is written.
    pub(super) fn failure(&self, error: &TokenStream) -> TokenStream {
        let span = Span::mixed_site().located_at(self.output_span);
        let private = runtime_path::at(&self.private, span);
        quote_spanned!(span => #private::Outcome::from_error(#error))
    }

    /// What an attempt returns, as tokens.
    pub(super) fn output_tokens(&self) -> TokenStream {
        match &self.output {
            Some(output) => quote!(#output),
            None => quote_spanned!(Span::mixed_site() => ()),
        }
    }

    /// Whether the end of a call has to come with the class of its failure.
    pub(super) fn tells_class(&self) -> bool {
        self.idempotent.is_some()
    }

    /// Leaves everything that is ours with this outcome; `class` is of type `Option<Classification>`.
    /// Nothing is left for the call to tell when it is dropped.
    pub(super) fn exit_with(&self, outcome: &TokenStream, class: &TokenStream) -> TokenStream {
        let private = &self.private;
        let site = Span::mixed_site();
        let returned = if self.tells_class() {
            quote_spanned!(site => #private::Ended::new(#outcome, #class))
        } else {
            quote_spanned!(site => #outcome)
        };
        quote_spanned! { site =>
            ::core::mem::forget(__steadfast_call);
            return #returned;
        }
    }

    /// The statements that the body of the function becomes.
    fn tokens(&self, body: &Group) -> TokenStream {
        let key = self.idempotency_key();
        let inside = self.call_tokens(body);
        match self.idempotent {
            Some(idempotent) => {
                let claimed = self.claimed(idempotent, &inside);
                quote_spanned!(Span::mixed_site() => #key #claimed)
            }
            None => quote_spanned!(Span::mixed_site() => #key #inside),
        }
    }

    /// Whether a clock is read at the start, because somebody will ask for it.
    pub(super) fn is_timed(&self) -> bool {
        self.retry.deadline.is_some() || self.context.is_some() || self.retry.policy.is_some()
    }

    /// The call: the breaker around it, its attempts.
    fn call_tokens(&self, body: &Group) -> TokenStream {
        if self.is_plain() {
            return self.plain(body);
        }
        let Self { private, policy, .. } = self;
        let site = Span::mixed_site();
        let kind = self.call();
        let timed = self.is_timed();
        let operation = if self.is_async() {
            // A function takes no room in the future.
            quote_spanned!(site => __steadfast_operation)
        } else {
            quote_spanned!(site => &__STEADFAST_OPERATION)
        };
        let call = match (self.is_async(), timed) {
            (_, false) => quote_spanned!(site => #private::#kind::new(#operation)),
            (true, true) => quote_spanned!(site => #private::#kind::timed(#operation)),
            (false, true) => quote_spanned!(site => #private::#kind::timed(#operation, #policy)),
        };
        let deposit = self.deposit();
        let call = quote_spanned!(site => let mut __steadfast_call = #call; #deposit);
        let admitted = self.call_breaker().map(|breaker| self.admission(breaker));
        let last = self.keeps_error().then(
            || quote_spanned!(site => let mut __steadfast_last = ::core::option::Option::None;),
        );
        let attempts = self.attempts(body);
        quote_spanned!(site => #call #last #admitted #attempts)
    }

    /// What a call pays into the budget of its key. Other budgets are paid from the call counters.
    fn deposit(&self) -> Option<TokenStream> {
        let private = &self.private;
        let budget = self.budget_key()?;
        budget.ratio.as_ref()?;
        let key = breaker::key(budget.key.as_ref()?, private);
        Some(quote_spanned! { Span::mixed_site() =>
            #private::deposit(&__STEADFAST_BUDGET, #key.as_str());
        })
    }

    /// The budget, where it is kept for each key.
    pub(super) fn budget_key(&self) -> Option<&InlineBudget> {
        match self.retry.budget.as_ref().map(|budget| &budget.value)? {
            Budget::Inline(inline) if inline.key.is_some() => Some(inline),
            _ => None,
        }
    }

    /// The attempts: a loop, where there can be more than one.
    fn attempts(&self, body: &Group) -> TokenStream {
        let Self { private, policy, .. } = self;
        let site = Span::mixed_site();
        let context = self.context.as_ref().map(|context| {
            quote_spanned! { site =>
                let #context = __steadfast_call.attempt(#policy, __steadfast_handed);
            }
        });
        let admitted = self.attempt_breaker().map(|breaker| self.admission(breaker));
        let attempt = self.attempt(body);
        let step = self.step();
        if !self.repeats {
            return quote_spanned!(site => #context #admitted #attempt #step);
        }
        let keep = self.keeps_error().then(|| {
            let keep = quote_spanned! { site =>
                __steadfast_last = #private::Outcome::into_error(__steadfast_outcome);
            };
            if self.is_limited() {
                quote_spanned! { site =>
                    if ::core::option::Option::is_none(&__steadfast_limit) { #keep }
                }
            } else {
                keep
            }
        });
        if !self.is_async() {
            return quote_spanned!(site => loop { #context #admitted #attempt #step #keep });
        }
        let (delay, span) = match &self.retry.sleep {
            Some(Spanned { value: sleep, span, .. }) => {
                let span = site.located_at(*span);
                (quote_spanned!(span => ::std::boxed::Box::pin((#sleep)(__steadfast_delay))), span)
            }
            None => (quote_spanned!(site => #private::delay(__steadfast_delay)), site),
        };
        // A delay of zero skips the timer, whose shortest sleep takes a millisecond.
        let pause = quote_spanned!(span => if #private::waits(__steadfast_delay) { #delay.await; });
        // A rejected attempt leaves the block before there is an outcome.
        let label = self
            .attempt_breaker()
            .filter(|breaker| breaker.fallback.is_none())
            .map(|_| quote_spanned!(site => '__steadfast_attempt:));
        let step = match keep {
            Some(keep) => quote_spanned! { site =>
                let __steadfast_delay = #step;
                #keep
                __steadfast_delay
            },
            None => step,
        };
        quote_spanned! { site =>
            loop {
                // The outcome ends with this block, before anything sleeps.
                let __steadfast_delay = #label { #context #admitted #attempt #step };
                #pause
            }
        }
    }
}
