//! Functions that an attribute cannot stand on.

use syn::spanned::Spanned as _;
use syn::{FnArg, Pat, ReceiverKind, Type};

use crate::diagnostics::Diagnostics;
use crate::parse::ReadStack;
use crate::siblings::Attribute;
use crate::signature::Function;

/// Reports what the function is and must not be.
pub(crate) fn function(
    function: &Function,
    first: Attribute,
    stack: &ReadStack,
    diagnostics: &mut Diagnostics,
) {
    let words = Words::of(if stack.retry.is_some() { Attribute::Retry } else { first });
    head(function, &words, diagnostics);
    output(function, stack, diagnostics);
    if stack.retry.is_some() {
        receiver(function, diagnostics);
    }
    if stack.breaker.as_ref().is_some_and(|breaker| breaker.model.fallback.is_some()) {
        arguments_of_fallback(function, diagnostics);
    }
}

/// How an attribute says that a function is of the wrong kind.
struct Words {
    name: &'static str,
    body: &'static str,
    constant: &'static str,
    foreign: &'static str,
}

impl Words {
    fn of(attribute: Attribute) -> Self {
        let (body, constant, foreign) = match attribute {
            Attribute::Retry => (
                "a body to call again",
                "a `const fn` cannot be retried: nothing waits at compile time",
                "a function with a foreign ABI cannot be retried: its callers know nothing of `Result`",
            ),
            Attribute::Breaker => (
                "a body to guard",
                "a `const fn` cannot have a circuit breaker: nothing fails at compile time",
                "a function with a foreign ABI cannot have a circuit breaker: its callers know \
                 nothing of `Result`",
            ),
            Attribute::Idempotent => (
                "a body to run once",
                "a `const fn` cannot be idempotent: nothing is stored at compile time",
                "a function with a foreign ABI cannot be idempotent: its callers know nothing of \
                 `Result`",
            ),
        };
        Self { name: attribute.name(), body, constant, foreign }
    }
}

fn head(function: &Function, words: &Words, diagnostics: &mut Diagnostics) {
    let signature = &function.signature;
    let name = words.name;
    if function.body.is_none() {
        diagnostics.error(
            signature.ident.span(),
            format_args!("`{name}` needs {}, and this method has none", words.body),
            format_args!(
                "put `#[{name}]` on the methods of the `impl` blocks, or give this one a default body"
            ),
        );
    }
    if let Some(token) = &signature.constness {
        diagnostics.error(token.span, words.constant, "take `const` off");
    }
    if let Some(abi) = &signature.abi {
        diagnostics.error(
            abi.span(),
            words.foreign,
            format_args!("put `#[{name}]` on a function that this one calls"),
        );
    }
}

fn output(function: &Function, stack: &ReadStack, diagnostics: &mut Diagnostics) {
    let name = &function.signature.ident;
    let output = function.output();
    if let Some(Type::Never(never)) = output {
        let purpose = match (&stack.retry, &stack.idempotent) {
            (Some(_), _) => "retry",
            (None, Some(_)) => "store",
            (None, None) => "guard",
        };
        diagnostics.error(
            never.bang_token.span,
            format_args!("`{name}` never returns, so there is nothing to {purpose}"),
            "return a `Result<T, E>` or an `Option<T>`",
        );
        return;
    }
    let place = match output {
        None => name.span(),
        Some(output @ Type::Tuple(tuple)) if tuple.elems.is_empty() => output.span(),
        Some(_) => return,
    };
    if stack.idempotent.is_some() {
        diagnostics.error(
            place,
            format_args!("`{name}` returns `()`, which has no place for the error of a duplicate"),
            "return a `Result<(), E>`",
        );
        return;
    }
    let looks = stack.retry.as_ref().is_some_and(|retry| {
        retry.model.when_value.is_some() || retry.model.classify_value.is_some()
    });
    let fails = stack.breaker.as_ref().is_some_and(|breaker| {
        breaker.model.classify_value.is_some() || breaker.model.slow_call.is_some()
    });
    if !looks && (stack.retry.is_some() || !fails) {
        diagnostics.error(
            place,
            format_args!("`{name}` returns `()`, which cannot fail"),
            "return a `Result<T, E>` or an `Option<T>`",
        );
    } else if stack.breaker.as_ref().is_some_and(|breaker| breaker.model.fallback.is_none()) {
        diagnostics.error(
            place,
            format_args!(
                "`{name}` returns `()`, which has no place for the error of an open circuit"
            ),
            "write `fallback = …` in the breaker, or return a `Result<(), E>`",
        );
    }
}

fn receiver(function: &Function, diagnostics: &mut Diagnostics) {
    if let Some(FnArg::Receiver(receiver)) = function.signature.inputs.first()
        && let (ReceiverKind::Value, Some(mutability)) = (&receiver.kind, &receiver.mutability)
    {
        diagnostics.error(
            mutability.span,
            "`mut self` would carry the changes of a failed attempt into the next one",
            "take `&self`, and begin the body with a clone of what it changes",
        );
    }
}

/// A fallback is called with the arguments, each by its name.
fn arguments_of_fallback(function: &Function, diagnostics: &mut Diagnostics) {
    for argument in &function.signature.inputs {
        let FnArg::Typed(argument) = argument else { continue };
        let named = matches!(&*argument.pat, Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none());
        if !named {
            diagnostics.error(
                argument.pat.span(),
                "`fallback` is called with the arguments by their names, and this one has none",
                "name it, and take it apart in the body: `let … = argument;`",
            );
        }
    }
}
