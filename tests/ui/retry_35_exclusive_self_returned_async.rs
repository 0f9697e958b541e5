use steadfast::retry;

struct Client {
    name: String,
}

impl Client {
    #[retry]
    async fn fetch(&mut self) -> std::io::Result<&mut String> {
        Ok(&mut self.name)
    }
}

fn main() {
    let mut client = Client { name: String::new() };
    let _ = client.fetch();
}
