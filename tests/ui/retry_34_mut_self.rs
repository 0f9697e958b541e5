use steadfast::retry;

struct Client {
    calls: u32,
}

impl Client {
    #[retry]
    fn fetch(mut self) -> std::io::Result<u32> {
        self.calls += 1;
        Ok(self.calls)
    }
}

fn main() {
    let _ = Client { calls: 0 }.fetch();
}
