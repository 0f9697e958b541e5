SELECT current_setting('server_version') AS version,
       current_setting('server_version_num')::integer AS version_number,
       current_setting('fsync') = 'on' AS fsync,
       current_setting('full_page_writes') = 'on' AS full_page_writes,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_setting('default_transaction_read_only') = 'on' AS read_only,
       pg_is_in_recovery() AS standby,
       (SELECT relpersistence = 'u' FROM pg_class
        WHERE oid = to_regclass('steadfast_idempotency')) AS unlogged
