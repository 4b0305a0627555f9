-- What is there but does not work, or not yet. Triggers of foreign keys are internal: ALTER TABLE ... DISABLE TRIGGER ALL turns them off.
SELECT 'invalid index', format('%I.%I', n.nspname, x.relname), format('%I.%I', tn.nspname, t.relname),
       CASE WHEN x.relkind = 'I' THEN ''
            ELSE format('DROP INDEX CONCURRENTLY %I.%I;', n.nspname, x.relname) END
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = x.relnamespace
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace tn ON tn.oid = t.relnamespace
WHERE NOT i.indisvalid AND n.nspname !~ '^pg_temp'
  AND i.indrelid = ANY ($1) -- of some
UNION ALL
SELECT 'constraint not valid', quote_ident(con.conname), format('%I.%I', n.nspname, c.relname),
       format('ALTER TABLE %I.%I VALIDATE CONSTRAINT %I;', n.nspname, c.relname, con.conname)
FROM pg_constraint con
JOIN pg_class c ON c.oid = con.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT con.convalidated AND con.conparentid = 0 AND c.relpersistence <> 't'
  AND con.conenforced -- since 18
  AND con.conrelid = ANY ($1) -- of some
UNION ALL -- of all
SELECT 'constraint not valid', quote_ident(con.conname), format_type(con.contypid, NULL), -- of all
       format('ALTER DOMAIN %s VALIDATE CONSTRAINT %I;', format_type(con.contypid, NULL), con.conname) -- of all
FROM pg_constraint con -- of all
WHERE NOT con.convalidated AND con.contypid <> 0 -- of all
UNION ALL
SELECT 'trigger disabled', quote_ident(g.tgname), format('%I.%I', n.nspname, c.relname),
       format('ALTER TABLE %I.%I ENABLE TRIGGER %I;', n.nspname, c.relname, g.tgname)
FROM pg_trigger g
JOIN pg_class c ON c.oid = g.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE g.tgenabled = 'D' AND NOT g.tgisinternal AND c.relpersistence <> 't'
  AND g.tgrelid = ANY ($1) -- of some
UNION ALL
SELECT DISTINCT 'foreign key not enforced', quote_ident(con.conname), format('%I.%I', n.nspname, c.relname),
       format('ALTER TABLE %I.%I ENABLE TRIGGER ALL;', n.nspname, c.relname)
FROM pg_trigger g
JOIN pg_constraint con ON con.oid = g.tgconstraint AND con.contype = 'f'
JOIN pg_class c ON c.oid = g.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE g.tgenabled = 'D' AND g.tgisinternal AND c.relpersistence <> 't'
  AND g.tgrelid = ANY ($1) -- of some
UNION ALL
SELECT 'rule disabled', quote_ident(r.rulename), format('%I.%I', n.nspname, c.relname),
       format('ALTER TABLE %I.%I ENABLE RULE %I;', n.nspname, c.relname, r.rulename)
FROM pg_rewrite r
JOIN pg_class c ON c.oid = r.ev_class
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE r.ev_enabled = 'D' AND c.relpersistence <> 't'
  AND r.ev_class = ANY ($1) -- of some
UNION ALL -- of all
SELECT 'event trigger disabled', quote_ident(evtname), '', format('ALTER EVENT TRIGGER %I ENABLE;', evtname) -- of all
FROM pg_event_trigger WHERE evtenabled = 'D' -- of all
UNION ALL
SELECT 'materialized view not populated', format('%I.%I', n.nspname, c.relname), format('%I.%I', n.nspname, c.relname),
       format('REFRESH MATERIALIZED VIEW %I.%I;', n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND NOT c.relispopulated
  AND c.oid = ANY ($1) -- of some
UNION ALL -- since 14
SELECT 'partition detach pending', format('%I.%I', cn.nspname, c.relname), format('%I.%I', pn.nspname, p.relname), -- since 14
       format('ALTER TABLE %I.%I DETACH PARTITION %I.%I FINALIZE;', pn.nspname, p.relname, cn.nspname, c.relname) -- since 14
FROM pg_inherits h -- since 14
JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace -- since 14
JOIN pg_class p ON p.oid = h.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace -- since 14
WHERE h.inhdetachpending -- since 14
  AND h.inhrelid = ANY ($1) -- of some since 14
UNION ALL -- of all
SELECT 'prepared transaction', quote_literal(gid), '', format('ROLLBACK PREPARED %L;', gid) -- of all
FROM pg_prepared_xacts WHERE database = current_database() -- of all
ORDER BY 1, 3, 2
