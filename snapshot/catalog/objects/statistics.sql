-- Extended statistics objects.
SELECT 'pg_statistic_ext'::regclass::oid, s.oid, 0::int4,
       'statistics',
       format('%I.%I', n.nspname, s.stxname),
       quote_ident(s.stxname),
       n.oid,
       'pg_class'::regclass::oid, s.stxrelid, 0::int4,
       0::oid, 0::int4,
       md5(concat_ws('|', s.stxrelid, s.stxkeys, s.stxkind, 
           s.stxexprs, -- since 14
           '')),
       jsonb_strip_nulls(jsonb_build_object(
           'owner', pg_get_userbyid(s.stxowner),
           'definition', pg_get_statisticsobjdef(s.oid),
           'statistics', nullif(s.stxstattarget, -1)::text))
FROM pg_statistic_ext s
JOIN pg_namespace n ON n.oid = s.stxnamespace
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_statistic_ext'::regclass AND e.objid = s.oid AND e.deptype = 'e')
  AND s.stxrelid = ANY ($1) -- of some
