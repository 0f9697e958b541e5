use steadfast::retry;

#[retry(when_value = |text: &String| text.is_empty())]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
