-- pg_roles, since pg_authid has the passwords and is not for ordinary roles. PostgreSQL's own roles begin with pg_.
SELECT rolname::text, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls,
       rolconnlimit, coalesce(rolvaliduntil::text, ''), coalesce(shobj_description(oid, 'pg_authid'), '')
FROM pg_roles
WHERE rolname !~ '^pg_'
ORDER BY rolname
