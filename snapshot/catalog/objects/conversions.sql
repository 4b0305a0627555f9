-- Encoding conversions.
SELECT 'pg_conversion'::regclass::oid, c.oid, 0::int4,
       'conversion',
       format('%I.%I', n.nspname, c.conname),
       quote_ident(c.conname),
       n.oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       '',
       jsonb_strip_nulls(jsonb_build_object(
           'owner', pg_get_userbyid(c.conowner),
           'from', pg_encoding_to_char(c.conforencoding),
           'to', pg_encoding_to_char(c.contoencoding),
           'function', nullif(c.conproc::text, '-'),
           'default', CASE WHEN c.condefault THEN 'yes' END))
FROM pg_conversion c
JOIN pg_namespace n ON n.oid = c.connamespace
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_conversion'::regclass AND deptype = 'e')
