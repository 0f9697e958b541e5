use steadfast::idempotent;

#[idempotent(key = "a")]
enum Order {
    Paid,
}

fn main() {
    let _ = Order::Paid;
}
