//! The loop that an annotated function becomes.
//!
//! It stands inline in the function: an inner function or a driver that takes closures loses the
//! names, borrows and `Send` of many signatures. What is slow is called, not emitted.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned as _;

use super::policy::{Statics, statics};
use super::verdict;
use crate::model::Retry;
use crate::runtime_path::{self, at};
use crate::signature::{self, AsyncTail, Function, Kind, Rebound};

/// The annotated function with its new body.
pub(crate) fn expand(function: &Function, body: &Group, model: &Retry) -> TokenStream {
    let private = runtime_path::private(model.crate_path.as_ref());
    let facts = function.facts();
    let Statics { items, policy } = statics(model, &function.signature.ident, &facts, &private);
    let (stripped, rebound) = signature::rebind(&function.signature, &model.clone, &private);
    let mut shape = Loop {
        model,
        private,
        policy,
        rebound,
        output: None,
        output_span: function.output_span(),
        returned: None,
        refusal: signature::refusal(&function.signature),
        name: function.signature.ident.span(),
        wait: Wait::Blocked,
    };
    let site = Span::mixed_site();
    let (signature, statements) = match function.kind() {
        Kind::Sync => {
            shape.output = function.output().map(signature::nameable);
            (&stripped, shape.tokens(body))
        }
        Kind::Async => {
            shape.output = function.output().map(signature::nameable);
            shape.wait = Wait::Awaited;
            (&stripped, shape.tokens(body))
        }
        Kind::Future { output, boxed } => {
            shape.output = Some(signature::nameable(&output));
            shape.output_span = output.span();
            match signature::async_tail(body) {
                Some(AsyncTail { before, head, boxing, prologue, content }) => {
                    shape.wait = Wait::Awaited;
                    let (prologue, fresh) =
                        signature::rebind_prologue(&function.signature, prologue);
                    shape.rebound.extend(fresh);
                    let block = shape.tokens(&content);
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
                    shape.wait = Wait::Returned;
                    if boxed {
                        shape.returned = function.output().map(signature::nameable);
                    }
                    let block = shape.tokens(body);
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
enum Wait {
    /// The body is run.
    Blocked,
    /// The body is the content of an async block.
    Awaited,
    /// The body returns a future.
    Returned,
}

struct Loop<'a> {
    model: &'a Retry,
    private: TokenStream,
    policy: TokenStream,
    rebound: Vec<Rebound>,
    /// What an attempt returns; `None` for `()`.
    output: Option<Type>,
    output_span: Span,
    /// What the body returns where that is a box of a future.
    returned: Option<Type>,
    /// The macro around an attempt, whose name is told where borrow checking refuses the body.
    refusal: Ident,
    /// Where the function has its name.
    name: Span,
    wait: Wait,
}

impl Loop<'_> {
    fn is_async(&self) -> bool {
        self.wait != Wait::Blocked
    }

    /// The runtime's type of a call. Its methods that take `&mut self` are called by path: one of the
    /// same name that a trait in scope gives every type by `&self` would be found first.
    fn call(&self) -> Ident {
        Ident::new(if self.is_async() { "Polled" } else { "Blocking" }, Span::mixed_site())
    }

    /// Whether an attempt can be cut off, so that the loop needs a timer and an error for it.
    fn is_limited(&self) -> bool {
        let hard = self.model.deadline.as_ref().is_some_and(|deadline| !deadline.value.soft);
        self.is_async()
            && (self.model.attempt_timeout.is_some() || hard || self.asks_policy_for_limits())
    }

    fn looks_at_values(&self) -> bool {
        self.model.when_value.is_some() || self.model.classify_value.is_some()
    }

    /// Whether a shared policy may limit attempts. Not where values are looked at: there may be no
    /// error to cut off with, and the policy was refused if it cuts.
    fn asks_policy_for_limits(&self) -> bool {
        self.model.policy.is_some() && !self.looks_at_values()
    }

    /// Whether nothing but `policy = …` may limit attempts, and the types can be asked for it.
    fn may_be_limited_by_policy_alone(&self) -> bool {
        self.model.attempt_timeout.is_none()
            && self.model.deadline.is_none()
            && self.output.as_ref().is_some_and(|output| !has_placeholder(output.to_token_stream()))
    }

    /// Whether the last error outlives its attempt, because the cut of a later one returns it.
    fn keeps_error(&self) -> bool {
        self.is_limited() && (self.model.deadline.is_some() || self.asks_policy_for_limits())
    }

    fn tokens(&self, body: &Group) -> TokenStream {
        let Self { private, policy, .. } = self;
        let site = Span::mixed_site();
        // A clock is read at the start only where somebody will ask for it.
        let timed = self.model.deadline.is_some()
            || self.model.context.is_some()
            || self.model.policy.is_some();
        let call = match (self.is_async(), timed) {
            (true, true) => quote_spanned!(site => #private::Polled::timed(&__STEADFAST_OPERATION)),
            (true, false) => quote_spanned!(site => #private::Polled::new(&__STEADFAST_OPERATION)),
            (false, true) => {
                quote_spanned!(site => #private::Blocking::timed(&__STEADFAST_OPERATION, #policy))
            }
            (false, false) => {
                quote_spanned!(site => #private::Blocking::new(&__STEADFAST_OPERATION))
            }
        };
        let context = self.model.context.as_ref().map(
            |context| quote_spanned!(site => let #context = __steadfast_call.attempt(#policy);),
        );
        let last = self.keeps_error().then(
            || quote_spanned!(site => let mut __steadfast_last = ::core::option::Option::None;),
        );
        let keep = self.keeps_error().then(|| {
            quote_spanned! { site =>
                if ::core::option::Option::is_none(&__steadfast_limit) {
                    __steadfast_last = #private::Outcome::into_error(__steadfast_outcome);
                }
            }
        });
        let attempt = self.attempt(body);
        let step = self.step();
        if !self.is_async() {
            return quote_spanned! { site =>
                let mut __steadfast_call = #call;
                loop {
                    #context
                    #attempt
                    #step
                }
            };
        }
        let pause = if let Some(sleep) = &self.model.sleep {
            let (sleep, span) = (&sleep.value, site.located_at(sleep.span));
            quote_spanned! { span =>
                if !__steadfast_delay.is_zero() {
                    ::std::boxed::Box::pin((#sleep)(__steadfast_delay)).await;
                }
                #private::Polled::resume(&mut __steadfast_call);
            }
        } else {
            quote_spanned! { site =>
                #private::sleep(__steadfast_delay).await;
                #private::Polled::resume(&mut __steadfast_call);
            }
        };
        quote_spanned! { site =>
            let mut __steadfast_call = #call;
            #last
            loop {
                // The outcome ends with this block, before anything sleeps.
                let __steadfast_delay = {
                    #context
                    #attempt
                    let __steadfast_delay = #step;
                    #keep
                    __steadfast_delay
                };
                #pause
            }
        }
    }

    /// Statements that bind `__steadfast_outcome`, and `__steadfast_limit` where attempts are limited.
    fn attempt(&self, body: &Group) -> TokenStream {
        let Self { private, policy, .. } = self;
        let site = Span::mixed_site();
        let at_body = site.located_at(body.span());
        // The braces are ours from here on: as the user's own they would seem superfluous.
        let mut block = Group::new(Delimiter::Brace, body.stream());
        block.set_span(at_body);
        let body = block;
        let rebound = self.rebound.iter().map(|rebound| &rebound.tokens);
        let output = match &self.output {
            Some(output) => quote!(#output),
            None => quote_spanned!(site => ()),
        };
        // What is said of an attempt as a whole stands at the name: the body would be underlined from
        // its first line to its last.
        let span = site.located_at(self.name);
        let (private, mut attempt) = (at(private, span), self.refusal.clone());
        attempt.set_span(span);
        let attempt = quote_spanned!(span => #private::#attempt!);
        let run = match self.wait {
            Wait::Blocked => {
                return quote_spanned! { span =>
                    let __steadfast_outcome =
                        #private::call(#attempt(|| -> [#output] { #(#rebound)* #body }));
                };
            }
            // An async block has no place for its type: a `return` that is never run tells it.
            Wait::Awaited => quote_spanned! { span =>
                #attempt(async {
                    if false {
                        return #private::expect_type::<#output>();
                    }
                    #(#rebound)*
                    #body
                })
            },
            Wait::Returned => {
                let returned = self.returned.iter();
                quote_spanned! { span =>
                    #private::call(#attempt(|| #(-> [#returned])* { #(#rebound)* #body }))
                }
            }
        };
        let private = &self.private;
        let pinned = quote_spanned!(span => ::core::pin::pin!(#run));
        if !self.is_limited() {
            return quote_spanned! { site =>
                let __steadfast_outcome: #output = {
                    let __steadfast_body = #pinned;
                    #private::Polled::run(&mut __steadfast_call, #policy, __steadfast_body).await
                };
            };
        }
        let sleep = match &self.model.sleep {
            Some(sleep) => {
                let (sleep, span) = (&sleep.value, site.located_at(sleep.span));
                quote_spanned!(span => |__steadfast_limit| ::std::boxed::Box::pin((#sleep)(__steadfast_limit)))
            }
            None => quote_spanned!(site => #private::timer),
        };
        let timed_out = self.timed_out();
        let last = if self.keeps_error() {
            quote_spanned!(site => ::core::option::Option::take(&mut __steadfast_last))
        } else {
            quote_spanned!(site => ::core::option::Option::None)
        };
        quote_spanned! { site =>
            let (__steadfast_outcome, __steadfast_limit): (#output, _) = {
                let __steadfast_body = #pinned;
                match #private::Polled::run_limited(&mut __steadfast_call, #policy, __steadfast_body, #sleep).await {
                    ::core::result::Result::Ok(__steadfast_outcome) => {
                        (__steadfast_outcome, ::core::option::Option::None)
                    }
                    ::core::result::Result::Err(__steadfast_limit) => {
                        let __steadfast_error = #timed_out;
                        if let #private::Limit::Deadline = __steadfast_limit {
                            #private::Polled::cut(&mut __steadfast_call, #policy);
                            return #private::Outcome::from_error(match #last {
                                ::core::option::Option::Some(__steadfast_last) => __steadfast_last,
                                ::core::option::Option::None => __steadfast_error,
                            });
                        }
                        (
                            #private::Outcome::from_error(__steadfast_error),
                            ::core::option::Option::Some(__steadfast_limit),
                        )
                    }
                }
            };
        }
    }

    /// The error that stands for an attempt that was cut off.
    fn timed_out(&self) -> TokenStream {
        let private = &self.private;
        let site = Span::mixed_site();
        match &self.model.map_timeout {
            Some(map) => {
                let (map, span) = (&map.value, site.located_at(map.span));
                let (private, output) = (at(private, span), &self.output);
                quote_spanned! { span =>
                    #private::timed_out::<#output>(#map, __steadfast_limit.timeout())
                }
            }
            // Only a shared policy may ask for the cut: whether it does is known to const evaluation.
            None if self.may_be_limited_by_policy_alone() => {
                let span = site.located_at(self.output_span);
                let (output, policy) = (&self.output, at(&self.policy, span));
                let private = at(private, span);
                quote_spanned! { span => {
                    use #private::Uncut as _;
                    const {
                        ::core::assert!(
                            !(#policy).cuts_attempts()
                                || #private::Cuts::<<#output as #private::Outcome>::Error>::POSSIBLE,
                            "the policy cuts attempts off, and the error type has no \
                             `From<AttemptTimeout>`: write one, or `map_timeout = |timeout| …`",
                        );
                    }
                    #private::Cuts::<<#output as #private::Outcome>::Error>::error(
                        __steadfast_limit.timeout(),
                    )
                } }
            }
            None => {
                let span = site.located_at(self.output_span);
                let private = at(private, span);
                quote_spanned!(span => #private::TimedOut::timed_out(__steadfast_limit.timeout()))
            }
        }
    }

    /// The expression after an attempt: it returns, or yields the delay before the next attempt;
    /// a function that blocks has slept when it ends.
    fn step(&self) -> TokenStream {
        let private = &self.private;
        let site = Span::mixed_site();
        let (shapes, error) = if self.looks_at_values() {
            (
                quote_spanned!(site => use #private::shape::{Fallible as _, Plain as _};),
                quote_spanned!(site => (&&#private::shape::of(&__steadfast_outcome)).steadfast_error()),
            )
        } else {
            let span = site.located_at(self.output_span);
            let private = at(private, span);
            (
                TokenStream::new(),
                quote_spanned!(span => #private::Outcome::error(&__steadfast_outcome)),
            )
        };
        let class = self.class();
        let (call, failed) = (self.call(), self.failed());
        let (classified, polled) = (self.classified_value(), self.polled_value());
        quote_spanned! { site =>
            {
                #shapes
                use #private::find::ways::*;
                match #error {
                    ::core::option::Option::None => {
                        #classified #polled {
                            #private::#call::succeeded(&mut __steadfast_call, &__STEADFAST_OPERATION);
                            ::core::mem::forget(__steadfast_call);
                            return __steadfast_outcome;
                        }
                    }
                    ::core::option::Option::Some(__steadfast_error) => {
                        let __steadfast_class = #class;
                        let __steadfast_text = (&&#private::find::error_text(__steadfast_error)).steadfast_text();
                        #failed
                    }
                }
            }
        }
    }

    /// The value of the outcome, if it is there to be looked at.
    fn value(&self) -> TokenStream {
        let private = &self.private;
        quote_spanned! { Span::mixed_site() =>
            (&&#private::shape::of(&__steadfast_outcome)).steadfast_value()
        }
    }

    /// `if` the value is a failure `… else`, for `classify_value`.
    fn classified_value(&self) -> Option<TokenStream> {
        let private = &self.private;
        let classify = self.model.classify_value.as_ref()?;
        let span = Span::mixed_site().located_at(classify.span);
        let (classify, value, failed) = (&classify.value, at(&self.value(), span), self.failed());
        let private = at(private, span);
        let silent = Self::without_text();
        Some(quote_spanned! { span =>
            if let ::core::option::Option::Some(__steadfast_class) = match #value {
                ::core::option::Option::Some(__steadfast_value) => #private::choose::<
                    _,
                    ::core::option::Option<#private::Classification>,
                >(#classify, __steadfast_value),
                ::core::option::Option::None => ::core::option::Option::None,
            } {
                #silent
                #failed
            } else
        })
    }

    /// `if` the value is to be seen again `… else`, for `when_value`.
    fn polled_value(&self) -> Option<TokenStream> {
        let Self { private, policy, .. } = self;
        let when = self.model.when_value.as_ref()?;
        let span = Span::mixed_site().located_at(when.span);
        let (when, value, silent) = (&when.value, at(&self.value(), span), Self::without_text());
        let (private, policy) = (at(private, span), at(policy, span));
        let call = self.call();
        let again = self.next(
            &quote_spanned!(span => #private::#call::polled(&mut __steadfast_call, #policy)),
            &quote_spanned!(span => ::core::option::Option::None),
        );
        Some(quote_spanned! { span =>
            if match #value {
                ::core::option::Option::Some(__steadfast_value) => {
                    #private::choose::<_, ::core::primitive::bool>(#when, __steadfast_value)
                }
                ::core::option::Option::None => false,
            } {
                #silent
                #again
            } else
        })
    }

    /// A value has no text of its own, and only the hook would ask for it.
    fn without_text() -> TokenStream {
        quote_spanned! { Span::mixed_site() =>
            let __steadfast_text: ::core::option::Option<&dyn ::core::fmt::Display> =
                ::core::option::Option::None;
        }
    }

    /// What follows a failure that was classified.
    fn failed(&self) -> TokenStream {
        let Self { private, policy, .. } = self;
        let call = self.call();
        let site = Span::mixed_site();
        if !self.is_async() && self.model.on_retry.is_none() {
            return quote_spanned! { site =>
                if !#private::#call::again(
                    &mut __steadfast_call, #policy, __steadfast_class, __steadfast_text,
                ) {
                    return __steadfast_outcome;
                }
            };
        }
        self.next(
            &quote_spanned! { site =>
                #private::#call::failed(
                    &mut __steadfast_call, #policy, __steadfast_class, __steadfast_text,
                )
            },
            &quote_spanned!(site => ::core::option::Option::Some(__steadfast_class)),
        )
    }

    /// What follows the decision of the runtime: its delay, or the end.
    fn next(&self, decision: &TokenStream, seen: &TokenStream) -> TokenStream {
        let Self { private, policy, .. } = self;
        let site = Span::mixed_site();
        let hook = self.model.on_retry.as_ref().map(|hook| {
            let (hook, span) = (&hook.value, site.located_at(hook.span));
            let (private, policy) = (at(private, span), at(policy, span));
            quote_spanned! { span =>
                #private::hook(
                    #hook,
                    &__steadfast_call.event(#policy, #seen, __steadfast_delay, __steadfast_text),
                );
            }
        });
        // A timeout is the answer only where no attempt before it ended with an error of its own.
        let answer = if self.keeps_error() {
            quote_spanned! { site =>
                match __steadfast_last {
                    ::core::option::Option::Some(__steadfast_last)
                        if ::core::option::Option::is_some(&__steadfast_limit) =>
                    {
                        #private::Outcome::from_error(__steadfast_last)
                    }
                    _ => __steadfast_outcome,
                }
            }
        } else {
            quote_spanned!(site => __steadfast_outcome)
        };
        let next = if self.is_async() {
            quote_spanned!(site => __steadfast_delay)
        } else {
            quote_spanned! { site =>
                #private::Blocking::pause(&mut __steadfast_call, #policy, __steadfast_delay);
            }
        };
        quote_spanned! { site =>
            match #decision {
                ::core::option::Option::Some(__steadfast_delay) => {
                    #hook
                    #next
                }
                ::core::option::Option::None => return #answer,
            }
        }
    }

    fn class(&self) -> TokenStream {
        let private = &self.private;
        let site = Span::mixed_site();
        let error = Ident::new("__steadfast_error", site);
        let of_error = verdict::of_error(self.model, &quote!(#error), self.output_span, private);
        if !self.is_limited() {
            return of_error;
        }
        let of_limit = if verdict::timeouts_are_permanent(self.model) {
            quote_spanned!(site => #private::Classification::permanent())
        } else {
            quote_spanned! { site =>
                #private::Classification::retryable().kind(#private::Kind::Timeout)
            }
        };
        quote_spanned! { site =>
            match __steadfast_limit {
                ::core::option::Option::Some(_) => #of_limit,
                ::core::option::Option::None => #of_error,
            }
        }
    }
}

fn has_placeholder(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "_",
        TokenTree::Punct(punct) => punct.as_char() == '_',
        TokenTree::Group(group) => has_placeholder(group.stream()),
        TokenTree::Literal(_) => false,
    })
}
