//! The attributes of `steadfast`. Depend on `steadfast`, which re-exports them.

mod derive;
mod diagnostics;
mod durations;
mod entries;
mod entry;
mod expand;
mod items;
mod limits;
mod model;
mod options;
mod parse;
mod runtime_path;
mod siblings;
mod signature;
mod templates;
mod validate;
mod values;

use proc_macro::TokenStream;

/// Calls the body again when it fails in a way that may pass.
///
/// ```
/// use std::io;
/// use steadfast::retry;
///
/// #[retry]
/// fn read(answers: &mut Vec<io::Result<u8>>) -> io::Result<u8> {
///     answers.pop().expect("asked once too often")
/// }
///
/// let _scope = steadfast::testing::scope(); // delays take no time
/// let mut answers = vec![Ok(7), Err(io::ErrorKind::TimedOut.into())];
/// assert_eq!(read(&mut answers).unwrap(), 7);
/// // What cannot pass is returned at once.
/// assert!(read(&mut vec![Err(io::ErrorKind::NotFound.into())]).is_err());
/// ```
///
/// On `fn` and `async fn`: free functions, methods, trait methods with a body, methods of trait
/// implementations (also below `#[async_trait]`), generic and `unsafe` ones, that return a `Result`
/// under any name, an `Option`, or with `when_value` any value. The caller gets the first success, or
/// the last real error, untouched.
///
/// # Options
///
/// | option | default | meaning |
/// |---|---|---|
/// | `max_attempts` | 3 | calls of the body, the first included |
/// | `on`, `not_on` | – | types, variants and patterns of errors that are retried; that are never. `on = any`: every error |
/// | `when` | – | `fn(&E) -> bool`, instead of `on` |
/// | `classify` | `Classify` of `E` | `fn(&E) -> Classification` |
/// | `classify_value` | – | `fn(&T) -> Option<Classification>`: a value that is a failure |
/// | `when_value` | – | `fn(&T) -> bool`: poll, repeat while true |
/// | `backoff` | `"exponential"` | or `"linear"`, `"constant"`, `"decorrelated"`, or a `Backoff` |
/// | `base_delay`, `max_delay` | 1 s, 60 s | first delay before jitter; ceiling after everything |
/// | `factor` | 2.0 | growth of the exponential backoff, at least 1 |
/// | `jitter` | `"full"` | or `"equal"`, `"none"` |
/// | `attempt_timeout` | – | cuts off one attempt of an `async fn` |
/// | `deadline` | – | for the whole call; `soft("10s")` never cuts a running body |
/// | `max_retry_after` | `max_delay` | a longer `Retry-After` ends the retrying |
/// | `policy` | – | path to a `static RetryPolicy`; options beside it override it |
/// | `budget` | on | path to a `RetryBudget`, `budget(tokens_per_second, max_tokens, ratio, name, key)`, or `none` |
/// | `clone(a, b)` | – | arguments to clone for every attempt |
/// | `context` | – | a name for the `Attempt` in the body |
/// | `on_retry` | – | `fn(&RetryEvent)`, called before each delay |
/// | `nested` | `"suppress"` | or `"allow"`: retry while an outer retry is retrying |
/// | `name` | `module::function` | the operation in logs and statistics |
/// | `sleep` | tokio | path to another runtime's async sleep |
/// | `map_timeout` | `From` | `fn(AttemptTimeout) -> E` |
/// | `log_errors`, `log_limit` | true, 10 | error text in log lines; lines a second |
/// | `crate` | `::steadfast` | where steadfast is, for re-exports |
///
/// Durations are strings with a unit (`"250ms"`, `"1.5s"`, `"1h30m"`) or const expressions of type
/// `Duration`.
///
/// # Expands to
///
/// A `static` with the policy and the counters, and a loop in the function itself around the body,
/// whose tokens stay as they are. A sync body is a closure, an async one a block made anew for each
/// attempt. The outcome goes out of scope before the sleep. A success at the first attempt reads no
/// clock, draws no random number and allocates nothing, unless an option needs it.
///
/// # Refuses
///
/// Settings that cannot work, with the words to write instead; options of other libraries, with
/// their equivalent; an error type that nobody can classify.
///
/// ```compile_fail
/// #[steadfast::retry(base_delay = "30s", max_delay = "5s")]
/// fn never() -> std::io::Result<()> { Ok(()) }
/// ```
///
/// ```compile_fail
/// #[steadfast::retry(max_retries = 3)] // `max_attempts = 4`
/// fn another_library() -> std::io::Result<()> { Ok(()) }
/// ```
///
/// # Events
///
/// Target `steadfast::retry`: WARN for an attempt that will be repeated (`operation`, `attempt`, `of`,
/// `delay`, `reason`, `error`), ERROR for giving up (`result` instead of `delay`), DEBUG for what is
/// not retried and for polls.
#[proc_macro_attribute]
pub fn retry(args: TokenStream, item: TokenStream) -> TokenStream {
    entry::retry(args.into(), &item.into()).into()
}

/// Stops calling what keeps failing, and finds out when it is back.
///
/// ```
/// use std::{io, time::Duration};
/// use steadfast::circuit_breaker;
///
/// #[circuit_breaker(name = "stock", failure_threshold = 2)]
/// fn stock(up: bool, asked: &mut u32) -> io::Result<u32> {
///     *asked += 1;
///     if up { Ok(12) } else { Err(io::ErrorKind::TimedOut.into()) }
/// }
///
/// let scope = steadfast::testing::scope(); // a clock that a test moves
/// let mut asked = 0;
/// stock(false, &mut asked).unwrap_err();
/// stock(false, &mut asked).unwrap_err();
/// assert!(stock(true, &mut asked).is_err()); // open
/// assert_eq!(asked, 2);
///
/// scope.advance(Duration::from_secs(40)); // 30 s, and up to a tenth of jitter
/// assert_eq!(stock(true, &mut asked).unwrap(), 12); // the probe
/// ```
///
/// It stands below `#[retry]`, where each attempt asks it. Functions with the same `name` share one
/// breaker; `#[circuit_breaker(PAYMENTS)]` names a `static PAYMENTS: CircuitBreaker` instead. A
/// rejected call returns `E::from(CircuitOpen)`.
///
/// # Options
///
/// | option | default | meaning |
/// |---|---|---|
/// | `name` | required, or a path | which breaker |
/// | `failure_threshold` | 5 | failures in a row that open it |
/// | `failure_rate` | – | instead: a share of the window, above 0 and at most 1 |
/// | `window` | 100 | calls, or a time such as `"10s"`; a const `u32` or `Duration` says it by its type |
/// | `minimum_calls` | 10 | calls in the window before a share says anything |
/// | `slow_call` | – | calls that take longer are slow; a failure unless there is a `slow_call_rate` |
/// | `slow_call_rate` | – | the share of slow calls that opens it |
/// | `recovery_timeout` | 30 s | open for this long, then half-open |
/// | `recovery_factor` | 1.0 | growth of repeated breaks |
/// | `max_recovery_timeout` | ten times `recovery_timeout` | their ceiling |
/// | `recovery_jitter` | 0.1 | a break is longer by up to this share |
/// | `half_open_requests` | 1 | probes at once, and successes needed to close |
/// | `probe_timeout` | the longer of `recovery_timeout` and `attempt_timeout` | a probe that takes longer has failed |
/// | `trip_on_success` | false | a success that completes `minimum_calls` may open it |
/// | `on`, `not_on`, `when`, `classify`, `classify_value` | the retry's; else the kinds transient and timeout | what is a failure |
/// | `ignore` | – | errors that are neither failure nor success |
/// | `key`, `max_keys` | –, 1024 | a breaker for each value: `key = "{host}"` |
/// | `fallback` | – | a function with the same arguments and return type, called when it is open |
/// | `map_open` | `From` | `fn(CircuitOpen) -> E` |
/// | `per` | `"attempt"` | or `"call"`: around the retry |
/// | `crate` | `::steadfast` | where steadfast is, for re-exports |
///
/// # Expands to
///
/// A `static` breaker, the question whether the call is admitted before the body, and the verdict on
/// its outcome behind it. The permit is a guard: a dropped future and a panic give it back. No lock is
/// held while the body runs.
///
/// # Refuses
///
/// Two thresholds, options without an effect, zero of anything, an error type without
/// `From<CircuitOpen>`, the wrong place in a stack:
///
/// ```compile_fail
/// #[steadfast::circuit_breaker(name = "api")] // below `retry`
/// #[steadfast::retry]
/// fn upside_down() -> std::io::Result<()> { Ok(()) }
/// ```
///
/// ```compile_fail
/// #[steadfast::circuit_breaker(name = "api", failure_rate = 50)] // 0.5
/// fn percent() -> std::io::Result<()> { Ok(()) }
/// ```
///
/// # Events
///
/// Target `steadfast::breaker`: INFO for a change of state (`breaker`, `keyed`, `from`, `to`), ERROR
/// once for two breakers of one name that differ.
#[proc_macro_attribute]
pub fn circuit_breaker(args: TokenStream, item: TokenStream) -> TokenStream {
    entry::circuit_breaker(args.into(), &item.into()).into()
}

/// Runs the body once for each key, and answers duplicates with the first result. Needs the feature
/// `idempotent`, or that of a store.
///
/// ```
/// use std::io;
/// use steadfast::idempotent;
///
/// #[idempotent(key = "order_{order_id}_payment", map_error = io::Error::other)]
/// fn charge(order_id: u64, charged: &mut u32) -> io::Result<u32> {
///     *charged += 1;
///     Ok(*charged)
/// }
///
/// let _scope = steadfast::testing::scope(); // a store of its own
/// let mut charged = 0;
/// assert_eq!(charge(7, &mut charged).unwrap(), 1);
/// assert_eq!(charge(7, &mut charged).unwrap(), 1); // the first answer
/// assert_eq!(charge(8, &mut charged).unwrap(), 2);
/// ```
///
/// It stands above `#[retry]` and `#[circuit_breaker]`: one claim spans all attempts. The value is
/// `Serialize + DeserializeOwned`, the error has `From<IdempotencyError>`. A call whose effect may
/// have happened and whose answer is lost (timeout, broken connection, panic, drop, crash) leaves its
/// key *unknown*, which is never run again by itself.
///
/// # Options
///
/// | option | default | meaning |
/// |---|---|---|
/// | `key` | required | text with arguments in braces |
/// | `ttl` | 24 h | how long an answer is kept |
/// | `store` | the process's, memory until one is set | an expression |
/// | `replay` | `"unsent"`; required above `#[retry]` | `"keyed"`: the body hands `Attempt::idempotency_key()` on, everything retryable is retried. `"unsent"`: only what surely never arrived |
/// | `fingerprint(a, b)` | – | arguments that must be the same when the key is |
/// | `lease` | 30 s | how long an owner that vanished is believed |
/// | `wait` | 10 s | how long a duplicate waits for the running call |
/// | `on_unknown` | `"hold"` | or `"rerun"`, or `async fn(IdempotencyKey) -> Reconciled<T>`; for a sync function a plain one |
/// | `on_store_down` | `"fail"` | or `"run"` |
/// | `on_drop` | `"unknown"` | or `"detach"`: a dropped call goes on in a task of its own |
/// | `on_lease_lost` | `"cancel"` | or `"continue"` |
/// | `scope` | – | separates equal keys |
/// | `version` | 0 | of what is stored |
/// | `record_errors` | false | store permanent failures, too |
/// | `map_error` | `From` | `fn(IdempotencyError) -> E` |
/// | `context` | – | a name for the `Attempt` in the body |
/// | `name` | `module::function` | the operation in logs and statistics |
/// | `crate` | `::steadfast` | where steadfast is, for re-exports |
///
/// # Expands to
///
/// A `static` with the settings, the key made of the arguments, and a call of the runtime with the
/// rest of the stack in a closure or an async block: claim, run under a lease, store.
///
/// # Refuses
///
/// A key that names no argument or has no text of its own, a `ttl` shorter than the retrying can
/// last, values that serde cannot write, and the double charge:
///
/// ```compile_fail
/// #[steadfast::idempotent(key = "order_{order}", map_error = std::io::Error::other)]
/// #[steadfast::retry] // `replay` is missing above
/// fn charge(order: u64) -> std::io::Result<()> { Ok(()) }
/// ```
///
/// ```compile_fail
/// #[steadfast::idempotent(key = "{order}", map_error = std::io::Error::other)] // whose orders?
/// fn charge(order: u64) -> std::io::Result<()> { Ok(()) }
/// ```
///
/// # Events
///
/// Target `steadfast::idempotency`, keys hashed: INFO for an answer without a run, DEBUG for a call
/// that was refused, WARN for a store that does not answer, ERROR for a record that became or is
/// unknown (`operation`, `key`, `fence` or `error`).
#[proc_macro_attribute]
pub fn idempotent(args: TokenStream, item: TokenStream) -> TokenStream {
    entry::idempotent(args.into(), &item.into()).into()
}

/// Needs the feature `idempotent`, and says so wherever it stands.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn idempotent_without_feature(args: TokenStream, item: TokenStream) -> TokenStream {
    entry::idempotent_without_feature(args.into(), &item.into()).into()
}

/// Implements `Classify`: every variant says whether trying again may help.
///
/// | on a variant | meaning |
/// |---|---|
/// | `#[retryable]` | trying again may help |
/// | `#[retryable(kind = timeout)]` | so does `transient` (default), `throttled`, `conflict` |
/// | `#[retryable(after = field)]` | the server's hint: a `Duration` or `Option<Duration>` field |
/// | `#[retryable(unsent)]` | it surely never reached the other side |
/// | `#[permanent]` | trying again cannot help |
/// | `#[classify(transparent)]` | the only field says; `transparent = field` names one of several |
/// | `#[classify(status = field)]` | an HTTP status, `u16` or `http::StatusCode`; with `after = field`, too |
/// | `#[classify(with = function)]` | the function says; it takes every field by reference, in order |
///
/// Fields of tuples are named by index: `after = 0`. The options of one attribute combine. A struct
/// carries the attribute itself. `#[classify(crate = path)]` in front of the type is for
/// re-exports.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Classification, Classify, Kind};
///
/// #[derive(Classify)]
/// enum ApiError {
///     #[retryable(kind = timeout)]
///     Timeout,
///     #[retryable(kind = throttled, after = retry_in)]
///     RateLimited { retry_in: Option<Duration> },
///     #[classify(status = status)]
///     Http { status: u16, body: String },
///     #[classify(transparent)]
///     Io(std::io::Error),
///     #[classify(with = by_code)]
///     Vendor(u32, String),
///     #[permanent]
///     Unauthorized,
/// }
///
/// fn by_code(code: &u32, _text: &String) -> Classification {
///     if *code == 7 { Classification::retryable() } else { Classification::permanent() }
/// }
///
/// let hint = Some(Duration::from_secs(2));
/// assert_eq!(ApiError::Timeout.classify().retryable_kind(), Some(Kind::Timeout));
/// assert_eq!(ApiError::RateLimited { retry_in: hint }.classify().hint(), hint);
/// assert!(ApiError::Http { status: 503, body: String::new() }.classify().is_retryable());
/// assert!(ApiError::Io(std::io::ErrorKind::BrokenPipe.into()).classify().is_retryable());
/// assert!(!ApiError::Vendor(8, String::new()).classify().is_retryable());
/// assert!(!ApiError::Unauthorized.classify().is_retryable());
/// ```
///
/// Refused: a variant that says nothing, because nobody decided.
///
/// ```compile_fail
/// #[derive(steadfast::Classify)]
/// enum ApiError {
///     #[retryable]
///     Timeout,
///     Unauthorized,
/// }
/// ```
///
/// # Expands to
///
/// An `impl Classify` with one arm a variant. A field that is asked (`transparent`, `status`,
/// `after`) and whose type names a type parameter adds a bound on that type; nothing else does.
#[proc_macro_derive(Classify, attributes(retryable, permanent, classify))]
pub fn derive_classify(input: TokenStream) -> TokenStream {
    expand::classify::derive_classify(input.into()).into()
}
