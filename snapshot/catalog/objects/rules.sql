-- Rewrite rules, without those that make a view.
SELECT 'pg_rewrite'::regclass::oid, r.oid, 0::int4,
       'rule',
       format('%I on %I.%I', r.rulename, n.nspname, c.relname),
       quote_ident(r.rulename),
       n.oid,
       'pg_class'::regclass::oid, c.oid, 0::int4,
       0::oid, 0::int4,
       md5(concat_ws('|', r.ev_type, r.is_instead, r.ev_qual, r.ev_action)),
       jsonb_strip_nulls(jsonb_build_object(
           'definition', pg_get_ruledef(r.oid),
           'firing', CASE r.ev_enabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always' END))
FROM pg_rewrite r
JOIN pg_class c ON c.oid = r.ev_class
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE r.rulename <> '_RETURN' AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
  AND c.oid = ANY ($1) -- of some
