use steadfast::circuit_breaker;

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

#[circuit_breaker(name = "payments", key = "{amount}")]
fn charge(amount: f64) -> Result<f64, Failed> {
    Ok(amount)
}

fn main() {
    let _ = charge(1.0);
}
