//! Reads the value of one option: durations, counts, ratios, words, names, paths.
//!
//! A literal is checked here as far as it can be without looking at another option. Anything that
//! is no literal is a const expression, which the compiler checks where it is used.

mod numbers;

pub(crate) use numbers::{Bounds, count, number, ratio, share};

use syn::{Expr, ExprLit, ExprUnary, Ident, Lit, LitBool, LitStr, Path, UnOp};

use crate::diagnostics::{
    all_of, alternatives, excerpt, fault, nearest, quoted, shortened, source,
};
use crate::durations::{read_duration, with_unit};
use crate::model::DurationValue;

/// The option that a value belongs to, as messages name it.
#[derive(Clone, Copy)]
pub(crate) struct Named {
    pub(crate) name: &'static str,
    /// The option with a valid value.
    pub(crate) example: &'static str,
}

/// Through parentheses and through the invisible groups that `macro_rules!` leaves.
fn bare(mut expr: &Expr) -> &Expr {
    loop {
        expr = match expr {
            Expr::Paren(inner) => &inner.expr,
            Expr::Group(inner) => &inner.expr,
            _ => return expr,
        };
    }
}

/// A literal, and whether a minus stands before it.
pub(crate) fn literal(expr: &Expr) -> Option<(bool, &Lit)> {
    match bare(expr) {
        Expr::Lit(ExprLit { lit, .. }) => Some((false, lit)),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => match bare(expr) {
            Expr::Lit(ExprLit { lit, .. }) => Some((true, lit)),
            _ => None,
        },
        _ => None,
    }
}

/// The value of a literal that was accepted as a count.
pub(crate) fn literal_count(expr: &Expr) -> Option<u32> {
    match literal(expr) {
        Some((false, Lit::Int(int))) => int.base10_parse().ok(),
        _ => None,
    }
}

/// The value of a literal that was accepted as a number.
pub(crate) fn literal_number(expr: &Expr) -> Option<f64> {
    let digits = match literal(expr)? {
        (false, Lit::Int(int)) => int.base10_digits(),
        (false, Lit::Float(float)) => float.base10_digits(),
        _ => return None,
    };
    digits.parse().ok()
}

/// Names what was found: `the integer 100`.
pub(crate) fn found(expr: &Expr) -> String {
    if let Some((negative, lit)) = literal(expr) {
        let sign = if negative { "-" } else { "" };
        return match lit {
            Lit::Int(int) => format!("the integer {sign}{}", shortened(&int.to_string())),
            Lit::Float(float) => format!("the float {sign}{}", shortened(&float.to_string())),
            Lit::Str(text) => format!("the string {}", quoted(&text.value())),
            Lit::Bool(boolean) => format!("the boolean {}", boolean.value),
            Lit::Char(_) => format!("the character {}", excerpt(lit)),
            _ => format!("`{}`", excerpt(lit)),
        };
    }
    let kind = match bare(expr) {
        Expr::Path(_) => "the path",
        Expr::Array(_) => "the list",
        Expr::Tuple(_) => "the tuple",
        Expr::Closure(_) => "the closure",
        Expr::Call(_) | Expr::MethodCall(_) => "the call",
        Expr::Reference(_) => "the reference",
        _ => "the expression",
    };
    format!("{kind} `{}`", excerpt(expr))
}

/// What no const expression of a number, duration or string can look like.
fn never_a_value(expr: &Expr) -> bool {
    matches!(
        bare(expr),
        Expr::Array(_)
            | Expr::Assign(_)
            | Expr::Closure(_)
            | Expr::Infer(_)
            | Expr::Range(_)
            | Expr::Reference(_)
            | Expr::Repeat(_)
            | Expr::Tuple(_)
    )
}

fn needs(named: Named, what: &str, expr: &Expr) -> syn::Error {
    needs_with(named, what, expr, &format!("write `{}`", named.example))
}

fn needs_with(named: Named, what: &str, expr: &Expr, help: &str) -> syn::Error {
    fault(expr, format_args!("`{}` needs {what}, found {}", named.name, found(expr)), help)
}

/// Digits and suffix of a literal number, both empty if it is none.
fn number_parts(expr: &Expr) -> (String, String) {
    match literal(expr) {
        Some((_, Lit::Int(int))) => (int.base10_digits().to_owned(), int.suffix().to_owned()),
        Some((_, Lit::Float(float))) => {
            (float.base10_digits().to_owned(), float.suffix().to_owned())
        }
        _ => (String::new(), String::new()),
    }
}

// ---- durations ----

const UNIT_HELP: &str = "units are `ms`, `s`, `m`, `h`";

pub(crate) fn duration(named: Named, expr: Expr) -> syn::Result<DurationValue> {
    const WHAT: &str = "a duration with a unit";
    // Between the quotes of the example, which may be `soft("30s")`.
    let with_units = |text: &str| {
        let mut parts = named.example.splitn(3, '"');
        let (head, tail) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
        format!("write `{head}\"{text}\"{tail}`; {UNIT_HELP}")
    };
    let by_example = || format!("write `{}`; {UNIT_HELP}", named.example);
    match literal(&expr) {
        None if never_a_value(&expr) => Err(needs_with(named, WHAT, &expr, &by_example())),
        None => Ok(DurationValue::Expr(expr)),
        Some((false, Lit::Str(text))) if text.suffix().is_empty() => {
            read_duration(&text.value()).map(DurationValue::Literal).map_err(|(what, write)| {
                let value = text.value();
                let write = match write {
                    Some(_) if what == "has no unit" => with_unit(named.name, value.trim()),
                    other => other,
                };
                fault(
                    &expr,
                    format_args!("the duration {} of `{}` {what}", quoted(&value), named.name),
                    write.map_or_else(by_example, |text| with_units(&text)),
                )
            })
        }
        Some((false, Lit::Int(_) | Lit::Float(_))) => {
            let (digits, suffix) = number_parts(&expr);
            // `100ms` without quotes is read as an integer with the suffix `ms`.
            let text = if suffix.is_empty() {
                with_unit(named.name, &digits)
            } else {
                Some(format!("{digits}{suffix}")).filter(|text| read_duration(text).is_ok())
            };
            let help = text.map_or_else(by_example, |text| with_units(&text));
            Err(needs_with(named, WHAT, &expr, &help))
        }
        Some(_) => Err(needs_with(named, WHAT, &expr, &by_example())),
    }
}

// ---- words, names, paths ----

/// One of a few words, as a string.
pub(crate) fn word<T: Copy>(
    named: Named,
    words: &[(&'static str, T)],
    expr: &Expr,
) -> syn::Result<T> {
    let mut valid = Vec::with_capacity(words.len());
    for (word, _) in words {
        valid.push(*word);
    }
    Ok(words[which(named, &valid, expr)?].1)
}

/// Which of `words` it is, whatever they mean.
fn which(named: Named, words: &[&str], expr: &Expr) -> syn::Result<usize> {
    let name = named.name;
    let valid = || words.iter().copied();
    let choices = alternatives(
        valid().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().iter().map(String::as_str),
    );
    let write = |word: &str| format!("write `{name} = \"{word}\"`");
    match literal(expr) {
        Some((false, Lit::Str(text))) if text.suffix().is_empty() => {
            let text = text.value();
            if let Some(at) = words.iter().position(|word| *word == text) {
                return Ok(at);
            }
            let help = match nearest(text.trim(), valid()) {
                Some(word) => write(word),
                None => format!("write one of {choices}"),
            };
            Err(fault(expr, format_args!("`{name}` cannot be {}", quoted(&text)), help))
        }
        Some((false, Lit::Bool(LitBool { value, .. }))) => {
            let help = match (value, valid().find(|word| *word == "none")) {
                (false, Some(none)) => write(none),
                _ => format!("write one of {choices}"),
            };
            Err(needs_with(named, "a word in quotes", expr, &help))
        }
        _ => {
            let help = match nearest(&last_segment(expr), valid()) {
                Some(word) => write(word),
                None => format!("write one of {choices}"),
            };
            Err(needs_with(named, "a word in quotes", expr, &help))
        }
    }
}

/// The last name of a path, or nothing.
pub(crate) fn last_segment(expr: &Expr) -> String {
    match bare(expr) {
        Expr::Path(path) => {
            path.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// The literal string that names something in logs and metrics.
pub(crate) fn name(named: Named, expr: &Expr) -> syn::Result<LitStr> {
    const LONGEST: usize = 256;
    let text = string(named, expr)?;
    let value = text.value();
    let help = format!("write `{}`", named.example);
    if value.trim().is_empty() {
        let what = format!("`{}` is empty, found {}", named.name, quoted(&value));
        return Err(fault(expr, what, help));
    }
    if let Some(control) = value.chars().find(|c| c.is_control()) {
        let clean: String = value.chars().filter(|c| !c.is_control()).collect();
        let clean = if clean.trim().is_empty() || shortened(&clean) != clean {
            help
        } else {
            format!("write `{} = {clean:?}`", named.name)
        };
        let what = format!(
            "`{}` holds the control character {control:?}, found {}",
            named.name,
            quoted(&value)
        );
        return Err(fault(expr, what, clean));
    }
    let length = value.chars().count();
    if length > LONGEST {
        let what = format!("`{}` has {length} characters, found {}", named.name, quoted(&value));
        return Err(fault(expr, what, format_args!("shorten it to {LONGEST} characters or less")));
    }
    Ok(text)
}

pub(crate) fn string(named: Named, expr: &Expr) -> syn::Result<LitStr> {
    match literal(expr) {
        Some((false, Lit::Str(text))) if text.suffix().is_empty() => Ok(text.clone()),
        _ => Err(needs(named, "a string literal", expr)),
    }
}

/// Which argument to write instead of `word`.
pub(crate) fn argument_help(
    word: &str,
    arguments: &[String],
    write: impl Fn(&str) -> String,
) -> String {
    let names = || arguments.iter().map(String::as_str);
    if let Some(name) = nearest(word, names()) {
        return format!("write `{}`", write(name));
    }
    match arguments {
        [] => "remove it; the function has no arguments".to_owned(),
        [only] => format!("write `{}`", write(only)),
        _ => format!("the arguments are {}", all_of(names())),
    }
}

pub(crate) fn boolean(named: Named, expr: &Expr) -> syn::Result<LitBool> {
    match literal(expr) {
        Some((false, Lit::Bool(boolean))) => Ok(boolean.clone()),
        _ => Err(needs(named, "`true` or `false`", expr)),
    }
}

/// The path inside a string, for attributes of libraries that want paths quoted.
fn unquoted(named: Named, text: &LitStr) -> Option<String> {
    let path = text.parse_with(Path::parse_mod_style).ok()?;
    Some(format!("write `{} = {}`", named.name, source(&path)))
}

/// A path to an item.
pub(crate) fn path(named: Named, what: &str, expr: Expr) -> syn::Result<Expr> {
    let inner = match bare(&expr) {
        Expr::Path(_) => return Ok(expr),
        Expr::Reference(reference) => bare(&reference.expr),
        inner => inner,
    };
    let help = match (inner, literal(&expr)) {
        (Expr::Path(path), _) => Some(format!("write `{} = {}`", named.name, source(path))),
        (_, Some((false, Lit::Str(text)))) => unquoted(named, text),
        _ => None,
    };
    Err(needs_with(
        named,
        what,
        &expr,
        &help.unwrap_or_else(|| format!("write `{}`", named.example)),
    ))
}

/// Something that can be called: a path, a closure, a macro. Only the compiler knows the rest.
pub(crate) fn callable(named: Named, what: &str, expr: Expr) -> syn::Result<Expr> {
    let help = match (literal(&expr), bare(&expr)) {
        (Some((false, Lit::Str(text))), _) => unquoted(named, text),
        (None, Expr::Closure(_)) => return Ok(expr),
        (None, _) if !never_a_value(&expr) => return Ok(expr),
        _ => None,
    };
    Err(needs_with(
        named,
        what,
        &expr,
        &help.unwrap_or_else(|| format!("write `{}`", named.example)),
    ))
}

/// A new name.
pub(crate) fn identifier(named: Named, expr: &Expr) -> syn::Result<Ident> {
    const WHAT: &str = "a name";
    match bare(expr) {
        Expr::Path(path) if path.qself.is_none() && path.attrs.is_empty() => {
            let keyword = |ident: &&Ident| {
                !["self", "Self", "super", "crate"].iter().any(|word| *ident == word)
            };
            match path.path.get_ident().filter(keyword) {
                Some(ident) => Ok(ident.clone()),
                None => Err(needs(named, WHAT, expr)),
            }
        }
        _ => {
            let help = match literal(expr) {
                Some((false, Lit::Str(text))) => text
                    .parse::<Ident>()
                    .ok()
                    .map(|ident| format!("write `{} = {ident}`", named.name)),
                _ => None,
            };
            let help = help.unwrap_or_else(|| format!("write `{}`", named.example));
            Err(needs_with(named, WHAT, expr, &help))
        }
    }
}
