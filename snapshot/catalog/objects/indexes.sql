-- Indexes of no constraint. The origin of a partition's index is the index of the partitioned table it is attached to.
SELECT 'pg_class'::regclass::oid, x.oid, 0::int4,
       'index',
       format('%I.%I', n.nspname, x.relname),
       quote_ident(x.relname),
       n.oid,
       'pg_class'::regclass::oid, i.indrelid, 0::int4,
       coalesce(h.inhparent, 0::oid), 0::int4,
       md5(concat_ws('|', h.inhparent,
           i.indnullsnotdistinct, -- since 15
           i.indkey, i.indclass, i.indcollation, i.indoption, i.indnkeyatts, i.indisunique, i.indexprs, i.indpred, x.relam, x.reloptions)),
       jsonb_strip_nulls(jsonb_build_object(
           'definition', pg_get_indexdef(x.oid),
           'tablespace', s.spcname,
           'invalid', CASE WHEN NOT i.indisvalid THEN 'yes' END,
           'not ready', CASE WHEN NOT i.indisready THEN 'yes' END,
           'clustered', CASE WHEN i.indisclustered THEN 'yes' END,
           'replica identity', CASE WHEN i.indisreplident THEN 'yes' END,
           'attached to', h.inhparent::regclass::text,
           'statistics', CASE WHEN i.indexprs IS NOT NULL
                   THEN (SELECT string_agg(format('%s: %s', a.attnum, a.attstattarget), ', ' ORDER BY a.attnum) FROM pg_attribute a
                   WHERE a.attrelid = x.oid AND a.attstattarget >= 0) END))
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = x.relnamespace
LEFT JOIN pg_tablespace s ON s.oid = x.reltablespace
LEFT JOIN pg_inherits h ON h.inhrelid = x.oid
WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = i.indrelid AND k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
  AND i.indrelid = ANY ($1) -- of some
