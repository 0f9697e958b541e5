//! What `#[derive(Classify)]` reads, and what it asks for.

use syn::parse_quote;

use super::{Classified, Rule, read};
use crate::diagnostics::Diagnostics;

fn item(input: syn::DeriveInput) -> Classified {
    let mut diagnostics = Diagnostics::default();
    let item = read(input, &mut diagnostics);
    assert_eq!(diagnostics.messages(), Vec::<String>::new());
    item.unwrap()
}

fn faults(input: syn::DeriveInput) -> Vec<String> {
    let mut diagnostics = Diagnostics::default();
    assert!(read(input, &mut diagnostics).is_none());
    diagnostics.messages()
}

/// The first line of the only fault, and what its help says.
fn fault(input: syn::DeriveInput) -> (String, String) {
    let faults = faults(input);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    let (what, help) = faults[0].split_once("\nhelp: ").unwrap();
    (what.to_owned(), help.to_owned())
}

macro_rules! fault {
    ({ $($input:tt)* }, $what:expr, $help:expr) => {
        assert_eq!(fault(parse_quote!($($input)*)), ($what.to_owned(), $help.to_owned()));
    };
}

// Below `fault!`, which it uses.
mod options;

#[test]
fn every_rule_is_read() {
    let item = item(parse_quote! {
        #[classify(crate = a::b)]
        enum E {
            #[permanent] A,
            #[permanent()] B(u8),
            #[retryable] C,
            #[retryable(kind = timeout, unsent, after = 1)] D(u8, Duration),
            #[retryable(after = hint,)] F { hint: Duration },
            #[classify(transparent)] G(Inner),
            #[classify(transparent = source)] H { text: String, source: Inner },
            #[classify(status = status, after = after)] I { status: u16, after: Option<Duration> },
            #[classify(with = a::by)] J { x: u8, y: u8 },
        }
    });
    let rules: Vec<_> = item.variants.iter().map(|variant| &variant.rule).collect();
    assert!(matches!(rules[0], Rule::Permanent));
    assert!(matches!(rules[1], Rule::Permanent));
    assert!(matches!(rules[2], Rule::Retryable { kind: None, unsent: false, after: None }));
    assert!(matches!(rules[3], Rule::Retryable { kind: Some(kind), unsent: true, after: Some(1) }
        if kind == "Timeout"));
    assert!(matches!(rules[4], Rule::Retryable { after: Some(0), .. }));
    assert!(matches!(rules[5], Rule::Transparent(0)));
    assert!(matches!(rules[6], Rule::Transparent(1)));
    assert!(matches!(rules[7], Rule::Status { status: 0, after: Some(1) }));
    assert!(matches!(rules[8], Rule::With(_)));
}

#[test]
fn a_struct_carries_the_attribute_itself() {
    let of = item(parse_quote!(
        #[retryable]
        struct S;
    ));
    assert!(of.variants[0].name.is_none());
    assert!(matches!(of.variants[0].rule, Rule::Retryable { .. }));
    let of = item(parse_quote!(
        #[classify(crate = x)]
        #[classify(transparent)]
        struct S(Inner);
    ));
    assert!(matches!(of.variants[0].rule, Rule::Transparent(0)));
}

#[test]
fn the_crate_may_be_named_in_front_of_the_type() {
    let of: syn::DeriveInput = parse_quote!(
        #[classify(crate = a::b, status = code)]
        struct S {
            code: u16,
        }
    );
    assert_eq!(super::crate_path(&of.attrs).unwrap(), parse_quote!(a::b));
    assert!(matches!(item(of).variants[0].rule, Rule::Status { .. }));
    assert!(super::crate_path(&[parse_quote!(#[classify(transparent)])]).is_none());
    fault!(
        {
            #[classify(crate = "a")]
            #[permanent]
            struct S;
        },
        "`crate` needs a path, found the string \"a\"",
        "write `crate = my_crate::steadfast`"
    );
    fault!(
        {
            #[classify(crate = a)]
            #[classify(crate = b)]
            #[permanent]
            struct S;
        },
        "`crate` is given twice",
        "remove one of the two"
    );
}

#[test]
fn an_enum_without_variants_is_classified() {
    assert!(
        item(parse_quote!(
            enum Never {}
        ))
        .variants
        .is_empty()
    );
}

#[test]
fn what_nobody_decided_is_refused() {
    fault!(
        {
            enum E {
                A,
            }
        },
        "variant `A` is not classified",
        "write `#[retryable]` if trying again may help, `#[permanent]` if it cannot"
    );
    fault!(
        {
            enum E {
                A(Inner),
            }
        },
        "variant `A` is not classified",
        "write `#[retryable]` if trying again may help, `#[permanent]` if it cannot, or \
         `#[classify(transparent)]` to ask the error inside"
    );
    fault!(
        {
            struct S;
        },
        "`S` is not classified",
        "write `#[retryable]` if trying again may help, `#[permanent]` if it cannot"
    );
    fault!(
        {
            enum E {
                #[classify]
                A,
            }
        },
        "`classify` does not say how",
        "write `#[classify(transparent)]`, `#[classify(status = field)]` or \
         `#[classify(with = function)]`"
    );
}

#[test]
fn every_fault_is_reported_at_once() {
    let faults = faults(parse_quote! {
        enum E {
            A,
            #[retryable(kind = slow, after = 3, nope)] B(u8),
            #[permanent] #[retryable(after = x)] C,
            #[classify(transparent, status = 0)] D(#[permanent] u8),
            F,
        }
    });
    let first: Vec<_> = faults.iter().map(|fault| fault.lines().next().unwrap()).collect();
    assert_eq!(
        first,
        [
            "variant `A` is not classified",
            "`retryable` has no option `nope`",
            "`kind` cannot be `slow`",
            "variant `C` is classified twice",
            "variant `C` has no field `x`",
            "`permanent` stands on a variant, found a field of variant `D`",
            "`transparent` and `status` exclude each other",
            "variant `F` is not classified",
        ]
    );
}
