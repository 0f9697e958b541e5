//! What can only be wrong across the attributes of a stack.

use std::time::Duration;

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::{LitStr, Path};

use super::retry::Options;
use crate::diagnostics::{Diagnostics, fault, source};
use crate::durations::write_duration;
use crate::model::{Breaker, DurationValue, Idempotent, Per, Retry, Spanned};
use crate::options::{IdempotentOption, RetryOption};
use crate::parse::{Read, ReadStack};

/// What the runtime uses where nothing is said.
const DEFAULT_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// Reports what contradicts itself between the attributes of one function.
pub(crate) fn stack(stack: &ReadStack, diagnostics: &mut Diagnostics) {
    if let (Some(idempotent), Some(retry)) = (&stack.idempotent, &stack.retry) {
        replay(idempotent, diagnostics);
        polling(&retry.model, diagnostics);
        ttl(idempotent, retry, diagnostics);
        contexts(&idempotent.model, &retry.model, diagnostics);
        names(idempotent.model.name.as_ref(), retry.model.name.as_ref(), diagnostics);
    }
    if let (Some(retry), Some(breaker)) = (&stack.retry, &stack.breaker) {
        limits(&retry.model, &breaker.model, diagnostics);
    }
    if let (None, Some(breaker)) = (&stack.retry, &stack.breaker)
        && let Some(per) = &breaker.model.per
        && per.value == Per::Call
    {
        diagnostics.error(
            per.span,
            "`per = \"call\"` puts the breaker around the retry, and there is no `#[retry]`",
            "remove it, or write `#[retry]` above",
        );
    }
    crates(stack, diagnostics);
}

/// The double charge: nobody but the user knows whether the other side deduplicates.
fn replay(idempotent: &Read<Idempotent, IdempotentOption>, diagnostics: &mut Diagnostics) {
    if idempotent.given.span(IdempotentOption::Replay).is_none() {
        diagnostics.push(fault(
            &idempotent.place,
            "`idempotent` above `retry` needs `replay`: an attempt whose answer was lost may have \
             had its effect, and the next one would have it twice",
            "write `replay = \"unsent\"` to retry only what surely never reached the other side,\n\
             or `replay = \"keyed\"` if the body hands `attempt.idempotency_key()` to it",
        ));
    }
}

fn polling(retry: &Retry, diagnostics: &mut Diagnostics) {
    if let Some(when) = &retry.when_value {
        diagnostics.error(
            when.key,
            "`when_value` polls, and `idempotent` would store the answer that was polled last, for \
             good",
            "poll in a function of its own, without `#[idempotent]`",
        );
    }
}

/// A record that is gone while retries go on lets a duplicate run beside them.
fn ttl(
    idempotent: &Read<Idempotent, IdempotentOption>,
    retry: &Read<Retry, RetryOption>,
    diagnostics: &mut Diagnostics,
) {
    let options = Options { model: &retry.model, given: &retry.given };
    let Some(horizon) = options.horizon() else { return };
    let said = idempotent.model.ttl.as_ref();
    let ttl = match said {
        Some(said) => said.value.literal(),
        None if idempotent.given.span(IdempotentOption::Ttl).is_some() => None,
        None => Some(DEFAULT_TTL),
    };
    let Some(ttl) = ttl.filter(|ttl| *ttl < horizon) else { return };
    let (ttl, horizon) = (write_duration(ttl), write_duration(horizon));
    let unsaid = idempotent.place.span();
    let (place, default) = match said {
        Some(said) => (said.span, ""),
        None => (retry.model.deadline.as_ref().map_or(unsaid, |it| it.span), " by default"),
    };
    diagnostics.error(
        place,
        format_args!("`ttl` ({ttl}{default}) is shorter than the retrying can last ({horizon})"),
        format_args!("write `ttl = \"{horizon}\"` or more, or lower the `deadline` of the retry"),
    );
}

fn contexts(idempotent: &Idempotent, retry: &Retry, diagnostics: &mut Diagnostics) {
    let (Some(outer), Some(inner)) = (&idempotent.context, &retry.context) else { return };
    if outer != inner {
        differ("context", inner.span(), outer, inner, diagnostics);
    }
}

fn names(
    outer: Option<&Spanned<LitStr>>,
    inner: Option<&Spanned<LitStr>>,
    diagnostics: &mut Diagnostics,
) {
    let (Some(outer), Some(inner)) = (outer, inner) else { return };
    if outer.value.value() != inner.value.value() {
        differ("name", inner.span, &outer.value, &inner.value, diagnostics);
    }
}

/// One expansion names the runtime in one way.
fn crates(stack: &ReadStack, diagnostics: &mut Diagnostics) {
    let idempotent = stack.idempotent.as_ref().and_then(|read| read.model.crate_path.as_ref());
    let retry = stack.retry.as_ref().and_then(|read| read.model.crate_path.as_ref());
    let breaker = stack.breaker.as_ref().and_then(|read| read.model.crate_path.as_ref());
    let said: Vec<&Path> = [idempotent, retry, breaker].into_iter().flatten().collect();
    let Some((first, others)) = said.split_first() else { return };
    if let Some(other) = others.iter().find(|other| source(**other) != source(*first)) {
        differ("crate", other.span(), first, *other, diagnostics);
    }
}

fn differ(
    option: &str,
    place: Span,
    outer: &impl quote::ToTokens,
    inner: &impl quote::ToTokens,
    diagnostics: &mut Diagnostics,
) {
    let (outer, inner) = (source(outer), source(inner));
    diagnostics.error(
        place,
        format_args!(
            "`{option}` is `{outer}` in one attribute of the stack and `{inner}` in another"
        ),
        format_args!("write `{option} = {outer}` in one of them and remove the other"),
    );
}

/// What the breaker says of a call's duration against what limits the call.
fn limits(retry: &Retry, breaker: &Breaker, diagnostics: &mut Diagnostics) {
    let around_call = breaker.per.as_ref().is_some_and(|per| per.value == Per::Call);
    let (limit, name) = if around_call {
        // A soft deadline cuts nothing.
        let hard = retry.deadline.as_ref().filter(|deadline| !deadline.value.soft);
        (hard.and_then(|deadline| deadline.value.value.literal()), "deadline")
    } else {
        let timeout = retry.attempt_timeout.as_ref();
        (timeout.and_then(|timeout| timeout.value.literal()), "attempt_timeout")
    };
    let Some(limit) = limit else { return };
    let known = |option: &Option<Spanned<DurationValue>>| {
        let said = option.as_ref()?;
        Some((said.value.literal()?, said.span))
    };
    let limit_text = write_duration(limit);
    if let Some((probe, place)) = known(&breaker.probe_timeout)
        && probe < limit
    {
        let probe = write_duration(probe);
        diagnostics.error(
            place,
            format_args!(
                "`probe_timeout` ({probe}) is shorter than `{name}` ({limit_text}): a probe would be \
                 given up while it runs"
            ),
            format_args!("raise `probe_timeout` to at least \"{limit_text}\", or remove it"),
        );
    }
    if let Some((slow, place)) = known(&breaker.slow_call)
        && slow >= limit
    {
        let slow = write_duration(slow);
        diagnostics.error(
            place,
            format_args!(
                "`slow_call` ({slow}) is not shorter than `{name}` ({limit_text}), which cuts the \
                 call off before"
            ),
            format_args!("lower `slow_call` below \"{limit_text}\", or remove it"),
        );
    }
}
