use steadfast::idempotent;

#[derive(Debug)]
struct Failed;

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("failed")
    }
}

impl std::error::Error for Failed {}

#[idempotent(key = "order_{order_id}")]
async fn charge(order_id: u64) -> Result<u64, Failed> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
