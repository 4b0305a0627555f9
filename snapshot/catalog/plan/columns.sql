-- Columns of tables, partitioned and foreign tables and materialised views. A column's type is followed below its domains: the
-- first modifier met on the way down is the one that limits the length, and a NOT NULL anywhere on the way holds.
WITH RECURSIVE chain (typ, below, typmod, mandatory) AS (
    SELECT oid, typbasetype, typtypmod, typnotnull FROM pg_type WHERE typtype = 'd'
    UNION ALL
    SELECT c.typ, t.typbasetype, CASE WHEN c.typmod <> -1 THEN c.typmod ELSE t.typtypmod END, c.mandatory OR t.typnotnull
    FROM chain c JOIN pg_type t ON t.oid = c.below
    WHERE t.typtype = 'd'
), domain AS (
    SELECT c.* FROM chain c JOIN pg_type t ON t.oid = c.below WHERE t.typtype <> 'd'
)
SELECT a.attrelid,
       a.attnum,
       a.attname::text,
       format_type(a.atttypid, NULL),
       b.typname::text,
       t.typtype,
       CASE WHEN coalesce(e.typtype, b.typtype) = 'e'
            THEN ARRAY(SELECT l.enumlabel::text FROM pg_enum l WHERE l.enumtypid = coalesce(e.oid, b.oid) ORDER BY l.enumsortorder)
            ELSE '{}' END,
       CASE WHEN coalesce(e.oid, b.oid) IN ('varchar'::regtype, 'bpchar'::regtype)
            THEN greatest(CASE WHEN a.atttypmod <> -1 THEN a.atttypmod ELSE coalesce(d.typmod, -1) END - 4, 0) ELSE 0 END,
       CASE WHEN coalesce(e.typtype, b.typtype) = 'c' THEN coalesce((
            SELECT json_agg(json_build_object('Name', f.attname, 'BaseType', fb.typname, 'TypeKind', ascii(ft.typtype::text),
                'MaxLength', CASE WHEN coalesce(fe.oid, fb.oid) IN ('varchar'::regtype, 'bpchar'::regtype)
                    THEN greatest(CASE WHEN f.atttypmod <> -1 THEN f.atttypmod ELSE coalesce(fd.typmod, -1) END - 4, 0) ELSE 0 END,
                'NotNull', coalesce(fd.mandatory, false),
                'Labels', CASE WHEN coalesce(fe.typtype, fb.typtype) = 'e'
                    THEN (SELECT json_agg(l.enumlabel ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = coalesce(fe.oid, fb.oid)) END)
                ORDER BY f.attnum)
            FROM pg_attribute f
            JOIN pg_type ft ON ft.oid = f.atttypid
            LEFT JOIN domain fd ON fd.typ = ft.oid
            JOIN pg_type fb ON fb.oid = coalesce(fd.below, ft.oid)
            LEFT JOIN pg_type fe ON fe.oid = fb.typelem AND fb.typcategory = 'A'
            WHERE f.attrelid = coalesce(e.typrelid, b.typrelid) AND f.attnum > 0 AND NOT f.attisdropped), '[]') ELSE '[]' END::text,
       a.attnotnull OR coalesce(d.mandatory, false),
       a.attgenerated::text,
       a.attidentity::text,
       a.atthasdef AND a.attgenerated = '',
       CASE WHEN a.attgenerated <> '' THEN coalesce((SELECT pg_get_expr(x.adbin, x.adrelid) FROM pg_attrdef x WHERE x.adrelid = a.attrelid AND x.adnum = a.attnum), '') ELSE '' END,
       coalesce(has_column_privilege(a.attrelid, a.attnum, 'SELECT'), false),
       coalesce(col_description(a.attrelid, a.attnum), '')
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN domain d ON d.typ = t.oid
JOIN pg_type b ON b.oid = coalesce(d.below, t.oid)
LEFT JOIN pg_type e ON e.oid = b.typelem AND b.typcategory = 'A'
WHERE c.relkind IN ('r', 'p', 'f', 'm')
  AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
