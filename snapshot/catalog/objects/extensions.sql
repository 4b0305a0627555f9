-- Extensions. Their members are not told one by one. The owner is not read: nothing changes it, and a restore makes it the restoring
-- role.
SELECT 'pg_extension'::regclass::oid, e.oid, 0::int4,
       'extension',
       quote_ident(e.extname),
       quote_ident(e.extname),
       0::oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       '',
       jsonb_strip_nulls(jsonb_build_object(
           'version', e.extversion,
           'schema', quote_ident(n.nspname)))
FROM pg_extension e
JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE true
