-- Brings the tables to the version of this library, or does nothing. One block, so one transaction.
-- Two processes that start together take turns; a role that may not create tables is only refused
-- when there is something to create.
DO $$
DECLARE
    known CONSTANT integer := 1;
    found integer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('steadfast_idempotency'), 0);
    IF to_regclass('steadfast_idempotency_schema') IS NULL THEN
        CREATE TABLE steadfast_idempotency_schema (
            version integer NOT NULL,
            since timestamptz NOT NULL DEFAULT clock_timestamp()
        );
    END IF;
    SELECT coalesce(max(version), 0) INTO found FROM steadfast_idempotency_schema;
    IF found > known THEN
        RAISE EXCEPTION 'the tables have version %, this library knows %', found, known
            USING ERRCODE = 'SF001';
    END IF;

    IF found < 1 THEN
        CREATE TABLE steadfast_idempotency (
            -- Byte order, whatever the database sorts by: pages of unknown records follow it.
            key text COLLATE "C" PRIMARY KEY,
            -- A version of this library that does not know the format leaves the record alone.
            format smallint NOT NULL,
            state text NOT NULL CHECK (state IN ('in flight', 'done', 'released', 'unknown')),
            -- Of the claim that brought the record into its state; null, when its lease passed or an
            -- operator decided: a late owner must not take that for its own doing.
            owner bytea CHECK (length(owner) = 16),
            fence bigint NOT NULL CHECK (fence > 0),
            -- Since the last answer; an operator's decision that nothing happened begins anew.
            claims bigint NOT NULL CHECK (claims >= 0),
            -- Whether the last claim took an unknown record over.
            took_unknown boolean NOT NULL,
            fingerprint bytea CHECK (length(fingerprint) = 32),
            -- Microseconds.
            ttl bigint NOT NULL,
            lease_until timestamptz NOT NULL,
            -- Of a record in flight: when it is forgotten if its owner never comes back.
            expires_at timestamptz NOT NULL,
            value bytea,
            note text,
            CHECK ((state = 'done') = (value IS NOT NULL))
        );
        CREATE INDEX steadfast_idempotency_expires_at ON steadfast_idempotency (expires_at);
        -- A record in flight becomes unknown by time alone, so both are in here.
        CREATE INDEX steadfast_idempotency_open ON steadfast_idempotency (key)
            WHERE state IN ('in flight', 'unknown');
        INSERT INTO steadfast_idempotency_schema (version) VALUES (1);
    END IF;
END
$$
