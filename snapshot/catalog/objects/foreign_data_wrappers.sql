-- Foreign data wrappers. Values of options can be secrets or hosts: only their names are read, and a digest.
SELECT 'pg_foreign_data_wrapper'::regclass::oid, f.oid, 0::int4,
       'foreign data wrapper',
       quote_ident(f.fdwname),
       quote_ident(f.fdwname),
       0::oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       '',
       jsonb_strip_nulls(jsonb_build_object(
           'owner', pg_get_userbyid(f.fdwowner),
           'acl', array_to_string(ARRAY(SELECT x::text FROM unnest(coalesce(f.fdwacl, acldefault('F', f.fdwowner))) x ORDER BY x::text COLLATE "C"), ', '),
           'handler', CASE WHEN f.fdwhandler <> 0 THEN f.fdwhandler::regproc::text END,
           'validator', CASE WHEN f.fdwvalidator <> 0 THEN f.fdwvalidator::regproc::text END,
           'options', nullif(array_to_string(ARRAY(SELECT split_part(x, '=', 1) FROM unnest(f.fdwoptions) x ORDER BY x), ', '), ''),
           '#option values', CASE WHEN f.fdwoptions IS NOT NULL THEN md5(array_to_string(ARRAY(SELECT x FROM unnest(f.fdwoptions) x ORDER BY x), ', ')) END))
FROM pg_foreign_data_wrapper f
WHERE f.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_foreign_data_wrapper'::regclass AND deptype = 'e')
