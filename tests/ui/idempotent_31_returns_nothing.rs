use steadfast::idempotent;

#[idempotent(key = "order_{order_id}")]
fn charge(order_id: u64) {
    println!("{order_id}");
}

fn main() {
    charge(1);
}
