-- Privileges given to objects yet to be made.
SELECT 'pg_default_acl'::regclass::oid, d.oid, 0::int4,
       'default privileges',
       format('of %I on %s%s', pg_get_userbyid(d.defaclrole),
               CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE d.defaclobjtype::text
               END, ' in schema ' || quote_ident(n.nspname)),
       '',
       coalesce(n.oid, 0::oid),
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       '',
       jsonb_strip_nulls(jsonb_build_object(
           'acl', array_to_string(ARRAY(SELECT x::text FROM unnest(d.defaclacl) x ORDER BY x::text COLLATE "C"), ', ')))
FROM pg_default_acl d
LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
WHERE true
