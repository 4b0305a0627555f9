-- Foreign servers. Values of options can be secrets or hosts: only their names are read, and a digest.
SELECT 'pg_foreign_server'::regclass::oid, s.oid, 0::int4,
       'server',
       quote_ident(s.srvname),
       quote_ident(s.srvname),
       0::oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       '',
       jsonb_strip_nulls(jsonb_build_object(
           'owner', pg_get_userbyid(s.srvowner),
           'acl', array_to_string(ARRAY(SELECT x::text FROM unnest(coalesce(s.srvacl, acldefault('S', s.srvowner))) x ORDER BY x::text COLLATE "C"), ', '),
           'wrapper', quote_ident(f.fdwname),
           'type', s.srvtype,
           'version', s.srvversion,
           'options', nullif(array_to_string(ARRAY(SELECT split_part(x, '=', 1) FROM unnest(s.srvoptions) x ORDER BY x), ', '), ''),
           '#option values', CASE WHEN s.srvoptions IS NOT NULL THEN md5(array_to_string(ARRAY(SELECT x FROM unnest(s.srvoptions) x ORDER BY x), ', ')) END))
FROM pg_foreign_server s
JOIN pg_foreign_data_wrapper f ON f.oid = s.srvfdw
WHERE s.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_foreign_server'::regclass AND deptype = 'e')
