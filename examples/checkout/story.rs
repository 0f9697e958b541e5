//! The calls, in order, and what has to come of each: the program fails if its story changes.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use steadfast::idempotency::{IdempotencyError, Operator, Record};
use steadfast::{Report, breaker};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::account::{self, Row};
use crate::bank::{Bank, Books, Fate};
use crate::service::Service;
use crate::stores::{Place, Store};
use crate::written::Deviations;
use crate::{PaymentError, Receipt, charge, parts};

/// What every order costs.
const CENTS: u64 = 4990;
/// A till that has charged nothing by then is broken.
const PATIENCE: Duration = Duration::from_secs(20);

type Outcome = Result<Receipt, PaymentError>;

/// # Errors
///
/// What did not go as written.
pub(crate) async fn tell(place: &Place) -> Result<Vec<Row>, String> {
    let begun = Instant::now();
    let opened = place.open().await?;
    let books = Service::open(Books::default()).await;
    let books = books.map_err(|error| format!("no port on loopback: {error}"))?;
    account::opening(&books.url(), &place.to_string());
    let mut story = Story {
        bank: Bank::at(&books.url()),
        books,
        store: Some(opened),
        place: place.clone(),
        first: first_order(place),
        calls: BTreeMap::new(),
        told: 0,
        before: Seen::default(),
        deviations: Deviations::default(),
    };
    story.lost_answers().await;
    story.again().await;
    story.eight_at_once().await;
    story.bank_down().await;
    if *place != Place::Memory {
        story.killed().await?;
    }
    let rows = story.rows();
    account::table(&rows, begun.elapsed());
    if *place == Place::Memory {
        account::hint();
    }
    for row in &rows {
        story.expect(row.charges == 1, &format!("order {} is charged once", row.order));
    }
    story.deviations.none().map(|()| rows)
}

/// A process of its own that charges these orders and never hears of it, until it is killed.
///
/// # Errors
///
/// When its store cannot be opened, or when a charge ends.
pub(crate) async fn till(place: &Place, bank: &str, orders: &[u64]) -> Result<(), String> {
    let [one, two] = orders else { return Err("a till charges two orders".to_owned()) };
    let (store, bank) = (place.open().await?, Bank::at(bank));
    let charged =
        tokio::join!(charge(&store, &bank, *one, CENTS), charge(&store, &bank, *two, CENTS));
    Err(format!("the till heard of its charges: {charged:?}"))
}

/// Orders of different runs have different numbers where a store outlives a run.
fn first_order(place: &Place) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    if *place == Place::Memory { 1 } else { now.as_secs() * 10 + 1 }
}

struct Story {
    bank: Bank,
    books: Service<Books>,
    /// Nobody has it open while the till does.
    store: Option<Store>,
    place: Place,
    first: u64,
    /// By order.
    calls: BTreeMap<u64, u64>,
    told: usize,
    before: Seen,
    deviations: Deviations,
}

/// What the bank has seen so far, of all orders.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Seen {
    requests: u64,
    charges: u64,
    lookups: u64,
}

impl Story {
    async fn lost_answers(&mut self) {
        let order = self.order(1);
        self.heading(
            &format!("order {order}: the bank charges, and its answer is lost on the way, twice"),
            "the same key goes with every attempt, so the bank knows the charge again",
        );
        self.books.decree(order, Fate::Lost(2));
        let (outcome, report) = self.charge(order).await;
        self.expect(outcome.is_ok() && report.attempts == 3, "the third answer arrives");
        self.bank_saw(3, 1, 0);
    }

    async fn again(&mut self) {
        let order = self.order(1);
        self.heading(
            &format!("order {order} again: the customer has clicked twice"),
            "the answer is known, and nothing is sent",
        );
        let (outcome, report) = self.charge(order).await;
        self.expect(outcome.is_ok() && !account::sent(&report), "the answer is replayed");
        self.bank_saw(0, 0, 0);
    }

    async fn eight_at_once(&mut self) {
        let order = self.order(2);
        self.heading(
            &format!("order {order}: eight callers at once, and an answer is lost"),
            "one of them runs, the others wait for its answer",
        );
        self.books.decree(order, Fate::Lost(1));
        *self.calls.entry(order).or_default() += 8;
        let mut calls = JoinSet::new();
        for _ in 0..8 {
            let (store, bank) = (self.store(), self.bank.clone());
            calls.spawn(async move { charge(&store, &bank, order, CENTS).await });
        }
        let outcomes = calls.join_all().await;
        let receipts: Vec<_> =
            outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
        if let Some(first) = receipts.first() {
            account::same_answers(receipts.len(), first);
        }
        let same = receipts.windows(2).all(|pair| pair[0] == pair[1]);
        self.expect(receipts.len() == 8 && same, "all callers get one answer");
        self.bank_saw(2, 1, 0);
    }

    async fn bank_down(&mut self) {
        let order = self.order(3);
        self.heading(
            &format!("order {order}: the bank is down, and the customer tries again and again"),
            "the fifth failure in a row opens the circuit; then nothing is sent until a probe succeeds",
        );
        self.books.crash().await;
        let (outcome, report) = self.charge(order).await;
        self.expect(outcome.is_err() && report.attempts == 4, "the first call fails four times");
        account::event("customer", "tries again");
        let (outcome, report) = self.charge(order).await;
        let sent = matches!(outcome, Err(PaymentError::Network(_)));
        self.expect(sent && report.attempts == 1, "the second call opens the circuit");
        account::event("customer", "tries again");
        let (outcome, _) = self.charge(order).await;
        self.expect(matches!(outcome, Err(PaymentError::Open(_))), "the third call is rejected");
        if let Err(error) = self.books.restart().await {
            self.expect(false, &format!("the bank comes back on its port ({error})"));
        }
        account::event("the bank", "is back; the customer tries again");
        let circuit = steadfast::breaker("bank");
        if let Some(left) = circuit.as_ref().and_then(breaker::Handle::until_half_open) {
            sleep(left).await;
        }
        let (outcome, report) = self.charge(order).await;
        self.expect(outcome.is_ok() && report.attempts == 1, "the probe succeeds");
        let state = circuit.map(|circuit| circuit.state());
        self.expect(state == Some(breaker::State::Closed), "the circuit is closed again");
        self.bank_saw(1, 1, 0);
    }

    /// The till dies between the charges and their answers.
    async fn killed(&mut self) -> Result<(), String> {
        let (one, two) = (self.order(4), self.order(5));
        self.heading(
            &format!("orders {one} and {two}: the process that charges them is killed"),
            "after the bank has booked them and before it has an answer; nobody else knows",
        );
        for order in [one, two] {
            self.books.decree(order, Fate::Held);
            *self.calls.entry(order).or_default() += 1;
        }
        // A file is one process's at a time.
        self.store = None;
        let till = self.till_at_work(&[one, two])?;
        self.until_charged(till, &[one, two]).await?;
        self.store = Some(self.place.open().await?);
        self.bank_saw(2, 2, 0);

        self.heading(
            &format!("order {one} again, while the bank's books are closed"),
            "it is not run again, and the caller is told so, at the latest when the lease of 2 s is over",
        );
        self.books.close(true);
        let (outcome, report) = self.charge(one).await;
        let held =
            matches!(outcome, Err(PaymentError::Idempotency(IdempotencyError::Unknown { .. })));
        self.expect(held && !account::sent(&report), "the order is unknown and not run");
        self.bank_saw(0, 0, 1);

        self.heading(
            &format!("order {one} again, and the books are open"),
            "on_unknown asks the bank for the charge with this key, and finds it",
        );
        self.books.close(false);
        let (outcome, report) = self.charge(one).await;
        self.expect(outcome.is_ok() && !account::sent(&report), "the order is reconciled");
        self.bank_saw(0, 0, 1);

        self.heading(
            &format!("order {two}: an operator looks through what is unknown"),
            "asks the bank by telephone, and writes down what it says",
        );
        self.operator(two).await?;
        let (outcome, report) = self.charge(two).await;
        self.expect(
            outcome.is_ok() && !account::sent(&report),
            "the operator's answer is replayed",
        );
        self.bank_saw(0, 0, 0);
        Ok(())
    }

    async fn operator(&mut self, order: u64) -> Result<(), String> {
        let store = self.store();
        let operator = Operator::of(&store);
        let Some(record) = unknown(&operator, order).await? else {
            self.expect(false, "the operator finds the order among what is unknown");
            return Ok(());
        };
        account::event("operator", &format!("unknown: {}", record.key));
        let receipt = self.books.receipt(order).ok_or("the bank knows nothing of it")?;
        let made = operator.resolve_done(&record, 0, &receipt).await;
        made.map_err(|error| format!("the store cannot be asked: {error}"))?;
        account::event("operator", &format!("resolved: {}", account::words(&receipt)));
        Ok(())
    }

    /// This program again, as the till.
    fn till_at_work(&self, orders: &[u64]) -> Result<Till, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command.arg("--till").arg(self.books.url());
        if let Some(store) = self.place.argument() {
            command.arg("--store").arg(store);
        }
        command.args(orders.iter().map(u64::to_string)).stdout(Stdio::null());
        let till = command.spawn().map_err(|error| format!("the till does not start: {error}"))?;
        Ok(Till(till))
    }

    async fn until_charged(&self, mut till: Till, orders: &[u64]) -> Result<(), String> {
        let begun = Instant::now();
        while orders.iter().any(|order| self.books.charges(*order) == 0) {
            let ended = till.0.try_wait().map_err(|error| error.to_string())?;
            if ended.is_some() || begun.elapsed() > PATIENCE {
                return Err("the till charged nothing".to_owned());
            }
            sleep(Duration::from_millis(5)).await;
        }
        account::event("the till", &format!("process {} has charged; kill -9", till.0.id()));
        drop(till);
        Ok(())
    }

    /// One call, and the lines that tell of it.
    async fn charge(&mut self, order: u64) -> (Outcome, Report) {
        *self.calls.entry(order).or_default() += 1;
        let store = self.store();
        let told = steadfast::reported(charge(&store, &self.bank, order, CENTS)).await;
        account::ending(&told.0, &told.1);
        told
    }

    fn store(&self) -> Store {
        Arc::clone(self.store.as_ref().expect("it is open whenever something is charged here"))
    }

    fn order(&self, number: u64) -> u64 {
        self.first + number - 1
    }

    fn heading(&mut self, title: &str, point: &str) {
        self.told += 1;
        parts::heading(self.told, title, point);
        self.before = self.seen();
    }

    fn seen(&self) -> Seen {
        let sum = |of: fn(&Books, u64) -> u64| {
            (1..=5).map(|number| of(&self.books, self.order(number))).sum()
        };
        Seen {
            requests: sum(Books::requests),
            charges: sum(Books::charges),
            lookups: self.books.lookups(),
        }
    }

    /// Ends a part.
    fn bank_saw(&mut self, requests: u64, charges: u64, lookups: u64) {
        let now = self.seen();
        let since = Seen {
            requests: now.requests - self.before.requests,
            charges: now.charges - self.before.charges,
            lookups: now.lookups - self.before.lookups,
        };
        account::bank(since.requests, since.charges, since.lookups);
        let what = format!(
            "part {}: {requests} requests, {charges} charges, {lookups} look-ups",
            self.told
        );
        self.expect(since == Seen { requests, charges, lookups }, &what);
    }

    fn rows(&self) -> Vec<Row> {
        let row = |(order, calls): (&u64, &u64)| Row {
            order: *order,
            calls: *calls,
            requests: self.books.requests(*order),
            charges: self.books.charges(*order),
        };
        self.calls.iter().map(row).collect()
    }

    fn expect(&mut self, held: bool, what: &str) {
        self.deviations.expect(held, what);
    }
}

/// The record of this order, if it is unknown. A store may hold those of other programs.
async fn unknown(operator: &Operator<'_>, order: u64) -> Result<Option<Record>, String> {
    let order = order.to_string();
    let mut after = None;
    loop {
        let page = operator.unknowns(after.as_deref(), 100).await;
        let page = page.map_err(|error| format!("the store cannot be asked: {error}"))?;
        let Some(last) = page.last().map(|record| record.key.clone()) else { return Ok(None) };
        if let Some(record) = page.into_iter().find(|record| record.key.contains(&order)) {
            return Ok(Some(record));
        }
        after = Some(last);
    }
}

/// The process that charges. Dropping it kills it (SIGKILL) and waits for its end.
struct Till(Child);

impl Drop for Till {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
