-- Casts that initdb did not make.
SELECT 'pg_cast'::regclass::oid, c.oid, 0::int4,
       'cast',
       format('(%s AS %s)', format_type(c.castsource, NULL), format_type(c.casttarget, NULL)),
       '',
       0::oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       md5(concat_ws('|', c.castsource, c.casttarget, c.castfunc)),
       jsonb_strip_nulls(jsonb_build_object(
           'context', CASE c.castcontext WHEN 'e' THEN 'explicit' WHEN 'a' THEN 'assignment' ELSE 'implicit' END,
           'method', CASE c.castmethod WHEN 'f' THEN 'function' WHEN 'i' THEN 'inout' ELSE 'binary' END,
           'function', CASE WHEN c.castfunc <> 0 THEN c.castfunc::regprocedure::text END))
FROM pg_cast c
WHERE c.oid >= 16384
  AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_cast'::regclass AND deptype IN ('e', 'i'))
