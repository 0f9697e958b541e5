use steadfast::idempotent;

trait Payments {
    #[idempotent(key = "order_{order_id}")]
    fn charge(&self, order_id: u64) -> std::io::Result<u64>;
}

fn main() {
    fn takes<P: Payments>(payments: &P) {
        let _ = payments.charge(1);
    }
}
