-- What a copy of the database does not or must not carry along. Options, which hold passwords, are not read; neither are
-- pg_user_mapping and pg_subscription.subconninfo, which ordinary roles may not read anyway.
SELECT 'large object', (SELECT count(*) FROM pg_largeobject_metadata)::text, ''
UNION ALL
SELECT 'subscription', s.subname::text, ''
FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()
UNION ALL
SELECT 'server', s.srvname::text, w.fdwname::text FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
UNION ALL
SELECT 'user mapping', m.srvname::text, m.usename::text FROM pg_user_mappings m
UNION ALL
SELECT DISTINCT 'tablespace', t.spcname::text, '' FROM pg_class c JOIN pg_tablespace t ON t.oid = c.reltablespace WHERE t.spcname !~ '^pg_'
ORDER BY 1, 2, 3
