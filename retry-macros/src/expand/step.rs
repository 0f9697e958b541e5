//! What follows an attempt: the end of the call, or the delay before the next attempt.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use super::function::Frame;
use super::verdict;
use crate::runtime_path::at;

impl Frame<'_> {
    /// The expression after an attempt: it returns, or yields the delay before the next attempt;
    /// a function that blocks has slept when it ends.
    pub(super) fn step(&self) -> TokenStream {
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
        let failed = self.failed(&quote_spanned! { site =>
            let __steadfast_class = #class;
            let __steadfast_text = (&&#private::find::error_text(__steadfast_error)).steadfast_text();
        });
        let call = self.call();
        let (classified, polled) = (self.classified_value(), self.polled_value());
        let exit = self.exit(&quote_spanned!(site => __steadfast_outcome));
        quote_spanned! { site =>
            {
                #shapes
                use #private::find::ways::*;
                match #error {
                    ::core::option::Option::None => {
                        #classified #polled {
                            #private::#call::succeeded(&mut __steadfast_call);
                            #exit
                        }
                    }
                    ::core::option::Option::Some(__steadfast_error) => {
                        #failed
                    }
                }
            }
        }
    }

    /// Returns from the function. Nothing is left for the call to tell when it is dropped.
    pub(super) fn exit(&self, outcome: &TokenStream) -> TokenStream {
        quote_spanned! { Span::mixed_site() =>
            ::core::mem::forget(__steadfast_call);
            return #outcome;
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
        let classify = self.retry.classify_value.as_ref()?;
        let span = Span::mixed_site().located_at(classify.span);
        let (classify, value) = (&classify.value, at(&self.value(), span));
        let failed = self.failed(&Self::without_text());
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
        let Self { private, policy, .. } = self;
        let when = self.retry.when_value.as_ref()?;
        let span = Span::mixed_site().located_at(when.span);
        let (when, value) = (&when.value, at(&self.value(), span));
        let (private, policy) = (at(private, span), at(policy, span));
        let call = self.call();
        let again = self.next(
            &Self::without_text(),
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

    /// What follows a failure, once `classified` has bound its class and its text.
    fn failed(&self, classified: &TokenStream) -> TokenStream {
        let Self { private, policy, .. } = self;
        let call = self.call();
        let site = Span::mixed_site();
        if !self.is_async() && self.retry.on_retry.is_none() {
            let exit = self.exit(&quote_spanned!(site => __steadfast_outcome));
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
        let decision = if self.is_async() {
            quote_spanned! { site =>
                #private::#call::failed(
                    &mut __steadfast_call, #policy, __steadfast_class, __steadfast_text,
                )
            }
        } else {
            quote_spanned! { site =>
                #private::#call::failed(
                    &mut __steadfast_call,
                    #policy,
                    &#private::Failed::new(__steadfast_class, __steadfast_text),
                )
            }
        };
        let seen = quote_spanned!(site => ::core::option::Option::Some(__steadfast_class));
        self.next(classified, &decision, &seen)
    }

    /// What follows the decision of the runtime: its delay, or the end.
    fn next(
        &self,
        classified: &TokenStream,
        decision: &TokenStream,
        seen: &TokenStream,
    ) -> TokenStream {
        let Self { private, policy, .. } = self;
        let site = Span::mixed_site();
        let decision = match &self.retry.on_retry {
            None => quote_spanned!(site => #decision),
            Some(hook) => {
                let (hook, span) = (&hook.value, site.located_at(hook.span));
                let (private, policy) = (at(private, span), at(policy, span));
                quote_spanned! { span =>
                    let __steadfast_delay = #decision;
                    if let ::core::option::Option::Some(__steadfast_delay) = __steadfast_delay {
                        #private::hook(
                            #hook,
                            &__steadfast_call.event(#policy, #seen, __steadfast_delay, __steadfast_text),
                        );
                    }
                    __steadfast_delay
                }
            }
        };
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
        let exit = self.exit(&answer);
        quote_spanned! { site =>
            match #private::cold(|| {
                #classified
                #decision
            }) {
                ::core::option::Option::Some(__steadfast_delay) => {
                    #next
                }
                ::core::option::Option::None => {
                    #exit
                }
            }
        }
    }

    fn class(&self) -> TokenStream {
        let private = &self.private;
        let site = Span::mixed_site();
        let error = Ident::new("__steadfast_error", site);
        let of_error = verdict::of_error(self.retry, &quote!(#error), self.output_span, private);
        if !self.is_limited() {
            return of_error;
        }
        let of_limit = if verdict::timeouts_are_permanent(self.retry) {
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
