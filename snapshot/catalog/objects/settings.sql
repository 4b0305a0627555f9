-- Settings kept by ALTER ROLE and ALTER DATABASE ... SET that reach this database. Values of custom settings (with a dot) can be
-- secrets: only a digest is read.
SELECT 0::oid, 0::oid, 0::int4,
       'setting',
       concat(quote_ident(split_part(c, '=', 1)), ' of ' || quote_ident(r.rolname), CASE WHEN s.setrole = 0 THEN ' of all roles' END,
               CASE WHEN s.setdatabase <> 0 THEN ' in this database' END),
       '',
       0::oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       '',
       jsonb_strip_nulls(jsonb_build_object(
           'value', CASE WHEN strpos(split_part(c, '=', 1), '.') = 0 THEN substr(c, strpos(c, '=') + 1) END,
           '#value', CASE WHEN strpos(split_part(c, '=', 1), '.') > 0 THEN md5(c) END))
FROM pg_db_role_setting s
LEFT JOIN pg_roles r ON r.oid = s.setrole
CROSS JOIN unnest(s.setconfig) c
WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
