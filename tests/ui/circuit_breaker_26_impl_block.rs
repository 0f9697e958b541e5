use steadfast::circuit_breaker;

struct Client;

#[circuit_breaker(name = "payments")]
impl Client {
    fn charge(&self) -> std::io::Result<u64> {
        Ok(1)
    }
}

fn main() {
    let _ = Client.charge();
}
