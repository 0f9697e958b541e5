-- $1 key
--
-- Writes down that a lease has passed, before anybody is told so: the owner may just be committing a
-- renewal or an answer that was in time. Then this waits for it and finds the record changed; or the
-- owner waits for this and is too late.
UPDATE steadfast_idempotency
SET state = 'unknown', owner = NULL, note = 'the lease passed without an answer'
WHERE key = $1 AND format = 1 AND state = 'in flight' AND lease_until <= statement_timestamp()
