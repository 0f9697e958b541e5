use steadfast::retry;

#[retry]
fn fetch(text: &mut String) -> std::io::Result<&mut str> {
    Ok(text.as_mut_str())
}

fn main() {
    let _ = fetch(&mut String::new());
}
