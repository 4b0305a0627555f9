-- Collations.
SELECT 'pg_collation'::regclass::oid, co.oid, 0::int4,
       'collation',
       format('%I.%I', n.nspname, co.collname),
       quote_ident(co.collname),
       n.oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       '',
       jsonb_strip_nulls(jsonb_build_object(
           'owner', pg_get_userbyid(co.collowner),
           'provider', CASE co.collprovider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE co.collprovider::text END,
           'collate', co.collcollate,
           'ctype', co.collctype,
           'locale', co.colliculocale, -- since 15 before 17
           'locale', co.colllocale, -- since 17
           'rules', co.collicurules, -- since 16
           'nondeterministic', CASE WHEN NOT co.collisdeterministic THEN 'yes' END))
FROM pg_collation co
JOIN pg_namespace n ON n.oid = co.collnamespace
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND co.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_collation'::regclass AND deptype = 'e')
