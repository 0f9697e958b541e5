//! Calls of one key in one process: the first leads, the others join and are told what it was told.
//!
//! Knows nothing of stores. A leader that vanishes leaves its followers to look for themselves.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::error::IdempotencyError;

/// A key in a store: the store's identity and name, and the key.
pub(super) type Place = (usize, &'static str, Arc<str>);

/// How a flight ended for those who joined it.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// With these stored bytes.
    Answer(Arc<[u8]>),
    /// With an error that all share.
    Failed(IdempotencyError),
    /// Nobody knows: the store has to be asked.
    Again,
}

#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<Place, Arc<Flight>>>);

#[derive(Debug)]
struct Flight {
    fingerprint: Option<[u8; 32]>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    end: Option<End>,
    next: u64,
    waiting: BTreeMap<u64, Waker>,
}

/// All flights of the process.
pub(super) fn flights() -> &'static Flights {
    static FLIGHTS: LazyLock<Flights> = LazyLock::new(Flights::default);
    &FLIGHTS
}

/// What a caller is in the flight of its key.
#[derive(Debug)]
pub(super) enum Role {
    Leader(Leader),
    Follower(Follower),
    /// It brings other arguments than the leader. Who is right only the store knows.
    Stranger,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code of a user runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Flights {
    pub(super) fn board(&'static self, place: Place, fingerprint: Option<[u8; 32]>) -> Role {
        let mut flights = lock(&self.0);
        if let Some(flight) = flights.get(&place) {
            if let (Some(own), Some(leaders)) = (fingerprint, flight.fingerprint)
                && own != leaders
            {
                return Role::Stranger;
            }
            return Role::Follower(Follower { flight: Arc::clone(flight), ticket: None });
        }
        let flight = Arc::new(Flight { fingerprint, state: Mutex::default() });
        flights.insert(place.clone(), Arc::clone(&flight));
        Role::Leader(Leader { flights: self, place, flight: Some(flight) })
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        lock(&self.0).len()
    }
}

/// The call that asks the store. Dropped without a word, it ends its flight with [`End::Again`].
#[derive(Debug)]
pub(super) struct Leader {
    flights: &'static Flights,
    place: Place,
    /// `None` once it has ended.
    flight: Option<Arc<Flight>>,
}

impl Leader {
    pub(super) fn end(mut self, end: End) {
        self.land(end);
    }

    fn land(&mut self, end: End) {
        let Some(flight) = self.flight.take() else { return };
        // Whoever comes now begins a flight of its own.
        lock(&self.flights.0).remove(&self.place);
        let waiting = {
            let mut state = lock(&flight.state);
            state.end = Some(end);
            std::mem::take(&mut state.waiting)
        };
        for waker in waiting.into_values() {
            waker.wake();
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.land(End::Again);
    }
}

/// A call that waits for the leader.
#[derive(Debug)]
pub(super) struct Follower {
    flight: Arc<Flight>,
    ticket: Option<u64>,
}

impl Future for Follower {
    type Output = End;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<End> {
        let this = &mut *self;
        let mut state = lock(&this.flight.state);
        if let Some(end) = &state.end {
            return Poll::Ready(end.clone());
        }
        let ticket = *this.ticket.get_or_insert_with(|| {
            state.next += 1;
            state.next
        });
        match state.waiting.get_mut(&ticket) {
            Some(waker) => waker.clone_from(cx.waker()),
            None => {
                state.waiting.insert(ticket, cx.waker().clone());
            }
        }
        Poll::Pending
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let waker = lock(&self.flight.state).waiting.remove(&ticket);
            drop(waker);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::thread;

    use super::*;

    fn fresh() -> &'static Flights {
        Box::leak(Box::default())
    }

    fn place(key: &str) -> Place {
        (1, "test", Arc::from(key))
    }

    fn wait(follower: Follower) -> End {
        struct Thread(thread::Thread);
        impl std::task::Wake for Thread {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(Arc::new(Thread(thread::current())));
        let mut follower = std::pin::pin!(follower);
        loop {
            match follower.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(end) => return end,
                Poll::Pending => thread::park(),
            }
        }
    }

    /// Many threads, one key, many rounds: never two leaders at once, and everybody who joined hears
    /// the end of the flight it joined.
    #[test]
    fn there_is_one_leader_at_a_time_and_nobody_is_forgotten() {
        const THREADS: usize = 8;
        const ROUNDS: usize = 4_000;
        let flights = fresh();
        let (leading, led, told) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for round in 0..ROUNDS {
                        match flights.board(place("k"), None) {
                            Role::Leader(leader) => {
                                assert_eq!(leading.fetch_add(1, SeqCst), 0, "two leaders");
                                let number = led.fetch_add(1, SeqCst);
                                if round % 3 == 0 {
                                    thread::yield_now();
                                }
                                assert_eq!(leading.fetch_sub(1, SeqCst), 1);
                                match round % 4 {
                                    0 => drop(leader),
                                    1 => leader.end(End::Failed(IdempotencyError::InProgress)),
                                    _ => leader.end(End::Answer(Arc::from(
                                        number.to_le_bytes().as_slice(),
                                    ))),
                                }
                            }
                            Role::Follower(follower) if round % 5 == 0 => drop(follower),
                            Role::Follower(follower) => {
                                if let End::Answer(bytes) = wait(follower) {
                                    assert_eq!(bytes.len(), size_of::<usize>());
                                }
                                told.fetch_add(1, SeqCst);
                            }
                            Role::Stranger => unreachable!("there are no fingerprints"),
                        }
                    }
                });
            }
        });
        assert_eq!(flights.len(), 0, "nothing is left behind");
        assert!(led.load(SeqCst) > 0);
    }

    #[test]
    fn a_leader_that_panics_leaves_its_followers_to_themselves() {
        let flights = fresh();
        let Role::Leader(leader) = flights.board(place("k"), None) else { panic!("the first") };
        let Role::Follower(follower) = flights.board(place("k"), None) else {
            panic!("the second")
        };
        let waiting = thread::spawn(move || wait(follower));
        let panicked = thread::spawn(move || {
            let _leader = leader;
            panic!("as a body does");
        });
        assert!(panicked.join().is_err());
        assert!(matches!(waiting.join().expect("told"), End::Again));
        assert!(matches!(flights.board(place("k"), None), Role::Leader(_)));
    }

    #[test]
    fn a_follower_that_leaves_is_not_woken() {
        let flights = fresh();
        let Role::Leader(leader) = flights.board(place("k"), None) else { panic!("the first") };
        let Role::Follower(mut follower) = flights.board(place("k"), None) else {
            panic!("the second")
        };
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut follower).poll(&mut cx).is_pending());
        assert!(Pin::new(&mut follower).poll(&mut cx).is_pending());
        let flight = Arc::clone(&follower.flight);
        assert_eq!(lock(&flight.state).waiting.len(), 1);
        drop(follower);
        assert_eq!(lock(&flight.state).waiting.len(), 0);
        leader.end(End::Again);
    }

    #[test]
    fn other_arguments_do_not_join() {
        let flights = fresh();
        let first = flights.board(place("k"), Some([1; 32]));
        assert!(matches!(flights.board(place("k"), Some([2; 32])), Role::Stranger));
        assert!(matches!(flights.board(place("k"), Some([1; 32])), Role::Follower(_)));
        assert!(matches!(flights.board(place("k"), None), Role::Follower(_)));
        assert!(matches!(flights.board(place("other"), Some([2; 32])), Role::Leader(_)));
        drop(first);
    }
}
