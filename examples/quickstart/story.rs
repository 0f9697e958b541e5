//! The calls, in order, and what has to come of each: the program fails if its story changes.

use std::io;
use std::ops::RangeInclusive;
use std::time::Duration;

use reqwest::{Client, blocking};
use steadfast::{Report, RetryEvent, StopReason};
use tokio::sync::Notify;

use crate::client::client;
use crate::service::Service;
use crate::shop::{Answer, Script, weather};
use crate::written::Deviations;
use crate::{ShopError, account, parts};

type Outcome = Result<String, ShopError>;

/// The draw of the failures on the busy day.
const SEED: u64 = 7;

/// The supervisor of the service notices that it is down.
static NOTICED: Notify = Notify::const_new();

/// The hook of `order`. The service comes back during the third pause, not after some time, so that
/// the account has as many lines on a slow machine as on a fast one.
pub(crate) fn during_a_crash(event: &RetryEvent<'_>) {
    account::on_retry(event);
    if event.attempt == 3 {
        NOTICED.notify_one();
    }
}

/// # Errors
///
/// What did not go as written.
pub(crate) async fn tell() -> Result<(), String> {
    let shop = Service::open(Script::default()).await;
    let shop = shop.map_err(|error| format!("no port on loopback: {error}"))?;
    let mut story = Story { client: client(), shop, told: 0, deviations: Deviations::default() };
    account::opening(&story.shop.url());
    story.broken_connection().await;
    story.back_in_a_second().await;
    story.too_many_requests().await;
    story.back_in_an_hour().await;
    story.slow_answer().await;
    story.not_found().await;
    story.crash_and_restart().await;
    story.never_an_answer().await;
    story.out_of_time().await;
    story.busy_day().await;
    story.outage().await;
    account::table(&steadfast::snapshot());
    story.deviations.none()
}

struct Story {
    shop: Service<Script>,
    client: Client,
    told: usize,
    deviations: Deviations,
}

impl Story {
    async fn broken_connection(&mut self) {
        self.heading(
            "price: the connection breaks, then the service is unavailable",
            "five attempts, delays of up to 40, 80, 160, 320 ms, drawn at random (full jitter)",
        );
        let url = self.plays("/price", [Answer::Reset, Answer::Status(503), Answer::Ok("3.20")]);
        let call = crate::price(&self.client, &url);
        self.ending(steadfast::reported(call).await, StopReason::Ok, 3..=3);
    }

    async fn back_in_a_second(&mut self) {
        self.heading(
            "stock: unavailable, and the server says when to come back",
            "Retry-After is the floor of the delay, whatever the schedule says",
        );
        let url = self.plays("/stock", [Answer::StatusAfter(503, "1"), Answer::Ok("12 left")]);
        let call = crate::stock(&self.client, &url);
        self.ending(steadfast::reported(call).await, StopReason::Ok, 2..=2);
    }

    async fn too_many_requests(&mut self) {
        self.heading(
            "reserve: too many requests",
            "a blocking function on a thread of its own, same attribute",
        );
        let url = self.plays("/reserve", [Answer::StatusAfter(429, "1"), Answer::Ok("reserved")]);
        let told = blocking(move |client| crate::reserve(client, &url)).await;
        self.ending(told, StopReason::Ok, 2..=2);
    }

    async fn back_in_an_hour(&mut self) {
        self.heading(
            "export: too many requests, and the server wants an hour",
            "blocking; never sooner than the server asked, and never longer than max_retry_after",
        );
        let url = self.plays("/export", [Answer::StatusAfter(429, "3600")]);
        let told = blocking(move |client| crate::export(client, &url)).await;
        self.ending(told, StopReason::Hint, 1..=1);
    }

    async fn slow_answer(&mut self) {
        self.heading(
            "report: the first answer takes a minute",
            "attempt_timeout = \"300ms\": the attempt is cut off and counts as a timeout",
        );
        let minute = Answer::Slow(Duration::from_secs(60), 200);
        let url = self.plays("/report", [minute, Answer::Ok("12 pages")]);
        let call = crate::report(&self.client, &url);
        self.ending(steadfast::reported(call).await, StopReason::Ok, 2..=2);
    }

    async fn not_found(&mut self) {
        self.heading("product: not found", "a final answer is final");
        let url = self.plays("/product", [Answer::Status(404)]);
        let call = crate::product(&self.client, &url);
        self.ending(steadfast::reported(call).await, StopReason::Permanent, 1..=1);
    }

    async fn crash_and_restart(&mut self) {
        self.heading(
            "order: the service crashes, nobody listens on its port, and it comes back on the same",
            "up to six attempts, jitter = \"equal\": each delay is at least half of 60, 120, 240 ms",
        );
        let url = self.plays("/order", [Answer::Ok("shipped")]);
        self.shop.crash().await;
        let restart = async {
            NOTICED.notified().await;
            self.shop.restart().await
        };
        let call = crate::order(&self.client, &url);
        let (restarted, told) = tokio::join!(restart, steadfast::reported(call));
        self.restarted(restarted);
        self.ending(told, StopReason::Ok, 4..=4);
    }

    async fn never_an_answer(&mut self) {
        self.heading(
            "invoice: every connection breaks",
            "blocking, three attempts; the caller gets the last real error",
        );
        let url = self.plays("/invoice", [Answer::Reset]);
        let told = blocking(move |client| crate::invoice(client, &url)).await;
        self.ending(told, StopReason::Exhausted, 3..=3);
    }

    async fn out_of_time(&mut self) {
        self.heading(
            "delivery: slow to say that it is unavailable, and the caller cannot wait for ever",
            "deadline = \"800ms\", delays of 100, 200, 400 ms: none is begun that would cross it",
        );
        let url = self.plays("/delivery", [Answer::Slow(Duration::from_millis(60), 503)]);
        let call = crate::delivery(&self.client, &url);
        self.ending(steadfast::reported(call).await, StopReason::Deadline, 3..=3);
    }

    async fn busy_day(&mut self) {
        self.heading(
            "availability: a hundred calls while one request in ten fails",
            "up to four attempts each; calls earn the function its budget, and it pays for all retries",
        );
        let url = self.plays("/availability", weather(SEED, 10, 200));
        let mut signs = Vec::new();
        for _ in 0..100 {
            let (outcome, report) =
                steadfast::reported(crate::availability(&self.client, &url)).await;
            signs.push(sign(&outcome, &report));
        }
        let failed = signs.iter().filter(|sign| **sign == 'x').count();
        self.expect(failed == 0, "on the busy day all calls succeed");
        account::strip(&signs, "a call each: . ok at once, 2-4 ok at that attempt, x failed");
    }

    async fn outage(&mut self) {
        self.heading(
            "supplier: the service is down, fifty calls",
            "four attempts each would be 200 requests, sent to a service that tries to come up again",
        );
        let url = self.plays("/supplier", [Answer::Ok("")]);
        self.shop.crash().await;
        let mut signs = Vec::new();
        let mut requests = 0;
        for _ in 0..50 {
            let (outcome, report) = steadfast::reported(crate::supplier(&self.client, &url)).await;
            requests += report.attempts;
            signs.push(if report.reason == StopReason::Budget && report.attempts == 1 {
                'o'
            } else {
                sign(&outcome, &report)
            });
        }
        self.expect(requests <= 65, "in the outage retries add a fifth of the calls");
        let legend = "a call each: x failed after retries, o at once because the budget was spent";
        account::strip(&signs, &format!("{legend}; {requests} requests"));
        let restarted = self.shop.restart().await;
        self.restarted(restarted);
    }

    fn heading(&mut self, title: &str, settings: &str) {
        self.told += 1;
        parts::heading(self.told, title, settings);
    }

    fn plays(&self, path: &str, answers: impl IntoIterator<Item = Answer>) -> String {
        self.shop.plays(path, answers);
        format!("{}{path}", self.shop.url())
    }

    fn ending(
        &mut self,
        (outcome, report): (Outcome, Report),
        reason: StopReason,
        attempts: RangeInclusive<u32>,
    ) {
        account::ending(&outcome, &report);
        let told = self.told;
        self.expect(
            report.reason == reason && attempts.contains(&report.attempts),
            &format!("call {told} ends with {} after {attempts:?} attempts", reason.as_str()),
        );
    }

    fn restarted(&mut self, restarted: io::Result<()>) {
        if let Err(error) = restarted {
            self.expect(false, &format!("the service comes back on its port ({error})"));
        }
    }

    fn expect(&mut self, held: bool, what: &str) {
        self.deviations.expect(held, what);
    }
}

fn sign(outcome: &Outcome, report: &Report) -> char {
    match (outcome, report.attempts) {
        (Ok(_), 1) => '.',
        (Ok(_), attempts) => char::from_digit(attempts, 10).unwrap_or('+'),
        (Err(_), _) => 'x',
    }
}

/// Runs a blocking call where blocking is allowed. The client is made and dropped there, too: it
/// holds a runtime.
async fn blocking(
    call: impl FnOnce(&blocking::Client) -> Outcome + Send + 'static,
) -> (Outcome, Report) {
    let work = move || {
        let client = blocking::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()
            .expect("a client without TLS can always be built");
        steadfast::reported_sync(|| call(&client))
    };
    tokio::task::spawn_blocking(work).await.expect("the call does not panic")
}
