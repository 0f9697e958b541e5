#[circuit_breaker(crate::PAYMENTS, map_open = |open| Error::Open(open), on = any)]
fn charge() -> Pin<Box<dyn Future<Output = io::Result<u8>> + Send>> { Box::pin(async move { Ok(1) }) }
