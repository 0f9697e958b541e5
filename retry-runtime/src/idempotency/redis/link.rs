//! The connections: made when first needed, replaced when they no longer serve.
//!
//! What drives a connection is a task of the runtime in which it was made. So each runtime has its
//! own: a synchronous call that blocks one runtime waits for nobody in it, and a runtime that ends
//! takes no other's connection along.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::{
    Client, Cmd, ErrorKind, Pipeline, RedisError, RedisResult, Script, ServerErrorKind, Value,
};
use tokio::runtime::{Handle, Id};

use super::errors;
use crate::idempotency::store::{StoreError, StoreErrorKind};

/// Runtimes whose connections are kept. One that is crowded out connects again.
const RUNTIMES: usize = 16;

pub(super) struct Link(Source);

enum Source {
    Given(ConnectionManager),
    Opened { client: Box<Client>, open: Mutex<Open> },
}

#[derive(Default)]
struct Open {
    /// Counts connections, to discard the one that failed and not its successor.
    serial: u64,
    managers: Vec<(Id, u64, ConnectionManager)>,
}

/// What is sent.
pub(super) enum Request<'a> {
    Command(&'a Cmd),
    /// A call of a script that the server may have to be told first.
    Script {
        script: &'a Script,
        call: &'a Cmd,
    },
    /// Many calls of one script, each answered by a value or an error of its own.
    Scripts {
        script: &'a Script,
        calls: &'a Pipeline,
    },
}

impl Link {
    pub(super) fn open(client: Client) -> Self {
        Self(Source::Opened { client: Box::new(client), open: Mutex::default() })
    }

    pub(super) fn given(manager: ConnectionManager) -> Self {
        Self(Source::Given(manager))
    }

    /// Asks within a time, and once more where the connection broke: every request may be repeated.
    pub(super) async fn ask(
        &self,
        request: &Request<'_>,
        timeout: Duration,
    ) -> Result<Value, StoreError> {
        if Handle::try_current().is_err() {
            return Err(StoreError::new(
                StoreErrorKind::Refused,
                "redis can only be asked from within a runtime of tokio",
            ));
        }
        let mut used = None;
        match tokio::time::timeout(timeout, self.ask_twice(request, timeout, &mut used)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(errors::store_error(&error)),
            Err(_) => {
                // A peer that vanished without a word is noticed by TCP after a quarter of an hour.
                self.discard(used);
                Err(StoreError::new(
                    StoreErrorKind::Unavailable,
                    format!("redis did not answer within {timeout:?}"),
                ))
            }
        }
    }

    async fn ask_twice(
        &self,
        request: &Request<'_>,
        timeout: Duration,
        used: &mut Option<u64>,
    ) -> RedisResult<Value> {
        let mut again = true;
        loop {
            let (serial, mut manager) = self.manager(timeout)?;
            *used = serial;
            let error = match request.send(&mut manager).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if is_of_the_connection(&error) {
                self.discard(serial);
            }
            let repeat = matches!(
                error.kind(),
                // The second time the connection is a new one. The first may have been idle for an
                // hour and long dead; or the manager tried to connect when that was impossible, and
                // remembers.
                ErrorKind::Io
                // Flushed between the telling and the call.
                | ErrorKind::Server(ServerErrorKind::NoScript)
            );
            if !(repeat && std::mem::take(&mut again)) {
                return Err(error);
            }
        }
    }

    /// The connection of this runtime and its number.
    fn manager(&self, timeout: Duration) -> RedisResult<(Option<u64>, ConnectionManager)> {
        let (client, open) = match &self.0 {
            Source::Given(manager) => return Ok((None, manager.clone())),
            Source::Opened { client, open } => (client, open),
        };
        let runtime = Handle::current().id();
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, serial, manager)) = open.managers.iter().find(|(id, ..)| *id == runtime) {
            return Ok((Some(*serial), manager.clone()));
        }
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(timeout))
            // `ask` has one for everything.
            .set_response_timeout(None)
            // Whoever asks again tries again.
            .set_number_of_retries(0);
        let manager = ConnectionManager::new_lazy_with_config(Client::clone(client), config)?;
        if open.managers.len() >= RUNTIMES {
            open.managers.remove(0);
        }
        open.serial += 1;
        let serial = open.serial;
        open.managers.push((runtime, serial, manager.clone()));
        Ok((Some(serial), manager))
    }

    fn discard(&self, used: Option<u64>) {
        if let (Source::Opened { open, .. }, Some(used)) = (&self.0, used) {
            let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
            open.managers.retain(|(_, serial, _)| *serial != used);
        }
    }
}

impl Request<'_> {
    async fn send(&self, manager: &mut ConnectionManager) -> RedisResult<Value> {
        match self {
            Self::Command(command) => command.query_async(manager).await,
            Self::Script { script, call } => match call.query_async(manager).await {
                Err(error) if is_missing_script(&error) => {
                    script.load_async(manager).await?;
                    call.query_async(manager).await
                }
                answer => answer,
            },
            Self::Scripts { script, calls } => {
                script.load_async(manager).await?;
                calls.query_async(manager).await
            }
        }
    }
}

fn is_missing_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// Whether another connection might fare better, and the manager does not see to it by itself.
fn is_of_the_connection(error: &RedisError) -> bool {
    match error.kind() {
        // A failover: the address may lead to another server by now.
        ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown) => true,
        ErrorKind::Server(_) | ErrorKind::Extension => false,
        // The manager is connecting again already.
        ErrorKind::Io => !error.is_connection_dropped(),
        // Wrong credentials are kept by the manager for ever, and the password may be changed.
        _ => true,
    }
}
