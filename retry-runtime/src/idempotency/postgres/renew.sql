-- $1 key, $2 owner, $3 fence, $4 lease in microseconds
--
-- A claim whose answer was committed with its effect is not lost: its body may still be running, and
-- must not be told that somebody else could be.
WITH clock AS MATERIALIZED (
    SELECT statement_timestamp() AS at
), seen AS MATERIALIZED (
    SELECT r.format, r.state, r.owner, r.fence,
           r.state = 'done' AND r.owner = $2 AND r.fence = $3 AND r.note = 'in a transaction' AS committed,
           r.expires_at <= at AS expired,
           r.state = 'unknown' OR r.state = 'in flight' AND r.lease_until <= at AS is_unknown
    FROM steadfast_idempotency r CROSS JOIN clock
    WHERE r.key = $1
), made AS (
    UPDATE steadfast_idempotency r
    SET lease_until = clock_timestamp() + $4 * interval '1 microsecond',
        expires_at = clock_timestamp() + ($4 + r.ttl) * interval '1 microsecond'
    WHERE r.key = $1 AND r.format = 1 AND r.owner = $2 AND r.fence = $3
      AND r.state = 'in flight' AND r.lease_until > clock_timestamp()
    RETURNING r.fence
)
SELECT made.fence IS NOT NULL OR coalesce(seen.committed, false) AS made,
       seen.format, seen.state, seen.owner, seen.fence, seen.expired, seen.is_unknown
FROM clock LEFT JOIN made ON true LEFT JOIN seen ON true
