-- Aggregate functions.
SELECT 'pg_proc'::regclass::oid, p.oid, 0::int4,
       'aggregate',
       format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)),
       quote_ident(p.proname),
       n.oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       md5(concat_ws('|', p.prorettype, p.proargtypes, p.proallargtypes, p.proargmodes, p.proargnames, g.aggtranstype, g.aggmtranstype)),
       jsonb_strip_nulls(jsonb_build_object(
           'owner', pg_get_userbyid(p.proowner),
           'acl', array_to_string(ARRAY(SELECT x::text FROM unnest(coalesce(p.proacl, acldefault('f', p.proowner))) x ORDER BY x::text COLLATE "C"), ', '),
           'arguments', pg_get_function_arguments(p.oid),
           'result', pg_get_function_result(p.oid),
           'kind', nullif(g.aggkind::text, 'n'),
           'transition', nullif(g.aggtransfn::text, '-'),
           'final', nullif(g.aggfinalfn::text, '-'),
           'combine', nullif(g.aggcombinefn::text, '-'),
           'serialize', nullif(g.aggserialfn::text, '-'),
           'deserialize', nullif(g.aggdeserialfn::text, '-'),
           'moving transition', nullif(g.aggmtransfn::text, '-'),
           'moving inverse', nullif(g.aggminvtransfn::text, '-'),
           'moving final', nullif(g.aggmfinalfn::text, '-'),
           'final extra', CASE WHEN g.aggfinalextra THEN 'yes' END,
           'final modify', g.aggfinalmodify::text,
           'moving final extra', CASE WHEN g.aggmfinalextra THEN 'yes' END,
           'moving final modify', g.aggmfinalmodify::text,
           'sort operator', CASE WHEN g.aggsortop <> 0 THEN g.aggsortop::regoperator::text END,
           'state type', format_type(g.aggtranstype, NULL),
           'state size', g.aggtransspace::text,
           'moving state type', CASE WHEN g.aggmtranstype <> 0 THEN format_type(g.aggmtranstype, NULL) END,
           'moving state size', g.aggmtransspace::text,
           'initial value', g.agginitval,
           'moving initial value', g.aggminitval,
           'parallel', CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END))
FROM pg_aggregate g
JOIN pg_proc p ON p.oid = g.aggfnoid
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND p.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_proc'::regclass AND deptype = 'e')
