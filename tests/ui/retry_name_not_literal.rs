use steadfast::retry;

const NAME: &str = "fetch";

#[retry(name = NAME)]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
