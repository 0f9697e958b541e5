//! An HTTP service on loopback that can die and come back on its port: what the examples
//! `quickstart`, `payments` and `checkout` call. What it answers is somebody else's; it knows nothing
//! of retries.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fmt, io};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// What the service does with a request.
pub(crate) trait Answers: Send + Sync + 'static {
    /// `None` hangs up: the request was read and acted on, and the caller sees a broken connection.
    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Option<Response<Full<Bytes>>>> + Send;
}

/// The running service. Dropping it frees the port and cuts every connection.
pub(crate) struct Service<A> {
    address: SocketAddr,
    answers: Arc<A>,
    running: Mutex<Option<JoinHandle<()>>>,
}

impl<A: Answers> Service<A> {
    /// Listens on a free port of loopback.
    ///
    /// # Errors
    ///
    /// Whatever the operating system says about the port.
    pub(crate) async fn open(answers: A) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let answers = Arc::new(answers);
        let running = Mutex::new(Some(tokio::spawn(serve(listener, Arc::clone(&answers)))));
        Ok(Self { address, answers, running })
    }

    /// Where it is found, also while it is dead.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The process dies: nobody listens on the port, open connections break.
    pub(crate) async fn crash(&self) {
        let running = lock(&self.running).take();
        if let Some(task) = running {
            task.abort();
            // Aborted tasks end with an error; the listener is closed once they have ended.
            let _ = task.await;
        }
    }

    /// The process comes back on the same port.
    ///
    /// # Errors
    ///
    /// Whatever the operating system says about the port.
    pub(crate) async fn restart(&self) -> io::Result<()> {
        let listener = TcpListener::bind(self.address).await?;
        let serving = tokio::spawn(serve(listener, Arc::clone(&self.answers)));
        *lock(&self.running) = Some(serving);
        Ok(())
    }
}

impl<A> std::ops::Deref for Service<A> {
    type Target = A;

    /// What answers, for who looks behind the counter.
    fn deref(&self) -> &A {
        &self.answers
    }
}

impl<A> Drop for Service<A> {
    fn drop(&mut self) {
        if let Some(task) = lock(&self.running).take() {
            task.abort();
        }
    }
}

async fn serve<A: Answers>(listener: TcpListener, answers: Arc<A>) {
    // Connections live in this task's set, so they die with it.
    let mut connections = JoinSet::new();
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            connections.spawn(converse(stream, Arc::clone(&answers)));
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn converse<A: Answers>(stream: TcpStream, answers: Arc<A>) {
    let service = service_fn(move |request| {
        let answers = Arc::clone(&answers);
        async move { answers.answer(request).await.ok_or(HangUp) }
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if (&mut connection).await.is_err() {
        // Without lingering, closing the socket sends RST instead of a polite FIN.
        let stream = connection.into_parts().io.into_inner();
        let _ = stream.set_zero_linger();
    }
}

/// The service gives up on the connection in the middle of a request.
#[derive(Debug)]
struct HangUp;

impl fmt::Display for HangUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hung up")
    }
}

impl std::error::Error for HangUp {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
