//! The statics of a function: its policy as one const builder, its operation, its counters.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};

use crate::model::{Backoff, Budget, DurationValue, InlineBudget, Jitter, Nested, Retry, Spanned};
use crate::validate::FunctionFacts;

pub(crate) struct Statics {
    pub(crate) items: TokenStream,
    /// An expression of type `&'static RetryPolicy`.
    pub(crate) policy: TokenStream,
}

pub(crate) fn statics(
    model: &Retry,
    name: &syn::Ident,
    facts: &FunctionFacts,
    private: &TokenStream,
) -> Statics {
    let span = Span::mixed_site();
    let blocking = !facts.is_async;
    let (budget, builder) = builder(model, blocking, private);
    let operation = model.name.as_ref().map_or_else(
        || {
            let name = name.to_string();
            let name = name.strip_prefix("r#").unwrap_or(&name);
            quote_spanned!(span => ::core::concat!(::core::module_path!(), "::", #name))
        },
        |name| {
            let name = &name.value;
            quote!(#name)
        },
    );
    let paid = !matches!(&model.budget, Some(Spanned { value: Budget::None, .. }));
    // A policy that names a generic has no value in a `static`, which belongs to all instances.
    let (item, policy, listed) = if facts.mentions_instantiated(&builder) {
        (
            TokenStream::new(),
            quote_spanned!(span => (const { &#builder })),
            quote_spanned!(span => ::core::option::Option::None),
        )
    } else {
        (
            quote_spanned!(span => static __STEADFAST_POLICY: #private::RetryPolicy = #builder;),
            quote_spanned!(span => &__STEADFAST_POLICY),
            quote_spanned!(span => ::core::option::Option::Some(&__STEADFAST_POLICY)),
        )
    };
    let items = quote_spanned! { span =>
        #budget
        #item
        static __STEADFAST_STATE: #private::State = #private::State::new();
        static __STEADFAST_OPERATION: #private::Operation = #private::Operation::new(
            #operation, ::core::file!(), ::core::line!(), #listed, &__STEADFAST_STATE, #paid,
        );
    };
    Statics { items, policy }
}

/// One call for each option, located at its value, so that a value that const evaluation refuses is
/// underlined there.
#[expect(clippy::too_many_lines, reason = "one place lists every option")]
fn builder(model: &Retry, blocking: bool, private: &TokenStream) -> (TokenStream, TokenStream) {
    let Retry {
        policy,
        max_attempts,
        backoff,
        base_delay,
        max_delay,
        attempt_timeout,
        max_retry_after,
        factor,
        jitter,
        deadline,
        rule: _,
        not_on: _,
        classify_value,
        when_value,
        on_retry: _,
        map_timeout: _,
        budget,
        clone: _,
        context: _,
        nested,
        name: _,
        sleep: _,
        log_errors,
        log_limit,
        crate_path: _,
    } = model;
    let site = Span::mixed_site();
    let mut calls = TokenStream::new();
    let mut add = |span: Span, method: &str, value: TokenStream| {
        let span = site.located_at(span);
        let method = syn::Ident::new(method, span);
        calls.extend(quote_spanned!(span => .#method(#value)));
    };
    if let Some(attempts) = max_attempts {
        let value = &attempts.value;
        add(attempts.span, "max_attempts", quote!(#value));
    }
    if let Some(backoff) = backoff {
        let span = backoff.span;
        match &backoff.value {
            Backoff::Exponential => add(span, "exponential", TokenStream::new()),
            Backoff::Linear => add(span, "linear", TokenStream::new()),
            Backoff::Constant => add(span, "constant", TokenStream::new()),
            Backoff::Decorrelated => add(span, "decorrelated", TokenStream::new()),
            Backoff::Custom(schedule) => add(span, "backoff", quote!(&#schedule)),
        }
    }
    for (option, method) in [
        (base_delay, "base_delay"),
        (max_delay, "max_delay"),
        (attempt_timeout, "attempt_timeout"),
        (max_retry_after, "max_retry_after"),
    ] {
        if let Some(Spanned { span, value, .. }) = option {
            add(*span, method, duration(value));
        }
    }
    if let Some(factor) = factor {
        let value = &factor.value;
        add(factor.span, "factor", quote!(#value));
    }
    if let Some(jitter) = jitter {
        let variant = match jitter.value {
            Jitter::Full => quote!(Full),
            Jitter::Equal => quote!(Equal),
            Jitter::None => quote!(None),
        };
        add(jitter.span, "jitter", quote!(#private::Jitter::#variant));
    }
    if let Some(deadline) = deadline {
        let method = if deadline.value.soft { "soft_deadline" } else { "deadline" };
        add(deadline.span, method, duration(&deadline.value.value));
    }
    if let Some(nested) = nested {
        let variant = match nested.value {
            Nested::Suppress => quote!(Suppress),
            Nested::Allow => quote!(Allow),
        };
        add(nested.span, "nested", quote!(#private::Nested::#variant));
    }
    if let Some(on) = log_errors {
        let value = &on.value;
        add(on.span, "log_errors", quote!(#value));
    }
    if let Some(limit) = log_limit {
        let value = &limit.value;
        add(limit.span, "log_limit", quote!(#value));
    }
    let mut item = TokenStream::new();
    if let Some(budget) = budget {
        match &budget.value {
            Budget::None => add(budget.span, "without_budget", TokenStream::new()),
            Budget::Path(path) => add(budget.span, "budget", quote!(&#path)),
            Budget::Inline(inline) => {
                let value = inline_budget(inline, private, site.located_at(budget.span));
                item = quote_spanned! { site =>
                    static __STEADFAST_BUDGET: #private::RetryBudget = #value;
                };
                match &inline.name {
                    Some(name) => {
                        let name = &name.value;
                        let value = quote_spanned!(site => #name, &__STEADFAST_BUDGET);
                        add(budget.span, "named_budget", value);
                    }
                    None => {
                        add(budget.span, "budget", quote_spanned!(site => &__STEADFAST_BUDGET));
                    }
                }
            }
        }
    }
    let start = match policy {
        Some(path) => {
            let path = &path.value;
            quote!(#path)
        }
        None => quote_spanned!(site => #private::RetryPolicy::new()),
    };
    // What a shared policy says is known to const evaluation alone.
    let checked = policy.as_ref().and_then(|policy| {
        let span = site.located_at(policy.span);
        if blocking {
            Some(quote_spanned!(span => .for_blocking()))
        } else if when_value.is_some() || classify_value.is_some() {
            Some(quote_spanned!(span => .for_values()))
        } else {
            None
        }
    });
    (item, quote_spanned!(site => #start #calls.validated() #checked))
}

fn inline_budget(budget: &InlineBudget, private: &TokenStream, span: Span) -> TokenStream {
    let number = |option: &Option<Spanned<syn::Expr>>, default: TokenStream| {
        option.as_ref().map_or(default, |number| {
            let value = &number.value;
            quote!(#value)
        })
    };
    let rate = number(&budget.tokens_per_second, quote!(0.0));
    let most = number(&budget.max_tokens, quote!(10));
    let ratio = number(&budget.ratio, quote!(0.0));
    quote_spanned!(span => #private::RetryBudget::new(#rate as f64, #most).deposit_per_call(#ratio as f64))
}

pub(crate) fn duration(value: &DurationValue) -> TokenStream {
    match value {
        DurationValue::Literal(duration) => {
            let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
            quote_spanned!(Span::mixed_site() => ::core::time::Duration::new(#seconds, #nanos))
        }
        DurationValue::Expr(value) => quote!(#value),
    }
}
