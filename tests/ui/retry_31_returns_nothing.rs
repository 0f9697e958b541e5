use steadfast::retry;

#[retry]
fn fetch() {}

fn main() {
    fetch();
}
