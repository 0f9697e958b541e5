//! What `#[derive(Classify)]` stands on, and how each of its variants is classified.
//!
//! Everything is looked at before anything is refused, so that one build reports all faults.

mod options;
#[cfg(test)]
mod tests;

use darling::FromMeta as _;
use darling::ast::NestedMeta;
use proc_macro2::Span;
use syn::{Attribute, Data, DeriveInput, Fields, Generics, Ident, Member, Path, Type};

use self::options::{ATTRIBUTES, FieldName, PathValue};
use crate::diagnostics::{Diagnostics, all_of, excerpt, fault, fault_at, nearest};

/// A type and the rules of its variants. A struct is its own only variant.
pub(crate) struct Classified {
    pub(crate) name: Ident,
    pub(crate) generics: Generics,
    pub(crate) variants: Vec<Variant>,
}

pub(crate) struct Variant {
    /// `None` for a struct.
    pub(crate) name: Option<Ident>,
    pub(crate) fields: Vec<Field>,
    pub(crate) rule: Rule,
}

pub(crate) struct Field {
    pub(crate) member: Member,
    pub(crate) ty: Type,
}

/// Fields are named by their place in [`Variant::fields`].
pub(crate) enum Rule {
    Permanent,
    Retryable { kind: Option<Ident>, unsent: bool, after: Option<usize> },
    Transparent(usize),
    Status { status: usize, after: Option<usize> },
    With(Path),
}

/// Reads the item; `None` if a fault was found.
pub(crate) fn read(input: DeriveInput, diagnostics: &mut Diagnostics) -> Option<Classified> {
    let before = diagnostics.len();
    let (_, container) = container(&input.attrs, diagnostics);
    let variants = match input.data {
        Data::Struct(data) => {
            let place = Place { span: input.ident.span(), what: format!("`{}`", input.ident) };
            let rule = variant(&place, &container, &data.fields, diagnostics);
            vec![rule.map(|rule| Variant { name: None, fields: fields(data.fields), rule })]
        }
        Data::Enum(data) => {
            for attribute in container {
                let name = attribute.name;
                diagnostics.push(fault(
                    attribute.source.path(),
                    format_args!("`{name}` stands on a variant, found the enum `{}`", input.ident),
                    format_args!("put `#[{name}]` on each variant that it is true for"),
                ));
            }
            data.variants
                .into_iter()
                .map(|of| {
                    let place =
                        Place { span: of.ident.span(), what: format!("variant `{}`", of.ident) };
                    let own = attributes(&of.attrs);
                    let rule = variant(&place, &own, &of.fields, diagnostics)?;
                    Some(Variant { name: Some(of.ident), fields: fields(of.fields), rule })
                })
                .collect()
        }
        Data::Union(data) => {
            diagnostics.push(fault_at(
                data.union_token.span,
                "`Classify` cannot be derived for a union",
                "derive it for an enum or a struct, or implement `Classify` by hand",
            ));
            Vec::new()
        }
    };
    // The faults come first: a variant without a rule has left one.
    if diagnostics.len() > before {
        return None;
    }
    Some(Classified {
        name: input.ident,
        generics: input.generics,
        variants: variants.into_iter().collect::<Option<_>>()?,
    })
}

/// Where `#[classify(crate = path)]` says the library is, if it does.
pub(crate) fn crate_path(attrs: &[Attribute]) -> Option<Path> {
    container(attrs, &mut Diagnostics::default()).0
}

/// What a fault speaks of: a variant or a struct.
struct Place {
    span: Span,
    what: String,
}

/// One of our attributes.
struct Own<'a> {
    name: &'static str,
    source: &'a Attribute,
    /// Whether it stands in front of the type, where it may also name the `crate`.
    in_front: bool,
}

fn attributes(attributes: &[Attribute]) -> Vec<Own<'_>> {
    attributes
        .iter()
        .filter_map(|source| {
            let (name, _) = ATTRIBUTES.iter().find(|(name, _)| source.path().is_ident(name))?;
            Some(Own { name, source, in_front: false })
        })
        .collect()
}

/// The attributes of the container, and the `crate` that one of them may name.
fn container<'a>(
    attrs: &'a [Attribute],
    diagnostics: &mut Diagnostics,
) -> (Option<Path>, Vec<Own<'a>>) {
    let mut crate_path = None;
    let mut rest = Vec::new();
    for own in attributes(attrs) {
        let items = match own.source.meta.require_list() {
            Ok(list) if own.name == "classify" => {
                NestedMeta::parse_meta_list(list.tokens.clone()).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let (of_crate, others): (Vec<_>, Vec<_>) = items.iter().partition(|item| is_crate(item));
        let only_crate = !of_crate.is_empty() && others.is_empty();
        for item in of_crate {
            let NestedMeta::Meta(item) = item else { continue };
            if crate_path.is_some() {
                let help = "remove one of the two";
                diagnostics.push(fault(item.path(), "`crate` is given twice", help));
            }
            match PathValue::from_meta(item) {
                Ok(PathValue(path)) => crate_path = Some(path),
                Err(error) => options::refuse(error, diagnostics),
            }
        }
        if !only_crate {
            rest.push(Own { in_front: true, ..own });
        }
    }
    (crate_path, rest)
}

/// `crate = path`
fn is_crate(item: &NestedMeta) -> bool {
    matches!(item, NestedMeta::Meta(meta) if meta.path().is_ident("crate"))
}

fn fields(fields: Fields) -> Vec<Field> {
    fields
        .into_iter()
        .enumerate()
        .map(|(index, field)| Field {
            member: field.ident.map_or_else(|| Member::from(index), Member::Named),
            ty: field.ty,
        })
        .collect()
}

/// The rule of one variant.
fn variant(
    place: &Place,
    own: &[Own<'_>],
    fields: &Fields,
    diagnostics: &mut Diagnostics,
) -> Option<Rule> {
    for field in fields {
        for misplaced in attributes(&field.attrs) {
            let name = misplaced.name;
            diagnostics.push(fault(
                misplaced.source.path(),
                format_args!("`{name}` stands on a variant, found a field of {}", place.what),
                format_args!("put `#[{name}]` in front of {}", place.what),
            ));
        }
    }
    let Some((first, others)) = own.split_first() else {
        diagnostics.push(fault_at(
            place.span,
            format_args!("{} is not classified", place.what),
            format_args!(
                "write `#[retryable]` if trying again may help, `#[permanent]` if it cannot{}",
                if fields.len() == 1 {
                    ", or `#[classify(transparent)]` to ask the error inside"
                } else {
                    ""
                }
            ),
        ));
        return None;
    };
    for other in others {
        diagnostics.push(fault(
            other.source.path(),
            format_args!("{} is classified twice", place.what),
            format_args!("keep `{}` or `{}`", excerpt(first.source), excerpt(other.source)),
        ));
    }
    let mut rule = rule(first, place, fields, diagnostics);
    for other in others {
        // Read for its faults only.
        let _ = self::rule(other, place, fields, diagnostics);
        rule = None;
    }
    rule
}

fn rule(
    own: &Own<'_>,
    place: &Place,
    fields: &Fields,
    diagnostics: &mut Diagnostics,
) -> Option<Rule> {
    let options = options::read(own, diagnostics)?;
    let mut place_of = |name: &Option<FieldName>| match name {
        None => Some(None),
        Some(name) => diagnostics.keep(position(name, place, fields)).map(Some),
    };
    let after = place_of(&options.after);
    let status = place_of(&options.status);
    let inner = place_of(&options.transparent.as_ref().and_then(|inner| inner.0.clone()));
    let (after, status, inner) = (after?, status?, inner?);

    match own.name {
        "permanent" => Some(Rule::Permanent),
        "retryable" => Some(Rule::Retryable {
            kind: options.kind.map(|kind| kind.0),
            unsent: options.unsent.is_some(),
            after,
        }),
        _ => {
            let attribute = own.source.path();
            let chosen = [
                ("transparent", options.transparent.is_some()),
                ("status", status.is_some()),
                ("with", options.with.is_some()),
            ];
            let chosen: Vec<_> =
                chosen.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
            match chosen[..] {
                ["transparent" | "with"] if after.is_some() => diagnostics.push(fault(
                    attribute,
                    format_args!("`after` goes with `status`, not with `{}`", chosen[0]),
                    "take `after` off; the other side gives its own hint",
                )),
                ["transparent"] => {
                    let inner = inner.or((fields.len() == 1).then_some(0));
                    if inner.is_none() {
                        diagnostics.push(several(attribute, place, fields));
                    }
                    return inner.map(Rule::Transparent);
                }
                ["status"] => return status.map(|status| Rule::Status { status, after }),
                ["with"] => return options.with.map(|with| Rule::With(with.0)),
                [] => diagnostics.push(fault(
                    attribute,
                    "`classify` does not say how",
                    "write `#[classify(transparent)]`, `#[classify(status = field)]` or \
                     `#[classify(with = function)]`",
                )),
                _ => diagnostics.push(fault(
                    attribute,
                    format_args!("{} exclude each other", all_of(chosen)),
                    "keep one of them",
                )),
            }
            None
        }
    }
}

fn several(attribute: &Path, place: &Place, fields: &Fields) -> syn::Error {
    let what = match fields.len() {
        0 => format!("`transparent` asks the error inside, and {} has no field", place.what),
        count => format!("`transparent` asks one field, and {} has {count}", place.what),
    };
    let help = match fields.members().next() {
        None => "write `#[retryable]` or `#[permanent]`".to_owned(),
        Some(first) => {
            // The field that thiserror would take for the inner error.
            let first = fields
                .members()
                .find(|member| matches!(member, Member::Named(name) if name == "source"))
                .unwrap_or(first);
            format!("name the one to ask: `transparent = {}`", member_text(&first))
        }
    };
    fault(attribute, what, help)
}

fn member_text(member: &Member) -> String {
    match member {
        Member::Named(name) => name.to_string(),
        Member::Unnamed(index) => index.index.to_string(),
    }
}

fn position(name: &FieldName, place: &Place, fields: &Fields) -> syn::Result<usize> {
    if let Some(position) = fields.members().position(|member| member == name.member) {
        return Ok(position);
    }
    let members: Vec<_> = fields.members().map(|member| member_text(&member)).collect();
    let members: Vec<_> = members.iter().map(String::as_str).collect();
    let wanted = member_text(&name.member);
    let help = match (members.is_empty(), nearest(&wanted, members.iter().copied())) {
        (true, _) => format!("`{}` names a field; {} has none", name.option, place.what),
        (_, Some(near)) => format!("write `{} = {near}`", name.option),
        _ => format!("its fields are {}", all_of(members)),
    };
    Err(fault(&name.member, format_args!("{} has no field `{wanted}`", place.what), help))
}
