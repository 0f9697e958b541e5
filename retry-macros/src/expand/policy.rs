//! The statics of a function: its policy as one const builder, its operation, its counters.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};

use super::chain::Chain;
use super::{breaker, idempotent};
use crate::model::{
    Backoff, Budget, DurationValue, InlineBudget, Jitter, Nested, Retry, Spanned, Stack,
};
use crate::runtime_path::at;
use crate::validate::FunctionFacts;
use crate::values;

pub(crate) struct Statics {
    pub(crate) items: TokenStream,
    /// An expression of type `&'static RetryPolicy`.
    pub(crate) policy: TokenStream,
}

pub(crate) fn statics(
    stack: &Stack,
    model: &Retry,
    name: &syn::Ident,
    facts: &FunctionFacts,
    private: &TokenStream,
) -> Statics {
    let span = Span::mixed_site();
    let (budget, builder) = builder(stack, model, !facts.is_async, private);
    let said = model.name.as_ref().or(stack.idempotent.as_ref().and_then(|it| it.name.as_ref()));
    let operation = said.map_or_else(
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
    // A policy that names a generic has no value in a `static`, which belongs to all instances.
    let generic = facts.mentions_instantiated(&builder) || names_a_const_generic(builder.clone());
    let (listed, policy, of_instances) = if generic {
        (
            quote_spanned!(span => #private::RetryPolicy::new()),
            quote_spanned!(span => (const { &#builder })),
            Some(quote_spanned!(span => .with_generic_policy())),
        )
    } else {
        let unlisted = stack.retry.is_none().then(|| quote_spanned!(span => .without_retry()));
        (builder, quote_spanned!(span => __STEADFAST_OPERATION.policy()), unlisted)
    };
    let breaker = stack.breaker.as_ref().map(|it| breaker::statics(it, model, private));
    let idempotency =
        stack.idempotent.as_ref().map(|it| idempotent::statics(it, &operation, private));
    let details = details(stack, model, facts, private);
    let function = facts.is_async.then(|| {
        quote_spanned! { span =>
            fn __steadfast_operation() -> &'static #private::Operation {
                &__STEADFAST_OPERATION
            }
        }
    });
    let items = quote_spanned! { span =>
        #budget
        #breaker
        #idempotency
        static __STEADFAST_STATE: #private::State = #private::State::new();
        static __STEADFAST_OPERATION: #private::Operation = #private::Operation::new(
            #operation, ::core::file!(), ::core::line!(), &__STEADFAST_STATE, #listed,
        )#of_instances #details;
        #function
        #private::register!(__STEADFAST_OPERATION);
    };
    Statics { items, policy }
}

/// What the operation is told for whoever lists it.
fn details(
    stack: &Stack,
    model: &Retry,
    facts: &FunctionFacts,
    private: &TokenStream,
) -> TokenStream {
    let span = Span::mixed_site();
    let mut details = TokenStream::new();
    if facts.is_async {
        details.extend(quote_spanned!(span => .asynchronous()));
    }
    if stack.breaker.is_some() {
        details.extend(quote_spanned!(span => .breaker(&__STEADFAST_BREAKER)));
    }
    if let Some(idempotent) = &stack.idempotent {
        let facts = idempotent::facts(idempotent, private);
        details.extend(quote_spanned!(span => .key(#facts)));
    }
    if let Some(Spanned { value: Budget::Path(path), .. }) = &model.budget {
        let path = quote!(#path).to_string().replace(' ', "");
        details.extend(quote_spanned!(span => .budget_path(#path)));
    }
    details
}

/// Whether the tokens have a name of one capital letter: the const generic of an `impl`, which the
/// signature does not show.
fn names_a_const_generic(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => {
            let name = ident.to_string();
            name.len() == 1 && name.starts_with(|letter: char| letter.is_ascii_uppercase())
        }
        TokenTree::Group(group) => names_a_const_generic(group.stream()),
        _ => false,
    })
}

/// One call for each option, located at its value, so that a value that const evaluation refuses is
/// underlined there.
#[expect(clippy::too_many_lines, reason = "one place lists every option")]
fn builder(
    stack: &Stack,
    model: &Retry,
    blocking: bool,
    private: &TokenStream,
) -> (TokenStream, TokenStream) {
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
    let mut chain = Chain::of("__steadfast_policy");
    if let Some(attempts) = max_attempts {
        let value = &attempts.value;
        chain.add(attempts.span, "max_attempts", quote!(#value));
    }
    if let Some(backoff) = backoff {
        let span = backoff.span;
        match &backoff.value {
            Backoff::Exponential => chain.add(span, "exponential", TokenStream::new()),
            Backoff::Linear => chain.add(span, "linear", TokenStream::new()),
            Backoff::Constant => chain.add(span, "constant", TokenStream::new()),
            Backoff::Decorrelated => chain.add(span, "decorrelated", TokenStream::new()),
            Backoff::Custom(schedule) => {
                chain.add(span, "backoff", quote_spanned!(site.located_at(span) => &#schedule));
            }
        }
    }
    for (option, method) in [
        (base_delay, "base_delay"),
        (max_delay, "max_delay"),
        (attempt_timeout, "attempt_timeout"),
        (max_retry_after, "max_retry_after"),
    ] {
        if let Some(Spanned { span, value, .. }) = option {
            chain.add(*span, method, duration(value));
        }
    }
    if let Some(factor) = factor {
        let value = &factor.value;
        chain.add(factor.span, "factor", quote!(#value));
    }
    if let Some(jitter) = jitter {
        let variant = match jitter.value {
            Jitter::Full => quote!(Full),
            Jitter::Equal => quote!(Equal),
            Jitter::None => quote!(None),
        };
        chain.add(jitter.span, "jitter", quote!(#private::Jitter::#variant));
    }
    if let Some(deadline) = deadline {
        let method = if deadline.value.soft { "soft_deadline" } else { "deadline" };
        chain.add(deadline.span, method, duration(&deadline.value.value));
    }
    if let Some(nested) = nested {
        let variant = match nested.value {
            Nested::Suppress => quote!(Suppress),
            Nested::Allow => quote!(Allow),
        };
        chain.add(nested.span, "nested", quote!(#private::Nested::#variant));
    }
    if let Some(on) = log_errors {
        let value = &on.value;
        chain.add(on.span, "log_errors", quote!(#value));
    }
    if let Some(limit) = log_limit {
        let value = &limit.value;
        chain.add(limit.span, "log_limit", quote!(#value));
    }
    if let Some(idempotent) = stack.idempotent.as_ref().filter(|it| idempotent::is_unsent_only(it))
    {
        chain.add(idempotent.key.span, "unsent_only", TokenStream::new());
    }
    let mut item = TokenStream::new();
    if let Some(budget) = budget {
        match &budget.value {
            Budget::None => chain.add(budget.span, "without_budget", TokenStream::new()),
            Budget::Path(path) => {
                let span = site.located_at(budget.span);
                chain.add(budget.span, "budget", quote_spanned!(span => &#path));
            }
            Budget::Inline(inline) => {
                let value = inline_budget(inline, private, site.located_at(budget.span));
                if inline.key.is_some() {
                    item = quote_spanned! { site =>
                        static __STEADFAST_BUDGET: #private::KeyedBudget = #value;
                    };
                } else {
                    item = quote_spanned! { site =>
                        static __STEADFAST_BUDGET: #private::RetryBudget = #value;
                    };
                }
                match &inline.name {
                    _ if inline.key.is_some() => {
                        chain.add(
                            budget.span,
                            "keyed_budget",
                            quote_spanned!(site => &__STEADFAST_BUDGET),
                        );
                    }
                    Some(name) => {
                        let name = &name.value;
                        let value = quote_spanned!(site => #name, &__STEADFAST_BUDGET);
                        chain.add(budget.span, "named_budget", value);
                    }
                    None => {
                        chain.add(
                            budget.span,
                            "budget",
                            quote_spanned!(site => &__STEADFAST_BUDGET),
                        );
                    }
                }
            }
        }
    }
    let unknown = unknown_while_expanding(model);
    if let (Some(_), Some(idempotent)) = (&stack.retry, &stack.idempotent)
        && let Some((span, ttl)) = idempotent::outlives(idempotent, unknown, private)
    {
        chain.add(span, "outlived_by", ttl);
    }
    let standard = if stack.retry.is_none() {
        quote_spanned!(site => #private::RetryPolicy::SINGLE)
    } else {
        quote_spanned!(site => #private::RetryPolicy::DEFAULT)
    };
    if policy.is_none() && chain.is_empty() {
        return (item, standard);
    }
    let start = match policy {
        Some(path) => {
            let (path, span) = (&path.value, site.located_at(path.span));
            let private = at(private, span);
            quote_spanned!(span => let __steadfast_policy: #private::RetryPolicy = #path;)
        }
        None => quote_spanned!(site => let __steadfast_policy = #standard;),
    };
    let span = unknown.map_or(site, |span| site.located_at(span));
    let mut end = quote_spanned!(span => __steadfast_policy.validated());
    // What a shared policy says is known to const evaluation alone.
    if let Some(policy) = policy {
        let span = site.located_at(policy.span);
        if blocking {
            end.extend(quote_spanned!(span => .for_blocking()));
        } else if when_value.is_some() || classify_value.is_some() {
            end.extend(quote_spanned!(span => .for_values()));
        }
    }
    (item, quote_spanned!(site => { #start #chain #end }))
}

/// Where options that contradict each other are underlined: what literals contradict has been
/// reported before, so that it is one of the others.
fn unknown_while_expanding(model: &Retry) -> Option<Span> {
    let duration = |option: &Option<Spanned<DurationValue>>| {
        option.as_ref().filter(|option| option.value.literal().is_none()).map(|option| option.span)
    };
    duration(&model.max_delay)
        .or_else(|| duration(&model.base_delay))
        .or_else(|| duration(&model.attempt_timeout))
        .or_else(|| {
            let deadline = model.deadline.as_ref()?;
            deadline.value.value.literal().is_none().then_some(deadline.span)
        })
        .or_else(|| {
            let attempts = model.max_attempts.as_ref()?;
            values::literal_count(&attempts.value).is_none().then_some(attempts.span)
        })
        .or_else(|| {
            let factor = model.factor.as_ref()?;
            values::literal_number(&factor.value).is_none().then_some(factor.span)
        })
        .or_else(|| Some(model.policy.as_ref()?.span))
}

/// One budget, or one for each key.
fn budget_type(budget: &InlineBudget) -> syn::Ident {
    let name = if budget.key.is_some() { "KeyedBudget" } else { "RetryBudget" };
    syn::Ident::new(name, Span::mixed_site())
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
    let site = Span::mixed_site();
    let refilled = [&budget.tokens_per_second, &budget.max_tokens].into_iter().flatten();
    let place = refilled
        .clone()
        .find(|value| values::literal_number(&value.value).is_none())
        .or_else(|| refilled.clone().next())
        .map_or(span, |value| site.located_at(value.span));
    let kind = budget_type(budget);
    let new = at(&quote_spanned!(place => #private::#kind::new), place);
    let deposit = site.located_at(budget.ratio.as_ref().map_or(span, |ratio| ratio.span));
    let made = quote_spanned!(place => let __steadfast_budget = #new(#rate as ::core::primitive::f64, #most););
    let deposit = quote_spanned!(deposit => __steadfast_budget.deposit_per_call(#ratio as ::core::primitive::f64));
    quote_spanned!(span => { #made #deposit })
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
