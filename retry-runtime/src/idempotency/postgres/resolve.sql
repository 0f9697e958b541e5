-- $1 key, $2 fence, $3 new state, $4 value, $5 note
WITH clock AS MATERIALIZED (
    SELECT statement_timestamp() AS at
), seen AS MATERIALIZED (
    SELECT r.format, r.state, r.owner, r.fence,
           r.expires_at <= at AS expired,
           r.state = 'unknown' OR r.state = 'in flight' AND r.lease_until <= at AS is_unknown
    FROM steadfast_idempotency r CROSS JOIN clock
    WHERE r.key = $1
), made AS (
    UPDATE steadfast_idempotency r
    SET state = $3, value = $4, note = $5, owner = NULL,
        claims = CASE WHEN $3 = 'released' THEN 0 ELSE r.claims END,
        expires_at = clock_timestamp() + r.ttl * interval '1 microsecond'
    FROM clock
    WHERE r.key = $1 AND r.format = 1 AND r.fence = $2 AND r.expires_at > clock.at
      AND (r.state = 'unknown' OR r.state = 'in flight' AND r.lease_until <= clock.at)
    RETURNING r.fence
)
SELECT made.fence IS NOT NULL AS made,
       seen.format, seen.state, seen.owner, seen.fence, seen.expired, seen.is_unknown
FROM clock LEFT JOIN made ON true LEFT JOIN seen ON true
