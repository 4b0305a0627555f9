-- Transforms.
SELECT 'pg_transform'::regclass::oid, t.oid, 0::int4,
       'transform',
       format('for %s language %I', format_type(t.trftype, NULL), l.lanname),
       '',
       0::oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       '',
       jsonb_strip_nulls(jsonb_build_object(
           'from sql', nullif(t.trffromsql::text, '-'),
           'to sql', nullif(t.trftosql::text, '-')))
FROM pg_transform t
JOIN pg_language l ON l.oid = t.trflang
WHERE t.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_transform'::regclass AND deptype = 'e')
