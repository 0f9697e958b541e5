//! The thread that owns the file: takes what is asked for at the moment as one transaction, syncs it
//! once, and answers. So callers who ask at the same time share the cost of a sync, and none of them
//! blocks a thread of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use ::redb::Database;
use tokio::sync::oneshot;

use super::errors::store_error;
use super::file::{Opening, open};
use super::record::Moment;
use super::tables::{Cursor, Failure, Tables};
use crate::idempotency::store::{
    Claim, ClaimRequest, Claimed, OnUnknown, Owner, Record, Resolution, StoreError, StoreErrorKind,
    Written,
};
use crate::time::{Timestamp, nanos};

/// What one transaction takes on at most.
const BATCH: usize = 1024;

/// How long one more is waited for while fewer ask than were answered the last time: a fraction of what
/// a sync takes.
const GATHER: Duration = Duration::from_micros(100);

/// What is asked of the file.
pub(super) enum Op {
    Claim(OwnedRequest),
    Renew { key: String, claim: Claim, lease: Duration },
    Complete { key: String, claim: Claim, value: Vec<u8>, ttl: Duration },
    Release { key: String, claim: Claim, note: String },
    MarkUnknown { key: String, claim: Claim, note: String },
    Peek { key: String },
    Unknowns { after: Option<String>, most: usize },
    Resolve { key: String, fence: u64, resolution: Resolution },
    Sweep { from: Cursor },
}

/// A [`ClaimRequest`] that can be sent to another thread.
pub(super) struct OwnedRequest {
    key: String,
    owner: Owner,
    fingerprint: Option<[u8; 32]>,
    lease: Duration,
    ttl: Duration,
    on_unknown: OnUnknown,
    max_claims: u32,
}

impl OwnedRequest {
    pub(super) fn of(request: &ClaimRequest<'_>) -> Self {
        Self {
            key: request.key.to_owned(),
            owner: request.owner,
            fingerprint: request.fingerprint,
            lease: request.lease,
            ttl: request.ttl,
            on_unknown: request.on_unknown,
            max_claims: request.max_claims,
        }
    }

    fn request(&self) -> ClaimRequest<'_> {
        let mut request = ClaimRequest::new(&self.key, self.owner);
        request.fingerprint = self.fingerprint;
        request.lease = self.lease;
        request.ttl = self.ttl;
        request.on_unknown = self.on_unknown;
        request.max_claims = self.max_claims;
        request
    }
}

/// What came of it.
pub(super) enum Answer {
    Claimed(Claimed),
    Written(Written),
    Record(Option<Record>),
    Records(Vec<Record>),
    Swept(u64, Cursor),
}

type Answered = Result<Answer, StoreError>;

struct Job {
    op: Op,
    now: Timestamp,
    /// Nobody waits for what a destructor asked for.
    answer: Option<oneshot::Sender<Answered>>,
}

/// The way to the thread. When it is dropped the thread does what was asked, and closes the file.
pub(super) struct Writer {
    jobs: Option<Sender<Job>>,
}

impl Writer {
    /// Opens the file on a thread of its own and hands the outcome to `opened` there.
    pub(super) fn start(
        opening: Opening,
        opened: impl FnOnce(Result<Self, StoreError>) + Send + 'static,
    ) -> std::io::Result<()> {
        std::thread::Builder::new().name("steadfast-redb".to_owned()).spawn(move || {
            let database = match open(&opening, Closing::wait) {
                Ok(database) => database,
                Err(error) => return opened(Err(error)),
            };
            let (jobs, queue) = channel();
            opened(Ok(Self { jobs: Some(jobs) }));
            let clock = Clock { opening: opening.clone(), last: 0 };
            Thread { opening, database: Some(database), clock }.run(&queue);
            Closing::end();
        })?;
        Ok(())
    }

    /// Asks, and waits for the answer without blocking the thread that asks.
    pub(super) async fn ask(&self, op: Op, now: Timestamp) -> Answered {
        let (answer, answered) = oneshot::channel();
        self.send(Job { op, now, answer: Some(answer) });
        answered.await.unwrap_or_else(|_| {
            let words = "redb: the thread of the store has ended";
            Err(StoreError::new(StoreErrorKind::Unavailable, words))
        })
    }

    /// Asks, and does not wait.
    pub(super) fn tell(&self, op: Op, now: Timestamp) {
        self.send(Job { op, now, answer: None });
    }

    fn send(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // A thread that is gone drops the job, and its caller hears of that.
            drop(jobs.send(job));
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        Closing::begin();
        self.jobs = None;
    }
}

/// Stores of this process that are about to give their file back. Whoever opens a file that is taken
/// waits for them, so that a store can be dropped and opened again, and does not wait for anything else.
struct Closing;

static CLOSING: Mutex<u64> = Mutex::new(0);
static CLOSED: Condvar = Condvar::new();

impl Closing {
    fn begin() {
        *CLOSING.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    fn end() {
        *CLOSING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        CLOSED.notify_all();
    }

    /// Whether one has given its file back since, or may have.
    fn wait() -> bool {
        let closing = CLOSING.lock().unwrap_or_else(PoisonError::into_inner);
        if *closing == 0 {
            return false;
        }
        drop(CLOSED.wait(closing).unwrap_or_else(PoisonError::into_inner));
        true
    }
}

/// The store's clock: the calendar as it stood at the opening, counted on by the monotonic clock. It
/// never goes back in the order in which the thread works, or a write that was asked for a moment
/// earlier could change what a later one has already found unknown.
struct Clock {
    opening: Opening,
    last: Moment,
}

impl Clock {
    fn moment(&mut self, now: Timestamp) -> Moment {
        let since = nanos(now.saturating_since(self.opening.now));
        self.last = self.last.max(nanos(self.opening.calendar).saturating_add(since));
        self.last
    }
}

struct Thread {
    opening: Opening,
    /// `None` after an error of the file, until it can be opened again.
    database: Option<Database>,
    clock: Clock,
}

impl Thread {
    fn run(mut self, queue: &Receiver<Job>) {
        let mut expected = 1;
        while let Ok(first) = queue.recv() {
            let mut batch = vec![first];
            batch.extend(queue.try_iter().take(BATCH - 1));
            // Those who were answered together ask again together, and not all in the same moment. A
            // caller who is alone is never made to wait.
            while batch.len() < expected {
                let Ok(job) = queue.recv_timeout(GATHER) else { break };
                batch.push(job);
            }
            expected = batch.len();
            self.work(batch);
        }
    }

    fn work(&mut self, mut batch: Vec<Job>) {
        // Whoever is gone does not need the key.
        batch.retain(|job| {
            let gone = job.answer.as_ref().is_some_and(oneshot::Sender::is_closed);
            !(gone && matches!(job.op, Op::Claim(_)))
        });
        let mut answers = Vec::with_capacity(batch.len());
        let mut waiting = Vec::with_capacity(batch.len());
        for job in batch {
            answers.push((job.op, job.now));
            waiting.push(job.answer);
        }
        // A file that is no database any more makes redb panic in places.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.transact(answers)));
        let outcome = outcome.unwrap_or_else(|_| {
            Err(StoreError::new(StoreErrorKind::Corrupt, "redb: the file cannot be read"))
        });
        match outcome {
            Ok(answers) => {
                for (answer, waiting) in answers.into_iter().zip(waiting) {
                    send(waiting, answer);
                }
            }
            Err(error) => {
                // After an error of the file redb refuses everything until it is opened anew.
                let broken = self.database.take();
                let _ = catch_unwind(AssertUnwindSafe(|| drop(broken)));
                for waiting in waiting {
                    send(waiting, Err(error.clone()));
                }
            }
        }
    }

    /// Everything that was asked as one transaction. An error is one of the file: nothing was written.
    fn transact(&mut self, ops: Vec<(Op, Timestamp)>) -> Result<Vec<Answered>, StoreError> {
        let database = match self.database.take() {
            Some(database) => database,
            None => open(&self.opening, || false)?,
        };
        let database = self.database.insert(database);
        let transaction = database.begin_write().map_err(|error| store_error(error.into()))?;
        let mut answers = Vec::with_capacity(ops.len());
        let changed = {
            let mut tables =
                Tables::open(&transaction, self.opening.session).map_err(Failure::into_error)?;
            for (op, now) in ops {
                tables.now = self.clock.moment(now);
                answers.push(match perform(&mut tables, op) {
                    Err(Failure::File(error)) => return Err(error),
                    Err(Failure::Record(error)) => Err(error),
                    Ok(answer) => Ok(answer),
                });
            }
            tables.changed
        };
        // Answers that changed nothing cost no sync.
        if changed {
            transaction.commit().map_err(|error| store_error(error.into()))?;
        } else {
            transaction.abort().map_err(|error| store_error(error.into()))?;
        }
        Ok(answers)
    }
}

fn send(waiting: Option<oneshot::Sender<Answered>>, answer: Answered) {
    // Whoever stopped waiting does not want it.
    let _ = waiting.map(|waiting| waiting.send(answer));
}

fn perform(tables: &mut Tables<'_>, op: Op) -> Result<Answer, Failure> {
    Ok(match op {
        Op::Claim(request) => Answer::Claimed(tables.claim(&request.request())?),
        Op::Renew { key, claim, lease } => Answer::Written(tables.renew(&key, claim, lease)?),
        Op::Complete { key, claim, value, ttl } => {
            Answer::Written(tables.complete(&key, claim, value, ttl)?)
        }
        Op::Release { key, claim, note } => Answer::Written(tables.release(&key, claim, note)?),
        Op::MarkUnknown { key, claim, note } => {
            Answer::Written(tables.mark_unknown(&key, claim, note)?)
        }
        Op::Peek { key } => Answer::Record(tables.peek(&key)?),
        Op::Unknowns { after, most } => Answer::Records(tables.unknowns(after.as_deref(), most)?),
        Op::Resolve { key, fence, resolution } => {
            Answer::Written(tables.resolve(&key, fence, resolution)?)
        }
        Op::Sweep { from } => {
            let (removed, next) = tables.sweep(&from)?;
            Answer::Swept(removed, next)
        }
    })
}
