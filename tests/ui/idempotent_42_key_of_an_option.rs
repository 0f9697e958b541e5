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

#[idempotent(key = "order_{shop}")]
fn charge(shop: Option<u64>) -> Result<Option<u64>, Failed> {
    Ok(shop)
}

fn main() {
    let _ = charge(None);
}
