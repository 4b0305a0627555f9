-- CHECK constraints that rows meet when they are loaded: valid ones of tables, and those of the domains that columns are of, at any depth, by
-- column. Those of tables whose functions are written in a language of procedures are left out: they are set aside for the copy.
WITH RECURSIVE chain (typ, domain) AS (
    SELECT oid, oid FROM pg_type WHERE typtype = 'd'
    UNION ALL
    SELECT c.typ, b.oid
    FROM chain c JOIN pg_type t ON t.oid = c.domain JOIN pg_type b ON b.oid = t.typbasetype
    WHERE b.typtype = 'd'
)
SELECT con.conrelid,
       '' AS attribute,
       '' AS domain,
       con.conname::text AS name,
       pg_get_constraintdef(con.oid),
       ARRAY(SELECT a.attname::text FROM pg_attribute a
             WHERE a.attrelid = con.conrelid AND a.attnum = ANY (con.conkey) ORDER BY a.attnum)
FROM pg_constraint con
JOIN pg_class c ON c.oid = con.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE con.contype = 'c' AND con.convalidated AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND con.conenforced -- since 18
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_depend d LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
    JOIN pg_proc p ON p.oid = CASE WHEN d.refclassid = 'pg_proc'::regclass THEN d.refobjid ELSE o.oprcode::oid END
    JOIN pg_language l ON l.oid = p.prolang
    WHERE d.classid = 'pg_constraint'::regclass AND d.objid = con.oid AND p.oid >= 16384 AND l.lanname NOT IN ('internal', 'c'))
UNION ALL
SELECT a.attrelid, a.attname::text, format_type(k.domain, NULL), con.conname::text, pg_get_constraintdef(con.oid), ARRAY[a.attname::text]
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN chain k ON k.typ = a.atttypid
JOIN pg_constraint con ON con.contypid = k.domain AND con.contype = 'c' AND con.convalidated
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND a.attnum > 0 AND NOT a.attisdropped
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
ORDER BY 1, 2, 4
