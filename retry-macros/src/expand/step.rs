//! What follows an attempt: the end of the call, or the delay before the next attempt.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use super::function::Frame;
use super::verdict;
use crate::runtime_path::at;

/// A failure on its way to the decision.
struct Failing {
    /// Statements that bind `__steadfast_class` and `__steadfast_text`.
    classified: TokenStream,
    /// What it says of the circuit, where there is one.
    verdict: Option<TokenStream>,
    /// Polls are no failures.
    is_poll: bool,
}

impl Frame<'_> {
    /// The expression after an attempt: it returns, or yields the delay before the next attempt;
    /// a function that blocks has slept when it ends.
    pub(super) fn step(&self) -> TokenStream {
        if self.is_async() && self.repeats && self.asks_nothing() {
            return self.plain_step();
        }
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
        let failed = self.failed(&Failing {
            classified: self.classified(),
            verdict: self.breaker.map(|breaker| self.verdict(breaker)),
            is_poll: false,
        });
        let (classified, polled) = (self.classified_value(), self.polled_value());
        let succeeded = self.succeeded();
        quote_spanned! { site =>
            {
                #shapes
                use #private::find::ways::*;
                match #error {
                    ::core::option::Option::None => {
                        #classified #polled { #succeeded }
                    }
                    ::core::option::Option::Some(__steadfast_error) => {
                        #failed
                    }
                }
            }
        }
    }

    /// Statements that bind the class and the text of `__steadfast_error`.
    pub(super) fn classified(&self) -> TokenStream {
        let (private, class) = (&self.private, self.class());
        quote_spanned! { Span::mixed_site() =>
            let __steadfast_class = #class;
            let __steadfast_text = (&&#private::find::error_text(__steadfast_error)).steadfast_text();
        }
    }

    fn succeeded(&self) -> TokenStream {
        let private = &self.private;
        let site = Span::mixed_site();
        let call = self.call();
        let settled = self.breaker.map(|breaker| match self.value_verdict(breaker) {
            Some(verdict) => quote_spanned! { site =>
                let __steadfast_verdict = #verdict;
                let _ = #private::Pass::settle(__steadfast_pass, __steadfast_verdict);
            },
            None => quote_spanned!(site => #private::Pass::success(__steadfast_pass);),
        });
        let exit = self.exit_with(
            &quote_spanned!(site => __steadfast_outcome),
            &quote_spanned!(site => ::core::option::Option::None),
        );
        quote_spanned! { site =>
            #settled
            #private::#call::succeeded(&mut __steadfast_call, &__STEADFAST_OPERATION);
            #exit
        }
    }

    /// The value of the outcome, if it is there to be looked at.
    pub(super) fn value(&self) -> TokenStream {
        let private = &self.private;
        quote_spanned! { Span::mixed_site() =>
            (&&#private::shape::of(&__steadfast_outcome)).steadfast_value()
        }
    }

    /// `if` the value is a failure `… else`, for `classify_value`.
    fn classified_value(&self) -> Option<TokenStream> {
        let private = &self.private;
        let classify = self.classify_value()?;
        let span = Span::mixed_site().located_at(classify.span);
        let (classify, value) = (&classify.value, at(&self.value(), span));
        let of_class = quote_spanned!(span => #private::Verdict::of(__steadfast_class));
        let failed = self.failed(&Failing {
            classified: Self::without_text(),
            verdict: self.breaker.map(|_| of_class),
            is_poll: false,
        });
        let private = at(private, span);
        Some(quote_spanned! { span =>
            if let ::core::option::Option::Some(__steadfast_class) = match #value {
                ::core::option::Option::Some(__steadfast_value) => #private::choose::<
                    _,
                    ::core::option::Option<#private::Classification>,
                >(#classify, __steadfast_value),
                ::core::option::Option::None => ::core::option::Option::None,
            } {
                #failed
            } else
        })
    }

    /// `if` the value is to be seen again `… else`, for `when_value`.
    fn polled_value(&self) -> Option<TokenStream> {
        let private = &self.private;
        let when = self.retry.when_value.as_ref()?;
        let span = Span::mixed_site().located_at(when.span);
        let (when, value) = (&when.value, at(&self.value(), span));
        let success = quote_spanned!(span => #private::Verdict::Success);
        let again = self.failed(&Failing {
            classified: Self::without_text(),
            verdict: self.breaker.map(|_| success),
            is_poll: true,
        });
        let private = at(private, span);
        Some(quote_spanned! { span =>
            if match #value {
                ::core::option::Option::Some(__steadfast_value) => {
                    #private::choose::<_, ::core::primitive::bool>(#when, __steadfast_value)
                }
                ::core::option::Option::None => false,
            } {
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

    /// Statements that report to the circuit before the decision, where it stands inside the retry.
    fn settled(&self, failing: &Failing) -> Option<TokenStream> {
        let private = &self.private;
        let site = Span::mixed_site();
        self.attempt_breaker()?;
        let verdict = failing.verdict.as_ref()?;
        let circuit = if self.repeats {
            quote_spanned!(site => let __steadfast_circuit =)
        } else {
            quote_spanned!(site => let _ =)
        };
        Some(quote_spanned! { site =>
            let __steadfast_verdict = #verdict;
            #circuit #private::Pass::settle(__steadfast_pass, __steadfast_verdict);
        })
    }

    /// The decision of the runtime: an expression of type `Option<Duration>`.
    fn decision(&self, failing: &Failing) -> TokenStream {
        let Self { private, policy, .. } = self;
        let call = self.call();
        let site = Span::mixed_site();
        if failing.is_poll {
            return quote_spanned!(site => #private::#call::polled(&mut __steadfast_call, #policy));
        }
        let circuit = (self.attempt_breaker().is_some() && self.repeats)
            .then(|| quote_spanned!(site => .with_circuit(__steadfast_circuit)));
        let key = self.budget_key().and_then(|budget| budget.key.as_ref()).map(|key| {
            let key = super::breaker::key(key, private);
            quote_spanned!(site => let __steadfast_payer = #key;)
        });
        let keyed = key
            .as_ref()
            .map(|_| quote_spanned!(site => .with_budget_key(__steadfast_payer.as_str())));
        let failed = quote_spanned!(site => #private::Failed::new(__steadfast_class, __steadfast_text)#circuit #keyed);
        quote_spanned! { site => {
            #key
            #private::#call::failed_with(&mut __steadfast_call, #policy, &#failed)
        } }
    }

    /// What follows a failure.
    #[expect(clippy::too_many_lines, reason = "what is bound here is used to the end")]
    fn failed(&self, failing: &Failing) -> TokenStream {
        let Self { private, policy, .. } = self;
        let call = self.call();
        let site = Span::mixed_site();
        let classified = &failing.classified;
        let settled = self.settled(failing);
        let plain = self.retry.on_retry.is_none()
            && self.breaker.is_none()
            && !self.tells_class()
            && self.budget_key().is_none();
        if !self.is_async() && plain && !failing.is_poll {
            let exit = self.exit_with(
                &quote_spanned!(site => __steadfast_outcome),
                &quote_spanned!(site => ::core::option::Option::None),
            );
            return quote_spanned! { site =>
                if !#private::cold(|| {
                    #classified
                    #private::#call::again(
                        &mut __steadfast_call, #policy, __steadfast_class, __steadfast_text,
                    )
                }) {
                    #exit
                }
            };
        }
        let decision = self.decision(failing);
        let seen = if failing.is_poll {
            quote_spanned!(site => ::core::option::Option::None)
        } else {
            quote_spanned!(site => ::core::option::Option::Some(__steadfast_class))
        };
        let hooked = self.retry.on_retry.as_ref().map(|hook| {
            let (hook, span) = (&hook.value, site.located_at(hook.span));
            let (private, policy) = (at(private, span), at(policy, span));
            quote_spanned! { span =>
                if let ::core::option::Option::Some(__steadfast_delay) = __steadfast_delay {
                    #private::hook(
                        #hook,
                        &__steadfast_call.event(#policy, #seen, __steadfast_delay, __steadfast_text),
                    );
                }
            }
        });
        // The text is made for those who wait for this call, at its end.
        let described = quote_spanned! { site =>
            if ::core::option::Option::is_none(&__steadfast_delay) {
                #private::describe(__steadfast_text)
            } else {
                ::core::option::Option::None
            }
        };
        // What the end of the call has to know beside its outcome.
        let verdict = failing.verdict.as_ref().filter(|_| self.call_breaker().is_some());
        let (carried, told) = match (self.tells_class(), verdict) {
            (false, None) => (None, None),
            (true, None) => (
                Some(quote_spanned!(site => , #seen, #described)),
                Some(quote_spanned!(site => , __steadfast_class, __steadfast_described)),
            ),
            (false, Some(verdict)) => (
                Some(quote_spanned!(site => , #verdict)),
                Some(quote_spanned!(site => , __steadfast_verdict)),
            ),
            (true, Some(verdict)) => (
                Some(quote_spanned!(site => , #seen, #described, #verdict)),
                Some(quote_spanned! { site =>
                    , __steadfast_class, __steadfast_described, __steadfast_verdict
                }),
            ),
        };
        let settled_after = verdict.map(
            |_| quote_spanned!(site => let _ = #private::Pass::settle(__steadfast_pass, __steadfast_verdict);),
        );
        let next = if !self.repeats {
            // There is no other attempt.
            None
        } else if self.is_async() {
            Some(quote_spanned!(site => __steadfast_delay))
        } else {
            Some(quote_spanned! { site =>
                #private::Blocking::pause(&mut __steadfast_call, #policy, __steadfast_delay);
            })
        };
        let exit = if self.tells_class() {
            let answer = self.answer();
            quote_spanned! { site =>
                ::core::mem::forget(__steadfast_call);
                return #private::Ended::new(#answer, __steadfast_class).text(__steadfast_described);
            }
        } else {
            self.exit_with(&self.answer(), &quote_spanned!(site => ::core::option::Option::None))
        };
        let cold = quote_spanned! { site =>
            #private::cold(|| {
                #classified
                #settled
                let __steadfast_delay = #decision;
                #hooked
                (__steadfast_delay #carried)
            })
        };
        match next {
            Some(next) => quote_spanned! { site =>
                match #cold {
                    (::core::option::Option::Some(__steadfast_delay) #told) => { #next }
                    (::core::option::Option::None #told) => { #settled_after #exit }
                }
            },
            None => quote_spanned! { site =>
                let (_ #told) = #cold;
                #settled_after
                #exit
            },
        }
    }

    /// What the caller gets when there is no other attempt. A timeout is the answer only where no
    /// attempt before it ended with an error of its own.
    pub(super) fn answer(&self) -> TokenStream {
        let private = &self.private;
        let site = Span::mixed_site();
        if !self.keeps_error() || !self.is_limited() {
            return quote_spanned!(site => __steadfast_outcome);
        }
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
    }

    fn class(&self) -> TokenStream {
        let private = &self.private;
        let site = Span::mixed_site();
        let error = quote_spanned!(site => __steadfast_error);
        // Only a retry insists on a classification.
        let (rule, not_on) = match (self.repeats, self.breaker) {
            (false, Some(breaker)) => (&breaker.rule, &breaker.not_on),
            _ => (&self.retry.rule, &self.retry.not_on),
        };
        let otherwise = if self.repeats {
            verdict::by_itself(&error, self.output_span, private)
        } else {
            verdict::if_told(&error, private)
        };
        let rule = rule.as_ref().map(|rule| &rule.value);
        let probe = verdict::probe(self.output.as_ref());
        let of_error = verdict::of_error(rule, not_on, &otherwise, &error, private, &probe);
        if !self.is_limited() {
            return of_error;
        }
        let of_limit = if verdict::timeouts_are_listed(not_on) {
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
