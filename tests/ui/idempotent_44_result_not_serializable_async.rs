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

struct Receipt;

#[idempotent(key = "order_{order_id}")]
async fn charge(order_id: u64) -> Result<Receipt, Failed> {
    let _ = order_id;
    Ok(Receipt)
}

fn main() {
    let _ = charge(1);
}
