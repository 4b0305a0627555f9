-- Large objects with their owners and privileges. Whether they may be read is asked of the privileges, not of the data.
SELECT m.oid,
       pg_get_userbyid(m.lomowner)::text,
       coalesce(obj_description(m.oid, 'pg_largeobject'), ''),
       ARRAY(SELECT CASE WHEN a.grantee = 0 THEN '' ELSE pg_get_userbyid(a.grantee)::text END
                    || E'\x01' || a.privilege_type || E'\x01' || a.is_grantable
             FROM aclexplode(m.lomacl) a ORDER BY a.grantee, a.privilege_type COLLATE "C"),
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
         OR pg_has_role(m.lomowner, 'USAGE')
         OR EXISTS (SELECT FROM aclexplode(m.lomacl) a WHERE a.privilege_type = 'SELECT'
                    AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')))
FROM pg_largeobject_metadata m
ORDER BY m.oid
