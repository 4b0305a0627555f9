-- Every relation that holds rows or stands for such: tables, partitioned and foreign tables, materialised views.
-- Members of an extension are made by CREATE EXTENSION and left out, except its configuration tables (pg_extension.extconfig).
SELECT c.oid,
       c.relkind,
       n.nspname::text,
       c.relname::text,
       c.relpersistence,
       pg_get_userbyid(c.relowner)::text,
       coalesce(obj_description(c.oid, 'pg_class'), ''),
       CASE WHEN c.relkind IN ('r', 'm') THEN coalesce(pg_relation_size(c.oid), 0) ELSE 0 END,
       CASE WHEN c.reltoastrelid <> 0 THEN coalesce(pg_relation_size(c.reltoastrelid), 0) ELSE 0 END,
       c.reltuples::float8,
       c.relispartition,
       coalesce(pg_partition_root(c.oid)::oid, 0::oid),
       ARRAY(SELECT i.inhparent FROM pg_inherits i WHERE i.inhrelid = c.oid AND NOT c.relispartition ORDER BY i.inhseqno),
       EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid),
       c.relispopulated,
       c.relrowsecurity,
       c.relforcerowsecurity,
       coalesce(row_security_active(c.oid), false),
       coalesce(has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'), false),
       coalesce(has_schema_privilege(n.oid, 'USAGE'), false),
       coalesce(e.extname::text, ''),
       coalesce(e.extcondition[array_position(e.extconfig, c.oid)], '')
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e'
LEFT JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
WHERE c.relkind IN ('r', 'p', 'f', 'm')
  AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND (e.oid IS NULL OR c.oid = ANY (e.extconfig))
  AND c.oid = ANY ($1) -- of some
ORDER BY n.nspname, c.relname
