use steadfast::retry;

#[retry]
mod client {
    pub struct Client;
}

fn main() {
    let _ = client::Client;
}
