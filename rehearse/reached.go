package rehearse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// way is how a change of one table's rows reaches other rows: a trigger or a rule that fires, a foreign key that acts, or a view that can be written to.
type way struct {
	kind, name string
	on         string // the table whose change sets it off, the topmost of a partitioned one
	to         string // of a foreign key the table that references, of a view one that it is of
	bits       int    // as of pg_trigger.tgtype: what sets it off
	definition string // of a trigger or a rule; of a foreign key what it does
	function   uint32 // of a trigger
	columns    []string
}

// Bits of pg_trigger.tgtype (catalog/pg_trigger.h).
const (
	firesPerRow   = 1
	firesBefore   = 2
	firesOnInsert = 4
	firesOnDelete = 8
	firesOnUpdate = 16
	firesInstead  = 64
)

// sqlWays lists what works in a session that is no replica. Sources: pg_trigger, pg_rewrite, pg_constraint, pg_depend.
const sqlWays = `WITH RECURSIVE named AS (SELECT c.oid, format('%I.%I', n.nspname, t.relname) AS name FROM pg_class c
  JOIN pg_class t ON t.oid = coalesce(pg_partition_root(c.oid), c.oid) JOIN pg_namespace n ON n.oid = t.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'f') AND c.oid >= 16384),
seen (view, of) AS (SELECT r.ev_class, d.refobjid FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
  AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class WHERE r.rulename = '_RETURN' AND r.ev_class >= 16384
  UNION SELECT s.view, d.refobjid FROM seen s JOIN pg_rewrite r ON r.ev_class = s.of AND r.rulename = '_RETURN'
  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class)
SELECT 'trigger', quote_ident(t.tgname), n.name, '', t.tgtype::int, pg_get_triggerdef(t.oid), t.tgfoid::oid, '{}'::text[]
FROM pg_trigger t JOIN named n ON n.oid = t.tgrelid WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
UNION ALL
SELECT 'rule', quote_ident(r.rulename), n.name, '', CASE r.ev_type WHEN '2' THEN 16 WHEN '3' THEN 4 ELSE 8 END, pg_get_ruledef(r.oid), 0, '{}'
FROM pg_rewrite r JOIN named n ON n.oid = r.ev_class WHERE r.ev_type IN ('2', '3', '4') AND r.ev_enabled IN ('O', 'A')
UNION ALL
SELECT 'foreign key', quote_ident(k.conname), p.name, c.name, e.bit,
  e.happens || CASE e.act WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' ELSE 'SET DEFAULT' END, 0,
  ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = k.conrelid AND attnum = ANY (k.conkey))
FROM pg_constraint k JOIN named p ON p.oid = k.confrelid JOIN named c ON c.oid = k.conrelid
CROSS JOIN LATERAL (VALUES (8, 'ON DELETE ', k.confdeltype), (16, 'ON UPDATE ', k.confupdtype)) e (bit, happens, act)
WHERE k.contype = 'f' AND k.conparentid = 0 AND e.act IN ('c', 'n', 'd')
UNION ALL
SELECT DISTINCT 'view', '', v.name, t.name, 0, '', 0::oid, '{}'::text[] FROM seen s JOIN named v ON v.oid = s.view JOIN named t ON t.oid = s.of
WHERE pg_relation_is_updatable(s.view, false) <> 0
ORDER BY 1, 2, 3, 4, 5, 6`

// sqlCode reads the functions that people wrote.
const sqlCode = `SELECT p.oid, p.proname::text, p.prosrc FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.oid >= 16384 AND l.lanname NOT IN ('c', 'internal')`

// ways are those of a database at one time, with the code that they run.
type ways struct {
	all   []way
	code  map[uint32]string   // of functions
	named map[string][]uint32 // functions by their names
}

func readWays(ctx context.Context, conn *pgx.Conn) (w ways, err error) {
	rows, err := conn.Query(ctx, sqlWays)
	if err == nil {
		w.all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (x way, err error) {
			return x, row.Scan(&x.kind, &x.name, &x.on, &x.to, &x.bits, &x.definition, &x.function, &x.columns)
		})
	}
	if err != nil {
		return w, fmt.Errorf("read triggers, rules and foreign keys of staging: %w", err)
	}
	w.code, w.named = map[uint32]string{}, map[string][]uint32{}
	if rows, err = conn.Query(ctx, sqlCode); err == nil {
		var oid uint32
		var name, text string
		_, err = pgx.ForEachRow(rows, []any{&oid, &name, &text}, func() error {
			w.code[oid], w.named[name] = text, append(w.named[name], oid)
			return nil
		})
	}
	if err != nil {
		return w, fmt.Errorf("read functions of staging: %w", err)
	}
	return w, nil
}

// reached says of each table whose rows a migration changed which triggers, rules and foreign keys may have done that: of those there were before
// the migration or after it, the ones that something has set off.
func (m *meter) reached(ctx context.Context, mig *report.Migration) error {
	if len(mig.Rows)+len(mig.Schema) == 0 {
		return nil
	}
	before := m.ways
	now, err := readWays(ctx, m.conn)
	if err != nil {
		return err
	}
	m.ways = now
	for i := range mig.Rows {
		t := &mig.Rows[i]
		columns, err := columnsOf(ctx, m.conn, t.Table)
		if err != nil {
			return err
		}
		for _, w := range []ways{before, now} {
			for _, x := range w.all {
				through := w.through(x, t, mig.Rows, columns)
				if len(through.Does)+len(through.Columns) > 0 && !slices.ContainsFunc(t.Through, through.Same) {
					t.Through = append(t.Through, through)
				}
			}
		}
	}
	return nil
}

// columnsOf are the columns that a table has, plain names; none where it is no more.
func columnsOf(ctx context.Context, conn *pgx.Conn, table string) ([]string, error) {
	rows, err := conn.Query(ctx, "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped", table)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// through is what a way can have done to a table's rows, given what happened to all; nothing where nothing has set it off.
func (w *ways) through(x way, t *report.TableRows, all []report.TableRows, columns []string) report.Through {
	out := report.Through{Kind: x.kind, Name: x.name, On: x.on, When: x.definition}
	if x.kind == "foreign key" {
		if fired, _ := x.setOff(all); !fired || x.to != t.Table {
			return report.Through{}
		}
		out.Columns = x.columns
		out.Does = []string{report.RowsUpdated}
		if strings.HasSuffix(x.definition, "DELETE CASCADE") {
			out.Does, out.Columns = []string{report.RowsDeleted}, nil
		}
		return out
	}
	if x.kind == "view" {
		if x.to == t.Table {
			out.Does = []string{report.RowsInserted, report.RowsUpdated, report.RowsDeleted}
		}
		return out
	}
	fired, times := x.setOff(all)
	if !fired {
		return report.Through{}
	}
	out.When = x.when()
	code, dynamic := w.run(x)
	does := verdict.Does(code, t.Table)
	if dynamic && times > 0 && times == t.Inserted && !slices.Contains(does, report.RowsInserted) {
		does = append(does, report.RowsInserted) // a name put together as it runs; that the numbers are equal is no chance
	}
	out.Does = does
	if x.on == t.Table || slices.Contains(does, report.RowsUpdated) {
		out.Columns = verdict.Named(code, columns)
	}
	return out
}

// setOff tells whether something has set the way off, and for what fires for each row how often. What stands in the place of a statement has no
// rows that would show it.
func (x way) setOff(all []report.TableRows) (fired bool, times int64) {
	if x.kind == "rule" || x.bits&firesInstead != 0 {
		return true, 0
	}
	for _, t := range all {
		if t.Table != x.on {
			continue
		}
		for bit, n := range map[int]int64{firesOnInsert: t.Inserted, firesOnDelete: t.Deleted, firesOnUpdate: t.Updated} {
			if x.bits&bit != 0 {
				times += n
			}
		}
	}
	fired = times > 0
	if x.bits&firesPerRow == 0 {
		times = 0
	}
	return fired, times
}

// when says in words what sets a trigger or a rule off.
func (x way) when() string {
	at := "AFTER"
	switch {
	case x.kind == "rule":
		at = "ON"
	case x.bits&firesInstead != 0:
		at = "INSTEAD OF"
	case x.bits&firesBefore != 0:
		at = "BEFORE"
	}
	var events []string
	for _, e := range []struct {
		bit  int
		name string
	}{{firesOnInsert, "INSERT"}, {firesOnUpdate, "UPDATE"}, {firesOnDelete, "DELETE"}} {
		if x.bits&e.bit != 0 {
			events = append(events, e.name)
		}
	}
	return at + " " + strings.Join(events, " OR ")
}

// run is the code that a trigger or a rule runs, with that of the functions that it names, and these name; dynamic tells of statements that are put
// together as they run.
func (w *ways) run(x way) (code string, dynamic bool) {
	code = x.definition
	seen := map[uint32]bool{0: true}
	for next := []uint32{x.function}; len(next) > 0; next = next[1:] {
		if seen[next[0]] {
			continue
		}
		seen[next[0]] = true
		text := w.code[next[0]]
		code += ";\n" + text
		for _, word := range verdict.Words(text) {
			dynamic = dynamic || word == "execute"
			next = append(next, w.named[word]...)
		}
	}
	return code, dynamic
}
