-- Types that stand by themselves: not the row types of tables, not array types, not the multiranges that come with a range.
SELECT 'pg_type'::regclass::oid, t.oid, 0::int4,
       CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'c' THEN 'composite type' WHEN 'r' THEN 'range type' ELSE 'type' END,
       format('%I.%I', n.nspname, t.typname),
       quote_ident(t.typname),
       n.oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       md5(concat_ws('|', t.typbasetype, t.typtypmod, t.typcollation, t.typdefaultbin, CASE WHEN t.typtype = 'b' THEN t.typdefault END,
               r.rngsubtype, r.rngsubopc, r.rngcollation, r.rngcanonical::oid, r.rngsubdiff::oid)),
       jsonb_strip_nulls(jsonb_build_object(
           'owner', pg_get_userbyid(t.typowner),
           'acl', array_to_string(ARRAY(SELECT x::text FROM unnest(coalesce(t.typacl, acldefault('T', t.typowner))) x ORDER BY x::text COLLATE "C"), ', '),
           'shell', CASE WHEN NOT t.typisdefined THEN 'yes' END,
           'labels', (SELECT string_agg(quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = t.oid),
           'base type', CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
           'not null', CASE WHEN t.typnotnull THEN 'yes' END,
           'default', CASE WHEN t.typtype = 'd' THEN pg_get_expr(t.typdefaultbin, 'pg_type'::regclass) ELSE t.typdefault END,
           'collation', CASE WHEN t.typcollation NOT IN (0, 100) AND t.typtype <> 'r' THEN (SELECT format('%I.%I', cn.nspname, co.collname)
                   FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = t.typcollation) END,
           'subtype', format_type(r.rngsubtype, NULL),
           'subtype operator class', (SELECT format('%I.%I', on_.nspname, o.opcname) FROM pg_opclass o
                   JOIN pg_namespace on_ ON on_.oid = o.opcnamespace WHERE o.oid = r.rngsubopc),
           'subtype collation', (SELECT format('%I.%I', cn.nspname, co.collname) FROM pg_collation co
                   JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = r.rngcollation),
           'canonical', nullif(r.rngcanonical::text, '-'),
           'difference', nullif(r.rngsubdiff::text, '-'),
           'multirange', format_type(r.rngmultitypid, NULL), -- since 14
           'input', CASE WHEN t.typtype = 'b' THEN nullif(t.typinput::text, '-') END,
           'output', CASE WHEN t.typtype = 'b' THEN nullif(t.typoutput::text, '-') END,
           'receive', CASE WHEN t.typtype = 'b' THEN nullif(t.typreceive::text, '-') END,
           'send', CASE WHEN t.typtype = 'b' THEN nullif(t.typsend::text, '-') END,
           'modifier input', CASE WHEN t.typtype = 'b' THEN nullif(t.typmodin::text, '-') END,
           'modifier output', CASE WHEN t.typtype = 'b' THEN nullif(t.typmodout::text, '-') END,
           'analyze', CASE WHEN t.typtype = 'b' THEN nullif(t.typanalyze::text, '-') END,
           'layout', CASE WHEN t.typtype = 'b' THEN concat_ws(' ', t.typlen, t.typbyval, t.typalign, t.typstorage, t.typcategory, t.typispreferred, t.typdelim) END))
FROM pg_type t
JOIN pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_class c ON c.oid = t.typrelid
LEFT JOIN pg_range r ON r.rngtypid = t.oid
WHERE t.typtype IN ('e', 'd', 'c', 'r', 'b', 'p') AND (c.oid IS NULL OR c.relkind = 'c')
  AND t.oid NOT IN (SELECT typarray FROM pg_type)
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND t.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_type'::regclass AND deptype = 'e')
