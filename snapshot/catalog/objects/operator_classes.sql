-- Operator classes.
SELECT 'pg_opclass'::regclass::oid, o.oid, 0::int4,
       'operator class',
       format('%I.%I using %I', n.nspname, o.opcname, am.amname),
       quote_ident(o.opcname),
       n.oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       '',
       jsonb_strip_nulls(jsonb_build_object(
           'owner', pg_get_userbyid(o.opcowner),
           'family', format('%I.%I', fn.nspname, f.opfname),
           'type', format_type(o.opcintype, NULL),
           'default', CASE WHEN o.opcdefault THEN 'yes' END,
           'storage', CASE WHEN o.opckeytype <> 0 THEN format_type(o.opckeytype, NULL) END))
FROM pg_opclass o
JOIN pg_namespace n ON n.oid = o.opcnamespace
JOIN pg_am am ON am.oid = o.opcmethod
JOIN pg_opfamily f ON f.oid = o.opcfamily
JOIN pg_namespace fn ON fn.oid = f.opfnamespace
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND o.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_opclass'::regclass AND deptype = 'e')
