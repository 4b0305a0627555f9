-- Triggers that a user made. The copies on partitions name the trigger of the partitioned table as their origin.
SELECT 'pg_trigger'::regclass::oid, t.oid, 0::int4,
       'trigger',
       format('%I on %I.%I', t.tgname, n.nspname, c.relname),
       quote_ident(t.tgname),
       n.oid,
       'pg_class'::regclass::oid, c.oid, 0::int4,
       t.tgparentid, 0::int4,
       md5(concat_ws('|', t.tgfoid, t.tgtype, t.tgattr, t.tgargs, t.tgqual, t.tgconstrrelid, t.tgdeferrable, t.tginitdeferred, t.tgoldtable, t.tgnewtable)),
       jsonb_strip_nulls(jsonb_build_object(
           'definition', pg_get_triggerdef(t.oid),
           'firing', CASE t.tgenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always' END))
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
  AND c.oid = ANY ($1) -- of some
