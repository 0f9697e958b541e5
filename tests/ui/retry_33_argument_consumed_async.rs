use steadfast::retry;

async fn send(_: String) -> std::io::Result<()> {
    Ok(())
}

#[retry]
async fn fetch(text: String) -> std::io::Result<()> {
    send(text).await
}

fn main() {
    let _ = fetch(String::new());
}
