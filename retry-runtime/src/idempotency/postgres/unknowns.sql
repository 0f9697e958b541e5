-- $1 behind this key, $2 how many
WITH clock AS MATERIALIZED (
    SELECT statement_timestamp() AS at
)
SELECT r.key, r.format, r.state, r.fence, r.claims, r.value, r.note, false AS lapsed,
       (extract(epoch FROM r.expires_at - at) * 1000000)::bigint AS expires_in
FROM steadfast_idempotency r CROSS JOIN clock
WHERE r.state IN ('in flight', 'unknown') AND r.state = 'unknown'
  AND r.expires_at > at
  AND r.format = 1
  AND r.key > $1
ORDER BY r.key
LIMIT $2
