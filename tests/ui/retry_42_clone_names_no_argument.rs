use steadfast::retry;

#[retry(clone(tekst))]
fn fetch(text: String) -> std::io::Result<usize> {
    Ok(text.len())
}

fn main() {
    let _ = fetch(String::new());
}
