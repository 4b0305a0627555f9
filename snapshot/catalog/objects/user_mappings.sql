-- User mappings, without options: those are passwords.
SELECT 0::oid, 0::oid, 0::int4,
       'user mapping',
       format('%s on %I', CASE WHEN m.umuser = 0 THEN 'public' ELSE quote_ident(m.usename) END, m.srvname),
       '',
       0::oid,
       'pg_foreign_server'::regclass::oid, m.srvid, 0::int4,
       0::oid, 0::int4,
       '',
       jsonb_strip_nulls(jsonb_build_object(
           'server', quote_ident(m.srvname)))
FROM pg_user_mappings m
WHERE true
