use steadfast::retry;

struct Client {
    name: String,
}

impl Client {
    #[retry]
    fn fetch(&self) -> std::io::Result<usize> {
        let length = self.name.
    }

    #[retry]
    async fn fetch_async(&self) -> std::io::Result<usize> {
        let length =
        Ok(self.name.len())
    }
}

fn main() {
    let client = Client { name: String::new() };
    let _ = client.fetch();
    let _ = client.fetch_async();
}
