use steadfast::retry;

#[retry]
trait Fetch {
    fn fetch(&self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Client;

impl Fetch for Client {}

fn main() {
    let _ = Client.fetch();
}
