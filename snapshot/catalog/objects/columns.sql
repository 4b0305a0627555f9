-- Columns of tables and views, and attributes of composite types. Two columns are the same by attnum. Inherited ones name the
-- parent's column as their origin.
SELECT 'pg_class'::regclass::oid, a.attrelid, a.attnum::int4,
       CASE c.relkind WHEN 'c' THEN 'attribute' ELSE 'column' END,
       format('%I.%I.%I', n.nspname, c.relname, a.attname),
       quote_ident(a.attname),
       n.oid,
       (CASE WHEN c.relkind = 'c' THEN 'pg_type' ELSE 'pg_class' END)::regclass::oid, CASE WHEN c.relkind = 'c' THEN c.reltype ELSE c.oid END, 0::int4,
       coalesce(up.attrelid, 0::oid), coalesce(up.attnum, 0)::int4,
       md5(concat_ws('|', a.atttypid, a.atttypmod, a.attcollation, a.attgenerated, d.adbin)),
       jsonb_strip_nulls(jsonb_build_object(
           'type', format_type(a.atttypid, a.atttypmod),
           'collation', CASE WHEN co.oid IS NOT NULL THEN (SELECT format('%I.%I', cn.nspname, co.collname) FROM pg_namespace cn
                   WHERE cn.oid = co.collnamespace) END,
           'not null', CASE WHEN a.attnotnull THEN 'yes' END, -- before 18
           'not null', CASE WHEN a.attnotnull THEN coalesce((SELECT CASE WHEN con.convalidated THEN 'yes' ELSE 'not valid' END -- since 18
                   FROM pg_constraint con -- since 18
                   WHERE con.conrelid = a.attrelid AND con.contype = 'n' AND con.conkey = ARRAY[a.attnum]), 'yes') END, -- since 18
           'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
           'generated', CASE WHEN a.attgenerated <> '' THEN format('(%s) %s', pg_get_expr(d.adbin, d.adrelid),
                   CASE a.attgenerated WHEN 'v' THEN 'virtual' ELSE 'stored' END) END,
           'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END,
           'storage', CASE WHEN a.attstorage <> t.typstorage AND c.relkind NOT IN ('v', 'c') THEN CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END END,
           'compression', CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END, -- since 14
           'statistics', nullif(a.attstattarget, -1)::text,
           -- pg_attver is a number that a server of Debian's 17.12 was seen to put here by itself, and that its pg_dump leaves out.
           'options', nullif(array_to_string(ARRAY(SELECT x FROM unnest(a.attoptions) x WHERE x !~ '^pg_attver=' ORDER BY x), ', '), ''),
           'server options', CASE WHEN a.attfdwoptions IS NOT NULL THEN array_to_string(ARRAY(SELECT x FROM unnest(a.attfdwoptions) x ORDER BY x), ', ') END,
           'acl', CASE WHEN a.attacl IS NOT NULL THEN array_to_string(ARRAY(SELECT x::text FROM unnest(a.attacl) x ORDER BY x::text COLLATE "C"), ', ') END))
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_collation co ON co.oid = a.attcollation AND a.attcollation <> t.typcollation
LEFT JOIN LATERAL (SELECT p.attrelid, p.attnum FROM pg_inherits i JOIN pg_attribute p ON p.attrelid = i.inhparent AND p.attname = a.attname
                   WHERE i.inhrelid = a.attrelid AND a.attinhcount > 0 AND NOT a.attislocal ORDER BY i.inhseqno LIMIT 1) up ON true
WHERE a.attnum > 0 AND NOT a.attisdropped
  AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
  AND a.attrelid = ANY ($1) -- of some
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_type'::regclass AND e.objid = c.reltype AND e.deptype = 'e')
