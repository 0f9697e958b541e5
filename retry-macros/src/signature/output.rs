//! The type that a function returns, as far as its tokens tell: whether it is a future, and how it
//! is named inside the function.

use syn::spanned::Spanned as _;
use syn::{GenericArgument, PathArguments, Token, Type, TypeParamBound};

use super::Kind;

/// The type with every `impl Trait` left to inference, to be named inside the function.
pub(crate) fn nameable(ty: &Type) -> Type {
    match ty {
        Type::ImplTrait(ty) => Type::Infer(syn::TypeInfer {
            attrs: Vec::new(),
            underscore_token: Token![_](ty.span()),
        }),
        Type::Path(path) => {
            let mut path = path.clone();
            for segment in &mut path.path.segments {
                if let PathArguments::AngleBracketed(arguments) = &mut segment.arguments {
                    for argument in &mut arguments.args {
                        if let GenericArgument::Type(ty) = argument {
                            *ty = nameable(ty);
                        }
                    }
                }
            }
            Type::Path(path)
        }
        Type::Tuple(tuple) => {
            let mut tuple = tuple.clone();
            tuple.elems.iter_mut().for_each(|ty| *ty = nameable(ty));
            Type::Tuple(tuple)
        }
        Type::Reference(reference) => {
            let mut reference = reference.clone();
            *reference.elem = nameable(&reference.elem);
            Type::Reference(reference)
        }
        Type::Paren(paren) => nameable(&paren.elem),
        Type::Group(group) => nameable(&group.elem),
        _ => ty.clone(),
    }
}

/// `impl Future<Output = T>`, `Pin<Box<dyn Future<Output = T> + …>>`, `BoxFuture<'_, T>`.
pub(super) fn future_output(ty: &Type) -> Option<Kind> {
    match ty {
        Type::ImplTrait(ty) => bounds_output(ty.bounds.iter())
            .map(|output| Kind::Future { output: Box::new(output), boxed: false }),
        Type::Path(path) => {
            let last = path.path.segments.last()?;
            let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
            let mut types = arguments.args.iter().filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            });
            if last.ident == "BoxFuture" || last.ident == "LocalBoxFuture" {
                return Some(Kind::Future { output: Box::new(types.next()?.clone()), boxed: true });
            }
            if last.ident != "Pin" {
                return None;
            }
            let Type::Path(inner) = types.next()? else { return None };
            let inner = inner.path.segments.last().filter(|segment| segment.ident == "Box")?;
            let PathArguments::AngleBracketed(arguments) = &inner.arguments else { return None };
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(Type::TraitObject(object)) => {
                    bounds_output(object.bounds.iter())
                        .map(|output| Kind::Future { output: Box::new(output), boxed: true })
                }
                _ => None,
            })
        }
        Type::Paren(paren) => future_output(&paren.elem),
        Type::Group(group) => future_output(&group.elem),
        _ => None,
    }
}

fn bounds_output<'a>(bounds: impl Iterator<Item = &'a TypeParamBound>) -> Option<Type> {
    bounds.filter_map(as_trait).find_map(|path| {
        let last = path.segments.last().filter(|segment| segment.ident == "Future")?;
        let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(output) if output.ident == "Output" => {
                Some(output.ty.clone())
            }
            _ => None,
        })
    })
}

fn as_trait(bound: &TypeParamBound) -> Option<&syn::Path> {
    match bound {
        TypeParamBound::Trait(bound) => Some(&bound.path),
        _ => None,
    }
}
