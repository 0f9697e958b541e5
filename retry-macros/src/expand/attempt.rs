//! One attempt: the body made anew, run, and cut off where it takes too long.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};

use super::function::{Frame, Wait};
use crate::runtime_path::at;

impl Frame<'_> {
    /// The body as an attempt: in the macro of the runtime that is named for what borrow checking may
    /// refuse in it, where that would be told.
    pub(super) fn made(&self, body: &Group) -> TokenStream {
        let at_body = Span::mixed_site().located_at(body.span());
        let body = braced(body, at_body);
        let rebound = self.rebound.iter().map(|rebound| &rebound.tokens);
        // What is said of an attempt as a whole stands at the name: the body would be underlined from
        // its first line to its last.
        let span = Span::mixed_site().located_at(self.name);
        let (private, mut attempt) = (at(&self.private, span), self.refusal.clone());
        attempt.set_span(span);
        let output = self.output_tokens();
        match self.wait {
            // One closure for all attempts. What borrow checking says of it stands at the body's own
            // tokens and would not name the macro.
            Wait::Blocked if self.is_plain() => quote_spanned! { span =>
                || -> #output { #(#rebound)* #body }
            },
            Wait::Blocked => quote_spanned! { span =>
                #private::#attempt!(|| -> [#output] { #(#rebound)* #body })
            },
            // An async block has no place for its type: a `return` that is never run tells it.
            Wait::Awaited => quote_spanned! { span =>
                #private::#attempt!(async {
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
                    #private::#attempt!(|| #(-> [#returned])* { #(#rebound)* #body })
                }
            }
        }
    }

    /// Statements that bind `__steadfast_outcome`, and `__steadfast_limit` where attempts are limited.
    pub(super) fn attempt(&self, body: &Group) -> TokenStream {
        let Self { private, policy, .. } = self;
        let site = Span::mixed_site();
        let output = self.output_tokens();
        let span = site.located_at(self.name);
        let made = self.made(body);
        let call = quote_spanned!(span => #private::call(#made));
        let run = match self.wait {
            Wait::Blocked => return quote_spanned!(span => let __steadfast_outcome = #call;),
            Wait::Awaited => made,
            Wait::Returned => call,
        };
        let private = &self.private;
        let sleep = match &self.retry.sleep {
            Some(sleep) => {
                let (sleep, span) = (&sleep.value, site.located_at(sleep.span));
                quote_spanned!(span => |__steadfast_limit| ::std::boxed::Box::pin((#sleep)(__steadfast_limit)))
            }
            None => quote_spanned!(site => #private::timer),
        };
        let watched = self.watches().then(|| {
            quote_spanned! { site =>
                let __steadfast_body =
                    ::core::pin::pin!(
                        #private::Pass::watch(&mut __steadfast_pass, __steadfast_body, #sleep));
            }
        });
        let is_limited = self.is_limited();
        if !is_limited && watched.is_none() {
            return quote_spanned! { site =>
                let __steadfast_outcome: #output =
                    #private::Polled::run(&mut __steadfast_call, #policy, #run).await;
            };
        }
        let pinned =
            quote_spanned!(span => let __steadfast_body = ::core::pin::pin!(#run); #watched);
        if !is_limited {
            return quote_spanned! { site =>
                let __steadfast_outcome: #output = {
                    #pinned
                    #private::Polled::run(&mut __steadfast_call, #policy, __steadfast_body).await
                };
            };
        }
        let timed_out = self.timed_out();
        let last = if self.keeps_error() {
            quote_spanned!(site => ::core::option::Option::take(&mut __steadfast_last))
        } else {
            quote_spanned!(site => ::core::option::Option::None)
        };
        let exit = self.exit_with(
            &quote_spanned! { site =>
                #private::Outcome::from_error(match #last {
                    ::core::option::Option::Some(__steadfast_last) => __steadfast_last,
                    ::core::option::Option::None => __steadfast_error,
                })
            },
            &quote_spanned! { site =>
                ::core::option::Option::Some(
                    #private::Classification::retryable().kind(#private::Kind::Timeout),
                )
            },
        );
        quote_spanned! { site =>
            let (__steadfast_outcome, __steadfast_limit): (#output, _) = {
                #pinned
                match #private::Polled::run_limited(&mut __steadfast_call, #policy, __steadfast_body, #sleep).await {
                    ::core::result::Result::Ok(__steadfast_outcome) => {
                        (__steadfast_outcome, ::core::option::Option::None)
                    }
                    ::core::result::Result::Err(__steadfast_limit) => {
                        let __steadfast_error = #timed_out;
                        if let #private::Limit::Deadline = __steadfast_limit {
                            #private::Polled::cut(&mut __steadfast_call, #policy);
                            #exit
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
        match &self.retry.map_timeout {
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

    /// Whether nothing but `policy = …` may limit attempts, and the types can be asked for it.
    fn may_be_limited_by_policy_alone(&self) -> bool {
        self.retry.attempt_timeout.is_none()
            && self.retry.deadline.is_none()
            && self.output.as_ref().is_some_and(|output| !has_placeholder(output.to_token_stream()))
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

/// The body in braces that no lint looks at.
///
/// As the user's own, the braces around a lone expression would seem superfluous. Around statements
/// they stay: what a half-typed body lacks is then told once, because the compiler has found the same
/// at the same place before it came here.
fn braced(body: &Group, span: Span) -> Group {
    if is_no_lone_expression(body) {
        return body.clone();
    }
    let mut block = Group::new(Delimiter::Brace, body.stream());
    block.set_span(span);
    block
}

/// Whether a body is anything else than one expression, as far as tokens tell: it has statements, or
/// ends where no expression does.
fn is_no_lone_expression(body: &Group) -> bool {
    let mut ends_open = false;
    body.stream().into_iter().any(|token| {
        ends_open = matches!(&token, TokenTree::Punct(punct) if punct.as_char() != '?');
        match token {
            TokenTree::Ident(word) => word == "let",
            TokenTree::Punct(punct) => punct.as_char() == ';',
            _ => false,
        }
    }) || ends_open
}
