use steadfast::retry;

#[retry(on = [std::io::Error], not_on = [std::io::Error])]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
