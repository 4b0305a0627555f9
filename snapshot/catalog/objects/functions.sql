-- Functions, procedures and window functions: the parts of pg_get_functiondef one by one, so that a change says which. Those that come with a range type are its parts.
SELECT 'pg_proc'::regclass::oid, p.oid, 0::int4,
       CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'w' THEN 'window function' ELSE 'function' END,
       format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)),
       quote_ident(p.proname),
       n.oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       md5(concat_ws('|', p.prorettype, p.proretset, p.proargtypes, p.proallargtypes, p.proargmodes, p.proargnames, p.proargdefaults, p.protrftypes,
           p.prosqlbody, -- since 14
           '')),
       jsonb_strip_nulls(jsonb_build_object(
           'owner', pg_get_userbyid(p.proowner),
           'acl', array_to_string(ARRAY(SELECT x::text FROM unnest(coalesce(p.proacl, acldefault('f', p.proowner))) x ORDER BY x::text COLLATE "C"), ', '),
           'arguments', pg_get_function_arguments(p.oid),
           'result', pg_get_function_result(p.oid),
           'language', l.lanname,
           'body', CASE WHEN l.lanname NOT IN ('c', 'internal') THEN p.prosrc END,
           'sql body', pg_get_function_sqlbody(p.oid), -- since 14
           'symbol', CASE WHEN l.lanname IN ('c', 'internal') THEN concat_ws(', ', p.probin, p.prosrc) END,
           'volatility', CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
           'parallel', CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END,
           'strict', CASE WHEN p.proisstrict THEN 'yes' END,
           'security definer', CASE WHEN p.prosecdef THEN 'yes' END,
           'leakproof', CASE WHEN p.proleakproof THEN 'yes' END,
           'cost', p.procost::text,
           'rows', nullif(p.prorows, 0)::text,
           'configuration', nullif(array_to_string(p.proconfig, ', '), ''),
           'support', nullif(p.prosupport::regproc::text, '-'),
           'transforms', (SELECT string_agg(format_type(x, NULL), ', ') FROM unnest(p.protrftypes) x)))
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
JOIN pg_language l ON l.oid = p.prolang
WHERE p.prokind <> 'a'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND p.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_proc'::regclass AND deptype IN ('e', 'i'))
