use steadfast::retry;

#[retry]
enum Client {
    Idle,
}

fn main() {
    let _ = Client::Idle;
}
