package rehearse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/compare"
	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// mostCleanup is the most of a clean-up that is shown, in bytes; longer ones are not offered.
const mostCleanup = 8000

// mending is SQL that may help after a kill.
type mending struct {
	sql   []string
	again bool // the migrator is run after it; otherwise the SQL does all that is left
}

// mend looks for SQL that helps after a kill. Each is tried on a clone of the database as the kill left it, and only one with which
// that ends as after an undisturbed run is told.
func (k *killing) mend(ctx context.Context, i int, where point, from string, killed *state, p *report.KillPoint) error {
	for _, r := range k.remedies(i, where, killed) {
		text := strings.Join(r.sql, "\n")
		if len(text) > mostCleanup || k.late(k.once+k.cloning) {
			continue
		}
		failure, d, err := k.try(ctx, from, i, r.sql, r.again)
		if err != nil {
			return err
		}
		if failure == nil && d.none() {
			p.Cleanup, p.ByHand = text, !r.again
			if p.Outcome == report.KillWedged {
				p.Outcome = report.KillNeedsCleanup
			}
			return nil
		}
	}
	return nil
}

// remedies are, the gentlest first: what is half done is dropped; all that the migration has made is dropped, or what it has since a point from
// which it resumes; what is left of the file is done by hand, with the entry in the version table.
func (k *killing) remedies(i int, where point, killed *state) []mending {
	var all []mending
	var half []string
	for _, l := range killed.leftovers {
		if l.SQL != "" && !slices.Contains(k.before.leftovers, l) && !slices.Contains(k.control.leftovers, l) {
			half = append(half, closed(l.SQL))
		}
	}
	reset := k.reset(i)
	if len(half)+len(reset) > 0 {
		all = append(all, mending{sql: slices.Concat(half, reset), again: true})
	}
	if undo := undoing(k.before, killed); len(undo) > 0 {
		all = append(all, mending{sql: slices.Concat(undo, reset), again: true})
	}
	if k.resumed != nil && slices.Equal(k.resumed.entries, killed.entries) {
		if undo := undoing(k.resumed, killed); len(undo) > 0 {
			all = append(all, mending{sql: undo, again: true})
		}
	}
	if rest := k.rest(i, where); len(rest) > 0 {
		all = append(all, mending{sql: append(slices.Clone(half), rest...)})
	}
	return all
}

// reset are the statements that have golang-migrate's table say what it said before the ith migration, as migrate force does; nil for others,
// which leave no entry half way.
func (k *killing) reset(i int) []string {
	if k.work.by != report.GolangMigrate {
		return nil
	}
	return []string{k.work.todo.Pending[i].Before().Set(k.work.table.String())}
}

// drops are the statements that take an object away, by its kind, in the order in which they can be run; %s is its name and, for parts of a
// table, %[2]s the table's.
var drops = []struct{ kind, sql string }{
	{"trigger", "DROP TRIGGER %s ON %s;"},
	{"policy", "DROP POLICY %s ON %s;"},
	{"rule", "DROP RULE %s ON %s;"},
	{"view", "DROP VIEW %s;"},
	{"materialized view", "DROP MATERIALIZED VIEW %s;"},
	{"statistics", "DROP STATISTICS %s;"},
	{"constraint", "ALTER TABLE %[2]s DROP CONSTRAINT %[1]s;"},
	{"index", "DROP INDEX %s;"},
	{"column", "ALTER TABLE %[2]s DROP COLUMN %[1]s;"},
	{"table", "DROP TABLE %s;"},
	{"sequence", "DROP SEQUENCE %s;"},
	{"aggregate", "DROP AGGREGATE %s;"},
	{"function", "DROP FUNCTION %s;"},
	{"procedure", "DROP PROCEDURE %s;"},
	{"enum", "DROP TYPE %s;"},
	{"composite type", "DROP TYPE %s;"},
	{"range type", "DROP TYPE %s;"},
	{"domain", "DROP DOMAIN %s;"},
	{"extension", "DROP EXTENSION %s;"},
	{"schema", "DROP SCHEMA %s;"},
}

// undoing drops what one state has and the other had not. It is nil when more than that differs: what was changed or dropped cannot be taken
// back by a DROP.
func undoing(before, killed *state) []string {
	if slices.ContainsFunc(withoutServer(compare.ByName(before.schema, killed.schema)), beyondAdding) {
		return nil
	}
	for table, was := range before.counts {
		if killed.counts[table] != was {
			return nil
		}
	}
	had, parents := map[string]bool{}, map[catalog.ID]catalog.Object{}
	for _, o := range before.schema {
		had[o.Kind+" "+o.Name] = true
	}
	for _, o := range killed.schema {
		parents[o.ID] = o
	}
	isNew := func(o catalog.Object) bool { return !had[o.Kind+" "+o.Name] }
	var sql []string
	for _, d := range drops {
		for _, o := range killed.schema {
			parent, inside := parents[o.Parent]
			if o.Kind != d.kind || !isNew(o) || inside && isNew(parent) {
				continue
			}
			name := o.Name
			if inside && strings.Contains(d.sql, "[") || strings.Contains(d.sql, " ON ") {
				name = o.Label
			}
			if strings.Count(d.sql, "%") > 1 {
				sql = append(sql, fmt.Sprintf(d.sql, name, parent.Name))
			} else {
				sql = append(sql, fmt.Sprintf(d.sql, name))
			}
		}
	}
	return sql
}

// beyondAdding says that a change is more than that something was added.
func beyondAdding(c report.Change) bool {
	return c.Action != compare.Added && (c.Action != compare.Changed || len(c.Attributes) > 0 || slices.ContainsFunc(c.Children, beyondAdding))
}

// rest is what is left of a file after a kill, and the entry in the version table: with what the file sets for the session before, and from
// the beginning of the transaction on that the kill undid. It is nil for a migration in Go.
func (k *killing) rest(i int, where point) []string {
	m, src := &k.result.Migrations[i], k.work.todo.Pending[i]
	if src.Go || len(src.Statements) != len(m.Statements) {
		return nil
	}
	from := where.statement
	if where.inside {
		from--
	}
	for from > 0 && m.Statements[from-1].Transaction && m.Statements[from-1].Tag != "COMMIT" {
		from--
	}
	if from > 0 && slices.Contains([]string{"BEGIN", "START TRANSACTION"}, m.Statements[from-1].Tag) {
		from--
	}
	var sql []string
	for n, s := range src.Statements {
		if n >= from || m.Statements[n].Tag == "SET" {
			sql = append(sql, closed(s.SQL))
		}
	}
	table := k.work.table.String()
	switch k.work.by {
	case report.Plain:
		return sql
	case report.GolangMigrate:
		return append(sql, migrate.Entry{Recorded: true, Version: m.Version}.Set(table))
	case report.Goose:
	}
	return append(sql, fmt.Sprintf("INSERT INTO %s (version_id, is_applied) VALUES (%d, true);", table, m.Version))
}

// closed is a statement with its semicolon.
func closed(sql string) string { return strings.TrimRight(strings.TrimSpace(sql), "; \n\t") + ";" }

// byHand runs statements one by one, as the role that migrates and on a session of its own. What fails is told, with no data in it.
func (k *killing) byHand(ctx context.Context, at staging.Server, sql []string) (failed *report.Failure, err error) {
	if len(sql) == 0 {
		return nil, nil
	}
	target, err := k.target(ctx, k.work, at)
	if err != nil {
		return nil, err
	}
	err = connected(ctx, target(), func(conn *pgx.Conn) error {
		for _, one := range sql {
			if _, err := conn.PgConn().Exec(ctx, one).ReadAll(); err != nil {
				if f := observe.Failure(err); f != nil && f.SQLState != "" {
					failed = f
					return nil
				}
				return err
			}
		}
		return nil
	})
	return failed, err
}
