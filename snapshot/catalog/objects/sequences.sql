-- Sequences, under the column that owns them. Values are not schema.
SELECT 'pg_class'::regclass::oid, c.oid, 0::int4,
       'sequence',
       format('%I.%I', n.nspname, c.relname),
       quote_ident(c.relname),
       n.oid,
       CASE WHEN d.objid IS NULL THEN 0::oid ELSE 'pg_class'::regclass::oid END, coalesce(d.refobjid, 0::oid), coalesce(d.refobjsubid, 0)::int4,
       0::oid, 0::int4,
       md5(concat_ws('|', q.seqtypid, d.refobjid, d.refobjsubid)),
       jsonb_strip_nulls(jsonb_build_object(
           'owner', pg_get_userbyid(c.relowner),
           'acl', array_to_string(ARRAY(SELECT x::text FROM unnest(coalesce(c.relacl, acldefault('s', c.relowner))) x ORDER BY x::text COLLATE "C"), ', '),
           'persistence', CASE c.relpersistence WHEN 'u' THEN 'unlogged' END,
           'type', format_type(q.seqtypid, NULL),
           'start', q.seqstart::text,
           'increment', q.seqincrement::text,
           'minimum', q.seqmin::text,
           'maximum', q.seqmax::text,
           'cache', q.seqcache::text,
           'cycle', CASE WHEN q.seqcycle THEN 'yes' END,
           'owned by', d.refobjid::regclass::text || '.' || quote_ident(a.attname)))
FROM pg_class c
JOIN pg_sequence q ON q.seqrelid = c.oid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
                     AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
  AND c.oid = ANY (ARRAY(SELECT unnest($1::oid[]) UNION ALL -- of some
                SELECT o.objid FROM pg_depend o WHERE o.refclassid = 'pg_class'::regclass AND o.refobjid = ANY ($1) -- of some
                  AND o.classid = 'pg_class'::regclass AND o.refobjsubid > 0 AND o.deptype IN ('a', 'i'))) -- of some
