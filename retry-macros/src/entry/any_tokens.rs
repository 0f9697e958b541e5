//! Whatever stands in an attribute or below it: no panic, and what comes back are tokens that a
//! compiler can read; of a function that parses, something that parses. `fuzz/` goes on from here.

use std::str::FromStr;

use proc_macro2::{Delimiter, Group, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

use super::{circuit_breaker, idempotent, retry};

const ARGUMENTS: &[&str] = &[
    "",
    "max_attempts = 3",
    "max_attempts = N + 1, base_delay = \"200ms\", max_delay = Duration::MAX",
    "on = [ApiError::Timeout, io::Error, Http { status: 500..=599, .. }, is(a::B), A | B]",
    "not_on = [NotFound, <T as Trait>::Error], when = |error: &E| matches!(error, E::A(_) if true)",
    "classify = classify_error, classify_value = |v| None",
    "when_value = |text: &String| text.is_empty(), on = any",
    "backoff = \"exponential\", factor = 2.0, jitter = \"full\"",
    "backoff = Custom::new(1), jitter = 1.5, factor = -1e999",
    "attempt_timeout = \"5s\", deadline = soft(\"30s\"), max_retry_after = 100ms",
    "policy = crate::POLICY, crate = ::other::steadfast",
    "budget(tokens_per_second = 10, ratio = 0.2, max_tokens = 50, name = \"x\", key = \"{a}\")",
    "budget = none, clone(first, second), context = attempt, nested = \"suppress\"",
    "on_retry = |event| (), name = \"fetch\", sleep = runtime::sleep, log_errors = false",
    "map_timeout = |_| Error, log_limit = 10",
    "max_retries = 3, wait = 5, maxAttempts = \"x\", base_delay = \"99999999999999999999h\"",
    "r#on = [x], max_attempts: 3, = , ; , on = [, ,], clone(,), budget()",
    "PAYMENTS, failure_threshold = 3, on = [A], ignore = [A]",
    "crate::breakers::PAYMENTS, &PAYMENTS, payments, \"payments\"",
    "name = \"payments\", failure_rate = 0.5, window = \"10s\", minimum_calls = 20, per = \"call\"",
    "name = \"p\", window = 100, failure_rate = 50, slow_call = \"2s\", slow_call_rate = \"50%\"",
    "recovery_timeout = \"30s\", recovery_factor = 2, max_recovery_timeout = \"1s\", recovery_jitter = 2",
    "half_open_requests = 0, probe_timeout = \"1ns\", trip_on_success = true, key = \"{a}\", max_keys = 1",
    "fallback = Self::cached, map_open = |open| Error, slidingWindowSize = 10, FailureRatio = 0.1",
    "key = \"order_{a}_{b}\", ttl = \"24h\", store = store, fingerprint(a, b), lease = \"30s\"",
    "key = \"{a}\", wait = \"0s\", on_unknown = \"hold\", on_store_down = \"run\", on_drop = \"detach\"",
    "key = \"{{}}{\", on_lease_lost = \"cancel\", scope = \"\", version = -1, replay = \"keyed\"",
    "key = \"x{type}\", on_unknown = reconcile, record_errors = true, map_error = Into::into",
];

const ITEMS: &[&str] = &[
    "fn fetch() -> io::Result<u32> { Ok(1) }",
    "pub async fn fetch(a: &mut u32, mut b: String, (c, ref mut d): (u8, u8)) -> Option<u8> { None }",
    "#[doc = \"x\"] #[retry(max_attempts = 2)] #[circuit_breaker(name = \"x\")] fn f() -> R {}",
    "#[steadfast::idempotent(key = \"order_{a}\", replay = \"keyed\")] #[retry(attempt_timeout = \"1s\")] \
     #[x::circuit_breaker(PAYMENTS, per = \"call\", fallback = f)] async fn f(a: u8, (b, c): (u8, u8)) {}",
    "#[circuit_breaker = 1] #[idempotent[key = \"x\"]] #[retry{}] fn f(r#type: u8) -> ! {}",
    "pub(crate) default unsafe extern \"C\" fn f<'a, T: ?Sized, const N: usize>(self: Arc<Self>, \
     #[cfg(x)] y: [T; N]) -> impl Future<Output = Result<T, Box<dyn Error + 'a>>> where T: X {}",
    "fn f(&mut self) -> Pin<Box<dyn Future<Output = u8> + Send + '_>> { Box::pin(async move { \
     let a = a; let __ret: u8 = { 1 }; __ret }) }",
    "fn f(mut self) -> ! { #![allow(x)] loop {} }",
    "const fn f() -> BoxFuture<'static, ()> { async {} }",
    "async fn f();",
    "struct Client { a: u8 }",
    "impl X for Y { fn f() {} }",
    "let x = || 1;",
    "|x| x + 1",
    "",
];

/// The numbers of a linear congruential generator: a failure names its seed, and comes back.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most.max(1)
    }
}

fn tokens(text: &str) -> TokenStream {
    TokenStream::from_str(text).unwrap()
}

/// Every tree of the corpus, the inner ones too: what is put in place of another.
fn pool() -> Vec<TokenTree> {
    fn add(stream: TokenStream, pool: &mut Vec<TokenTree>) {
        for tree in stream {
            if let TokenTree::Group(group) = &tree {
                add(group.stream(), pool);
            }
            pool.push(tree);
        }
    }
    let mut pool = Vec::new();
    for text in ARGUMENTS.iter().chain(ITEMS) {
        add(tokens(text), &mut pool);
    }
    for punct in ['<', '>', '|', '&', '\'', '#', '!', '=', ':', ';', ',', '.', '-', '@', '$', '?'] {
        pool.push(Punct::new(punct, Spacing::Alone).into());
        if punct != '\'' {
            pool.push(Punct::new(punct, Spacing::Joint).into());
        }
    }
    pool.push(Literal::string("\u{202e}\n\0 9999999999999999999999s").into());
    pool.push(Literal::byte_string(b"\xff").into());
    pool.push(Literal::u128_unsuffixed(u128::MAX).into());
    pool.push(Literal::f64_unsuffixed(f64::MIN_POSITIVE).into());
    pool
}

fn mutated(stream: TokenStream, numbers: &mut Numbers, pool: &[TokenTree]) -> TokenStream {
    let mut trees: Vec<TokenTree> = stream.into_iter().collect();
    let at = numbers.below(trees.len());
    if trees.is_empty() {
        return pool[numbers.below(pool.len())].clone().into();
    }
    let inside = numbers.below(3) > 0;
    if let (true, TokenTree::Group(group)) = (inside, &trees[at]) {
        let delimiter = match numbers.below(12) {
            0 => Delimiter::None,
            1 => Delimiter::Bracket,
            2 => Delimiter::Brace,
            3 => Delimiter::Parenthesis,
            _ => group.delimiter(),
        };
        trees[at] = Group::new(delimiter, mutated(group.stream(), numbers, pool)).into();
        return trees.into_iter().collect();
    }
    let other = numbers.below(trees.len());
    match numbers.below(6) {
        0 => drop(trees.remove(at)),
        1 => trees.insert(at, trees[other].clone()),
        2 => trees.swap(at, other),
        3 => trees[at] = pool[numbers.below(pool.len())].clone(),
        4 => trees.insert(at, pool[numbers.below(pool.len())].clone()),
        _ => trees.truncate(at),
    }
    trees.into_iter().collect()
}

type Entry = fn(TokenStream, &TokenStream) -> TokenStream;

const ENTRIES: [(&str, Entry); 3] =
    [("retry", retry), ("circuit_breaker", circuit_breaker), ("idempotent", idempotent)];

/// The expansion, which has to be tokens once more when it is printed.
fn expanded(entry: usize, arguments: &TokenStream, item: &TokenStream, seed: u64) {
    let (name, expand) = ENTRIES[entry];
    let (given, below) = (arguments.clone(), item.clone());
    let output = std::panic::catch_unwind(move || expand(given, &below)).unwrap_or_else(|_| {
        panic!("seed {seed} panics:\n#[{name}({arguments})]\n{item}");
    });
    let printed = output.to_string();
    let Ok(output) = TokenStream::from_str(&printed) else {
        panic!("seed {seed} does not lex:\n#[{name}({arguments})]\n{item}\n=> {printed}");
    };
    if syn::parse2::<syn::ItemFn>(item.clone()).is_ok()
        && let Err(error) = syn::parse2::<syn::File>(output)
    {
        panic!("seed {seed}: {error}:\n#[{name}({arguments})]\n{item}\n=> {printed}");
    }
}

#[test]
fn every_argument_meets_every_item() {
    for arguments in ARGUMENTS {
        for item in ITEMS {
            for entry in 0..ENTRIES.len() {
                expanded(entry, &tokens(arguments), &tokens(item), 0);
            }
        }
    }
}

#[test]
fn mutated_tokens_never_panic_and_lex_again() {
    let pool = pool();
    for seed in 0..6_000 {
        let mut numbers = Numbers(seed);
        let entry = numbers.below(ENTRIES.len());
        let mut arguments = tokens(ARGUMENTS[numbers.below(ARGUMENTS.len())]);
        let mut item = tokens(ITEMS[numbers.below(ITEMS.len())]);
        for _ in 0..=numbers.below(4) {
            if numbers.below(3) > 0 {
                arguments = mutated(arguments, &mut numbers, &pool);
            } else {
                item = mutated(item, &mut numbers, &pool);
            }
        }
        // A lone apostrophe is no token that a compiler hands over.
        if TokenStream::from_str(&arguments.to_string()).is_ok()
            && TokenStream::from_str(&item.to_string()).is_ok()
        {
            expanded(entry, &arguments, &item, seed);
        }
    }
}

#[test]
fn random_tokens_never_panic_and_lex_again() {
    let pool = pool();
    for seed in 0..3_000 {
        let mut numbers = Numbers(seed);
        let entry = numbers.below(ENTRIES.len());
        let mut some = |most| -> TokenStream {
            (0..numbers.below(most)).map(|_| pool[numbers.below(pool.len())].clone()).collect()
        };
        let (arguments, item) = (some(20), some(20));
        if TokenStream::from_str(&arguments.to_string()).is_ok()
            && TokenStream::from_str(&item.to_string()).is_ok()
        {
            expanded(entry, &arguments, &item, seed);
        }
    }
}

/// `depth` groups in one another. Parsing from text would recurse by itself.
fn nested(delimiter: Delimiter, depth: usize) -> TokenStream {
    let mut tokens = TokenStream::from(TokenTree::from(Literal::u8_unsuffixed(1)));
    for _ in 0..depth {
        tokens = TokenTree::from(Group::new(delimiter, tokens)).into();
    }
    tokens
}

#[test]
fn deep_nesting_overflows_no_stack() {
    // Printing would recurse by itself, too.
    let expand = |arguments: TokenStream, item: TokenStream| {
        for (_, expand) in ENTRIES {
            drop(expand(arguments.clone(), &item));
        }
    };
    let name = |word: &str| TokenTree::from(proc_macro2::Ident::new(word, Span::call_site()));
    let plain = tokens("fn f() -> Option<u8> { None }");
    for delimiter in [Delimiter::Parenthesis, Delimiter::Bracket, Delimiter::Brace] {
        let deep = nested(delimiter, 10_000);
        let equals = TokenTree::from(Punct::new('=', Spacing::Alone));
        for option in
            ["max_attempts", "on", "base_delay", "backoff", "window", "store", "key", "zebra"]
        {
            let arguments = [name(option), equals.clone()].into_iter().collect::<TokenStream>();
            expand(arguments.into_iter().chain(deep.clone()).collect(), plain.clone());
        }
        expand(deep.clone(), plain.clone());
        let called = [name("clone")].into_iter().chain(deep.clone()).collect();
        expand(called, plain.clone());
        // In the body, in an argument's type, as what is returned, and instead of a function.
        let body = Group::new(Delimiter::Brace, deep.clone());
        let head = tokens("fn f() -> Option<u8>");
        expand(TokenStream::new(), head.into_iter().chain([body.into()]).collect());
        let arguments = tokens("a:").into_iter().chain(deep.clone()).collect();
        let arguments = Group::new(Delimiter::Parenthesis, arguments);
        let with_argument = tokens("fn f").into_iter().chain([arguments.into()]);
        let tail = tokens("-> Option<u8> { None }");
        expand(TokenStream::new(), with_argument.chain(tail).collect());
        let output = tokens("fn f() ->").into_iter().chain(deep.clone()).chain(tokens("{ None }"));
        expand(TokenStream::new(), output.collect());
        expand(TokenStream::new(), deep);
    }
    for (open, close) in [("A<", ">"), ("&", ""), ("dyn Fn() -> ", ""), ("[", "; 1]")] {
        let text = format!("fn f() -> {}B{} {{ }}", open.repeat(300), close.repeat(300));
        expand(TokenStream::new(), tokens(&text));
    }
}

/// What is fuzzed is what is published.
#[test]
fn both_roots_have_the_same_modules() {
    let modules = |root: &str| -> Vec<String> {
        root.lines().filter(|line| line.starts_with("mod ")).map(str::to_owned).collect()
    };
    let published = modules(include_str!("../lib.rs"));
    assert!(!published.is_empty());
    assert_eq!(published, modules(include_str!("../plain.rs")));
}
