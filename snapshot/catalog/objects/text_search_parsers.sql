-- Text search parsers.
SELECT 'pg_ts_parser'::regclass::oid, p.oid, 0::int4,
       'text search parser',
       format('%I.%I', n.nspname, p.prsname),
       quote_ident(p.prsname),
       n.oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       '',
       jsonb_strip_nulls(jsonb_build_object(
           'start', nullif(p.prsstart::text, '-'),
           'token', nullif(p.prstoken::text, '-'),
           'end', nullif(p.prsend::text, '-'),
           'headline', nullif(p.prsheadline::text, '-'),
           'types', nullif(p.prslextype::text, '-')))
FROM pg_ts_parser p
JOIN pg_namespace n ON n.oid = p.prsnamespace
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND p.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_ts_parser'::regclass AND deptype = 'e')
