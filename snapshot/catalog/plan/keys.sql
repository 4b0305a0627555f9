-- Everything that demands that rows differ: primary keys, unique and exclusion constraints, unique indexes of no constraint.
-- What expressions and predicates read is in pg_depend: PostgreSQL records each column they name. Columns that are only INCLUDEd
-- are not read, so they count only where an expression or a predicate makes them impossible to tell apart.
SELECT i.indrelid,
       coalesce(con.conname, x.relname)::text,
       con.oid IS NOT NULL,
       i.indisprimary,
       i.indisexclusion,
       i.indpred IS NOT NULL,
       i.indexprs IS NOT NULL,
       ARRAY(SELECT a.attname::text
             FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (num, ord)
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num
             WHERE k.ord <= i.indnkeyatts AND k.num > 0
             ORDER BY k.ord),
       CASE WHEN i.indisexclusion AND con.oid IS NOT NULL THEN pg_get_constraintdef(con.oid)
            ELSE coalesce(pg_get_indexdef(i.indexrelid), '') END,
       ARRAY(SELECT a.attname::text
             FROM pg_attribute a
             WHERE a.attrelid = i.indrelid AND a.attnum > 0
               AND (a.attnum IN (SELECT k.num FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (num, ord) WHERE k.ord <= i.indnkeyatts)
                    OR ((i.indpred IS NOT NULL OR i.indexprs IS NOT NULL)
                        AND EXISTS (SELECT FROM pg_depend d
                                    WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                                      AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid
                                      AND d.refobjsubid = a.attnum)))
             ORDER BY a.attnum),
       coalesce(con.condeferrable, false),
       NOT true -- before 15
       i.indnullsnotdistinct -- since 15
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_constraint con ON con.conindid = i.indexrelid AND con.conrelid = i.indrelid AND con.contype IN ('p', 'u', 'x')
WHERE (i.indisunique OR i.indisexclusion)
  AND c.relkind IN ('r', 'p', 'm')
  AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
ORDER BY i.indrelid, NOT i.indisprimary, coalesce(con.conname, x.relname)
