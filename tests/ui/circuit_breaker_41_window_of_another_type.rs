use steadfast::circuit_breaker;

const WINDOW: usize = 10;

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

#[circuit_breaker(name = "payments", failure_rate = 0.5, window = WINDOW)]
fn charge(order_id: u64) -> Result<u64, Failed> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
