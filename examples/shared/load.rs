//! A shop on loopback that fails the way services do, and a load of annotated calls against it:
//! what the examples `metrics` and `top` look at.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use reqwest::Client;
use steadfast::{AttemptTimeout, CircuitBreaker, CircuitOpen, Classify, RetryBudget, http, retry};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

/// What can go wrong between the callers and the shop.
#[derive(Debug, Error, Classify)]
pub(crate) enum ShopError {
    #[error(transparent)]
    #[classify(transparent)]
    Network(#[from] reqwest::Error),
    #[error(transparent)]
    #[classify(transparent)]
    Status(#[from] http::StatusError),
    #[error("no answer in time")]
    #[retryable(kind = timeout)]
    TooSlow(#[from] AttemptTimeout),
    #[error(transparent)]
    #[permanent]
    Open(#[from] CircuitOpen),
}

/// Two in ten payments may be retried, and ten at once.
static PAYMENTS_BUDGET: RetryBudget = RetryBudget::new(0.5, 10).deposit_per_call(0.2);

static PAYMENTS: CircuitBreaker = CircuitBreaker::new("payments")
    .failure_rate(0.5)
    .window(20)
    .recovery_timeout(Duration::from_secs(2));

/// A fiftieth of the answers is a 503.
#[retry(name = "price", base_delay = "20ms", attempt_timeout = "1s")]
async fn price(shop: &Shop) -> Result<(), ShopError> {
    shop.get("price").await
}

/// A twentieth hangs.
#[retry(name = "stock", max_attempts = 4, base_delay = "10ms", attempt_timeout = "120ms")]
async fn stock(shop: &Shop) -> Result<(), ShopError> {
    shop.get("stock").await
}

/// A tenth is not found, which is an answer.
#[retry(name = "search", base_delay = "20ms", deadline = "800ms")]
async fn search(shop: &Shop) -> Result<(), ShopError> {
    shop.get("search").await
}

/// Out of order for six seconds in every eighteen.
#[retry(name = "pay", base_delay = "50ms", attempt_timeout = "1s", budget = PAYMENTS_BUDGET)]
async fn pay(shop: &Shop) -> Result<(), ShopError> {
    let permit = PAYMENTS.register().try_acquire()?;
    let answer = shop.get("pay").await;
    match &answer {
        Ok(()) => permit.success(),
        Err(_) => permit.failure(),
    }
    answer
}

/// The shop as its callers see it.
#[derive(Clone)]
pub(crate) struct Shop {
    client: Client,
    at: SocketAddr,
}

impl Shop {
    async fn get(&self, what: &str) -> Result<(), ShopError> {
        let answer = self.client.get(format!("http://{}/{what}", self.at)).send().await?;
        http::check(answer)?;
        Ok(())
    }

    /// Opens on a free port of loopback.
    pub(crate) async fn open() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let at = listener.local_addr()?;
        let counter = |hundredths: u64, bad: Bad| Counter { hundredths, bad };
        let shop = Router::new()
            .route("/price", get(serve).with_state(counter(2, Bad::Refuses).shared()))
            .route("/stock", get(serve).with_state(counter(5, Bad::Hangs).shared()))
            .route("/search", get(serve).with_state(counter(10, Bad::KnowsNothing).shared()))
            .route("/pay", get(serve).with_state(counter(1, Bad::Down).shared()));
        tokio::spawn(axum::serve(listener, shop).into_future());
        Ok(Self { client: Client::new(), at })
    }

    /// Calls it from many sides, until `until`.
    pub(crate) async fn visit(&self, until: impl Future<Output = ()>) {
        let visitors = async {
            tokio::join!(
                visit(8, || price(self)),
                visit(12, || stock(self)),
                visit(20, || search(self)),
                visit(15, || pay(self)),
            );
        };
        tokio::select! {
            () = visitors => {}
            () = until => {}
        }
    }
}

/// One call after the other, a few milliseconds apart; what becomes of them is told elsewhere.
async fn visit<F: Future<Output = Result<(), ShopError>>>(pause: u64, call: impl Fn() -> F) {
    loop {
        let _ = call().await;
        sleep(Duration::from_millis(pause)).await;
    }
}

#[derive(Clone, Copy)]
enum Bad {
    Refuses,
    Hangs,
    KnowsNothing,
    Down,
}

struct Counter {
    hundredths: u64,
    bad: Bad,
}

struct Counting {
    counter: Counter,
    requests: AtomicU64,
    since: Instant,
}

impl Counter {
    fn shared(self) -> &'static Counting {
        let requests = AtomicU64::new(0);
        Box::leak(Box::new(Counting { counter: self, requests, since: Instant::now() }))
    }
}

/// Fails by count rather than by chance, so that every run shows the same.
async fn serve(State(shop): State<&'static Counting>) -> StatusCode {
    let request = shop.requests.fetch_add(1, Ordering::Relaxed);
    sleep(Duration::from_millis(3)).await;
    // Spread over the hundred, not all at its beginning.
    let unlucky = request * 37 % 100 < shop.counter.hundredths;
    match shop.counter.bad {
        Bad::Down if shop.since.elapsed().as_secs() % 18 >= 12 => StatusCode::SERVICE_UNAVAILABLE,
        Bad::Hangs if unlucky => {
            sleep(Duration::from_secs(2)).await;
            StatusCode::OK
        }
        Bad::Refuses | Bad::Down if unlucky => StatusCode::SERVICE_UNAVAILABLE,
        Bad::KnowsNothing if unlucky => StatusCode::NOT_FOUND,
        _ => StatusCode::OK,
    }
}
