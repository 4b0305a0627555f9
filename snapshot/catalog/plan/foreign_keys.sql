-- Foreign keys as declared: the copies PostgreSQL makes of them on partitions (conparentid) are left out.
SELECT con.oid,
       con.conname::text,
       con.conrelid, cn.nspname::text, c.relname::text,
       con.confrelid, pn.nspname::text, p.relname::text,
       ARRAY(SELECT a.attname::text FROM unnest(con.conkey) WITH ORDINALITY k (num, ord)
             JOIN pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = k.num ORDER BY k.ord),
       ARRAY(SELECT a.attname::text FROM unnest(con.confkey) WITH ORDINALITY k (num, ord)
             JOIN pg_attribute a ON a.attrelid = con.confrelid AND a.attnum = k.num ORDER BY k.ord),
       ARRAY(SELECT format('OPERATOR(%I.%s)', opn.nspname, op.oprname) FROM unnest(con.conpfeqop) WITH ORDINALITY k (oid, ord)
             JOIN pg_operator op ON op.oid = k.oid JOIN pg_namespace opn ON opn.oid = op.oprnamespace ORDER BY k.ord),
       con.convalidated, pg_get_constraintdef(con.oid)
FROM pg_constraint con
JOIN pg_class c ON c.oid = con.conrelid
JOIN pg_namespace cn ON cn.oid = c.relnamespace
JOIN pg_class p ON p.oid = con.confrelid
JOIN pg_namespace pn ON pn.oid = p.relnamespace
WHERE con.contype = 'f' AND con.conparentid = 0 AND c.relpersistence <> 't'
  AND cn.nspname <> 'information_schema' AND cn.nspname !~ '^pg_'
ORDER BY cn.nspname, c.relname, con.conname
