//! The client's side of the wire, for stories in which every request counts.

use std::io;

use reqwest::Client;

/// A connection for every request, so that what happens to one is told of one.
pub(crate) fn client() -> Client {
    let client = Client::builder().no_proxy().pool_max_idle_per_host(0).build();
    client.expect("a client without TLS can always be built")
}

/// The end of the chain says what happened on the wire; the errors around it say where it was seen.
pub(crate) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    match last.downcast_ref::<io::Error>() {
        Some(error) => error.kind().to_string(),
        None => last.to_string(),
    }
}
