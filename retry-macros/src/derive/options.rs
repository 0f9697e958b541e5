//! The options in the parentheses of one attribute, and the words for wrong ones.

use darling::FromMeta;
use darling::ast::NestedMeta;
use syn::spanned::Spanned as _;
use syn::{Expr, Ident, Index, Lit, Member, Meta, Path};

use super::Own;
use crate::diagnostics::{Diagnostics, alternatives, excerpt, fault, fault_at, nearest};
use crate::values::found;

/// The attributes, and the options of each. The container's `crate` is not among them.
pub(super) const ATTRIBUTES: [(&str, &[&str]); 3] = [
    ("retryable", &["after", "kind", "unsent"]),
    ("permanent", &[]),
    ("classify", &["transparent", "status", "after", "with"]),
];

const KINDS: [&str; 4] = ["transient", "timeout", "throttled", "conflict"];

/// The options of every attribute. Which of them an attribute has, its table says before.
#[derive(FromMeta)]
pub(super) struct Options {
    pub(super) after: Option<FieldName>,
    pub(super) kind: Option<KindName>,
    pub(super) unsent: Option<Word>,
    pub(super) transparent: Option<Inner>,
    pub(super) status: Option<FieldName>,
    pub(super) with: Option<PathValue>,
}

pub(super) fn read(own: &Own<'_>, diagnostics: &mut Diagnostics) -> Option<Options> {
    let items = match &own.source.meta {
        Meta::Path(_) => Vec::new(),
        Meta::List(list) => match NestedMeta::parse_meta_list(list.tokens.clone()) {
            Ok(items) => items,
            Err(error) => {
                diagnostics.push(fault_at(
                    error.span(),
                    format_args!("the options of `{}` cannot be read: {error}", own.name),
                    example(own.name),
                ));
                return None;
            }
        },
        Meta::NameValue(pair) => {
            diagnostics.push(fault(
                &pair.value,
                format_args!("`{}` has options in parentheses", own.name),
                example(own.name),
            ));
            return None;
        }
    };
    let mut seen: Vec<String> = Vec::new();
    let mut known = Vec::new();
    let mut complete = true;
    for item in items {
        if own.in_front && own.name == "classify" && super::is_crate(&item) {
            continue;
        }
        match check(own.name, &item, &seen) {
            Ok(name) => {
                seen.push(name);
                known.push(item);
            }
            Err(fault) => {
                complete = false;
                diagnostics.push(fault);
            }
        }
    }
    match Options::from_list(&known) {
        Ok(options) if complete => Some(options),
        Ok(_) => None,
        Err(error) => {
            refuse(error, diagnostics);
            None
        }
    }
}

/// The name of an option, if this attribute has it and it was not given before.
fn check(attribute: &str, item: &NestedMeta, seen: &[String]) -> syn::Result<String> {
    let path = match item {
        NestedMeta::Meta(meta) => meta.path(),
        NestedMeta::NameValueInvalidExpr(pair) => {
            return Err(fault(
                &pair.path,
                format_args!("the value of `{}` cannot be read", excerpt(&pair.path)),
                example(attribute),
            ));
        }
        NestedMeta::Lit(lit) => {
            return Err(fault(
                lit,
                format_args!("`{attribute}` has options by name, found `{}`", excerpt(lit)),
                example(attribute),
            ));
        }
    };
    let name = path.get_ident().map_or_else(|| excerpt(path), Ident::to_string);
    let (_, table) =
        ATTRIBUTES.iter().find(|(known, _)| *known == attribute).expect("of our own attributes");
    if !table.contains(&name.as_str()) {
        let what = if table.is_empty() {
            format!("`{attribute}` has no options, found `{name}`")
        } else {
            format!("`{attribute}` has no option `{name}`")
        };
        return Err(fault(path, what, instead_of(attribute, &name, table)));
    }
    if seen.contains(&name) {
        return Err(fault(path, format_args!("`{name}` is given twice"), "remove one of the two"));
    }
    Ok(name)
}

/// What to write for an option that does not exist.
fn instead_of(attribute: &str, name: &str, table: &[&str]) -> String {
    // The words of other derives and of the library's own attributes.
    let meant = match name {
        "retry_after" | "retry_in" | "delay" | "hint" | "wait" => "after",
        "class" | "category" => "kind",
        "from" | "source" | "inner" | "forward" => "transparent",
        "status_code" | "code" | "http" => "status",
        "fn" | "func" | "function" | "by" | "using" => "with",
        other => other,
    };
    if meant == "retryable" || meant == "permanent" {
        return format!("write `#[{meant}]`");
    }
    if meant == "crate" {
        return "write `#[classify(crate = path)]` in front of the enum or struct".to_owned();
    }
    if KINDS.contains(&meant) {
        return format!("write `#[retryable(kind = {meant})]`");
    }
    if table.contains(&meant) {
        return format!("write `{}`", usage(meant));
    }
    if let Some((other, _)) = ATTRIBUTES.iter().find(|(_, options)| options.contains(&meant)) {
        return format!("write `#[{other}({})]`", usage(meant));
    }
    match nearest(meant, table.iter().copied()) {
        Some(near) => format!("write `{}`", usage(near)),
        None => example(attribute),
    }
}

/// An option as it is written.
fn usage(option: &str) -> &str {
    match option {
        "after" => "after = field",
        "kind" => "kind = timeout",
        "status" => "status = field",
        "with" => "with = function",
        word => word,
    }
}

fn example(attribute: &str) -> String {
    match attribute {
        "retryable" => "write `#[retryable]`, or `#[retryable(kind = timeout, after = field)]`",
        "permanent" => "write `#[permanent]`",
        _ => "write `#[classify(transparent)]`, or `#[classify(status = field)]`",
    }
    .to_owned()
}

pub(super) fn refuse(error: darling::Error, diagnostics: &mut Diagnostics) {
    for error in error.flatten() {
        diagnostics.push(syn::Error::from(error));
    }
}

/// The value of `name = value`, or the fault of writing it otherwise.
fn value<'a>(item: &'a Meta, what: &str, help: &str) -> darling::Result<&'a Expr> {
    if let Meta::NameValue(pair) = item {
        return Ok(&pair.value);
    }
    let name = excerpt(item.path());
    Err(fault(item.path(), format_args!("`{name}` needs {what}"), help).into())
}

/// `after = field`: a field by name, or by index in a tuple.
#[derive(Clone)]
pub(super) struct FieldName {
    pub(super) option: String,
    pub(super) member: Member,
}

impl FromMeta for FieldName {
    fn from_meta(item: &Meta) -> darling::Result<Self> {
        let option = excerpt(item.path());
        let help = format!(
            "write `{option} = field` with the name of the field, or `{option} = 0` in a tuple"
        );
        let expr = value(item, "a field", &help)?;
        let member = match expr {
            Expr::Path(path) => path.path.get_ident().cloned().map(Member::Named),
            Expr::Lit(lit) => match &lit.lit {
                Lit::Int(int) if int.suffix().is_empty() => int
                    .base10_parse()
                    .ok()
                    .map(|index| Member::Unnamed(Index { index, span: int.span() })),
                Lit::Str(text) => {
                    let name = text.value();
                    let what = format!("`{option}` needs the name of a field without quotes");
                    return Err(fault(expr, what, format_args!("write `{option} = {name}`")).into());
                }
                _ => None,
            },
            _ => None,
        };
        let Some(member) = member else {
            let what = format!("`{option}` needs a field, found {}", found(expr));
            return Err(fault(expr, what, help).into());
        };
        Ok(Self { option, member })
    }
}

/// `kind = timeout`
pub(super) struct KindName(pub(super) Ident);

impl FromMeta for KindName {
    fn from_meta(item: &Meta) -> darling::Result<Self> {
        let help = format!("the kinds are {}", alternatives(KINDS));
        let expr = value(item, "a value", "write `kind = timeout`")?;
        // `Kind::Timeout` is a good guess, and `"timeout"` another.
        let word = match expr {
            Expr::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
            Expr::Lit(lit) => match &lit.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        };
        let word = word.unwrap_or_default();
        let kind = match word.as_str() {
            "transient" => "Transient",
            "timeout" => "Timeout",
            "throttled" => "Throttled",
            "conflict" => "Conflict",
            _ => "",
        };
        if matches!(expr, Expr::Path(path) if path.path.get_ident().is_some()) && !kind.is_empty() {
            return Ok(Self(Ident::new(kind, expr.span())));
        }
        let help = match meant_kind(&word) {
            Some(meant) => format!("write `kind = {meant}`; {help}"),
            None => help,
        };
        let what = match expr {
            Expr::Path(path) => format!("`kind` cannot be `{}`", excerpt(path)),
            _ => format!("`kind` needs a word, found {}", found(expr)),
        };
        Err(fault(expr, what, help).into())
    }
}

/// The kind that a word of another trade or spelling means.
fn meant_kind(word: &str) -> Option<&'static str> {
    match word.to_ascii_lowercase().as_str() {
        "throttle" | "throttling" | "rate_limit" | "ratelimit" | "rate_limited" | "quota" => {
            Some("throttled")
        }
        "deadlock" | "serialization" | "lock" | "locked" => Some("conflict"),
        "timed_out" | "timedout" | "elapsed" | "deadline" => Some("timeout"),
        "temporary" | "unavailable" | "server" | "connection" => Some("transient"),
        other => nearest(other, KINDS),
    }
}

/// An option that stands alone: `unsent`
pub(super) struct Word;

impl FromMeta for Word {
    fn from_meta(item: &Meta) -> darling::Result<Self> {
        if matches!(item, Meta::Path(_)) {
            return Ok(Self);
        }
        let name = excerpt(item.path());
        let help = format!("write `{name}`, or leave it out");
        Err(fault(item, format_args!("`{name}` has no value"), help).into())
    }
}

/// `transparent`, or `transparent = field`
pub(super) struct Inner(pub(super) Option<FieldName>);

impl FromMeta for Inner {
    fn from_meta(item: &Meta) -> darling::Result<Self> {
        match item {
            Meta::Path(_) => Ok(Self(None)),
            _ => FieldName::from_meta(item).map(|field| Self(Some(field))),
        }
    }
}

/// `with = path`
pub(super) struct PathValue(pub(super) Path);

impl FromMeta for PathValue {
    fn from_meta(item: &Meta) -> darling::Result<Self> {
        let name = excerpt(item.path());
        let help = match name.as_str() {
            "crate" => "write `crate = my_crate::steadfast`",
            _ => {
                "write `with = function`, the path of a function that takes the fields by \
                  reference and returns a `Classification`"
            }
        };
        match value(item, "a path", help)? {
            Expr::Path(path) if path.qself.is_none() => Ok(Self(path.path.clone())),
            other => {
                let what = format!("`{name}` needs a path, found {}", found(other));
                Err(fault(other, what, help).into())
            }
        }
    }
}
