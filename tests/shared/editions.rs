// Included by a package of each edition.

fn third(calls: &AtomicU32) -> io::Result<u32> {
    let call = calls.fetch_add(1, Ordering::Relaxed) + 1;
    if call < 3 { Err(ErrorKind::TimedOut.into()) } else { Ok(call) }
}

/// An error with everything.
#[derive(Debug)]
#[non_exhaustive]
pub enum ApiError {
    /// Cut off.
    Timeout,
    /// Answered.
    Http {
        /// The status.
        status: u16,
    },
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("api")
    }
}

impl std::error::Error for ApiError {}

impl From<AttemptTimeout> for ApiError {
    fn from(_: AttemptTimeout) -> Self {
        Self::Timeout
    }
}

impl From<io::Error> for ApiError {
    fn from(_: io::Error) -> Self {
        Self::Http { status: 503 }
    }
}

static BUDGET: RetryBudget = RetryBudget::new(10.0, 10);
static POLICY: RetryPolicy = RetryPolicy::new().jitter(Jitter::Equal);

const fn hook(_: &RetryEvent<'_>) {}

/// By default.
///
/// # Errors
///
/// Those of the service.
#[retry]
pub fn by_default(calls: &AtomicU32) -> io::Result<u32> {
    third(calls)
}

/// By default.
///
/// # Errors
///
/// Those of the service.
#[retry]
pub async fn by_default_async(calls: &AtomicU32) -> io::Result<u32> {
    third(calls)
}

/// Every option.
///
/// # Errors
///
/// Those of the service.
#[retry(
    max_attempts = 5,
    on = [ApiError::Timeout, ApiError::Http { status: 500..=599 }],
    not_on = [ErrorKind::NotFound],
    base_delay = "1ms",
    max_delay = Duration::from_millis(5),
    factor = 1.5,
    jitter = "equal",
    attempt_timeout = "1s",
    deadline = "1m",
    max_retry_after = "1s",
    budget = BUDGET,
    clone(name),
    context = attempt,
    on_retry = hook,
    nested = "allow",
    name = "everything"
)]
pub async fn everything<T>(calls: &AtomicU32, name: String, mut n: u32, out: &mut Vec<T>) -> Result<u32, ApiError>
where
    T: From<u32> + Send,
{
    n += attempt.number();
    out.push(T::from(n));
    drop(name);
    Ok(third(calls)? + n)
}

/// Every option.
///
/// # Errors
///
/// Those of the service.
#[retry(
    policy = POLICY,
    classify = |_| Classification::retryable(),
    backoff = "linear",
    deadline = soft("1m"),
    budget(ratio = 0.5, max_tokens = 5),
    clone(name),
    context = attempt,
    on_retry = |_| {}
)]
pub fn everything_sync(calls: &AtomicU32, name: String, mut n: u32) -> Result<u32, ApiError> {
    n += attempt.number();
    drop(name);
    Ok(third(calls)? + n)
}

/// Polls.
#[must_use]
#[retry(when_value = |n| *n < 3)]
pub fn polled(calls: &AtomicU32) -> u32 {
    calls.fetch_add(1, Ordering::Relaxed) + 1
}

/// Values that are failures.
///
/// # Errors
///
/// Those of the service.
#[retry(classify_value = |n| (*n < 3).then(Classification::retryable), on = any, budget = none)]
pub async fn values(calls: &AtomicU32) -> Result<u32, ApiError> {
    Ok(calls.fetch_add(1, Ordering::Relaxed) + 1)
}

/// Options.
#[retry]
pub fn absent(calls: &AtomicU32) -> Option<u32> {
    third(calls).ok()
}

/// Any error.
///
/// # Errors
///
/// Those of the service.
#[retry(on = [io::Error], crate = ::steadfast)]
pub async fn any_error(calls: &AtomicU32) -> anyhow::Result<u32> {
    Ok(third(calls)?)
}

/// A boxed future.
#[retry(attempt_timeout = "1s")]
pub fn boxed(calls: &AtomicU32) -> Pin<Box<dyn Future<Output = io::Result<u32>> + Send + '_>> {
    Box::pin(async move { third(calls) })
}

/// A future of another function.
#[retry]
pub fn delegated<'a>(calls: &'a AtomicU32, name: &'a str) -> impl Future<Output = io::Result<u32>> + Send + 'a {
    let _ = name;
    by_default_async(calls)
}

macro_rules! made {
    ($name:ident) => {
        /// Made.
        ///
        /// # Errors
        ///
        /// Those of the service.
        #[retry]
        pub fn $name(calls: &AtomicU32) -> io::Result<u32> {
            let value = third(calls)?;
            Ok(value)
        }
    };
}
made!(made_by_a_macro);
