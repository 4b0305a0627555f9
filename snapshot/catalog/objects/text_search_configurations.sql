-- Text search configurations with their mappings.
SELECT 'pg_ts_config'::regclass::oid, c.oid, 0::int4,
       'text search configuration',
       format('%I.%I', n.nspname, c.cfgname),
       quote_ident(c.cfgname),
       n.oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       '',
       jsonb_strip_nulls(jsonb_build_object(
           'owner', pg_get_userbyid(c.cfgowner),
           'parser', format('%I.%I', pn.nspname, p.prsname),
           'mappings', (SELECT string_agg(format('%s: %s', m.maptokentype, m.mapdict::regdictionary), ', ' ORDER BY m.maptokentype, m.mapseqno)
                   FROM pg_ts_config_map m WHERE m.mapcfg = c.oid)))
FROM pg_ts_config c
JOIN pg_namespace n ON n.oid = c.cfgnamespace
JOIN pg_ts_parser p ON p.oid = c.cfgparser
JOIN pg_namespace pn ON pn.oid = p.prsnamespace
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_ts_config'::regclass AND deptype = 'e')
