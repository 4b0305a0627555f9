SELECT m.rolname::text, r.rolname::text, coalesce(g.rolname::text, ''), a.admin_option,
       m.rolinherit, true -- before 16
       a.inherit_option, a.set_option -- since 16
FROM pg_auth_members a
JOIN pg_roles m ON m.oid = a.member
JOIN pg_roles r ON r.oid = a.roleid
LEFT JOIN pg_roles g ON g.oid = a.grantor
WHERE m.rolname !~ '^pg_'
ORDER BY 1, 2, 3
