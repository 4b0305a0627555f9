-- Access methods that initdb did not make.
SELECT 'pg_am'::regclass::oid, a.oid, 0::int4,
       'access method',
       quote_ident(a.amname),
       quote_ident(a.amname),
       0::oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       '',
       jsonb_strip_nulls(jsonb_build_object(
           'handler', nullif(a.amhandler::text, '-'),
           'type', CASE a.amtype WHEN 't' THEN 'table' ELSE 'index' END))
FROM pg_am a
WHERE a.oid >= 16384
  AND a.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_am'::regclass AND deptype = 'e')
