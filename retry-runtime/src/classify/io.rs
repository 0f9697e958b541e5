//! `std::io::Error` by its kind.

use std::io::ErrorKind::{
    self, AddrInUse, AddrNotAvailable, AlreadyExists, ArgumentListTooLong, BrokenPipe,
    ConnectionAborted, ConnectionRefused, ConnectionReset, CrossesDevices, Deadlock,
    DirectoryNotEmpty, ExecutableFileBusy, FileTooLarge, HostUnreachable, Interrupted, InvalidData,
    InvalidFilename, InvalidInput, IsADirectory, NetworkDown, NetworkUnreachable, NotADirectory,
    NotConnected, NotFound, NotSeekable, OutOfMemory, PermissionDenied, QuotaExceeded,
    ReadOnlyFilesystem, ResourceBusy, StaleNetworkFileHandle, StorageFull, TimedOut, TooManyLinks,
    UnexpectedEof, Unsupported, WouldBlock, WriteZero,
};

use super::{Classification, Kind};

/// What a kind of I/O error is; `None` for kinds that say nothing (`Other`, and those that the
/// standard library has not named).
///
/// Every named kind is decided on purpose. Where one kind comes from several places, the reading
/// is the one of a network client, because that is what gets retried.
#[allow(clippy::match_same_arms, reason = "each group has its own reason")]
pub(crate) fn kind(kind: ErrorKind) -> Option<Classification> {
    const PERMANENT: Classification = Classification::permanent();
    const TRANSIENT: Classification = Classification::retryable();
    const TIMEOUT: Classification = Classification::retryable().kind(Kind::Timeout);
    const CONFLICT: Classification = Classification::retryable().kind(Kind::Conflict);
    const UNSENT: Classification = Classification::retryable().unsent();

    Some(match kind {
        // Only `connect` reports it: nobody listens, so nobody heard anything.
        ConnectionRefused => UNSENT,
        // No local port was left to connect from.
        AddrNotAvailable => UNSENT,

        // The connection was there and broke; what was sent may have arrived.
        ConnectionReset | ConnectionAborted | BrokenPipe | UnexpectedEof => TRANSIENT,
        // Not unsent: macOS reports it from `shutdown` once the peer has reset the connection.
        NotConnected => TRANSIENT,
        // Not unsent: an ICMP message ends an established connection with these, too.
        HostUnreachable | NetworkUnreachable | NetworkDown => TRANSIENT,
        Interrupted => TRANSIENT,
        // The server of the file system replaced the file; opening it anew helps.
        StaleNetworkFileHandle => TRANSIENT,

        TimedOut => TIMEOUT,
        // What a blocking socket reports on Unix when its read or write timeout has passed.
        WouldBlock => TIMEOUT,

        // Somebody else holds it for the moment.
        ResourceBusy | ExecutableFileBusy | Deadlock => CONFLICT,

        // The same call will meet the same answer.
        NotFound | PermissionDenied | AlreadyExists | InvalidInput | InvalidData | Unsupported => {
            PERMANENT
        }
        NotADirectory | IsADirectory | DirectoryNotEmpty | ReadOnlyFilesystem | NotSeekable => {
            PERMANENT
        }
        CrossesDevices | TooManyLinks | InvalidFilename | FileTooLarge | ArgumentListTooLong => {
            PERMANENT
        }
        // Another program has the port, and will keep it as far as anyone can tell.
        AddrInUse => PERMANENT,
        // Time alone frees neither disks nor quotas, and trying again makes a lack of memory worse.
        StorageFull | QuotaExceeded | OutOfMemory => PERMANENT,
        // A buffer that is full stays full.
        WriteZero => PERMANENT,

        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #[allow(clippy::enum_glob_use, reason = "as above")]
    use std::io::ErrorKind::{self, *};

    use super::kind;
    use crate::Kind;

    #[test]
    fn refused_connections_are_unsent_and_nothing_else_is() {
        for unsent in [ConnectionRefused, AddrNotAvailable] {
            assert!(kind(unsent).unwrap().is_unsent(), "{unsent}");
        }
        for sent in BROKEN.iter().chain(LATE).chain(HELD).chain(PERMANENT) {
            assert!(!kind(*sent).unwrap().is_unsent(), "{sent}");
        }
    }

    const BROKEN: &[ErrorKind] = &[
        ConnectionReset,
        ConnectionAborted,
        BrokenPipe,
        UnexpectedEof,
        NotConnected,
        HostUnreachable,
        NetworkUnreachable,
        NetworkDown,
        Interrupted,
        StaleNetworkFileHandle,
    ];
    const LATE: &[ErrorKind] = &[TimedOut, WouldBlock];
    const HELD: &[ErrorKind] = &[ResourceBusy, ExecutableFileBusy, Deadlock];
    const PERMANENT: &[ErrorKind] = &[
        NotFound,
        PermissionDenied,
        AlreadyExists,
        InvalidInput,
        InvalidData,
        Unsupported,
        NotADirectory,
        IsADirectory,
        DirectoryNotEmpty,
        ReadOnlyFilesystem,
        NotSeekable,
        CrossesDevices,
        TooManyLinks,
        InvalidFilename,
        FileTooLarge,
        ArgumentListTooLong,
        AddrInUse,
        StorageFull,
        QuotaExceeded,
        OutOfMemory,
        WriteZero,
    ];

    #[test]
    fn every_group_has_its_kind() {
        let groups = [(BROKEN, Kind::Transient), (LATE, Kind::Timeout), (HELD, Kind::Conflict)];
        for (group, expected) in groups {
            for &member in group {
                assert_eq!(kind(member).unwrap().retryable_kind(), Some(expected), "{member}");
            }
        }
        for &member in PERMANENT {
            assert!(!kind(member).unwrap().is_retryable(), "{member}");
        }
        assert_eq!(kind(Other), None);
    }
}
