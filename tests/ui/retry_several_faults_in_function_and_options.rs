use steadfast::retry;

#[retry(max_attempts = 0, bas_delay = "1s")]
const fn fetch() {}

fn main() {
    fetch();
}
