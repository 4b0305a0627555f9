-- Publications with their tables and, since PostgreSQL 15, schemas.
SELECT 'pg_publication'::regclass::oid, p.oid, 0::int4,
       'publication',
       quote_ident(p.pubname),
       quote_ident(p.pubname),
       0::oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       coalesce((SELECT md5(string_agg(to_jsonb(r)::text, '|' ORDER BY r.oid)) FROM pg_publication_rel r WHERE r.prpubid = p.oid), ''),
       jsonb_strip_nulls(jsonb_build_object(
           'owner', pg_get_userbyid(p.pubowner),
           'all tables', CASE WHEN p.puballtables THEN 'yes' END,
           'operations', concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END, CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END),
           'generated columns', nullif(p.pubgencols::text, 'n'), -- since 18
           'tables', (SELECT string_agg(r.prrelid::regclass::text, ', ' ORDER BY r.prrelid::regclass::text) FROM pg_publication_rel r -- before 15
                   WHERE r.prpubid = p.oid), -- before 15
           'tables', (SELECT string_agg(concat(r.prrelid::regclass, -- since 15
                   (SELECT ' (' || string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) || ')' FROM pg_attribute a -- since 15
                   WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs)), -- since 15
                   ' where ' || pg_get_expr(r.prqual, r.prrelid)), ', ' ORDER BY r.prrelid::regclass::text) FROM pg_publication_rel r -- since 15
                   WHERE r.prpubid = p.oid), -- since 15
           'schemas', (SELECT string_agg(s.pnnspid::regnamespace::text, ', ' ORDER BY s.pnnspid::regnamespace::text) -- since 15
                   FROM pg_publication_namespace s WHERE s.pnpubid = p.oid), -- since 15
           'via root', CASE WHEN p.pubviaroot THEN 'yes' END))
FROM pg_publication p
WHERE p.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_publication'::regclass AND deptype = 'e')
