use steadfast::retry;

#[retry]
const fn fetch() -> Option<u32> {
    Some(1)
}

fn main() {
    let _ = fetch();
}
