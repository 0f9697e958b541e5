//! Which recorder a handle belongs to.
//!
//! A handle can be kept if it is of the process-wide recorder, which stays for good. One of a local
//! recorder must not be kept, nor one that was made before any recorder was installed. `metrics`
//! does not say which of the three it hands out, so the address tells: the recorder that a new
//! thread sees, which has no local one, is the process-wide one.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread;

use metrics::{Recorder, with_recorder};

/// The address of the process-wide recorder, once it is known. It is never freed, so that no other
/// recorder can come to stand there.
static GLOBAL: AtomicUsize = AtomicUsize::new(0);

/// Recorders that were asked about and are local: tests have them, and many.
static LOCAL: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// Beyond so many, whoever is not known is taken for local, which costs a look-up each time.
const MOST_LOCAL: usize = 64;

fn address(recorder: &dyn Recorder) -> usize {
    std::ptr::from_ref(recorder).cast::<()>().addr()
}

/// Whether handles of this recorder may be kept.
#[inline]
pub(super) fn stays(recorder: &dyn Recorder) -> bool {
    let address = address(recorder);
    match GLOBAL.load(Relaxed) {
        // Nothing has an address of its own that takes no room: the recorder that stands for none,
        // above all.
        0 => size_of_val(recorder) > 0 && ask(address),
        global => global == address,
    }
}

#[cold]
#[inline(never)]
fn ask(address: usize) -> bool {
    let mut local = LOCAL.lock().unwrap_or_else(PoisonError::into_inner);
    if local.len() >= MOST_LOCAL || local.contains(&address) {
        return false;
    }
    let seen = thread::Builder::new()
        .name("steadfast-metrics".to_owned())
        .spawn(|| with_recorder(self::address))
        .ok()
        .and_then(|thread| thread.join().ok());
    if seen == Some(address) {
        GLOBAL.store(address, Relaxed);
        return true;
    }
    local.push(address);
    false
}
