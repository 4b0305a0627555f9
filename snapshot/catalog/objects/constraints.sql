-- Constraints of tables and domains; that of a primary key, unique or exclusion constraint stands for its index too. NOT NULL is an
-- attribute of its column (PostgreSQL 18 has constraints of contype n for it), a constraint trigger a trigger.
SELECT 'pg_constraint'::regclass::oid, con.oid, 0::int4,
       'constraint',
       format('%I on %s', con.conname, CASE WHEN con.conrelid <> 0 THEN format('%I.%I', n.nspname, c.relname) ELSE format_type(con.contypid, NULL) END),
       quote_ident(con.conname),
       n.oid,
       (CASE WHEN con.conrelid <> 0 THEN 'pg_class' ELSE 'pg_type' END)::regclass::oid, CASE WHEN con.conrelid <> 0 THEN con.conrelid ELSE con.contypid END, 0::int4,
       CASE WHEN con.conparentid <> 0 THEN con.conparentid ELSE coalesce(up.oid, 0::oid) END, 0::int4,
       md5(concat_ws('|', con.conkey, con.confrelid, con.confkey, con.conbin, con.confupdtype, con.confdeltype, con.confmatchtype, con.condeferrable, con.condeferred,
           con.convalidated, con.connoinherit, con.conexclop,
           con.confdelsetcols, i.indnullsnotdistinct, -- since 15
           con.conenforced, -- since 18
           i.indkey, i.indclass, i.indcollation, i.indoption, i.indnkeyatts, i.indisunique, i.indexprs, i.indpred, x.relam, x.reloptions)),
       jsonb_strip_nulls(jsonb_build_object(
           'definition', pg_get_constraintdef(con.oid),
           'tablespace', s.spcname,
           'invalid', CASE WHEN NOT i.indisvalid THEN 'yes' END,
           'not ready', CASE WHEN NOT i.indisready THEN 'yes' END,
           'triggers', (SELECT string_agg(DISTINCT CASE g.tgenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' ELSE 'always' END, ', ')
                   FROM pg_trigger g WHERE g.tgconstraint = con.oid AND g.tgisinternal AND g.tgenabled <> 'O'),
           'clustered', CASE WHEN i.indisclustered THEN 'yes' END,
           'replica identity', CASE WHEN i.indisreplident THEN 'yes' END,
           'index comment', CASE WHEN i.indexrelid IS NOT NULL THEN (SELECT description FROM pg_description
                   WHERE classoid = 'pg_class'::regclass AND objoid = i.indexrelid AND objsubid = 0) END))
FROM pg_constraint con
JOIN pg_namespace n ON n.oid = con.connamespace
LEFT JOIN pg_class c ON c.oid = con.conrelid
LEFT JOIN pg_index i ON i.indexrelid = con.conindid AND con.contype IN ('p', 'u', 'x')
LEFT JOIN pg_class x ON x.oid = i.indexrelid
LEFT JOIN pg_tablespace s ON s.oid = x.reltablespace
LEFT JOIN LATERAL (SELECT p.oid FROM pg_inherits h JOIN pg_constraint p ON p.conrelid = h.inhparent AND p.conname = con.conname
                   WHERE h.inhrelid = con.conrelid AND con.coninhcount > 0 AND NOT con.conislocal ORDER BY h.inhseqno LIMIT 1) up ON true
WHERE con.contype IN ('c', 'f', 'p', 'u', 'x')
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND (c.oid IS NULL OR c.relpersistence <> 't')
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = con.conrelid AND e.deptype = 'e')
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_type'::regclass AND e.objid = con.contypid AND e.deptype = 'e')
  AND con.conrelid = ANY ($1) -- of some
