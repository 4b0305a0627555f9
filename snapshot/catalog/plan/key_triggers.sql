-- PostgreSQL's own triggers, by which it enforces foreign keys and deferrable ones, where ALTER TABLE ... DISABLE or ENABLE TRIGGER has
-- changed when they fire: pg_dump leaves that out. Their names hold OIDs, so they go by table, constraint and function.
SELECT format('%I.%I', n.nspname, c.relname),
       format('%I.%I', cn.nspname, cc.relname),
       con.conname::text,
       p.proname::text,
       g.tgenabled
FROM pg_trigger g
JOIN pg_constraint con ON con.oid = g.tgconstraint AND con.contype <> 't'
JOIN pg_proc p ON p.oid = g.tgfoid
JOIN pg_class c ON c.oid = g.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class cc ON cc.oid = con.conrelid
JOIN pg_namespace cn ON cn.oid = cc.relnamespace
WHERE g.tgisinternal AND g.tgenabled <> 'O' AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
ORDER BY 1, 2, 3, 4
