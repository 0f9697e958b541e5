//! The options of `#[idempotent]`.

use super::{Elsewhere, options};

options! {
    /// The options of `#[idempotent(...)]`, in the order in which help lists them.
    IdempotentOption of "idempotent" {
        Key = "key", "key = \"order_{order_id}\"";
        Ttl = "ttl", "ttl = \"24h\"";
        Store = "store", "store = store";
        Fingerprint = "fingerprint", "fingerprint(argument)";
        Lease = "lease", "lease = \"30s\"";
        Wait = "wait", "wait = \"10s\"";
        Replay = "replay", "replay = \"keyed\"";
        OnUnknown = "on_unknown", "on_unknown = \"hold\"";
        OnStoreDown = "on_store_down", "on_store_down = \"fail\"";
        OnDrop = "on_drop", "on_drop = \"unknown\"";
        OnLeaseLost = "on_lease_lost", "on_lease_lost = \"cancel\"";
        Scope = "scope", "scope = \"payments\"";
        Version = "version", "version = 1";
        RecordErrors = "record_errors", "record_errors = true";
        MapError = "map_error", "map_error = from_idempotency";
        Context = "context", "context = attempt";
        Name = "name", "name = \"charge\"";
        Crate = "crate", "crate = ::steadfast";
    }
}

/// What is found in other libraries and services: the `Idempotency-Key` header and payment APIs,
/// Powertools for AWS Lambda, Stripe's and Brandur's recipes, Spring integration, idempotency
/// middlewares of web frameworks.
#[rustfmt::skip]
impl IdempotentOption {
    const WORDS: Elsewhere<Self> = {
        use super::Equivalent::{Duration, Example, Same, Words};
        &[
            (&["idempotency_key", "id", "key_template", "key_expression", "event_key_jmespath", "request_id",
                "dedup_key", "deduplication_id", "message_id", "header", "data_keyword_argument",
                "key_format", "cache_key", "by", "unique_by"], Same(Self::Key)),
            (&["expires", "expires_in", "expire", "expiry", "expiration", "expires_after",
                "expires_after_seconds", "ttl_seconds", "ttl_secs", "ttl_ms", "ttl_hours", "time_to_live",
                "retention", "record_ttl", "cache_ttl", "expire_after", "max_age", "expires_in_progress",
                "ttl_millis", "ttl_minutes", "ttl_days", "keep", "keep_for", "time_to_idle"],
                Duration(Self::Ttl)),
            (&["persistence_store", "persistence_layer", "backend", "storage", "repository", "cache",
                "persistence", "state_store", "database", "db", "metadata_store"], Same(Self::Store)),
            (&["payload_validation_jmespath", "validate_payload", "payload", "body", "hash", "checksum",
                "params", "request_hash", "payload_hash", "validation", "compare"],
                Example(Self::Fingerprint)),
            (&["lock_timeout", "lock_ttl", "lock_expiry", "lock", "lock_timeout_ms", "lease_time",
                "lease_timeout", "lease_duration", "in_progress_expiry", "in_progress_timeout",
                "processing_timeout", "lock_duration", "visibility_timeout", "lock_at_most_for",
                "lock_seconds", "lease_seconds", "lease_ms", "lease_secs"], Duration(Self::Lease)),
            (&["wait_timeout", "max_wait", "wait_for", "block", "acquire_timeout", "lock_wait",
                "lock_wait_timeout", "wait_ms", "wait_seconds", "wait_secs", "poll_timeout"],
                Duration(Self::Wait)),
            (&["on_conflict", "on_duplicate", "on_in_progress", "conflict"],
                Words("write `wait = \"10s\"` to wait for the running call, `wait = \"0s\"` to be \
                    refused at once")),
            (&["on_crash", "on_interrupted", "on_lost", "recover", "recovery", "reconcile",
                "on_expired_lease"], Example(Self::OnUnknown)),
            (&["on_store_error", "on_store_failure", "fail_open", "fail_closed", "on_cache_error",
                "ignore_store_errors", "on_error"], Example(Self::OnStoreDown)),
            (&["on_cancel", "on_cancelled", "on_disconnect", "detach", "on_abort"],
                Example(Self::OnDrop)),
            (&["on_lock_lost", "on_fenced", "on_lost_lease"], Example(Self::OnLeaseLost)),
            (&["prefix", "key_prefix", "namespace", "key_prefix_template", "group", "topic", "region",
                "partition", "tenant"], Same(Self::Scope)),
            (&["schema", "schema_version", "key_version", "revision"], Same(Self::Version)),
            (&["store_errors", "cache_errors", "save_errors", "record_failures", "persist_errors",
                "record_exceptions", "replay_errors"], Same(Self::RecordErrors)),
            (&["map_err", "error", "map_idempotency_error"], Same(Self::MapError)),
            (&["label", "operation", "function_name"], Same(Self::Name)),
            (&["retries", "max_retries", "tries", "attempts", "retry"],
                Words("write `#[retry(max_attempts = 3)]` below `#[idempotent]`")),
            (&["timeout", "max_duration"],
                Words("write `lease = \"30s\"` for how long a lost owner is waited for, \
                    `#[retry(deadline = \"30s\")]` below to bound the call")),
            (&["use_local_cache", "local_cache", "local_cache_max_items"],
                Words("remove it; duplicates in one process join the running call without it")),
            (&["serializer", "codec", "format", "result_serializer"],
                Words("remove it; values are stored by their `Serialize` and `Deserialize`")),
        ]
    };
}
