use steadfast::retry;

fn send(_: String) -> std::io::Result<()> {
    Ok(())
}

#[retry]
fn fetch(text: String) -> std::io::Result<()> {
    send(text)
}

fn main() {
    let _ = fetch(String::new());
}
