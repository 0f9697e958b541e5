//! `budget`, which is a path, a word, or a list of options of its own.

use proc_macro2::TokenStream;
use syn::spanned::Spanned as _;
use syn::{Expr, Lit};

use super::{Value, each};
use crate::diagnostics::{Diagnostics, excerpt, fault};
use crate::items::{Item, Shape, items};
use crate::model::{Budget, InlineBudget, Spanned};
use crate::options::{BudgetOption, RetryOption};
use crate::templates::template;
use crate::validate::{self, FunctionFacts};
use crate::values::{self, Bounds, Named};

pub(super) fn budget(
    item: &Item,
    named: Named,
    facts: &FunctionFacts,
    diagnostics: &mut Diagnostics,
) -> syn::Result<Option<Spanned<Budget>>> {
    const INLINE: &str = "budget(tokens_per_second = 10, max_tokens = 50)";
    if let Shape::Called(group) = &item.shape {
        let inline = inline_budget(group.stream(), facts, diagnostics);
        if group.stream().is_empty() {
            return Err(fault(
                &item.name,
                "`budget()` says nothing",
                format_args!("write `{INLINE}`"),
            ));
        }
        return Ok(Some(item.spanned(group.span(), Budget::Inline(inline))));
    }
    let expr = item.expr(RetryOption::Budget)?;
    let span = expr.span();
    match &expr {
        Expr::Path(path) if path.path.is_ident("none") => {
            return Ok(Some(item.spanned(span, Budget::None)));
        }
        Expr::Path(path) if path.path.is_ident("None") => {
            return Err(fault(
                &expr,
                "`budget` needs `none` in lower case, found the path `None`",
                "write `budget = none`",
            ));
        }
        Expr::Call(call) if matches!(&*call.func, Expr::Path(path) if path.path.is_ident("budget")) =>
        {
            return Err(fault(
                &expr,
                format_args!(
                    "`budget(…)` stands without `budget =`, found {}",
                    values::found(&expr)
                ),
                format_args!("write `{}`", excerpt(&expr)),
            ));
        }
        _ => {}
    }
    let what = "the path of a `static RetryBudget`, or `none`";
    let example = match values::literal(&expr) {
        Some((_, Lit::Int(_) | Lit::Float(_))) | None => INLINE,
        Some(_) => named.example,
    };
    // A budget that is made in place would be a new one for every call.
    let path = values::path(Named { example, ..named }, what, expr)?;
    Ok(Some(item.spanned(span, Budget::Path(path))))
}

fn inline_budget(
    tokens: TokenStream,
    facts: &FunctionFacts,
    diagnostics: &mut Diagnostics,
) -> InlineBudget {
    let mut budget = InlineBudget::default();
    let items = items::<BudgetOption>(tokens, diagnostics);
    let given = each(&items, diagnostics, |value, _| read(value, facts, &mut budget));
    validate::budget(&budget, &given, diagnostics);
    budget
}

fn read(
    value: &Value<'_, BudgetOption>,
    facts: &FunctionFacts,
    budget: &mut InlineBudget,
) -> syn::Result<()> {
    let number = |least| {
        let bounds = Bounds { least, most: f64::INFINITY };
        Ok::<_, syn::Error>(value.spanned(values::number(value.named(), bounds, value.expr()?)?))
    };
    match value.option {
        BudgetOption::TokensPerSecond => budget.tokens_per_second = Some(number(0.0)?),
        BudgetOption::MaxTokens => budget.max_tokens = Some(number(1.0)?),
        BudgetOption::Ratio => budget.ratio = Some(value.ratio(0.0, 1.0)?),
        BudgetOption::Name => budget.name = Some(value.name()?),
        BudgetOption::Key => {
            let expr = value.expr()?;
            let key = template(value.named(), &facts.arguments, &expr)?;
            budget.key = Some(value.item.spanned(expr.span(), key));
        }
    }
    Ok(())
}
