use steadfast::retry;

fn main() {
    let fetch = #[retry]
    || Ok::<u32, std::io::Error>(1);
    let _ = fetch();
}
