-- Indexes that CREATE INDEX CONCURRENTLY or REINDEX left unfinished: pg_dump leaves them out. Those of partitioned tables, which only
-- wait for a partition's, it carries.
SELECT format('%I.%I', n.nspname, x.relname),
       pg_get_indexdef(x.oid),
       i.indisunique,
       i.indisready,
       coalesce(obj_description(x.oid, 'pg_class'), '')
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = x.relnamespace
WHERE x.relkind = 'i' AND c.relkind IN ('r', 'm') AND NOT (i.indisvalid AND i.indisready) AND i.indislive AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_constraint con WHERE con.conindid = x.oid AND con.contype IN ('p', 'u', 'x'))
ORDER BY 1
