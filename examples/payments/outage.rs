//! The load, the service that dies under it, and what is counted: one stream of calls, each made
//! twice, with the breaker and without, against two services that share their fate.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use reqwest::Client;
use steadfast::breaker::State;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::service::{Answers, Service};
use crate::written::Deviations;
use crate::{PaymentError, pay, pay_without, timeline};

/// A call every so often.
const BETWEEN_CALLS: Duration = Duration::from_millis(5);
/// A line of the timeline every so often.
pub(crate) const ROW: Duration = Duration::from_millis(250);
const DIES_AFTER: Duration = Duration::from_millis(1500);
const STAYS_DEAD: Duration = Duration::from_millis(2500);
/// What is seen of the recovery.
const RECOVERED: Duration = Duration::from_secs(1);
/// A breaker that has not closed by then will not.
const PATIENCE: Duration = Duration::from_secs(8);

/// Books a payment in 20 ms.
struct Books;

impl Answers for Books {
    async fn answer(&self, _: Request<Incoming>) -> Option<Response<Full<Bytes>>> {
        sleep(Duration::from_millis(20)).await;
        Some(Response::default())
    }
}

/// One of the two streams of calls, and what became of them.
pub(crate) struct Wire {
    url: String,
    down: Arc<AtomicBool>,
    recovered: Arc<AtomicBool>,
    calls: AtomicU64,
    sent: AtomicU64,
    sent_while_down: AtomicU64,
    ok: AtomicU64,
    failed: AtomicU64,
    rejected: AtomicU64,
    rejected_while_up: AtomicU64,
    ok_after_recovery: AtomicU64,
    failed_after_recovery: AtomicU64,
    /// Of calls that did not succeed, in microseconds.
    waited_in_vain: AtomicU64,
}

/// A [`Wire`] at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) calls: u64,
    pub(crate) sent: u64,
    pub(crate) sent_while_down: u64,
    pub(crate) ok: u64,
    pub(crate) failed: u64,
    pub(crate) rejected: u64,
    pub(crate) rejected_while_up: u64,
    pub(crate) ok_after_recovery: u64,
    pub(crate) failed_after_recovery: u64,
    pub(crate) waited_in_vain: Duration,
}

impl Wire {
    fn to(service: &Service<Books>, down: &Arc<AtomicBool>, recovered: &Arc<AtomicBool>) -> Self {
        Self {
            url: service.url(),
            down: Arc::clone(down),
            recovered: Arc::clone(recovered),
            calls: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            sent_while_down: AtomicU64::new(0),
            ok: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            rejected_while_up: AtomicU64::new(0),
            ok_after_recovery: AtomicU64::new(0),
            failed_after_recovery: AtomicU64::new(0),
            waited_in_vain: AtomicU64::new(0),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// An attempt goes out.
    pub(crate) fn sends(&self) {
        self.sent.fetch_add(1, Relaxed);
        if self.down.load(Relaxed) {
            self.sent_while_down.fetch_add(1, Relaxed);
        }
    }

    async fn call(&self, call: impl Future<Output = Result<(), PaymentError>>) {
        self.calls.fetch_add(1, Relaxed);
        let begun = Instant::now();
        let recovered = self.recovered.load(Relaxed);
        let (ended, after_recovery) = match call.await {
            Ok(()) => (&self.ok, &self.ok_after_recovery),
            Err(error) => {
                let waited = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
                self.waited_in_vain.fetch_add(waited, Relaxed);
                let open = matches!(error, PaymentError::Open(_));
                if open && !self.down.load(Relaxed) {
                    self.rejected_while_up.fetch_add(1, Relaxed);
                }
                let ended = if open { &self.rejected } else { &self.failed };
                (ended, &self.failed_after_recovery)
            }
        };
        ended.fetch_add(1, Relaxed);
        if recovered {
            after_recovery.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            calls: self.calls.load(Relaxed),
            sent: self.sent.load(Relaxed),
            sent_while_down: self.sent_while_down.load(Relaxed),
            ok: self.ok.load(Relaxed),
            failed: self.failed.load(Relaxed),
            rejected: self.rejected.load(Relaxed),
            rejected_while_up: self.rejected_while_up.load(Relaxed),
            ok_after_recovery: self.ok_after_recovery.load(Relaxed),
            failed_after_recovery: self.failed_after_recovery.load(Relaxed),
            waited_in_vain: Duration::from_micros(self.waited_in_vain.load(Relaxed)),
        }
    }
}

impl Counts {
    fn since(&self, earlier: &Self) -> Self {
        Self {
            calls: self.calls - earlier.calls,
            sent: self.sent - earlier.sent,
            sent_while_down: self.sent_while_down - earlier.sent_while_down,
            ok: self.ok - earlier.ok,
            failed: self.failed - earlier.failed,
            rejected: self.rejected - earlier.rejected,
            rejected_while_up: self.rejected_while_up - earlier.rejected_while_up,
            ok_after_recovery: self.ok_after_recovery - earlier.ok_after_recovery,
            failed_after_recovery: self.failed_after_recovery - earlier.failed_after_recovery,
            waited_in_vain: self.waited_in_vain.saturating_sub(earlier.waited_in_vain),
        }
    }
}

/// What happened.
pub(crate) struct Outage {
    pub(crate) transitions: Vec<(Duration, State)>,
    pub(crate) with: Counts,
    pub(crate) without: Counts,
    pub(crate) took: Duration,
}

impl Outage {
    /// # Errors
    ///
    /// What is missing of the story.
    pub(crate) fn as_written(&self) -> Result<(), String> {
        let seen = |state| self.transitions.iter().any(|(_, to)| *to == state);
        let closed = self.transitions.last().is_some_and(|(_, to)| *to == State::Closed);
        let mut deviations = Deviations::default();
        deviations.expect(seen(State::Open), "the breaker opens");
        deviations.expect(self.with.rejected > 0, "calls are saved");
        deviations.expect(closed, "the breaker closes again");
        deviations.expect(self.with.ok_after_recovery > 0, "the service recovers");
        deviations.none()
    }
}

/// Healthy, dead, back: printed while it happens.
///
/// # Errors
///
/// When the operating system has no port.
pub(crate) async fn run() -> Result<Outage, String> {
    let no_port = |error| format!("no port on loopback: {error}");
    let guarded = Service::open(Books).await.map_err(no_port)?;
    let bare = Service::open(Books).await.map_err(no_port)?;
    let (down, recovered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let with = Arc::new(Wire::to(&guarded, &down, &recovered));
    let without = Arc::new(Wire::to(&bare, &down, &recovered));

    timeline::opening(&guarded.url(), BETWEEN_CALLS);
    let begun = Instant::now();
    let over = Arc::new(AtomicBool::new(false));
    let load = tokio::spawn(load(Arc::clone(&with), Arc::clone(&without), Arc::clone(&over)));
    // The breaker is known by its name once a call was made.
    let handle = loop {
        match steadfast::breaker("payments") {
            Some(handle) => break handle,
            None if begun.elapsed() > PATIENCE => return Err("no breaker was made".to_owned()),
            None => sleep(Duration::from_millis(1)).await,
        }
    };
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let subscription = handle.subscribe(move |transition| {
        let at = begun.elapsed();
        timeline::transition(at, transition.from, transition.to);
        log.lock().unwrap_or_else(PoisonError::into_inner).push((at, transition.to));
    });

    let rows = tokio::spawn(rows(begun, Arc::clone(&with), Arc::clone(&without)));
    sleep(DIES_AFTER.saturating_sub(begun.elapsed())).await;
    timeline::event(
        begun.elapsed(),
        "the service dies: connections break, nobody listens on its port",
    );
    down.store(true, Relaxed);
    tokio::join!(guarded.crash(), bare.crash());
    sleep(STAYS_DEAD).await;
    guarded.restart().await.map_err(no_port)?;
    bare.restart().await.map_err(no_port)?;
    down.store(false, Relaxed);
    timeline::event(begun.elapsed(), "the service is back on the same port");
    while handle.state() != State::Closed && begun.elapsed() < PATIENCE {
        sleep(Duration::from_millis(5)).await;
    }
    recovered.store(true, Relaxed);
    sleep(RECOVERED).await;
    rows.abort();
    let _ = rows.await;
    over.store(true, Relaxed);
    load.await.map_err(|error| format!("the load ended early: {error}"))?;
    drop(subscription);

    let transitions = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    let took = begun.elapsed();
    let outage = Outage { transitions, with: with.counts(), without: without.counts(), took };
    timeline::table(&outage);
    Ok(outage)
}

/// Makes calls at a steady pace, however long each takes, until it is over and all have ended.
async fn load(with: Arc<Wire>, without: Arc<Wire>, over: Arc<AtomicBool>) {
    let client = Client::builder().no_proxy().build();
    let client = client.expect("a client without TLS can always be built");
    let mut pace = interval(BETWEEN_CALLS);
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut calls = JoinSet::new();
    while !over.load(Relaxed) {
        pace.tick().await;
        let (wire, mine) = (Arc::clone(&with), client.clone());
        calls.spawn(async move { wire.call(pay(&mine, &wire)).await });
        let (wire, mine) = (Arc::clone(&without), client.clone());
        calls.spawn(async move { wire.call(pay_without(&mine, &wire)).await });
        while calls.try_join_next().is_some() {}
    }
    while calls.join_next().await.is_some() {}
}

/// Prints a line for every [`ROW`] that has passed.
async fn rows(begun: Instant, with: Arc<Wire>, without: Arc<Wire>) {
    let mut pace = interval(ROW);
    pace.tick().await;
    let (mut last_with, mut last_without) = (with.counts(), without.counts());
    let mut last = begun.elapsed();
    loop {
        pace.tick().await;
        let (now, now_with, now_without) = (begun.elapsed(), with.counts(), without.counts());
        let state = steadfast::breaker("payments").map_or(State::Closed, |handle| handle.state());
        let span = now.saturating_sub(last);
        timeline::row(
            now,
            span,
            state,
            &now_with.since(&last_with),
            &now_without.since(&last_without),
        );
        (last, last_with, last_without) = (now, now_with, now_without);
    }
}
