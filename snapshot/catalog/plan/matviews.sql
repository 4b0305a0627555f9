-- Views and materialised views with the relations each one's query reads, as pg_depend has them.
SELECT c.oid,
       c.relkind,
       n.nspname::text,
       c.relname::text,
       c.relispopulated,
       coalesce(has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'), false),
       ARRAY(SELECT DISTINCT d.refobjid
             FROM pg_rewrite r
             JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
             WHERE r.ev_class = c.oid AND d.refobjid <> c.oid)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm')
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
ORDER BY n.nspname, c.relname
