//! A small HTTP service that fails the way services do, over real sockets on loopback.
//!
//! What it answers is a script: for every path a list of answers, one per request, the last one
//! repeated. It knows nothing of retries.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{Request, Response, StatusCode};

use crate::service::Answers;

/// What the service does with one request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// 200 with this body.
    Ok(&'static str),
    /// A failing status.
    Status(u16),
    /// A failing status and a `Retry-After` header.
    StatusAfter(u16, &'static str),
    /// A status without a body, but only after this long.
    Slow(Duration, u16),
    /// The request is read, then the connection is reset: no answer at all.
    Reset,
}

/// The answers that are left, by path.
#[derive(Default)]
pub(crate) struct Script(Mutex<HashMap<String, VecDeque<Answer>>>);

impl Script {
    /// From now on requests to `path` get these answers in turn; the last one is repeated.
    pub(crate) fn plays(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        self.answers().insert(path.to_owned(), answers.into_iter().collect());
    }

    fn next(&self, path: &str) -> Answer {
        match self.answers().get_mut(path) {
            Some(queue) if queue.len() > 1 => queue.pop_front(),
            Some(queue) => queue.front().copied(),
            None => None,
        }
        .unwrap_or(Answer::Status(404))
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<String, VecDeque<Answer>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answers for Script {
    async fn answer(&self, request: Request<Incoming>) -> Option<Response<Full<Bytes>>> {
        let mut status = StatusCode::OK;
        let mut body = "";
        let mut retry_after = None;
        match self.next(request.uri().path()) {
            Answer::Ok(text) => body = text,
            Answer::Status(code) => status = known(code),
            Answer::StatusAfter(code, when) => {
                status = known(code);
                retry_after = Some(when);
            }
            Answer::Slow(duration, code) => {
                tokio::time::sleep(duration).await;
                status = known(code);
            }
            Answer::Reset => return None,
        }
        let mut response = Response::new(Full::from(body));
        *response.status_mut() = status;
        if let Some(when) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(when));
        }
        Some(response)
    }
}

fn known(code: u16) -> StatusCode {
    StatusCode::from_u16(code).expect("the script uses status codes")
}

/// A seeded mix of good and failing answers, the same on every run: `failing` of a hundred are 503.
pub(crate) fn weather(seed: u64, failing: u64, requests: usize) -> Vec<Answer> {
    let mut state = seed;
    let answers = (0..requests).map(|_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if (state >> 33) % 100 < failing { Answer::Status(503) } else { Answer::Ok("in stock") }
    });
    answers.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{client, innermost};
    use crate::service::Service;

    async fn shop(answers: impl IntoIterator<Item = Answer>) -> (Service<Script>, String) {
        let shop = Service::open(Script::default()).await.unwrap();
        shop.plays("/a", answers);
        let url = format!("{}/a", shop.url());
        (shop, url)
    }

    #[tokio::test]
    async fn answers_come_in_turn_and_the_last_one_stays() {
        let (shop, url) = shop([Answer::StatusAfter(503, "7"), Answer::Ok("yes")]).await;
        let get = || async { client().get(&url).send().await.unwrap() };
        let first = get().await;
        assert_eq!(first.status(), 503);
        assert_eq!(first.headers()["retry-after"], "7");
        for _ in 0..2 {
            assert_eq!(get().await.text().await.unwrap(), "yes");
        }
        let elsewhere = client().get(format!("{}/b", shop.url())).send().await.unwrap();
        assert_eq!(elsewhere.status(), 404);
    }

    #[tokio::test]
    async fn a_reset_reaches_the_client_as_a_reset() {
        let (_shop, url) = shop([Answer::Reset]).await;
        let error = client().get(url).send().await.unwrap_err();
        assert_eq!(innermost(&error), "connection reset");
    }

    #[tokio::test]
    async fn a_crashed_service_refuses_and_a_restarted_one_answers_on_the_same_port() {
        let (shop, url) = shop([Answer::Ok("yes")]).await;
        shop.crash().await;
        let error = client().get(&url).send().await.unwrap_err();
        assert_eq!(innermost(&error), "connection refused");
        shop.restart().await.unwrap();
        assert_eq!(client().get(&url).send().await.unwrap().status(), 200);
    }

    #[test]
    fn the_weather_is_the_same_every_day() {
        let failing = |seed| {
            let days = weather(seed, 10, 1000);
            days.iter().map(|answer| matches!(answer, Answer::Status(503))).collect::<Vec<_>>()
        };
        assert_eq!(failing(7), failing(7));
        assert_ne!(failing(7), failing(8));
        let count = failing(7).iter().filter(|&&fails| fails).count();
        assert!((50..150).contains(&count), "{count} of 1000");
    }
}
