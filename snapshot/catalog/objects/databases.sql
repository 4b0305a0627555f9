-- The current database.
SELECT 'pg_database'::regclass::oid, d.oid, 0::int4,
       'database',
       quote_ident(d.datname),
       '',
       0::oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       '',
       jsonb_strip_nulls(jsonb_build_object(
           'owner', pg_get_userbyid(d.datdba),
           'acl', array_to_string(ARRAY(SELECT x::text FROM unnest(coalesce(d.datacl, acldefault('d', d.datdba))) x ORDER BY x::text COLLATE "C"), ', '),
           'encoding', pg_encoding_to_char(d.encoding),
           'collate', d.datcollate,
           'ctype', d.datctype,
           'locale provider', d.datlocprovider::text, -- since 15
           'locale', d.daticulocale, -- since 15 before 17
           'locale', d.datlocale, -- since 17
           'icu rules', d.daticurules, -- since 16
           'tablespace', quote_ident(t.spcname),
           'connection limit', nullif(d.datconnlimit, -1)::text,
           'template', CASE WHEN d.datistemplate THEN 'yes' END,
           'connections refused', CASE WHEN NOT d.datallowconn THEN 'yes' END))
FROM pg_database d
JOIN pg_tablespace t ON t.oid = d.dattablespace
WHERE d.datname = current_database()
