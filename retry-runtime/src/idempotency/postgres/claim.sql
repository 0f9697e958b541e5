-- $1 key, $2 owner, $3 fingerprint, $4 lease, $5 ttl (microseconds), $6 take unknown, $7 most claims
--
-- Reads the record as of the start of the statement and takes the key only if the record is still that
-- one (the same `xmin`), so the rules stand here once. A duplicate that finds an answer writes nothing.
--
-- The moment is the start of the statement here and in the others, before its snapshot. A later one
-- could find a record expired of which a change made in time was committed after the snapshot.
WITH clock AS MATERIALIZED (
    SELECT statement_timestamp() AS at
), seen AS MATERIALIZED (
    SELECT r.xmin AS row_version, r.*,
           r.expires_at <= at AS expired,
           r.state = 'unknown' OR r.state = 'in flight' AND r.lease_until <= at AS is_unknown,
           coalesce(r.fingerprint <> $3, false) AS mismatch,
           coalesce(r.owner = $2, false) AND r.state = 'in flight' AND r.lease_until > at AS again
    FROM steadfast_idempotency r CROSS JOIN clock
    WHERE r.key = $1
), free AS MATERIALIZED (
    SELECT * FROM seen
    WHERE format = 1
      AND (expired
           OR NOT mismatch
              AND (again OR claims < $7 AND (state = 'released' OR $6 AND is_unknown)))
), taken AS (
    INSERT INTO steadfast_idempotency AS r (
        key, format, state, owner, fence, claims, took_unknown, fingerprint,
        ttl, lease_until, expires_at
    )
    SELECT $1, 1, 'in flight', $2, 1, 1, false, $3, $5,
           at + $4 * interval '1 microsecond', at + ($4 + $5) * interval '1 microsecond'
    FROM clock
    WHERE NOT EXISTS (SELECT FROM seen) OR EXISTS (SELECT FROM free)
    ON CONFLICT (key) DO UPDATE SET
        state = excluded.state,
        owner = excluded.owner,
        -- Of a record that has expired nothing is left but its fence. A claim that is made again,
        -- because its answer was lost, is the same claim.
        fence = (SELECT CASE WHEN again AND NOT expired THEN fence ELSE fence + 1 END FROM free),
        claims = (SELECT CASE WHEN expired THEN 1 WHEN again THEN claims ELSE claims + 1 END FROM free),
        took_unknown = (
            SELECT NOT expired AND (is_unknown OR again AND took_unknown) FROM free
        ),
        fingerprint = (
            SELECT coalesce($3, CASE WHEN NOT expired THEN fingerprint END) FROM free
        ),
        ttl = excluded.ttl,
        -- The row may have been waited for; the lease begins now.
        lease_until = clock_timestamp() + $4 * interval '1 microsecond',
        expires_at = clock_timestamp() + ($4 + $5) * interval '1 microsecond',
        value = NULL,
        note = NULL
    WHERE r.xmin = (SELECT row_version FROM free)
    RETURNING r.fence, r.took_unknown
)
SELECT taken.fence AS new_fence, taken.took_unknown AS new_took_unknown,
       seen.format, seen.state, seen.owner, seen.fence, seen.claims, seen.took_unknown,
       seen.expired, seen.is_unknown, seen.mismatch, seen.value,
       (extract(epoch FROM seen.lease_until - at) * 1000000)::bigint AS lease_left
FROM clock LEFT JOIN taken ON true LEFT JOIN seen ON true
