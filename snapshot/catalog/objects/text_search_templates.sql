-- Text search templates.
SELECT 'pg_ts_template'::regclass::oid, t.oid, 0::int4,
       'text search template',
       format('%I.%I', n.nspname, t.tmplname),
       quote_ident(t.tmplname),
       n.oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       '',
       jsonb_strip_nulls(jsonb_build_object(
           'init', nullif(t.tmplinit::text, '-'),
           'lexize', nullif(t.tmpllexize::text, '-')))
FROM pg_ts_template t
JOIN pg_namespace n ON n.oid = t.tmplnamespace
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND t.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_ts_template'::regclass AND deptype = 'e')
