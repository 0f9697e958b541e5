use steadfast::idempotent;

#[derive(Debug)]
struct Failed;

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("failed")
    }
}

impl std::error::Error for Failed {}

impl From<steadfast::idempotency::IdempotencyError> for Failed {
    fn from(_: steadfast::idempotency::IdempotencyError) -> Self {
        Self
    }
}

struct Money(f64);

#[idempotent(key = "order_{order_id}", fingerprint(amount))]
fn charge(order_id: u64, amount: Money) -> Result<u64, Failed> {
    let _ = amount.0;
    Ok(order_id)
}

fn main() {
    let _ = charge(1, Money(1.0));
}
