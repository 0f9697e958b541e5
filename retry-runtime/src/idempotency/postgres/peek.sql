-- $1 key
WITH clock AS MATERIALIZED (
    SELECT statement_timestamp() AS at
)
SELECT r.key, r.format, r.state, r.fence, r.claims, r.value, r.note,
       r.state = 'in flight' AND r.lease_until <= at AS lapsed,
       (extract(epoch FROM r.expires_at - at) * 1000000)::bigint AS expires_in
FROM steadfast_idempotency r CROSS JOIN clock
WHERE r.key = $1 AND r.expires_at > at
