//! `#[idempotent]` alone.

use super::{accepted, refused, refused_below};
use crate::diagnostics::source;
use crate::model::{
    DurationValue, Idempotent, OnDrop, OnLeaseLost, OnStoreDown, OnUnknown, Piece, Replay, Spanned,
};

fn idempotent_of(attributes: &str) -> Idempotent {
    accepted(attributes).idempotent.expect("an idempotent function")
}

#[test]
fn every_option_of_an_idempotent_function_reaches_the_model() {
    let model = idempotent_of(
        r#"#[idempotent(key = "order_{order_id}", ttl = "48h", store = store, fingerprint(store),
        lease = "10s", wait = "0s", replay = "keyed", on_unknown = "rerun", on_store_down = "run",
        on_drop = "detach", on_lease_lost = "continue", scope = "s", version = 2,
        record_errors = true, map_error = from, context = attempt, name = "charge",
        crate = ::other)]"#,
    );
    assert_eq!(model.key.value.text.value(), "order_{order_id}");
    let seconds = |duration: &Option<Spanned<DurationValue>>| {
        duration.as_ref().unwrap().value.literal().unwrap().as_secs()
    };
    assert_eq!(
        (seconds(&model.ttl), seconds(&model.lease), seconds(&model.wait)),
        (172_800, 10, 0)
    );
    assert_eq!(model.fingerprint.iter().map(ToString::to_string).collect::<Vec<_>>(), ["store"]);
    assert_eq!(model.replay.unwrap().value, Replay::Keyed);
    assert!(matches!(model.on_unknown.unwrap().value, OnUnknown::Rerun));
    assert_eq!(model.on_store_down.unwrap().value, OnStoreDown::Run);
    assert_eq!(model.on_drop.unwrap().value, OnDrop::Detach);
    assert_eq!(model.on_lease_lost.unwrap().value, OnLeaseLost::Continue);
    assert_eq!(model.scope.unwrap().value.value(), "s");
    assert_eq!(source(&model.version.unwrap().value), "2");
    assert!(model.record_errors.unwrap().value.value && model.map_error.is_some());
    assert_eq!(model.context.unwrap().to_string(), "attempt");
    assert_eq!(model.name.unwrap().value.value(), "charge");
    assert!(model.store.is_some() && model.crate_path.is_some());
}

#[test]
fn a_key_is_text_and_arguments_in_turn() {
    let pieces = |key: &str| -> Vec<String> {
        let model = idempotent_of(&format!("#[idempotent(key = {key:?}, scope = \"s\")]"));
        let piece = |piece: &Piece| match piece {
            Piece::Literal(text) => format!("{text:?}"),
            Piece::Argument(name) => name.to_string(),
        };
        model.key.value.pieces.iter().map(piece).collect()
    };
    assert_eq!(pieces("order_{order_id}_x"), ["\"order_\"", "order_id", "\"_x\""]);
    assert_eq!(pieces("{order_id}{ type }"), ["order_id", "r#type"]);
    assert_eq!(pieces("{{{order_id}}}"), ["\"{\"", "order_id", "\"}\""]);
}

#[test]
fn a_key_identifies_the_call() {
    let wrong = |args: &str, what: &str, help: &str| {
        refused(&format!("#[idempotent({args})]"), what, help);
    };
    wrong(
        "",
        "`idempotent` does not say which calls are the same",
        "write `key = \"store_{store}\"`, made of what identifies the effect",
    );
    wrong(
        "\"order_{order_id}\"",
        "`idempotent` takes its options by name, found the string \"order_{order_id}\"",
        "write `key = \"order_{order_id}\"`",
    );
    wrong("key = \"\"", "`key` is empty, found \"\"", "write `key = \"order_{order_id}\"`");
    wrong(
        "key = \"order\"",
        "`key` names no argument, found \"order\"",
        "the arguments are `store`, `order_id` and `type`",
    );
    wrong(
        "key = \"order_{oder_id}\"",
        "`{oder_id}` in `key` names no argument of the function",
        "write `{order_id}`",
    );
    wrong(
        "key = \"order_{}\"",
        "`key` has an empty placeholder, found \"order_{}\"",
        "the arguments are `store`, `order_id` and `type`",
    );
    wrong(
        "key = \"order_{order_id\"",
        "`key` has a `{` that is never closed, found \"order_{order_id\"",
        "write `{{` for a brace in the text",
    );
    wrong(
        "key = \"{order_id}\"",
        "`key` has no text of its own, found \"{order_id}\": another function with such a key would \
         get the answer of this one",
        "write `key = \"order_{order_id}\"`, or `scope = \"…\"` beside it",
    );
    wrong(
        "key = KEY",
        "`key` needs a string literal, found the path `KEY`",
        "write `key = \"order_{order_id}\"`",
    );
    refused_below(
        "fn f() -> R {}",
        "#[idempotent(key = \"order\")]",
        "`key` names no argument, found \"order\"",
        "take what the key is made of as an argument of the function",
    );
}

#[test]
fn options_of_an_idempotent_function_are_checked() {
    let wrong = |args: &str, what: &str, help: &str| {
        refused(&format!("#[idempotent(key = \"a_{{order_id}}\", {args})]"), what, help);
    };
    wrong("ttl = \"0s\"", "`ttl` must be longer than no time, found 0s", "write `ttl = \"24h\"`");
    wrong(
        "lease = \"0s\"",
        "`lease` must be longer than no time, found 0s",
        "write `lease = \"30s\"`",
    );
    wrong("lease = \"5ms\"", "`lease` must be at least 30ms, found 5ms", "write `lease = \"30s\"`");
    wrong(
        "fingerprint(amount)",
        "`amount` in `fingerprint` names no argument of the function",
        "the arguments are `store`, `order_id` and `type`",
    );
    wrong(
        "fingerprint = order_id",
        "`fingerprint` takes arguments in parentheses, found `order_id`",
        "write `fingerprint(order_id)`",
    );
    wrong("replay = \"key\"", "`replay` cannot be \"key\"", "write `replay = \"keyed\"`");
    wrong(
        "on_unknown = rerun",
        "`on_unknown` needs a word in quotes, found the path `rerun`",
        "write `on_unknown = \"rerun\"`",
    );
    wrong(
        "store = \"redis://localhost\"",
        "`store` needs a store, found the string \"redis://localhost\"",
        "write an expression: `store = store` for an argument, `store = &STORE` for a `static`",
    );
    wrong(
        "context = order_id",
        "`context = order_id` would hide the argument `order_id`",
        "write `context = attempt`",
    );
    wrong("version = -1", "`version` must be at least 0, found -1", "write `version = 1`");
    wrong(
        "max_attempts = 3",
        "`idempotent` has no option `max_attempts`",
        "write it as `#[retry(max_attempts = 3)]` below `#[idempotent]`",
    );
    for (args, word, help) in [
        ("ttl_seconds = 3600", "ttl_seconds", "ttl = \"1h\""),
        ("expires_in = \"1h\"", "expires_in", "ttl = \"1h\""),
        ("lock_timeout = 5", "lock_timeout", "lease = \"5s\""),
        ("backend = redis", "backend", "store = redis"),
        ("finger_print(order_id)", "finger_print", "fingerprint(argument)"),
    ] {
        let what = format!("`idempotent` has no option `{word}`");
        wrong(args, &what, &format!("write `{help}`"));
    }
    refused(
        "#[idempotent(idempotency_key = \"a_{order_id}\")]",
        "`idempotent` has no option `idempotency_key`",
        "write `key = \"a_{order_id}\"`",
    );
}
