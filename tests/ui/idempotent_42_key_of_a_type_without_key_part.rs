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

struct OrderId(u64);

#[idempotent(key = "order_{order_id}")]
fn charge(order_id: OrderId) -> Result<u64, Failed> {
    Ok(order_id.0)
}

fn main() {
    let _ = charge(OrderId(1));
}
