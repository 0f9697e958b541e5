//! What the function has to be for what stands on it.

use super::{read, refused_below};

#[test]
fn functions_that_cannot_be_refused_or_answered_are_refused() {
    let breaker =
        "#[circuit_breaker(PAYMENTS, slow_call = \"1s\")]".replace(", slow_call = \"1s\"", "");
    refused_below(
        "fn f() {}",
        &breaker,
        "`f` returns `()`, which cannot fail",
        "return a `Result<T, E>` or an `Option<T>`",
    );
    refused_below(
        "fn f() {}",
        "#[circuit_breaker(name = \"p\", slow_call = \"1s\")]",
        "`f` returns `()`, which has no place for the error of an open circuit",
        "write `fallback = …` in the breaker, or return a `Result<(), E>`",
    );
    refused_below(
        "fn f(a: u8) -> () {}",
        "#[idempotent(key = \"a_{a}\")]",
        "`f` returns `()`, which has no place for the error of a duplicate",
        "return a `Result<(), E>`",
    );
    refused_below(
        "fn f() -> ! {}",
        &breaker,
        "`f` never returns, so there is nothing to guard",
        "return a `Result<T, E>` or an `Option<T>`",
    );
    refused_below(
        "fn f(a: u8, (b, c): (u8, u8)) -> R {}",
        "#[circuit_breaker(PAYMENTS, fallback = g)]",
        "`fallback` is called with the arguments by their names, and this one has none",
        "name it, and take it apart in the body: `let … = argument;`",
    );
    refused_below(
        "fn f(a: u8) -> R;",
        "#[idempotent(key = \"a_{a}\")]",
        "`idempotent` needs a body to run once, and this method has none",
        "put `#[idempotent]` on the methods of the `impl` blocks, or give this one a default body",
    );
    refused_below(
        "fn f(a: u8) -> R {}",
        "#[idempotent(key = \"a_{a}\", on_drop = \"detach\")]",
        "`on_drop` needs an `async fn`: a sync function cannot be dropped while it runs",
        "remove it, or make the function `async`",
    );
    refused_below(
        "fn f(a: u8) -> R {}",
        "#[idempotent(key = \"a_{a}\", on_lease_lost = \"cancel\")]",
        "`on_lease_lost = \"cancel\"` needs an `async fn`: a sync function cannot be cut off",
        "write `on_lease_lost = \"continue\"`, or make the function `async`",
    );
    assert!(
        read("#[circuit_breaker(name = \"p\", slow_call = \"1s\", fallback = g)] fn f() {}")
            .1
            .is_empty()
    );
}
