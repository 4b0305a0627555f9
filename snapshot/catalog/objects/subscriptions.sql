-- Subscriptions of this database. Ordinary roles may not read every column: no identity, and never the connection.
SELECT 0::oid, 0::oid, 0::int4,
       'subscription',
       quote_ident(s.subname),
       quote_ident(s.subname),
       0::oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       '',
       jsonb_strip_nulls(jsonb_build_object(
           'owner', pg_get_userbyid(s.subowner),
           'enabled', CASE WHEN s.subenabled THEN 'yes' END,
           'slot', s.subslotname,
           'publications', array_to_string(s.subpublications, ', ')))
FROM pg_subscription s
JOIN pg_database d ON d.oid = s.subdbid
WHERE d.datname = current_database()
