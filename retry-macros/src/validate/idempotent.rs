//! `#[idempotent]`: options that contradict each other or the function below.

use super::Given;
use crate::diagnostics::{Diagnostics, quoted};
use crate::model::{Idempotent, OnLeaseLost, Piece};
use crate::options::IdempotentOption;
use crate::parse::Around;

/// Reports what contradicts itself in the attribute, or contradicts the function below it.
pub(crate) fn idempotent(
    model: &Idempotent,
    given: &Given<IdempotentOption>,
    around: Around,
    diagnostics: &mut Diagnostics,
) {
    scope(model, given, diagnostics);
    if !around.facts.is_async {
        async_only(model, given, diagnostics);
    }
}

/// Keys that are made of arguments alone are those of every function that does so.
fn scope(model: &Idempotent, given: &Given<IdempotentOption>, diagnostics: &mut Diagnostics) {
    let template = &model.key.value;
    let bare = !template.pieces.is_empty()
        && template.pieces.iter().all(|piece| matches!(piece, Piece::Argument(_)));
    if bare && given.span(IdempotentOption::Scope).is_none() {
        let text = template.text.value();
        diagnostics.error(
            model.key.span,
            format_args!(
                "`key` has no text of its own, found {}: another function with such a key would get \
                 the answer of this one",
                quoted(&text)
            ),
            format_args!("write `key = {:?}`, or `scope = \"…\"` beside it", format!("order_{text}")),
        );
    }
}

/// What can only happen to a function that is dropped.
fn async_only(model: &Idempotent, given: &Given<IdempotentOption>, diagnostics: &mut Diagnostics) {
    if let Some(key) = given.span(IdempotentOption::OnDrop) {
        diagnostics.error(
            key,
            "`on_drop` needs an `async fn`: a sync function cannot be dropped while it runs",
            "remove it, or make the function `async`",
        );
    }
    if let Some(lost) = &model.on_lease_lost
        && lost.value == OnLeaseLost::Cancel
    {
        diagnostics.error(
            lost.span,
            "`on_lease_lost = \"cancel\"` needs an `async fn`: a sync function cannot be cut off",
            "write `on_lease_lost = \"continue\"`, or make the function `async`",
        );
    }
}
