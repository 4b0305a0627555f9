-- Text search dictionaries.
SELECT 'pg_ts_dict'::regclass::oid, d.oid, 0::int4,
       'text search dictionary',
       format('%I.%I', n.nspname, d.dictname),
       quote_ident(d.dictname),
       n.oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       '',
       jsonb_strip_nulls(jsonb_build_object(
           'owner', pg_get_userbyid(d.dictowner),
           'template', format('%I.%I', tn.nspname, t.tmplname),
           'options', d.dictinitoption))
FROM pg_ts_dict d
JOIN pg_namespace n ON n.oid = d.dictnamespace
JOIN pg_ts_template t ON t.oid = d.dicttemplate
JOIN pg_namespace tn ON tn.oid = t.tmplnamespace
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND d.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_ts_dict'::regclass AND deptype = 'e')
