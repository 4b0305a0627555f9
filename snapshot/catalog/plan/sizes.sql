-- Storage of tables, materialised views (each with its TOAST table) and indexes: main forks, since the free space and visibility maps
-- come and go with vacuum.
SELECT c.oid,
       CASE c.relkind WHEN 'i' THEN 'index' ELSE 'table' END,
       format('%I.%I', n.nspname, c.relname),
       t.oid,
       format('%I.%I', tn.nspname, t.relname),
       coalesce(pg_relation_size(c.oid), 0) + CASE WHEN c.reltoastrelid <> 0 THEN coalesce(pg_relation_size(c.reltoastrelid), 0) ELSE 0 END
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_index i ON i.indexrelid = c.oid
JOIN pg_class t ON t.oid = coalesce(i.indrelid, c.oid)
JOIN pg_namespace tn ON tn.oid = t.relnamespace
WHERE c.oid = ANY (ARRAY(SELECT unnest($1::oid[]) UNION ALL SELECT indexrelid FROM pg_index WHERE indrelid = ANY ($1))) AND -- of some
WHERE -- of all
  c.relkind IN ('r', 'm', 'i') AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
ORDER BY 3
