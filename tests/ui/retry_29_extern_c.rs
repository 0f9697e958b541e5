use steadfast::retry;

#[retry]
extern "C" fn fetch() -> Option<&'static u32> {
    None
}

fn main() {
    let _ = fetch();
}
