-- Operators.
SELECT 'pg_operator'::regclass::oid, o.oid, 0::int4,
       'operator',
       format('%I.%s(%s, %s)', n.nspname, o.oprname, CASE WHEN o.oprleft = 0 THEN 'NONE' ELSE format_type(o.oprleft, NULL) END,
               CASE WHEN o.oprright = 0 THEN 'NONE' ELSE format_type(o.oprright, NULL) END),
       o.oprname::text,
       n.oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       md5(concat_ws('|', o.oprcode::oid, o.oprresult, o.oprcom, o.oprnegate)),
       jsonb_strip_nulls(jsonb_build_object(
           'owner', pg_get_userbyid(o.oprowner),
           'function', nullif(o.oprcode::text, '-'),
           'result', format_type(o.oprresult, NULL),
           'commutator', CASE WHEN o.oprcom <> 0 THEN o.oprcom::regoperator::text END,
           'negator', CASE WHEN o.oprnegate <> 0 THEN o.oprnegate::regoperator::text END,
           'restrict', nullif(o.oprrest::text, '-'),
           'join', nullif(o.oprjoin::text, '-'),
           'merges', CASE WHEN o.oprcanmerge THEN 'yes' END,
           'hashes', CASE WHEN o.oprcanhash THEN 'yes' END))
FROM pg_operator o
JOIN pg_namespace n ON n.oid = o.oprnamespace
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND o.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_operator'::regclass AND deptype = 'e')
