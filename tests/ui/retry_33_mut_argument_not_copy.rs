use steadfast::retry;

#[retry]
fn fetch(mut text: String) -> std::io::Result<usize> {
    text.push('x');
    Ok(text.len())
}

fn main() {
    let _ = fetch(String::new());
}
