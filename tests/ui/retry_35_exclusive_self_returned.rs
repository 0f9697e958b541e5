use steadfast::retry;

struct Client {
    name: String,
}

impl Client {
    #[retry]
    fn fetch(&mut self) -> std::io::Result<&mut String> {
        Ok(&mut self.name)
    }
}

fn main() {
    let _ = Client { name: String::new() }.fetch();
}
