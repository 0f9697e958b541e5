use steadfast::retry;

#[retry]
fn fetch() -> ! {
    loop {}
}

fn main() {
    fetch();
}
