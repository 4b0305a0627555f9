-- Row security policies.
SELECT 'pg_policy'::regclass::oid, p.oid, 0::int4,
       'policy',
       format('%I on %I.%I', p.polname, n.nspname, c.relname),
       quote_ident(p.polname),
       n.oid,
       'pg_class'::regclass::oid, c.oid, 0::int4,
       0::oid, 0::int4,
       md5(concat_ws('|', p.polqual, '/', p.polwithcheck)),
       jsonb_strip_nulls(jsonb_build_object(
           'command', CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update' WHEN 'd' THEN 'delete' ELSE 'all' END,
           'restrictive', CASE WHEN NOT p.polpermissive THEN 'yes' END,
           'roles', (SELECT string_agg(CASE r WHEN 0 THEN 'public' ELSE pg_get_userbyid(r)::text END, ', ' ORDER BY r) FROM unnest(p.polroles) r),
           'using', pg_get_expr(p.polqual, p.polrelid),
           'with check', pg_get_expr(p.polwithcheck, p.polrelid)))
FROM pg_policy p
JOIN pg_class c ON c.oid = p.polrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
  AND c.oid = ANY ($1) -- of some
