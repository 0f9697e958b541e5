use steadfast::{circuit_breaker, retry};

#[derive(Debug)]
struct Failed;

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("failed")
    }
}

impl std::error::Error for Failed {}

impl From<steadfast::CircuitOpen> for Failed {
    fn from(_: steadfast::CircuitOpen) -> Self {
        Self
    }
}

fn send(order: String) -> Result<usize, Failed> {
    Ok(order.len())
}

#[retry(on = any)]
#[circuit_breaker(name = "payments")]
fn charge(order: String) -> Result<usize, Failed> {
    send(order)
}

fn main() {
    let _ = charge(String::new());
}
