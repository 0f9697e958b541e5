-- $1 key, $2 owner, $3 fence, $4 new state, $5 value, $6 note, $7 ttl in microseconds (null: as claimed)
--
-- The write of an owner that ends its claim. Also returns the record as of the start of the statement,
-- which says why nothing was written.
WITH clock AS MATERIALIZED (
    SELECT statement_timestamp() AS at
), seen AS MATERIALIZED (
    SELECT r.format, r.state, r.owner, r.fence,
           CASE WHEN r.state = 'done' AND r.owner = $2 AND r.fence = $3 THEN r.value END AS value,
           r.expires_at <= at AS expired,
           r.state = 'unknown' OR r.state = 'in flight' AND r.lease_until <= at AS is_unknown
    FROM steadfast_idempotency r CROSS JOIN clock
    WHERE r.key = $1
), made AS (
    UPDATE steadfast_idempotency r
    SET state = $4, value = $5, note = $6,
        ttl = coalesce($7, r.ttl),
        expires_at = clock_timestamp() + coalesce($7, r.ttl) * interval '1 microsecond'
    WHERE r.key = $1 AND r.format = 1 AND r.owner = $2 AND r.fence = $3
      AND r.state = 'in flight' AND r.lease_until > clock_timestamp()
    RETURNING r.fence
)
SELECT made.fence IS NOT NULL AS made,
       seen.format, seen.state, seen.owner, seen.fence, seen.expired, seen.is_unknown, seen.value
FROM clock LEFT JOIN made ON true LEFT JOIN seen ON true
