-- Privileges on configuration parameters.
SELECT 'pg_parameter_acl'::regclass::oid, p.oid, 0::int4,
       'parameter',
       p.parname,
       p.parname,
       0::oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       '',
       jsonb_strip_nulls(jsonb_build_object(
           'acl', array_to_string(ARRAY(SELECT x::text FROM unnest(p.paracl) x ORDER BY x::text COLLATE "C"), ', ')))
FROM pg_parameter_acl p
WHERE true
