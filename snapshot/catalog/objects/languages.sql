-- Procedural languages that no extension brought.
SELECT 'pg_language'::regclass::oid, l.oid, 0::int4,
       'language',
       quote_ident(l.lanname),
       quote_ident(l.lanname),
       0::oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       '',
       jsonb_strip_nulls(jsonb_build_object(
           'owner', pg_get_userbyid(l.lanowner),
           'acl', array_to_string(ARRAY(SELECT x::text FROM unnest(coalesce(l.lanacl, acldefault('l', l.lanowner))) x ORDER BY x::text COLLATE "C"), ', '),
           'trusted', CASE WHEN l.lanpltrusted THEN 'yes' END,
           'handler', CASE WHEN l.lanplcallfoid <> 0 THEN l.lanplcallfoid::regprocedure::text END,
           'inline', CASE WHEN l.laninline <> 0 THEN l.laninline::regprocedure::text END,
           'validator', CASE WHEN l.lanvalidator <> 0 THEN l.lanvalidator::regprocedure::text END))
FROM pg_language l
WHERE l.lanispl
  AND l.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_language'::regclass AND deptype = 'e')
