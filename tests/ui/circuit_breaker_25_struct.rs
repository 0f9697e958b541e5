use steadfast::circuit_breaker;

#[circuit_breaker(name = "payments")]
struct Client;

fn main() {
    let _ = Client;
}
