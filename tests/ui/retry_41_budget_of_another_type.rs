use steadfast::retry;

static BUDGET: u32 = 3;

#[retry(budget = BUDGET)]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
