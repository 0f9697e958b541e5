//! A synchronous body under a claim that another thread renews.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use super::held::Held;
use super::store::{Claim, Written};
use super::wait::bounded;
use super::{library, own};

impl Held<'_> {
    /// Runs `work` on this thread; the claim is renewed meanwhile. Where it is lost the work is not cut
    /// off, and what it ends with meets the fence.
    pub(super) fn during_blocking<T>(&mut self, work: impl FnOnce() -> T) -> T {
        self.entered = true;
        let (call, claim) = (self.call, self.claim);
        let inside = || {
            let _inside = own::enter(call, claim);
            work()
        };
        let Some(claim) = self.claim else { return inside() };
        if let Some(store) = call.store.handle() {
            let _renewed = library::renew(store, Arc::clone(call.key()), claim, call.lease);
            return inside();
        }
        // A store that only this call can reach is renewed by a thread that ends with it.
        let ended = AtomicBool::new(false);
        thread::scope(|scope| {
            let renewing = scope.spawn(|| self.renew_until(claim, &ended));
            let _end = End { ended: &ended, thread: renewing.thread().clone() };
            inside()
        })
    }

    fn renew_until(&self, claim: Claim, ended: &AtomicBool) {
        let call = self.call;
        let mut pause = call.lease / 3;
        loop {
            let begun = Instant::now();
            while begun.elapsed() < pause && !ended.load(SeqCst) {
                thread::park_timeout(pause.saturating_sub(begun.elapsed()));
            }
            if ended.load(SeqCst) {
                return;
            }
            let renewed = call.store.renew(call.key(), claim, call.lease);
            pause = match library::block_on(bounded(call.limit(), renewed)) {
                Ok(Written::Made) => call.lease / 3,
                Ok(Written::Lost { .. }) => return,
                Err(_) => (call.lease / 12).max(Duration::from_millis(1)),
            };
        }
    }
}

/// Ends the renewing thread, also when the work panics.
struct End<'a> {
    ended: &'a AtomicBool,
    thread: thread::Thread,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.ended.store(true, SeqCst);
        self.thread.unpark();
    }
}
