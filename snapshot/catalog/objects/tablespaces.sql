-- Tablespaces of the cluster but PostgreSQL's own.
SELECT 'pg_tablespace'::regclass::oid, t.oid, 0::int4,
       'tablespace',
       quote_ident(t.spcname),
       quote_ident(t.spcname),
       0::oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       '',
       jsonb_strip_nulls(jsonb_build_object(
           'owner', pg_get_userbyid(t.spcowner),
           'acl', array_to_string(ARRAY(SELECT x::text FROM unnest(coalesce(t.spcacl, acldefault('t', t.spcowner))) x ORDER BY x::text COLLATE "C"), ', '),
           'options', CASE WHEN t.spcoptions IS NOT NULL THEN array_to_string(ARRAY(SELECT x FROM unnest(t.spcoptions) x ORDER BY x), ', ') END))
FROM pg_tablespace t
WHERE t.spcname !~ '^pg_'
