//! A network that can fail: a relay in front of the server.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Network {
    Works,
    /// The next request arrives, and its connection breaks before the answer. Then all works.
    LosesAnswer,
    /// Connections that exist carry nothing any more, and nobody is told.
    Swallows,
    /// Every fifth piece comes late, as after a packet was lost.
    Delays,
}

pub(super) struct Proxy {
    port: u16,
    network: Arc<watch::Sender<Network>>,
    connections: Arc<AtomicU64>,
}

impl Proxy {
    pub(super) async fn start(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let network = Arc::new(watch::Sender::new(Network::Works));
        let state = Arc::clone(&network);
        let connections = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Relaxed);
                let upstream = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await.unwrap();
                tokio::spawn(relay(client, upstream, state.clone()));
            }
        });
        Self { port, network, connections }
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub(super) fn set(&self, network: Network) {
        self.network.send_replace(network);
    }

    /// Connections so far.
    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }
}

async fn relay(mut client: TcpStream, mut server: TcpStream, network: Arc<watch::Sender<Network>>) {
    let mut swallowed = false;
    let (mut from_client, mut from_server) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    for piece in 1_u64.. {
        let (to_server, count) = tokio::select! {
            count = client.read(&mut from_client) => (true, count),
            count = server.read(&mut from_server) => (false, count),
        };
        let Ok(count @ 1..) = count else { return };
        let mut lost = false;
        match *network.borrow() {
            // For as long as the connection lives.
            Network::Swallows => swallowed = true,
            Network::LosesAnswer if !to_server => lost = true,
            _ => {}
        }
        if lost {
            network.send_replace(Network::Works);
            return;
        }
        if swallowed {
            continue;
        }
        if *network.borrow() == Network::Delays && piece % 5 == 0 {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        let written = if to_server {
            server.write_all(&from_client[..count]).await
        } else {
            client.write_all(&from_server[..count]).await
        };
        if written.is_err() {
            return;
        }
    }
}
