use steadfast::circuit_breaker;

trait Payments {
    #[circuit_breaker(name = "payments")]
    fn charge(&self) -> std::io::Result<u64>;
}

fn main() {
    fn takes<P: Payments>(payments: &P) {
        let _ = payments.charge();
    }
}
