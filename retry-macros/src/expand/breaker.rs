//! The circuit breaker of a function: its static, the admission of a call, and what its outcome says
//! of the circuit.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{FnArg, Pat};

use super::chain::Chain;
use super::function::Frame;
use super::policy::duration;
use super::verdict;
use crate::model::{Breaker, BreakerSource, Per, Piece, Retry, Rule, Spanned, Template, Window};
use crate::runtime_path::at;
use crate::signature::Function;

/// The static that holds the breaker.
pub(super) fn statics(breaker: &Breaker, retry: &Retry, private: &TokenStream) -> TokenStream {
    let site = Span::mixed_site();
    let attached = match &breaker.source {
        BreakerSource::Path(path) => {
            let (path, span) = (&path.value, site.located_at(path.span));
            let private = at(private, span);
            quote_spanned!(span => #private::Attached::of(&#path))
        }
        BreakerSource::Name(name) => {
            let made = settings(breaker, name, private);
            match (&breaker.key, &breaker.max_keys) {
                (None, _) => quote_spanned!(site => #private::Attached::named(#made)),
                (Some(_), None) => {
                    quote_spanned!(site => #private::Attached::keyed(#made, #private::MOST_KEYS))
                }
                (Some(_), Some(most)) => {
                    let (most, span) = (&most.value, site.located_at(most.span));
                    let private = at(private, span);
                    quote_spanned!(span => #private::Attached::keyed(#made, #most))
                }
            }
        }
    };
    // Around the retry a call may last for many attempts.
    let attempt_timeout = retry.attempt_timeout.as_ref().filter(|_| !is_per_call(breaker));
    let limit = attempt_timeout.map(|timeout| {
        let (limit, span) = (duration(&timeout.value), site.located_at(timeout.span));
        quote_spanned!(span => .limit(#limit))
    });
    quote_spanned!(site => static __STEADFAST_BREAKER: #private::Attached = #attached #limit;)
}

/// One call for each option, located at its value.
fn settings(breaker: &Breaker, name: &Spanned<syn::LitStr>, private: &TokenStream) -> TokenStream {
    let Breaker {
        source: _,
        failure_threshold,
        failure_rate,
        window,
        minimum_calls,
        slow_call,
        slow_call_rate,
        recovery_timeout,
        recovery_factor,
        max_recovery_timeout,
        recovery_jitter,
        half_open_requests,
        probe_timeout,
        trip_on_success,
        rule: _,
        not_on: _,
        ignore: _,
        classify_value: _,
        key: _,
        max_keys: _,
        fallback: _,
        map_open: _,
        per: _,
        crate_path: _,
    } = breaker;
    let site = Span::mixed_site();
    let mut chain = Chain::of("__steadfast_breaker");
    // In the order of the builder's own conditions: what is slow before its rate.
    for (option, method) in [
        (failure_threshold, "failure_threshold"),
        (failure_rate, "failure_rate"),
        (recovery_factor, "recovery_factor"),
        (recovery_jitter, "recovery_jitter"),
        (half_open_requests, "half_open_requests"),
    ] {
        if let Some(Spanned { span, value, .. }) = option {
            chain.add(*span, method, quote!(#value));
        }
    }
    if let Some(window) = window {
        match &window.value {
            Window::Calls(calls) => chain.add(window.span, "window", quote!(#calls)),
            Window::Time(time) => chain.add(window.span, "window_duration", duration(time)),
            Window::Measured(value) => {
                let span = site.located_at(window.span);
                let private = at(private, span);
                let measured = quote_spanned!(span => #private::Measured(#value));
                let of = quote_spanned!(span => #measured.of_a_u32_or_a_duration());
                chain.add(window.span, "window_span", of);
            }
        }
    }
    if let Some(Spanned { span, value, .. }) = minimum_calls {
        chain.add(*span, "minimum_calls", quote!(#value));
    }
    for (option, method) in [
        (slow_call, "slow_call"),
        (recovery_timeout, "recovery_timeout"),
        (max_recovery_timeout, "max_recovery_timeout"),
        (probe_timeout, "probe_timeout"),
    ] {
        if let Some(Spanned { span, value, .. }) = option {
            chain.add(*span, method, duration(value));
        }
    }
    if let Some(Spanned { span, value, .. }) = slow_call_rate {
        chain.add(*span, "slow_call_rate", quote!(#value));
    }
    if let Some(Spanned { span, value, .. }) = trip_on_success {
        chain.add(*span, "trip_on_success", quote!(#value));
    }
    let (literal, span) = (&name.value, site.located_at(name.span));
    let private = at(private, span);
    quote_spanned! { site => {
        let __steadfast_breaker = #private::CircuitBreaker::new(#literal);
        #chain
        __steadfast_breaker
    } }
}

/// An expression of the text that a template makes of the arguments.
pub(super) fn key(template: &Spanned<Template>, private: &TokenStream) -> TokenStream {
    let span = Span::mixed_site().located_at(template.span);
    let private = at(private, span);
    let parts = template.value.pieces.iter().map(|piece| match piece {
        Piece::Literal(text) => quote_spanned!(span => .literal(#text)),
        Piece::Argument(argument) => quote_spanned!(span => .part(&#argument)),
    });
    quote_spanned!(span => #private::Key::new()#(#parts)*)
}

/// The function's arguments, to be handed on to a fallback.
pub(super) fn arguments(function: &Function) -> TokenStream {
    let arguments = function.signature.inputs.iter().map(|argument| match argument {
        FnArg::Receiver(receiver) => {
            let token = &receiver.self_token;
            quote!(#token,)
        }
        FnArg::Typed(argument) => {
            let conditions = argument.attrs.iter().filter(|a| a.path().is_ident("cfg"));
            match &*argument.pat {
                Pat::Ident(pattern) => {
                    let ident = &pattern.ident;
                    quote!(#(#conditions)* #ident,)
                }
                // Refused before.
                _ => TokenStream::new(),
            }
        }
    });
    arguments.collect()
}

impl Frame<'_> {
    /// The breaker that stands inside the retry, around every attempt.
    pub(super) fn attempt_breaker(&self) -> Option<&Breaker> {
        self.breaker.filter(|breaker| !is_per_call(breaker))
    }

    /// The breaker that stands around the retry.
    pub(super) fn call_breaker(&self) -> Option<&Breaker> {
        self.breaker.filter(|breaker| is_per_call(breaker))
    }

    /// Binds `__steadfast_pass`, or leaves: by the fallback, by the error, or for another attempt.
    pub(super) fn admission(&self, breaker: &Breaker) -> TokenStream {
        let private = &self.private;
        let site = Span::mixed_site();
        let admit = match &breaker.key {
            None => quote_spanned!(site => #private::Attached::admit(&__STEADFAST_BREAKER)),
            Some(template) => {
                let key = key(template, private);
                quote_spanned! { site =>
                    #private::Attached::admit_key(&__STEADFAST_BREAKER, #key.as_str())
                }
            }
        };
        let rejected = match &breaker.fallback {
            Some(fallback) => self.fallback(fallback),
            None => self.rejection(breaker),
        };
        let mutability = self.watches().then(|| quote!(mut));
        quote_spanned! { site =>
            let #mutability __steadfast_pass = match #admit {
                ::core::result::Result::Ok(__steadfast_pass) => __steadfast_pass,
                ::core::result::Result::Err(__steadfast_open) => { #rejected }
            };
        }
    }

    /// Whether a running attempt is watched for being slow.
    pub(super) fn watches(&self) -> bool {
        self.is_async()
            && self.attempt_breaker().is_some_and(|breaker| {
                breaker.slow_call.is_some() || matches!(breaker.source, BreakerSource::Path(_))
            })
    }

    fn fallback(&self, fallback: &Spanned<syn::Expr>) -> TokenStream {
        let private = &self.private;
        let site = Span::mixed_site();
        let (call, arguments) = (self.call(), &self.arguments);
        let (function, span) = (&fallback.value, site.located_at(fallback.span));
        let output = self.output_tokens();
        let answer = if self.is_async() {
            quote_spanned!(span => (#function)(#arguments).await)
        } else {
            quote_spanned!(span => (#function)(#arguments))
        };
        let answer = quote_spanned!(span => { let __steadfast_answer: #output = #answer; __steadfast_answer });
        let exit = self.exit_with(
            &quote_spanned!(site => __steadfast_answer),
            &quote_spanned!(site => ::core::option::Option::None),
        );
        quote_spanned! { site =>
            #private::#call::fell_back(&mut __steadfast_call, __steadfast_open);
            let __steadfast_answer = #answer;
            #exit
        }
    }

    fn rejection(&self, breaker: &Breaker) -> TokenStream {
        let Self { private, policy, .. } = self;
        let site = Span::mixed_site();
        let call = self.call();
        let error = match &breaker.map_open {
            Some(map) => {
                let (map, span) = (&map.value, site.located_at(map.span));
                let (private, output) = (at(private, span), self.output_tokens());
                quote_spanned!(span => #private::opened::<#output>(#map, __steadfast_open))
            }
            None => {
                let span = site.located_at(self.output_span);
                let private = at(private, span);
                quote_spanned!(span => #private::Opened::opened(__steadfast_open))
            }
        };
        let answer = if self.keeps_error() && !is_per_call(breaker) {
            self.failure(&quote_spanned! { site =>
                match __steadfast_last {
                    ::core::option::Option::Some(__steadfast_last) => __steadfast_last,
                    ::core::option::Option::None => #error,
                }
            })
        } else {
            self.failure(&error)
        };
        let answer = {
            let output = self.output_tokens();
            quote_spanned! { site => { let __steadfast_answer: #output = #answer; __steadfast_answer } }
        };
        let exit = self.exit_with(
            &answer,
            &quote_spanned! { site =>
                ::core::option::Option::Some(#private::Classification::retryable().unsent())
            },
        );
        let decision = quote_spanned! { site =>
            #private::cold(|| {
                #private::#call::rejected(&mut __steadfast_call, #policy, __steadfast_open)
            })
        };
        if is_per_call(breaker) || !self.repeats {
            return quote_spanned!(site => let _ = #decision; #exit);
        }
        let again = if self.is_async() {
            quote_spanned!(site => break '__steadfast_attempt __steadfast_delay)
        } else {
            quote_spanned! { site =>
                #private::#call::pause(&mut __steadfast_call, #policy, __steadfast_delay);
                continue;
            }
        };
        quote_spanned! { site =>
            match #decision {
                ::core::option::Option::Some(__steadfast_delay) => { #again }
                ::core::option::Option::None => { #exit }
            }
        }
    }

    /// What a failure says of the circuit: an expression of `Verdict`, where `__steadfast_class` and
    /// `__steadfast_error` are bound.
    pub(super) fn verdict(&self, breaker: &Breaker) -> TokenStream {
        let private = &self.private;
        let site = Span::mixed_site();
        let error = quote_spanned!(site => __steadfast_error);
        let probe = &verdict::probe(self.output.as_ref());
        let of_class = quote_spanned!(site => #private::Verdict::of(__steadfast_class));
        let counts = match breaker.rule.as_ref().map(|rule| &rule.value) {
            Some(Rule::Any) => quote_spanned!(site => #private::Verdict::Failure),
            Some(Rule::On(entries)) => {
                let any = verdict::any(entries, &error, private, probe);
                quote_spanned!(site => #private::Verdict::failure_if(#any))
            }
            Some(Rule::When(when)) => {
                let when = verdict::when(when, &error, private);
                quote_spanned!(site => #private::Verdict::failure_if(#when))
            }
            Some(Rule::Classify(classify)) => {
                let class = verdict::classify(classify, &error, private);
                quote_spanned!(site => #private::Verdict::of(#class))
            }
            None if self.repeats => of_class,
            // Without any classification every error is a failure.
            None => quote_spanned! { site =>
                #private::Verdict::of_told((&&#private::find::told(__steadfast_error)).steadfast_told())
            },
        };
        let mut verdict = counts;
        if !breaker.not_on.is_empty() {
            let never = verdict::any(&breaker.not_on, &error, private, probe);
            verdict =
                quote_spanned!(site => if #never { #private::Verdict::Success } else { #verdict });
        }
        if self.is_limited() && !verdict::timeouts_are_listed(&breaker.not_on) {
            verdict = quote_spanned! { site =>
                if ::core::option::Option::is_some(&__steadfast_limit) {
                    #private::Verdict::Failure
                } else {
                    #verdict
                }
            };
        }
        if !breaker.ignore.is_empty() {
            let ignored = verdict::any(&breaker.ignore, &error, private, probe);
            verdict = quote_spanned!(site => if #ignored { #private::Verdict::Ignored } else { #verdict });
        }
        verdict
    }

    /// What a success says of the circuit, where the breaker looks at values that the retry does not.
    pub(super) fn value_verdict(&self, breaker: &Breaker) -> Option<TokenStream> {
        let private = &self.private;
        let classify = breaker.classify_value.as_ref().filter(|_| self.repeats)?;
        let span = Span::mixed_site().located_at(classify.span);
        let (classify, value) = (&classify.value, at(&self.value(), span));
        let private = at(private, span);
        Some(quote_spanned! { span =>
            match #value {
                ::core::option::Option::Some(__steadfast_value) => {
                    match #private::choose::<
                        _,
                        ::core::option::Option<#private::Classification>,
                    >(#classify, __steadfast_value) {
                        ::core::option::Option::Some(__steadfast_class) => {
                            #private::Verdict::of(__steadfast_class)
                        }
                        ::core::option::Option::None => #private::Verdict::Success,
                    }
                }
                ::core::option::Option::None => #private::Verdict::Success,
            }
        })
    }
}

pub(super) fn is_per_call(breaker: &Breaker) -> bool {
    breaker.per.as_ref().is_some_and(|per| per.value == Per::Call)
}
