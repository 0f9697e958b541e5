use steadfast::retry;

#[retry(factor = f64::NAN)]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
