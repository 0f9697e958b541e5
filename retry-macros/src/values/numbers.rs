//! Numbers: counts, ratios and shares, each within what an option takes.

use syn::{Expr, ExprLit, ExprUnary, Lit, LitFloat, UnOp};

use super::{Named, bare, literal, literal_number, needs, needs_with, never_a_value, number_parts};
use crate::diagnostics::{excerpt, fault, shortened, source};
use crate::options::as_share;

/// A whole number from `least` to `most`.
pub(crate) fn count(named: Named, least: u32, most: u32, expr: Expr) -> syn::Result<Expr> {
    const WHAT: &str = "a whole number";
    let name = named.name;
    let Some((negative, lit)) = literal(&expr) else {
        return if never_a_value(&expr) { Err(needs(named, WHAT, &expr)) } else { Ok(expr) };
    };
    let help = format!("write `{}`", named.example);
    match lit {
        Lit::Int(int) if negative => Err(fault(
            &expr,
            format_args!(
                "`{name}` must be at least {least}, found -{}",
                shortened(int.base10_digits())
            ),
            help,
        )),
        Lit::Int(int) => {
            // Digits that do not even fit are more than a `u32` holds, too.
            let value = int.base10_parse::<u128>().unwrap_or(u128::MAX);
            let digits = shortened(int.base10_digits());
            if !matches!(int.suffix(), "" | "u32") {
                let what = format!("`{name}` is a `u32`, found `{}`", excerpt(int));
                return Err(fault(&expr, what, format_args!("write `{name} = {digits}`")));
            }
            if value < u128::from(least) {
                let what = format!("`{name}` must be at least {least}, found {digits}");
                return Err(fault(&expr, what, help));
            }
            if value > u128::from(most) {
                let what = format!("`{name}` can be at most {most}, found {digits}");
                return Err(fault(&expr, what, help));
            }
            Ok(expr)
        }
        Lit::Str(text) => {
            let value = text
                .value()
                .trim()
                .parse::<u32>()
                .ok()
                .filter(|value| (least..=most).contains(value));
            let help = value.map_or(help, |value| format!("write `{name} = {value}`"));
            Err(needs_with(named, WHAT, &expr, &help))
        }
        _ => Err(needs(named, WHAT, &expr)),
    }
}

/// The numbers that an option takes.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Bounds {
    fn words(self) -> String {
        if self.most.is_finite() {
            format!("between {} and {}", self.least, self.most)
        } else {
            format!("at least {}", self.least)
        }
    }
}

/// A finite number within `bounds`; the literal stays as it was written.
pub(crate) fn number(named: Named, bounds: Bounds, expr: Expr) -> syn::Result<Expr> {
    const WHAT: &str = "a number";
    let name = named.name;
    let help = format!("write `{}`", named.example);
    let Some((negative, lit)) = literal(&expr) else {
        return if let Some(constant) = not_finite(&expr) {
            Err(fault(&expr, format_args!("`{name}` must be finite, found `{constant}`"), help))
        } else if never_a_value(&expr) {
            Err(needs(named, WHAT, &expr))
        } else {
            Ok(expr)
        };
    };
    let (Lit::Int(_) | Lit::Float(_)) = lit else {
        let value = match lit {
            Lit::Str(text) => text.value().trim().parse::<f64>().ok(),
            _ => None,
        };
        let help = value
            .filter(|value| (bounds.least..=bounds.most).contains(value) && value.is_finite())
            .map_or(help, |value| format!("write `{name} = {value:?}`"));
        return Err(needs_with(named, WHAT, &expr, &help));
    };
    let (digits, suffix) = number_parts(&expr);
    if !matches!(suffix.as_str(), "" | "f64") {
        let what = format!("`{name}` is an `f64`, found `{}`", excerpt(&expr));
        return Err(fault(&expr, what, help));
    }
    let sign = if negative { "-" } else { "" };
    let shown = format!("{sign}{}", shortened(&digits));
    let value = format!("{sign}{digits}").parse().unwrap_or(f64::INFINITY);
    if !value.is_finite() {
        let what =
            format!("`{name}` must be finite, found {shown}, which is more than an `f64` holds");
        return Err(fault(&expr, what, help));
    }
    if !(bounds.least..=bounds.most).contains(&value) || negative {
        let what = format!("`{name}` must be {}, found {shown}", bounds.words());
        return Err(fault(&expr, what, help));
    }
    Ok(expr)
}

/// As [`number`], and an integer becomes a float: `factor = 2` is no mistake worth an error.
pub(crate) fn ratio(named: Named, bounds: Bounds, expr: Expr) -> syn::Result<Expr> {
    let mut expr = number(named, bounds, expr)?;
    if let Some((_, Lit::Int(int))) = literal(&expr) {
        let lit = Lit::Float(LitFloat::new(&format!("{}.0", int.base10_digits()), int.span()));
        expr = Expr::Lit(ExprLit { attrs: Vec::new(), lit });
    }
    Ok(expr)
}

/// A share of calls: above 0 and at most 1. A percentage is translated.
pub(crate) fn share(named: Named, expr: Expr) -> syn::Result<Expr> {
    let Named { name, example } = named;
    let written = match literal(&expr) {
        Some((false, Lit::Int(_) | Lit::Float(_))) => number_parts(&expr).0,
        Some((false, Lit::Str(text))) => text.value(),
        _ => String::new(),
    };
    let help = match as_share(&written) {
        Some(share) => format!("write `{name} = {share:?}`"),
        None => format!("write `{example}`"),
    };
    match literal(&expr) {
        Some((false, Lit::Str(_))) => Err(needs_with(named, "a share of calls", &expr, &help)),
        Some((_, Lit::Int(_) | Lit::Float(_)))
            if literal_number(&expr).is_none_or(|share| !(share > 0.0 && share <= 1.0)) =>
        {
            let what = format!(
                "`{name}` is a share above 0 and at most 1, found {}",
                shortened(&source(&expr))
            );
            Err(fault(&expr, what, help))
        }
        _ => ratio(named, Bounds { least: 0.0, most: 1.0 }, expr),
    }
}

/// `f64::NAN` and its kin are paths, but no less wrong than a literal.
fn not_finite(expr: &Expr) -> Option<String> {
    let inner = match bare(expr) {
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => bare(expr),
        inner => inner,
    };
    let Expr::Path(path) = inner else { return None };
    let constant = path.path.segments.last()?;
    let known =
        constant.ident == "NAN" || constant.ident == "INFINITY" || constant.ident == "NEG_INFINITY";
    (known && path.path.segments.iter().rev().nth(1)?.ident == "f64").then(|| source(expr))
}
