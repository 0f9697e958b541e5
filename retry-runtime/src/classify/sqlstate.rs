//! SQLSTATE, the five characters that Postgres and its kin put beside every error.

use super::{Classification, Kind};

/// Classifies a SQLSTATE.
///
/// | code | meaning | class |
/// |---|---|---|
/// | `40001` | serialization failure | conflict |
/// | `40P01` | deadlock | conflict |
/// | `55P03` | lock not available | conflict |
/// | `08001`, `08004` | connection not established | transient, unsent |
/// | `08…` | connection failure | transient |
/// | `53300` | too many connections | transient, unsent |
/// | `57P01`, `57P02` | the server shuts down, a session crashed | transient |
/// | `57P03` | the server is starting up | transient, unsent |
/// | everything else | | permanent |
///
/// Among the permanent ones: constraint violations (class `23`), whose answer stays the same, and
/// `25P02`, *current transaction is aborted*. The statement that reports `25P02` has not failed
/// itself; one before it has, and nothing in this transaction will succeed any more. So retry the
/// whole transaction, not a statement: put the attribute on the function that opens it.
///
/// The codes are those of appendix A of the Postgres manual. Case matters; a text that is no
/// SQLSTATE is permanent.
///
/// ```
/// use retry_runtime::Kind;
/// use retry_runtime::classify::sqlstate;
///
/// assert_eq!(sqlstate("40P01").retryable_kind(), Some(Kind::Conflict));
/// assert!(sqlstate("57P03").is_unsent());
/// assert!(!sqlstate("23505").is_retryable());
/// ```
pub fn sqlstate(code: &str) -> Classification {
    const TRANSIENT: Classification = Classification::retryable();

    if code.len() != 5 {
        return Classification::permanent();
    }
    match code {
        "40001" | "40P01" | "55P03" => Classification::retryable().kind(Kind::Conflict),
        // All of these are answers to the attempt to connect: no statement was sent.
        "08001" | "08004" | "53300" | "57P03" => TRANSIENT.unsent(),
        "57P01" | "57P02" => TRANSIENT,
        _ if code.starts_with("08") => TRANSIENT,
        _ => Classification::permanent(),
    }
}

#[cfg(test)]
mod tests {
    use super::sqlstate;
    use crate::Kind;

    #[test]
    fn every_row_of_the_table_holds() {
        for code in ["40001", "40P01", "55P03"] {
            assert_eq!(sqlstate(code).retryable_kind(), Some(Kind::Conflict), "{code}");
            assert!(!sqlstate(code).is_unsent(), "{code}");
        }
        for code in ["08000", "08003", "08006", "08007", "08P01", "08S01", "57P01", "57P02"] {
            assert_eq!(sqlstate(code).retryable_kind(), Some(Kind::Transient), "{code}");
            assert!(!sqlstate(code).is_unsent(), "{code}");
        }
        for code in ["08001", "08004", "53300", "57P03"] {
            assert!(sqlstate(code).is_retryable() && sqlstate(code).is_unsent(), "{code}");
        }
        for code in [
            "23000", "23502", "23503", "23505", "23514", "23P01", "25P02", "22001", "28P01",
            "40002", "40003", "42601", "42P01", "53100", "53200", "57014", "57P04", "XX000",
        ] {
            assert!(!sqlstate(code).is_retryable(), "{code}");
        }
    }

    #[test]
    fn what_is_no_sqlstate_is_permanent() {
        for code in ["", "08", "080", "080000", "40p01", "ä0001", "0800ä"] {
            assert!(!sqlstate(code).is_retryable(), "{code}");
        }
    }
}
