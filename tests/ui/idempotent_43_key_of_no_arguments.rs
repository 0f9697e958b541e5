use steadfast::idempotent;

#[idempotent(key = "orders")]
fn charge_all() -> std::io::Result<u64> {
    Ok(1)
}

fn main() {
    let _ = charge_all();
}
