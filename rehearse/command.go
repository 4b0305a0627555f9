package rehearse

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// todoCommand plans to have a command of the user's apply what it takes for pending. Nothing of that is known before it runs.
func (r *rehearsal) todoCommand(w *work) (err error) {
	w.todo, w.environ = migrate.Command(r.cfg.MigrateCommand), r.environ(os.Environ())
	r.result.Migrations = []report.Migration{notRun(w.todo.Pending[0])}
	w.role, err = r.as(w, w.books(), "one session for each connection of the command")
	r.result.NotMeasured = append(r.result.NotMeasured, report.NotMeasured{
		What: "which statements production's unmasked rows would fail", Why: "what a command sends is not known before it runs, so that the source could not be asked",
	})
	return err
}

// books is the table in which the command's tool keeps its books, as far as there is only one such; the zero value otherwise.
func (w *work) books() versionTable {
	var found []versionTable
	for _, t := range w.desc.Tables {
		if b := t.Bookkeeping(); b != "" && t.Name != "ar_internal_metadata" && t.Name != "databasechangeloglock" {
			found = append(found, versionTable{schema: t.Schema, name: t.Name, oid: t.OID, owner: t.Owner})
		}
	}
	if len(found) != 1 {
		return versionTable{}
	}
	return found[0]
}

// aside names the tables in which a command's tool may keep its books, and that in which golang-migrate does, of which nothing is told.
func (w *work) aside() []string {
	var names []string
	switch {
	case w.by == report.GolangMigrate:
		return []string{w.table.String()}
	case w.environ == nil:
		return nil
	}
	for _, t := range w.desc.Tables {
		if t.Bookkeeping() != "" {
			names = append(names, t.String())
		}
	}
	return names
}

// entries are what the version table says or, where a command migrates, all tables in which tools keep their books, in words that can be compared.
func (w *work) entries(ctx context.Context, conn *pgx.Conn, all []catalog.Table) (entries []string, err error) {
	if w.environ == nil {
		return migrate.Entries(ctx, conn, w.by, w.table.String())
	}
	for _, t := range all {
		var says []string
		for _, c := range t.Says() {
			name := catalog.Quote(c.Name)
			if strings.HasPrefix(c.BaseType, "timestamp") {
				name = "(" + name + " IS NOT NULL)"
			}
			says = append(says, name+"::text")
		}
		if len(says) == 0 {
			continue
		}
		rows, err := conn.Query(ctx, "SELECT concat_ws(' ', "+strings.Join(says, ", ")+") FROM "+t.String(), pgx.QueryExecModeExec)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", t, err)
		}
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", t, err)
		}
		slices.Sort(found)
		for _, one := range found {
			entries = append(entries, t.String()+": "+one)
		}
	}
	return entries, nil
}

// command is what the command is run with.
func (r *rehearsal) command(w *work) migrate.CommandOptions {
	return migrate.CommandOptions{Environ: w.environ, Database: r.result.Source.Database}
}

// environ is the environment without what could lead a command to the source: variables of this program and of PostgreSQL's clients, and
// all whose value is the address of the source's server.
func (r *rehearsal) environ(all []string) []string {
	return slices.DeleteFunc(harmless(all), func(entry string) bool {
		name, value, _ := strings.Cut(entry, "=")
		leads := name == "DATABASE_URL" || r.leads(value)
		if leads && name != "DATABASE_URL" {
			r.cfg.Log.Warn("the migrating command does not get a variable that leads to the source", "variable", name)
		}
		return leads
	})
}

// leads tells an address, as a URL or in words, of the source's server.
func (r *rehearsal) leads(value string) bool {
	if r.cfg.Source == nil || !strings.Contains(value, "://") && !strings.Contains(value, "host=") {
		return false
	}
	value = strings.TrimPrefix(value, "jdbc:")
	if scheme, rest, ok := strings.Cut(value, "://"); ok {
		value = "postgres://" + rest // whatever a tool calls it: postgresql, pgx5, ecto
		_ = scheme
	}
	cfg, err := pgx.ParseConfig(value)
	return err == nil && cfg.Port == r.cfg.Source.Port && (cfg.Host == r.cfg.Source.Host || path.Base(cfg.Host) == r.cfg.Source.Host)
}
