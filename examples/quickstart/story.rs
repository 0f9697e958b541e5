//! The calls, in order, and what has to come of each: the program fails if its story changes.

use std::{io, ops::RangeInclusive, time::Duration};

use reqwest::{Client, blocking};
use steadfast::{Report, StopReason};

use crate::{
    ShopError, account,
    shop::{Answer, Shop, weather},
};

/// The draw of the failures in the busy part of the story.
const SEED: u64 = 7;

pub(crate) async fn tell() -> Result<(), String> {
    let shop = Shop::open().await.map_err(|error| format!("no port on loopback: {error}"))?;
    let client = Client::builder()
        .no_proxy()
        // A connection for every request, so that what is told of it is its own.
        .pool_max_idle_per_host(0)
        .build()
        .expect("a client without TLS can always be built");
    let mut story = Story { shop, client, told: 0, deviations: String::new() };

    account::opening(&story.shop.url("/"));
    story.broken_connection().await;
    story.server_says_when().await;
    story.too_many_requests().await;
    story.come_back_in_an_hour().await;
    story.slow_answer().await;
    story.not_found().await;
    story.crash_and_restart().await;
    story.never_an_answer().await;
    story.out_of_time().await;
    story.a_busy_day().await;
    story.an_outage().await;
    account::table(&steadfast::snapshot());

    if story.deviations.is_empty() { Ok(()) } else { Err(story.deviations) }
}

struct Story {
    shop: Shop,
    client: Client,
    told: usize,
    deviations: String,
}

impl Story {
    async fn broken_connection(&mut self) {
        let url = self.plays("/price", [Answer::Reset, Answer::Status(503), Answer::Ok("3.20")]);
        self.heading("price: the connection breaks, then the service is unavailable");
        let call = crate::price(&self.client, &url);
        let (outcome, report) = steadfast::reported(call).await;
        self.ending(&outcome, &report, StopReason::Ok, 3..=3);
    }

    async fn server_says_when(&mut self) {
        let url = self.plays("/stock", [Answer::StatusAfter(503, "1"), Answer::Ok("12 left")]);
        self.heading("stock: unavailable, and the server says when to come back");
        let call = crate::stock(&self.client, &url);
        let (outcome, report) = steadfast::reported(call).await;
        self.ending(&outcome, &report, StopReason::Ok, 2..=2);
        self.expect(report.slept() >= Duration::from_secs(1), "`stock` came back too early");
    }
}
