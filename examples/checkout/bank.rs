//! A bank on loopback, and its client. It charges first and then loses the answer as often as it is
//! told to; it knows a charge again by its `Idempotency-Key`, and opens its books to who asks for one.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use reqwest::Client;
use serde::{Deserialize, Serialize};
use steadfast::IdempotencyKey;
use steadfast::http;
use steadfast::idempotency::Reconciled;

use crate::client::client;
use crate::service::Answers;
use crate::{PaymentError, Receipt};

/// What happens to answers on their way back.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// So many are lost: the connection breaks.
    Lost(u32),
    /// None ever comes, and the connection stays.
    Held,
}

/// The bank's books.
#[derive(Default)]
pub(crate) struct Books(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    charges: Vec<Charge>,
    /// By order.
    requests: HashMap<u64, u64>,
    lookups: u64,
    fates: HashMap<u64, Fate>,
    closed: bool,
}

struct Charge {
    order: u64,
    key: String,
    receipt: Receipt,
}

/// What a client asks for.
#[derive(Serialize, Deserialize)]
struct Order {
    order: u64,
    cents: u64,
}

impl Books {
    /// What happens to the answers about this order.
    pub(crate) fn decree(&self, order: u64, fate: Fate) {
        self.pages().fates.insert(order, fate);
    }

    /// Whether anybody may look a charge up.
    pub(crate) fn close(&self, closed: bool) {
        self.pages().closed = closed;
    }

    /// Charges of this order: one, or somebody has paid twice.
    pub(crate) fn charges(&self, order: u64) -> u64 {
        self.pages().charges.iter().filter(|charge| charge.order == order).count() as u64
    }

    /// Requests to charge this order that arrived.
    pub(crate) fn requests(&self, order: u64) -> u64 {
        self.pages().requests.get(&order).copied().unwrap_or(0)
    }

    /// Requests to look a charge up.
    pub(crate) fn lookups(&self) -> u64 {
        self.pages().lookups
    }

    /// What a clerk of the bank says on the telephone.
    pub(crate) fn receipt(&self, order: u64) -> Option<Receipt> {
        let pages = self.pages();
        let charge = pages.charges.iter().find(|charge| charge.order == order);
        charge.map(|charge| charge.receipt.clone())
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answers for Books {
    async fn answer(&self, request: Request<Incoming>) -> Option<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        if head.method == Method::GET {
            return Some(self.pages().look_up(head.uri.path().trim_start_matches("/charges/")));
        }
        let body = body.collect().await.ok()?.to_bytes();
        let key = head.headers.get("idempotency-key").and_then(|key| key.to_str().ok());
        let (Ok(order), Some(key)) = (serde_json::from_slice::<Order>(&body), key) else {
            return Some(status(StatusCode::BAD_REQUEST));
        };
        let (receipt, fate) = self.pages().charge(&order, key);
        match fate {
            Fate::Lost(0) => Some(json(&receipt)),
            Fate::Lost(_) => None,
            Fate::Held => pending().await,
        }
    }
}

impl Pages {
    /// Charges, unless this key was charged before, and tells what becomes of the answer.
    fn charge(&mut self, order: &Order, key: &str) -> (Receipt, Fate) {
        *self.requests.entry(order.order).or_default() += 1;
        let receipt = match self.charges.iter().find(|charge| charge.key == key) {
            Some(charge) => charge.receipt.clone(),
            None => {
                let number = self.charges.len() as u64 + 1;
                let receipt = Receipt { number, cents: order.cents };
                let (order, key) = (order.order, key.to_owned());
                self.charges.push(Charge { order, key, receipt: receipt.clone() });
                receipt
            }
        };
        let next = self.fates.entry(order.order).or_insert(Fate::Lost(0));
        let fate = *next;
        if let Fate::Lost(left) = next {
            *left = left.saturating_sub(1);
        }
        (receipt, fate)
    }

    fn look_up(&mut self, key: &str) -> Response<Full<Bytes>> {
        self.lookups += 1;
        if self.closed {
            return status(StatusCode::SERVICE_UNAVAILABLE);
        }
        match self.charges.iter().find(|charge| charge.key == key) {
            Some(charge) => json(&charge.receipt),
            None => status(StatusCode::NOT_FOUND),
        }
    }
}

fn json(receipt: &Receipt) -> Response<Full<Bytes>> {
    let text = serde_json::to_string(receipt).expect("a receipt is JSON");
    Response::new(Full::from(text))
}

fn status(code: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::default();
    *response.status_mut() = code;
    response
}

/// The bank as its clients see it.
#[derive(Clone)]
pub(crate) struct Bank {
    client: Client,
    url: String,
}

impl Bank {
    pub(crate) fn at(url: &str) -> Self {
        Self { client: client(), url: format!("{url}/charges") }
    }

    /// One request, without any retrying.
    pub(crate) async fn charge(
        &self,
        order: u64,
        cents: u64,
        key: &str,
    ) -> Result<Receipt, PaymentError> {
        let body = serde_json::to_string(&Order { order, cents })?;
        let request = self.client.post(&self.url).header("idempotency-key", key).body(body);
        let answer = http::check(request.send().await?)?;
        Ok(serde_json::from_str(&answer.text().await?)?)
    }

    /// Whether there is a charge with this key. Anything but a clear yes or no is neither.
    pub(crate) async fn find(&self, key: IdempotencyKey) -> Reconciled<Receipt> {
        let Ok(answer) = self.client.get(format!("{}/{key}", self.url)).send().await else {
            return Reconciled::Unknown;
        };
        match answer.status() {
            StatusCode::NOT_FOUND => Reconciled::NotDone,
            StatusCode::OK => match answer.text().await.map(|text| serde_json::from_str(&text)) {
                Ok(Ok(receipt)) => Reconciled::Done(receipt),
                _ => Reconciled::Unknown,
            },
            _ => Reconciled::Unknown,
        }
    }
}
