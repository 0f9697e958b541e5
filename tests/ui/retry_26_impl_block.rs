use steadfast::retry;

struct Client;

#[retry]
impl Client {
    fn fetch(&self) -> std::io::Result<()> {
        Ok(())
    }
}

fn main() {
    let _ = Client.fetch();
}
