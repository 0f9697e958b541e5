//! The scripts, and how their arguments are written.

use std::sync::LazyLock;
use std::time::Duration;

use ::redis::{Cmd, Script};

use crate::idempotency::store::{Claim, ClaimRequest, OnUnknown, Owner};

/// Every script begins by reading the record.
macro_rules! script {
    ($file:literal) => {
        LazyLock::new(|| {
            Script::new(concat!(include_str!("scripts/record.lua"), include_str!($file)))
        })
    };
}

static CLAIM: LazyLock<Script> = script!("scripts/claim.lua");
static RENEW: LazyLock<Script> = script!("scripts/renew.lua");
static END: LazyLock<Script> = script!("scripts/end.lua");
static RESOLVE: LazyLock<Script> = script!("scripts/resolve.lua");
static PEEK: LazyLock<Script> = script!("scripts/peek.lua");

/// What a script does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operation {
    Claim,
    Renew,
    End,
    Resolve,
    Peek,
}

impl Operation {
    pub(super) fn script(self) -> &'static Script {
        match self {
            Self::Claim => &CLAIM,
            Self::Renew => &RENEW,
            Self::End => &END,
            Self::Resolve => &RESOLVE,
            Self::Peek => &PEEK,
        }
    }

    /// The call of its script on one key, without arguments yet.
    fn call(self, key: &str) -> Cmd {
        let mut call = ::redis::cmd("EVALSHA");
        call.arg(self.script().get_hash()).arg(1).arg(key);
        call
    }
}

/// A state to end in, and the text that goes with it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Text<'a> {
    Done(&'a [u8]),
    Released(&'a str),
    Unknown(&'a str),
}

impl<'a> Text<'a> {
    fn parts(self) -> (&'static str, &'a [u8]) {
        match self {
            Self::Done(value) => ("d", value),
            Self::Released(note) => ("r", note.as_bytes()),
            Self::Unknown(note) => ("u", note.as_bytes()),
        }
    }
}

pub(super) fn claim(key: &str, request: &ClaimRequest<'_>) -> Cmd {
    let fingerprint = request.fingerprint.as_ref().map(|bytes| hex(bytes)).unwrap_or_default();
    let mut call = Operation::Claim.call(key);
    call.arg(owner(request.owner))
        .arg(fingerprint)
        .arg(millis(request.lease))
        .arg(millis(request.ttl))
        .arg(u8::from(request.on_unknown == OnUnknown::Take))
        .arg(request.max_claims);
    call
}

pub(super) fn renew(key: &str, claim: Claim, lease: Duration) -> Cmd {
    let mut call = Operation::Renew.call(key);
    call.arg(owner(claim.owner)).arg(claim.fence).arg(millis(lease));
    call
}

pub(super) fn end(key: &str, claim: Claim, text: Text<'_>, ttl: Option<Duration>) -> Cmd {
    let (state, text) = text.parts();
    let mut call = Operation::End.call(key);
    call.arg(owner(claim.owner)).arg(claim.fence).arg(state).arg(text);
    match ttl {
        Some(ttl) => call.arg(millis(ttl)),
        None => call.arg(""),
    };
    call
}

pub(super) fn resolve(key: &str, fence: u64, text: Text<'_>) -> Cmd {
    let (state, text) = text.parts();
    let mut call = Operation::Resolve.call(key);
    call.arg(fence).arg(state).arg(text);
    call
}

/// `only` is the letter of the one state that is of interest.
pub(super) fn peek(key: &str, only: Option<&str>) -> Cmd {
    let mut call = Operation::Peek.call(key);
    call.arg(only.unwrap_or_default());
    call
}

fn owner(owner: Owner) -> String {
    format!("{:032x}", owner.0)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Rounded up, so that nothing ends early, and at most a hundred years: sums of it stay exact in Lua
/// and within what `PEXPIREAT` takes.
fn millis(duration: Duration) -> u64 {
    const CENTURY: u64 = 100 * 365 * 24 * 60 * 60 * 1000;
    let millis = duration.as_nanos().div_ceil(1_000_000);
    u64::try_from(millis).unwrap_or(u64::MAX).min(CENTURY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(call: &Cmd) -> String {
        String::from_utf8_lossy(&call.get_packed_command()).into_owned()
    }

    #[test]
    fn durations_are_rounded_up_and_bounded() {
        assert_eq!(millis(Duration::ZERO), 0);
        assert_eq!(millis(Duration::from_nanos(1)), 1);
        assert_eq!(millis(Duration::from_micros(1001)), 2);
        assert_eq!(millis(Duration::from_secs(1)), 1000);
        assert_eq!(millis(Duration::MAX), 3_153_600_000_000);
        // The largest sum that a script makes is exact in a double.
        assert!(millis(Duration::MAX) * 2 + 4_000_000_000_000 < 1 << 53);
    }

    #[test]
    fn every_call_names_exactly_one_key() {
        let claimed = Claim { owner: Owner(7), fence: 3 };
        let request = ClaimRequest::new("k", Owner(7));
        for call in [
            claim("p:k", &request),
            renew("p:k", claimed, Duration::from_secs(1)),
            end("p:k", claimed, Text::Done(b"v"), None),
            resolve("p:k", 3, Text::Released("n")),
            peek("p:k", None),
        ] {
            assert!(text(&call).contains("\r\n$1\r\n1\r\n$3\r\np:k\r\n"), "{}", text(&call));
        }
    }

    #[test]
    fn owners_and_fingerprints_have_a_fixed_width() {
        assert_eq!(owner(Owner(10)), "0000000000000000000000000000000a");
        assert_eq!(hex(&[0, 1, 0xab]), "0001ab");
        let mut request = ClaimRequest::new("k", Owner(u128::MAX));
        request.fingerprint = Some([0; 32]);
        assert!(text(&claim("k", &request)).contains(&"0".repeat(64)));
    }
}
