-- Tables, partitioned and foreign tables, views and materialised views. relispopulated is not read: it is false after a schema-only
-- restore.
SELECT 'pg_class'::regclass::oid, c.oid, 0::int4,
       CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE 'table' END,
       format('%I.%I', n.nspname, c.relname),
       quote_ident(c.relname),
       n.oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       md5(concat_ws('|', r.ev_action, c.relpartbound, c.reloftype, parents.oids, part.partattrs, part.partclass, part.partcollation, part.partexprs, c.relispartition)),
       jsonb_strip_nulls(jsonb_build_object(
           'owner', pg_get_userbyid(c.relowner),
           'acl', array_to_string(ARRAY(SELECT x::text FROM unnest(coalesce(c.relacl, acldefault('r', c.relowner))) x ORDER BY x::text COLLATE "C"), ', '),
           'persistence', CASE c.relpersistence WHEN 'u' THEN 'unlogged' END,
           'options', CASE WHEN c.reloptions IS NOT NULL THEN array_to_string(ARRAY(SELECT x FROM unnest(c.reloptions) x ORDER BY x), ', ') END,
           'toast options', CASE WHEN toast.reloptions IS NOT NULL THEN array_to_string(ARRAY(SELECT x FROM unnest(toast.reloptions) x ORDER BY x), ', ') END,
           'tablespace', s.spcname,
           'access method', CASE WHEN c.relkind IN ('r', 'm', 'p') THEN am.amname END,
           'row security', CASE WHEN c.relrowsecurity THEN 'enabled' END,
           'force row security', CASE WHEN c.relforcerowsecurity THEN 'yes' END,
           'replica identity', CASE c.relreplident WHEN 'f' THEN 'full' WHEN 'n' THEN CASE WHEN c.relkind IN ('r', 'p') THEN 'nothing' END WHEN 'i' THEN 'index' END,
           'partition key', pg_get_partkeydef(part.partrelid),
           'partition of', CASE WHEN c.relispartition THEN parents.names END,
           'inherits', CASE WHEN NOT c.relispartition THEN parents.names END,
           'bound', pg_get_expr(c.relpartbound, c.oid),
           'of type', CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END,
           'server', srv.srvname,
           'server options', nullif(array_to_string(ARRAY(SELECT split_part(x, '=', 1) FROM unnest(ft.ftoptions) x ORDER BY x), ', '), ''),
           '#option values', CASE WHEN ft.ftoptions IS NOT NULL THEN md5(array_to_string(ARRAY(SELECT x FROM unnest(ft.ftoptions) x ORDER BY x), ', ')) END,
           'definition', CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END))
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class toast ON toast.oid = c.reltoastrelid
LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
LEFT JOIN pg_am am ON am.oid = c.relam
LEFT JOIN pg_partitioned_table part ON part.partrelid = c.oid
LEFT JOIN pg_foreign_table ft ON ft.ftrelid = c.oid
LEFT JOIN pg_foreign_server srv ON srv.oid = ft.ftserver
LEFT JOIN pg_rewrite r ON r.ev_class = c.oid AND r.rulename = '_RETURN'
LEFT JOIN LATERAL (SELECT string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno) AS names,
                          string_agg(i.inhparent::text, ' ' ORDER BY i.inhseqno) AS oids
                   FROM pg_inherits i WHERE i.inhrelid = c.oid) parents ON true
WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
  AND c.oid = ANY ($1) -- of some
