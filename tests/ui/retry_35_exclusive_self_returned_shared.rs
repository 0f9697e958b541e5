use steadfast::retry;

struct Client {
    name: String,
}

impl Client {
    #[retry]
    fn fetch(&mut self) -> std::io::Result<&str> {
        self.name.push('x');
        Ok(&self.name)
    }
}

fn main() {
    let _ = Client { name: String::new() }.fetch();
}
