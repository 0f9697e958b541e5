//! probe
#[allow(dead_code)]
mod shop;
use shop::*;
use std::time::Duration;
#[tokio::main]
async fn main() {
    let shop = Shop::open().await.unwrap();
    shop.plays("/a", [Answer::Reset, Answer::Status(503), Answer::StatusAfter(429,"1"), Answer::Slow(Duration::from_millis(200)), Answer::Ok("x")]);
    let c = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    for i in 0..8 {
        if i==6 {shop.crash().await}
        if i==7 {shop.restart().await.unwrap()}
        let r = c.get(shop.url("/a")).send().await;
        println!("{r:?}");
    }
    println!("{:?}", weather(7, 10, 100).iter().filter(|a| matches!(a, Answer::Status(_))).count());
}
