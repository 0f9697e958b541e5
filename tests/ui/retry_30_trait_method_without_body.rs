use steadfast::retry;

trait Fetch {
    #[retry]
    fn fetch(&self) -> std::io::Result<()>;
}

struct Client;

impl Fetch for Client {
    fn fetch(&self) -> std::io::Result<()> {
        Ok(())
    }
}

fn main() {
    let _ = Client.fetch();
}
