-- Operator families with their members.
SELECT 'pg_opfamily'::regclass::oid, f.oid, 0::int4,
       'operator family',
       format('%I.%I using %I', n.nspname, f.opfname, am.amname),
       quote_ident(f.opfname),
       n.oid,
       0::oid, 0::oid, 0::int4,
       0::oid, 0::int4,
       '',
       jsonb_strip_nulls(jsonb_build_object(
           'owner', pg_get_userbyid(f.opfowner),
           'operators', (SELECT string_agg(format('%s %s%s', a.amopstrategy, a.amopopr::regoperator, CASE WHEN a.amoppurpose = 'o' THEN ' for order by' ELSE '' END), ', '
                   ORDER BY a.amoplefttype::regtype::text, a.amoprighttype::regtype::text, a.amopstrategy, a.amoppurpose) FROM pg_amop a
                   WHERE a.amopfamily = f.oid),
           'functions', (SELECT string_agg(format('%s (%s, %s) %s', a.amprocnum, a.amproclefttype::regtype, a.amprocrighttype::regtype, a.amproc::regprocedure), ', '
                   ORDER BY a.amproclefttype::regtype::text, a.amprocrighttype::regtype::text, a.amprocnum) FROM pg_amproc a
                   WHERE a.amprocfamily = f.oid)))
FROM pg_opfamily f
JOIN pg_namespace n ON n.oid = f.opfnamespace
JOIN pg_am am ON am.oid = f.opfmethod
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND f.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_opfamily'::regclass AND deptype = 'e')
