use steadfast::{idempotent, retry};

#[idempotent(replay = "keyed")]
#[retry]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
