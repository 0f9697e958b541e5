use steadfast::retry;

#[retry]
fn fetch(name: &str) -> Option<usize> {
    Some(name.len()).
}

fn main() {
    let _ = fetch("a");
}
