-- Roles of the cluster but PostgreSQL's own, with what they are members of. No passwords: pg_roles has none.
SELECT 'pg_authid'::regclass::oid, r.oid, 0::int4,
       'role',
       quote_ident(r.rolname),
       quote_ident(r.rolname),
       0::oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       '',
       jsonb_strip_nulls(jsonb_build_object(
           'superuser', CASE WHEN r.rolsuper THEN 'yes' END,
           'inherit', CASE WHEN r.rolinherit THEN 'yes' END,
           'create role', CASE WHEN r.rolcreaterole THEN 'yes' END,
           'create database', CASE WHEN r.rolcreatedb THEN 'yes' END,
           'login', CASE WHEN r.rolcanlogin THEN 'yes' END,
           'replication', CASE WHEN r.rolreplication THEN 'yes' END,
           'bypass row security', CASE WHEN r.rolbypassrls THEN 'yes' END,
           'connection limit', nullif(r.rolconnlimit, -1)::text,
           'valid until', r.rolvaliduntil::text,
           'member of', (SELECT string_agg(concat(quote_ident(g.rolname), CASE WHEN m.admin_option THEN ' with admin option' END), ', ' ORDER BY g.rolname)
                   FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid)))
FROM pg_roles r
WHERE r.rolname !~ '^pg_'
