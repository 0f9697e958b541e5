use steadfast::retry;

struct Client {
    name: String,
}

impl Client {
    #[retry]
    async fn fetch(self) -> std::io::Result<String> {
        Ok(self.name)
    }
}

fn main() {
    let _ = Client { name: String::new() }.fetch();
}
