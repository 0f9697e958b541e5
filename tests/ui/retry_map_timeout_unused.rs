use steadfast::retry;

#[retry(map_timeout = |_| std::io::Error::other("late"))]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
