use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Incoming, LONGEST_TIME, Trust, headers, inject, with_current, with_current_blocking};
use crate::context::{self, Ambient};
use crate::time::Timestamp;
use crate::{RetryPolicy, defaults, testing};

fn received(said: &[(&'static str, &str)]) -> HeaderMap {
    said.iter()
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
        .collect()
}

fn extracted(said: &[(&'static str, &str)]) -> Incoming {
    // `collect` would keep the last of two.
    let mut headers = HeaderMap::new();
    for (name, value) in said {
        headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    Incoming::extract(&headers, &Trust::everyone().grpc())
}

const ATTEMPT: &str = "steadfast-attempt";
const SUPPRESS: &str = "steadfast-suppress-ms";
const TIMEOUT: &str = "steadfast-timeout-ms";

#[test]
fn what_is_injected_is_extracted() {
    let scope = testing::scope();
    let received = received(&[(ATTEMPT, "3"), (SUPPRESS, "5000"), (TIMEOUT, "1500")]);
    let incoming = Incoming::extract(&received, &Trust::everyone());
    assert_eq!(incoming.attempt(), 3);
    assert_eq!(incoming.remaining(), Some(Duration::from_millis(1500)));
    assert_eq!(incoming.enter(headers), received);

    scope.advance(Duration::from_secs(1));
    let later = incoming.enter(headers);
    assert_eq!(
        (&later[ATTEMPT], &later[SUPPRESS], &later[TIMEOUT]),
        (&HeaderValue::from(3), &HeaderValue::from(4000), &HeaderValue::from(500))
    );

    // The attempt is older than its suppression, and its deadline has passed.
    scope.advance(Duration::from_secs(4));
    assert_eq!(incoming.enter(headers), self::received(&[(TIMEOUT, "0")]));
    assert_eq!(incoming.remaining(), Some(Duration::ZERO));
}

#[test]
fn suppression_of_unknown_length_ends_after_the_default() {
    let scope = testing::scope();
    let incoming = extracted(&[(ATTEMPT, "2")]);
    scope.advance(defaults::MAX_DELAY.saturating_sub(Duration::from_millis(1)));
    assert_eq!(incoming.enter(headers)[SUPPRESS], "1");
    scope.advance(Duration::from_millis(1));
    assert!(incoming.enter(headers).is_empty());
}

#[test]
fn the_policys_own_ceiling_is_sent() {
    static POLICY: RetryPolicy = RetryPolicy::new().max_delay(Duration::from_secs(300));
    let _scope = testing::scope();
    let mut sent = Vec::new();
    POLICY.call(|attempt| {
        sent.push(headers().get(SUPPRESS).cloned());
        attempt.is_last().then_some(())
    });
    assert_eq!(sent[0], None);
    let sent = sent[1].as_ref().and_then(|sent| sent.to_str().ok()?.parse::<u64>().ok());
    // The moment at which an attempt began is kept to a sixtieth of a second.
    assert!(sent.is_some_and(|millis| (300_000..=300_017).contains(&millis)), "{sent:?}");
}

#[test]
fn first_attempts_say_nothing() {
    static POLICY: RetryPolicy = RetryPolicy::new();
    let _scope = testing::scope();
    POLICY.call(|attempt| {
        assert_eq!(headers().contains_key(ATTEMPT), attempt.is_retry());
        attempt.is_last().then_some(())
    });
    assert!(headers().is_empty());
}

#[test]
fn old_headers_are_replaced() {
    let mut forwarded =
        received(&[(ATTEMPT, "9"), (SUPPRESS, "9"), (TIMEOUT, "9"), ("accept", "*")]);
    forwarded.append(ATTEMPT, HeaderValue::from(8));
    inject(&mut forwarded);
    assert_eq!(forwarded, received(&[("accept", "*")]));
}

#[test]
fn an_incoming_deadline_only_shortens() {
    let scope = testing::scope();
    let (short, long) = (extracted(&[(TIMEOUT, "100")]), extracted(&[(TIMEOUT, "9000")]));
    let left = || headers()[TIMEOUT].to_str().unwrap().parse::<u64>().unwrap();
    assert_eq!(short.enter(|| long.enter(left)), 100);
    assert_eq!(long.enter(|| short.enter(left)), 100);
    assert_eq!(
        long.enter(|| {
            short.enter(|| ());
            left()
        }),
        9000,
        "and only while it holds"
    );
    drop(scope);
}

#[test]
fn an_incoming_first_attempt_does_not_lift_suppression() {
    let _scope = testing::scope();
    let retry = extracted(&[(ATTEMPT, "4")]);
    let first = extracted(&[(ATTEMPT, "1"), (TIMEOUT, "100")]);
    assert_eq!(retry.enter(|| first.enter(headers))[ATTEMPT], "4");
}

#[test]
fn nobody_is_trusted_by_default() {
    let received = received(&[(ATTEMPT, "2"), (TIMEOUT, "1")]);
    for trust in [Trust::default(), Trust::nobody(), Trust::nobody().grpc(), Trust::when(|_| false)]
    {
        assert_eq!(Incoming::extract(&received, &trust), Incoming::default(), "{trust:?}");
    }
    let named = Trust::when(|origin| origin.headers().get("x-proxy").is_some_and(|it| it == "us"));
    assert_eq!(Incoming::extract(&received, &named), Incoming::default());
    let by_address = Trust::when(|origin| origin.extension::<u8>().is_some());
    assert_eq!(Incoming::extract(&received, &by_address), Incoming::default());
}

#[test]
fn who_says_nothing_is_not_asked_for() {
    let trust = Trust::when(|_| panic!("asked"));
    assert_eq!(Incoming::extract(&received(&[(ATTEMPT, "x")]), &trust), Incoming::default());
}

#[test]
fn a_far_deadline_is_capped_and_an_absurd_one_not_believed() {
    let _scope = testing::scope();
    let longest = LONGEST_TIME.as_millis().to_string();
    assert_eq!(extracted(&[(TIMEOUT, &longest)]).remaining(), Some(LONGEST_TIME));
    let beyond = (LONGEST_TIME.as_millis() + 1).to_string();
    assert_eq!(extracted(&[(TIMEOUT, &beyond)]), Incoming::default());
    let ten_seconds = Duration::from_secs(10);
    let trust = Trust::everyone().max_timeout(ten_seconds);
    let remaining = |ms| Incoming::extract(&received(&[(TIMEOUT, ms)]), &trust).remaining();
    assert_eq!(remaining("60000"), Some(ten_seconds));
    assert_eq!(remaining("9999"), Some(Duration::from_millis(9999)));
    assert_eq!(Incoming::extract(&HeaderMap::new(), &trust).remaining(), None);
}

#[test]
fn malformed_headers_change_nothing() {
    let digits = "9".repeat(400);
    for value in [
        "",
        " ",
        "-1",
        "+2",
        "2 ",
        " 2",
        "2.0",
        "2,3",
        "2, 2",
        "1e3",
        "0x2",
        "two",
        "NaN",
        "٢",
        "\u{a0}2",
        "2;q=1",
        "18446744073709551616",
        "99999999999999999999",
        &digits,
    ] {
        for name in [ATTEMPT, SUPPRESS, TIMEOUT, "grpc-previous-rpc-attempts", "grpc-timeout"] {
            assert_eq!(extracted(&[(name, value)]), Incoming::default(), "{name}: {value:?}");
        }
    }
    for attempt in ["0", "1", "4294967296"] {
        assert_eq!(extracted(&[(ATTEMPT, attempt)]), Incoming::default());
    }
    // Ten years.
    assert_eq!(extracted(&[(TIMEOUT, "315360000000")]), Incoming::default());
    assert!(HeaderValue::from_bytes(b"2\0").is_err(), "such a value cannot stand in a header");
}

#[test]
fn of_two_values_none_is_meant() {
    assert_eq!(extracted(&[(ATTEMPT, "2"), (ATTEMPT, "2")]), Incoming::default());
    assert_eq!(extracted(&[(TIMEOUT, "5"), (TIMEOUT, "7")]), Incoming::default());
}

#[test]
fn one_malformed_header_does_not_spoil_the_others() {
    let _scope = testing::scope();
    let incoming = extracted(&[(ATTEMPT, "2"), (SUPPRESS, "-5"), (TIMEOUT, "soon")]);
    assert_eq!((incoming.attempt(), incoming.remaining()), (2, None));
    assert_eq!(incoming.enter(headers)[SUPPRESS], defaults::MAX_DELAY.as_millis().to_string());
}

#[test]
fn times_of_grpc_are_read_in_every_unit() {
    let _scope = testing::scope();
    let time = |value| extracted(&[("grpc-timeout", value)]).remaining();
    for (value, nanos) in [
        ("2H", 7_200_000_000_000),
        ("3M", 180_000_000_000),
        ("4S", 4_000_000_000),
        ("500m", 500_000_000),
        ("99999999u", 99_999_999_000),
        ("7n", 7),
        ("0S", 0),
    ] {
        assert_eq!(time(value), Some(Duration::from_nanos(nanos)), "{value}");
    }
    // The last is what some clients send for no limit at all.
    for value in ["S", "5", "5s", "-5S", "5 S", "5.5S", "123456789n", "5SS", "5h", "é", "99999999H"]
    {
        assert_eq!(time(value), None, "{value}");
    }
}

#[test]
fn of_both_protocols_the_higher_attempt_and_the_earlier_deadline_count() {
    let _scope = testing::scope();
    let incoming = extracted(&[
        (ATTEMPT, "2"),
        ("grpc-previous-rpc-attempts", "4"),
        (TIMEOUT, "900"),
        ("grpc-timeout", "1S"),
    ]);
    assert_eq!((incoming.attempt(), incoming.remaining()), (5, Some(Duration::from_millis(900))));
    let incoming = extracted(&[("grpc-previous-rpc-attempts", "4294967295")]);
    assert_eq!(incoming.attempt(), u32::MAX);
}

#[test]
fn nothing_stays_after_a_panic() {
    let before = context::current();
    let incoming = extracted(&[(ATTEMPT, "2"), (TIMEOUT, "100")]);
    let panicked = std::panic::catch_unwind(|| incoming.enter(|| panic!("handler")));
    assert!(panicked.is_err());
    assert_eq!(context::current(), before);

    let mut future = Box::pin(incoming.run(async { panic!("handler") }));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let poll = std::panic::AssertUnwindSafe(|| future.as_mut().poll(&mut cx));
    assert!(std::panic::catch_unwind(poll).is_err());
    assert_eq!(context::current(), before);
}

#[test]
fn an_attempt_whose_age_nobody_asked_for_is_stamped_when_it_is_carried_away() {
    let scope = testing::scope();
    let unstamped = Ambient { suppressed_until: Timestamp::MAX, attempt: 2, ..Ambient::NOTHING };
    let outer = context::enter(unstamped);
    let carried = with_current_blocking(headers);
    assert_ne!(context::current().suppressed_until, Timestamp::MAX);
    drop(outer);
    scope.advance(defaults::MAX_DELAY);
    assert!(carried().is_empty(), "the suppression has ended meanwhile");
}

#[tokio::test]
async fn interleaved_requests_keep_their_own() {
    let handler = |incoming: Incoming| {
        incoming.run(async move {
            for _ in 0..20 {
                let sent = headers();
                let number =
                    sent.get(ATTEMPT).map_or(1, |it| it.to_str().unwrap().parse().unwrap());
                assert_eq!(number, incoming.attempt());
                tokio::task::yield_now().await;
            }
        })
    };
    let numbered = |attempt: &str| handler(extracted(&[(ATTEMPT, attempt)]));
    tokio::join!(numbered("1"), numbered("2"), numbered("3"), async {
        for _ in 0..20 {
            assert!(headers().is_empty());
            tokio::task::yield_now().await;
        }
    });
    let (spawned, wrapped) = extracted(&[(ATTEMPT, "2")])
        .run(async {
            (tokio::spawn(async { headers() }), tokio::spawn(with_current(async { headers() })))
        })
        .await;
    assert!(spawned.await.unwrap().is_empty());
    assert_eq!(wrapped.await.unwrap()[ATTEMPT], "2");
}
