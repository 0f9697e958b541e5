use std::rc::Rc;

use steadfast::retry;

#[retry]
async fn fetch() -> std::io::Result<u32> {
    let number = Rc::new(1);
    std::future::ready(()).await;
    Ok(*number)
}

fn main() {
    tokio::spawn(fetch());
}
