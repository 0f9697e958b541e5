//! Options that do not exist, have no such value, or stand in the wrong place.

use syn::parse_quote;

use super::fault;

#[test]
fn unknown_options_name_what_was_meant() {
    for (given, what, help) in [
        ("afer = x", "`retryable` has no option `afer`", "write `after = field`"),
        ("retry_after = x", "`retryable` has no option `retry_after`", "write `after = field`"),
        ("delay = \"5s\"", "`retryable` has no option `delay`", "write `after = field`"),
        ("timeout", "`retryable` has no option `timeout`", "write `#[retryable(kind = timeout)]`"),
        ("status = x", "`retryable` has no option `status`", "write `#[classify(status = field)]`"),
        (
            "transparent",
            "`retryable` has no option `transparent`",
            "write `#[classify(transparent)]`",
        ),
        ("permanent", "`retryable` has no option `permanent`", "write `#[permanent]`"),
        (
            "crate = x",
            "`retryable` has no option `crate`",
            "write `#[classify(crate = path)]` in front of the enum or struct",
        ),
        (
            "bananas",
            "`retryable` has no option `bananas`",
            "write `#[retryable]`, or `#[retryable(kind = timeout, after = field)]`",
        ),
        (
            "\"5s\"",
            "`retryable` has options by name, found `\"5s\"`",
            "write `#[retryable]`, or `#[retryable(kind = timeout, after = field)]`",
        ),
    ] {
        let options: proc_macro2::TokenStream = given.parse().unwrap();
        fault!(
            {
                enum E {
                    #[retryable(#options)]
                    A { x: u8 },
                }
            },
            what,
            help
        );
    }
    fault!(
        {
            enum E {
                #[classify(retryable)]
                A,
            }
        },
        "`classify` has no option `retryable`",
        "write `#[retryable]`"
    );
    fault!(
        {
            enum E {
                #[classify(status_code = x)]
                A { x: u16 },
            }
        },
        "`classify` has no option `status_code`",
        "write `status = field`"
    );
    fault!(
        {
            enum E {
                #[classify(unsent)]
                A,
            }
        },
        "`classify` has no option `unsent`",
        "write `#[retryable(unsent)]`"
    );
    fault!(
        {
            enum E {
                #[permanent(unsent)]
                A,
            }
        },
        "`permanent` has no options, found `unsent`",
        "write `#[retryable(unsent)]`"
    );
    fault!(
        {
            enum E {
                #[retryable = "x"]
                A,
            }
        },
        "`retryable` has options in parentheses",
        "write `#[retryable]`, or `#[retryable(kind = timeout, after = field)]`"
    );
    fault!(
        {
            enum E {
                #[retryable(unsent, unsent)]
                A,
            }
        },
        "`unsent` is given twice",
        "remove one of the two"
    );
}

#[test]
fn wrong_values_are_named() {
    let kinds = "the kinds are `transient`, `timeout`, `throttled` or `conflict`";
    for (given, what, help) in [
        ("kind = Timeout", "`kind` cannot be `Timeout`", "write `kind = timeout`; "),
        ("kind = Kind::Timeout", "`kind` cannot be `Kind::Timeout`", "write `kind = timeout`; "),
        (
            "kind = \"timeout\"",
            "`kind` needs a word, found the string \"timeout\"",
            "write `kind = timeout`; ",
        ),
        ("kind = deadlock", "`kind` cannot be `deadlock`", "write `kind = conflict`; "),
        ("kind = 3", "`kind` needs a word, found the integer 3", ""),
    ] {
        let options: proc_macro2::TokenStream = given.parse().unwrap();
        fault!(
            {
                enum E {
                    #[retryable(#options)]
                    A,
                }
            },
            what,
            format!("{help}{kinds}")
        );
    }
    for (given, what, help) in [
        ("kind", "`kind` needs a value", "write `kind = timeout`"),
        ("unsent = true", "`unsent` has no value", "write `unsent`, or leave it out"),
        ("after = \"x\"", "`after` needs the name of a field without quotes", "write `after = x`"),
        (
            "after = a.b",
            "`after` needs a field, found the expression `a.b`",
            "write `after = field` with the name of the field, or `after = 0` in a tuple",
        ),
        (
            "after",
            "`after` needs a field",
            "write `after = field` with the name of the field, or `after = 0` in a tuple",
        ),
        ("after = hnt", "variant `A` has no field `hnt`", "write `after = hint`"),
        ("after = 0", "variant `A` has no field `0`", "its fields are `hint` and `other`"),
    ] {
        let options: proc_macro2::TokenStream = given.parse().unwrap();
        fault!(
            {
                enum E {
                    #[retryable(#options)]
                    A { hint: D, other: u8 },
                }
            },
            what,
            help
        );
    }
    fault!(
        {
            enum E {
                #[retryable(after = x)]
                A,
            }
        },
        "variant `A` has no field `x`",
        "`after` names a field; variant `A` has none"
    );
    fault!(
        {
            enum E {
                #[classify(with = "x")]
                A,
            }
        },
        "`with` needs a path, found the string \"x\"",
        "write `with = function`, the path of a function that takes the fields by reference and \
         returns a `Classification`"
    );
}

#[test]
fn transparent_needs_one_field() {
    fault!(
        {
            enum E {
                #[classify(transparent)]
                A,
            }
        },
        "`transparent` asks the error inside, and variant `A` has no field",
        "write `#[retryable]` or `#[permanent]`"
    );
    fault!(
        {
            enum E {
                #[classify(transparent)]
                A(u8, u8),
            }
        },
        "`transparent` asks one field, and variant `A` has 2",
        "name the one to ask: `transparent = 0`"
    );
    fault!(
        {
            enum E {
                #[classify(transparent)]
                A { text: u8, source: u8 },
            }
        },
        "`transparent` asks one field, and variant `A` has 2",
        "name the one to ask: `transparent = source`"
    );
    fault!(
        {
            enum E {
                #[classify(transparent, after = 0)]
                A(u8),
            }
        },
        "`after` goes with `status`, not with `transparent`",
        "take `after` off; the other side gives its own hint"
    );
}

#[test]
fn misplaced_attributes_are_refused() {
    fault!(
        {
            #[retryable]
            enum E {
                #[permanent]
                A,
            }
        },
        "`retryable` stands on a variant, found the enum `E`",
        "put `#[retryable]` on each variant that it is true for"
    );
    fault!(
        {
            #[permanent]
            union U {
                a: u8,
            }
        },
        "`Classify` cannot be derived for a union",
        "derive it for an enum or a struct, or implement `Classify` by hand"
    );
    fault!(
        {
            enum E {
                #[retryable]
                A {
                    #[retryable(after)]
                    x: u8,
                },
            }
        },
        "`retryable` stands on a variant, found a field of variant `A`",
        "put `#[retryable]` in front of variant `A`"
    );
}
