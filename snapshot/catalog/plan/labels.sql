-- Security labels that pg_dump leaves out: those of the database, of roles, and of large objects.
SELECT 'DATABASE', d.datname::text, l.provider, l.label
FROM pg_shseclabel l JOIN pg_database d ON l.classoid = 'pg_database'::regclass AND d.oid = l.objoid
WHERE d.datname = current_database()
UNION ALL
SELECT 'ROLE', r.rolname::text, l.provider, l.label
FROM pg_shseclabel l JOIN pg_roles r ON l.classoid = 'pg_authid'::regclass AND r.oid = l.objoid
UNION ALL
SELECT 'LARGE OBJECT', l.objoid::text, l.provider, l.label
FROM pg_seclabel l
WHERE l.classoid = 'pg_largeobject'::regclass
ORDER BY 1, 2, 3
