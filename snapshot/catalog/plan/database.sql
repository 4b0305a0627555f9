SELECT d.datname::text,
       pg_get_userbyid(d.datdba)::text,
       pg_encoding_to_char(d.encoding)::text,
       'c', -- before 15
       d.datlocprovider::text, -- since 15
       d.datcollate::text,
       d.datctype::text,
       '', -- before 15
       coalesce(d.daticulocale, ''), -- since 15 before 17
       coalesce(d.datlocale, ''), -- since 17
       '', -- before 16
       coalesce(d.daticurules, ''), -- since 16
       '', -- before 15
       coalesce(pg_database_collation_actual_version(d.oid), ''), -- since 15
       '', -- before 15
       coalesce(d.datcollversion, ''), -- since 15
       coalesce(shobj_description(d.oid, 'pg_database'), ''),
       d.datconnlimit
FROM pg_database d
WHERE d.datname = current_database()
