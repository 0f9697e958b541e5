use steadfast::retry;

fn main() {
    #[retry]
    let fetch = || Ok::<u32, std::io::Error>(1);
    let _ = fetch();
}
