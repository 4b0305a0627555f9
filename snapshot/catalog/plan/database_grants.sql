-- Privileges on the current database; none where nobody ever granted or revoked one.
SELECT CASE WHEN a.grantee = 0 THEN '' ELSE pg_get_userbyid(a.grantee)::text END, a.privilege_type, a.is_grantable
FROM pg_database d, aclexplode(d.datacl) a
WHERE d.datname = current_database()
ORDER BY a.grantee, a.privilege_type COLLATE "C"
