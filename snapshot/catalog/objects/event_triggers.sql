-- Event triggers.
SELECT 'pg_event_trigger'::regclass::oid, e.oid, 0::int4,
       'event trigger',
       quote_ident(e.evtname),
       quote_ident(e.evtname),
       0::oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       md5(e.evtfoid::text),
       jsonb_strip_nulls(jsonb_build_object(
           'owner', pg_get_userbyid(e.evtowner),
           'event', e.evtevent,
           'function', e.evtfoid::regproc::text,
           'tags', array_to_string(e.evttags, ', '),
           'firing', CASE e.evtenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always' END))
FROM pg_event_trigger e
WHERE e.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_event_trigger'::regclass AND deptype = 'e')
