-- $1 behind this key, $2 how many at most
--
-- `lapse.sql` for a page of unknown records. One that its owner is just writing is not unknown.
UPDATE steadfast_idempotency
SET state = 'unknown', owner = NULL, note = 'the lease passed without an answer'
WHERE key IN (
    SELECT key FROM steadfast_idempotency
    WHERE state IN ('in flight', 'unknown')
      AND state = 'in flight' AND lease_until <= statement_timestamp()
      AND format = 1 AND key > $1
    ORDER BY key
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
