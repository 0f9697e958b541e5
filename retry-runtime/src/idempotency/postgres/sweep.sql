-- $1 how many at most
--
-- Rows that somebody works on are left for the next time, so two sweepers do not wait for each other.
DELETE FROM steadfast_idempotency
WHERE key IN (
    SELECT key FROM steadfast_idempotency
    WHERE expires_at <= statement_timestamp() AND format = 1
    ORDER BY expires_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
)
RETURNING 1
