//! Pushback as it comes from the wire, through a client of tonic, to a policy that obeys it.

use std::time::Duration;

use tonic::{Code, Status};

use super::PUSHBACK;
use crate::{RetryPolicy, testing};

/// A server that answers every call with this status, as a client of tonic sees it.
#[derive(Clone)]
struct Server {
    code: &'static str,
    pushback: Option<&'static str>,
    calls: std::rc::Rc<std::cell::Cell<u32>>,
}

impl tonic::client::GrpcService<tonic::body::Body> for Server {
    type ResponseBody = tonic::body::Body;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<http::Response<Self::ResponseBody>, Self::Error>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<tonic::body::Body>) -> Self::Future {
        self.calls.set(self.calls.get() + 1);
        // "Trailers-Only": a call that fails at once has all of it in the head.
        let answer = http::Response::builder()
            .header("content-type", "application/grpc")
            .header("grpc-status", self.code);
        let answer = match self.pushback {
            Some(pushback) => answer.header(PUSHBACK, pushback),
            None => answer,
        };
        std::future::ready(Ok(answer.body(tonic::body::Body::empty()).unwrap()))
    }
}

/// A message without content.
#[derive(Default)]
struct Empty;

impl tonic::codec::Codec for Empty {
    type Encode = ();
    type Decode = ();
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl tonic::codec::Encoder for Empty {
    type Item = ();
    type Error = Status;

    fn encode(&mut self, (): (), _: &mut tonic::codec::EncodeBuf<'_>) -> Result<(), Status> {
        Ok(())
    }
}

impl tonic::codec::Decoder for Empty {
    type Item = ();
    type Error = Status;

    fn decode(&mut self, _: &mut tonic::codec::DecodeBuf<'_>) -> Result<Option<()>, Status> {
        Ok(Some(()))
    }
}

/// Calls such a server under a policy of three attempts: the calls, and the time slept.
fn calls(code: &'static str, pushback: Option<&'static str>) -> (u32, Duration) {
    static POLICY: RetryPolicy = RetryPolicy::new().without_budget();
    let scope = testing::scope();
    let server = Server { code, pushback, calls: std::rc::Rc::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answer = runtime.block_on(POLICY.call_async(async |_| {
        let mut client = tonic::client::Grpc::new(server.clone());
        let path = http::uri::PathAndQuery::from_static("/test.Test/Call");
        client.unary(tonic::Request::new(()), path, Empty).await.map(|_| ())
    }));
    assert_eq!(answer.unwrap_err().code(), Code::from_bytes(code.as_bytes()));
    (server.calls.get(), scope.elapsed())
}

#[test]
fn a_server_that_pushes_back_is_obeyed_by_a_retrying_client() {
    // 14 is `UNAVAILABLE`, 5 `NOT_FOUND`.
    assert_eq!(calls("14", None).0, 3);
    assert_eq!(calls("5", None).0, 1);
    for never in ["-1", "never", "", "1.5", "99999999999999999999"] {
        assert_eq!(calls("14", Some(never)), (1, Duration::ZERO), "{never}");
    }
    let (count, slept) = calls("14", Some("20000"));
    assert_eq!(count, 3);
    assert!((40..=44).contains(&slept.as_secs()), "{slept:?}");
    // A hint beside a code that is permanent by itself asks for a retry.
    assert_eq!(calls("5", Some("20000")).0, 3);
    // Beyond what the policy waits for a server.
    assert_eq!(calls("14", Some("3600000")), (1, Duration::ZERO));
}
