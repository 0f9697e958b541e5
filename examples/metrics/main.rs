//! `cargo run --example metrics --features metrics`: what retries do, for Prometheus.
//!
//! Annotated functions call a shop on loopback that fails the way services do. Their metrics are
//! served at `/metrics`, to be looked at with `curl`, scraped by a Prometheus, and drawn by the
//! dashboard in `observability/`. `--seconds 30` ends it by itself.
//!
//! All that a program of yours needs is [`recorder`] and [`endpoint`].

#[path = "../shared/load.rs"]
mod load;

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use clap::Parser;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;

#[derive(Parser)]
struct Arguments {
    /// Where `/metrics` is served on loopback; 0 for any free port.
    #[arg(long, default_value_t = 9464)]
    port: u16,
    /// End after this many seconds instead of at Ctrl-C.
    #[arg(long)]
    seconds: Option<u64>,
}

/// Installs the recorder. Without buckets the exporter makes summaries of durations, which cannot be
/// added up over instances.
fn recorder() -> Result<PrometheusHandle, Box<dyn Error>> {
    let seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &seconds)?
        .install_recorder()?;
    steadfast::metrics::describe();
    Ok(handle)
}

/// Serves what was recorded. Budgets refill while nobody asks, so they are refreshed first.
fn endpoint(handle: PrometheusHandle) -> Router {
    let scrape = async move || {
        steadfast::metrics::refresh();
        handle.run_upkeep();
        handle.render()
    };
    Router::new().route("/metrics", get(scrape))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let listener = TcpListener::bind(("127.0.0.1", arguments.port)).await?;
    println!("curl http://{}/metrics", listener.local_addr()?);
    tokio::spawn(axum::serve(listener, endpoint(recorder()?)).into_future());

    let shop = load::Shop::open().await?;
    shop.visit(async {
        match arguments.seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    })
    .await;
    print!("\n{}", steadfast::snapshot());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum of all series that begin with `metric` and have these labels.
    fn sum(text: &str, metric: &str, labels: &[&str]) -> u64 {
        let of = text.lines().filter(|line| {
            let name = line.split(['{', ' ']).next();
            name == Some(metric) && labels.iter().all(|label| line.contains(label))
        });
        of.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }

    /// One test, because there is one recorder.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_scrape_has_what_the_snapshot_has() {
        let shop = load::Shop::open().await.unwrap();
        let one_second = || tokio::time::sleep(Duration::from_secs(1));
        // The recorder comes late: after the first calls.
        shop.visit(one_second()).await;
        let before = steadfast::snapshot();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/metrics", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, endpoint(recorder().unwrap())).into_future());
        shop.visit(one_second()).await;

        let text = reqwest::get(&url).await.unwrap().text().await.unwrap();
        let after = steadfast::snapshot();
        assert_eq!(after.operations.len(), 4, "{after}");
        for operation in &after.operations {
            let label = format!("operation=\"{}\"", operation.name);
            let earlier = before.operations.iter().find(|earlier| earlier.name == operation.name);
            let calls = operation.calls - earlier.unwrap().calls;
            let counted = sum(&text, "steadfast_calls_total", &[&label]);
            assert!(calls > 0 && counted == calls, "{label}: {calls} {counted}");
            assert!(sum(&text, "steadfast_attempts_total", &[&label]) >= counted);
        }
        assert!(sum(&text, "steadfast_calls_total", &["result=\"ok_retried\""]) > 0);
        assert!(sum(&text, "steadfast_retry_delay_seconds_count", &["operation=\"stock\""]) > 0);
        assert!(
            text.contains("steadfast_retry_delay_seconds_bucket{operation=\"stock\",le=\"0.1\"}")
        );
        assert!(text.contains("steadfast_breaker_state{breaker=\"payments\"} 0"));
        for metric in steadfast::metrics::METRICS {
            let described = text.contains(&format!("# TYPE {} {}", metric.name, metric.kind));
            let emitted = text.lines().any(|line| line.starts_with(metric.name));
            assert_eq!(described, emitted, "{}", metric.name);
        }
        assert!(!text.contains("127.0.0.1"), "an address became a label");
    }
}
