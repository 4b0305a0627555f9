package rehearse

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// contested tells whether a migration can have to wait for readers or writers, by what the first pass saw: it locks a table of production against
// writes, or something of it runs outside a transaction, where it may wait for the end of others (CONCURRENTLY). The tables are those it
// locks and, where its locks may not have been seen, those it changes.
func (p *passing) contested(i int) (tables []string, yes bool) {
	m := &p.result.Migrations[i]
	for _, e := range m.Locks {
		if p.result.Made(e.Table) {
			continue
		}
		tables = append(tables, e.Table)
		yes = yes || e.Blocks != "schema changes" || !whole(m)
	}
	unseen := p.unseen(m)
	for _, st := range m.Statements {
		yes = yes || !st.Transaction && st.LocksUnseen() && !slices.Contains(changingRows, st.Tag)
	}
	tables = append(tables, unseen...)
	slices.Sort(tables)
	return slices.Compact(tables), yes
}

// changingRows are the tags of statements that take no lock against readers, and wait for none.
var changingRows = []string{"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "CREATE TABLE AS", "SELECT INTO"}

// unseen are the tables that a migration was found to have changed, of production's, where some of its locks were gone before anybody looked.
func (p *passing) unseen(m *report.Migration) (tables []string) {
	if !slices.ContainsFunc(m.Statements, report.Statement.LocksUnseen) {
		return nil
	}
	for _, c := range m.Schema {
		name := cmp.Or(c.OldName, c.Name)
		if c.Action != "added" && c.Kind == "table" && !p.result.Made(name) {
			tables = append(tables, name)
		}
	}
	return tables
}

// whole tells a migration of which nothing stays when it fails.
func whole(m *report.Migration) bool {
	return m.Transaction && !slices.ContainsFunc(m.Statements, func(st report.Statement) bool {
		return !st.Transaction || slices.Contains([]string{"COMMIT", "ROLLBACK", "BEGIN", "START TRANSACTION"}, st.Tag)
	})
}

// roleHasTimeout tells whether sessions that migrate begin with a lock_timeout: that of the role, of the database, or of the server.
func (c *crowded) roleHasTimeout(ctx context.Context) (bool, error) {
	target, err := c.target(ctx, c.work, c.at)
	if err != nil {
		return false, err
	}
	conn, err := pgx.ConnectConfig(ctx, target())
	if err != nil {
		return false, fmt.Errorf("connect to staging as role %s: %w", c.work.role, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var setting string
	err = conn.QueryRow(ctx, "SELECT pg_catalog.current_setting('lock_timeout')").Scan(&setting)
	return setting != "0", err
}

var (
	setsTimeout   = regexp.MustCompile(`(?i)\block_timeout\b['"\s]*(?:=|,|\bTO\b)\s*['"]?\s*0*[1-9]`)
	leavesTimeout = regexp.MustCompile(`(?i)^SET\s+(?:SESSION\s+)?lock_timeout\b`)
)

// setsTimeout tells whether a migration sets a lock_timeout, or one before it has left one to the session.
func (c *crowded) setsTimeout(i int) bool {
	for j := range i + 1 {
		for _, st := range c.result.Migrations[j].Statements {
			if setsTimeout.MatchString(st.SQL) && (j == i || c.cfg.Session != "each" && leavesTimeout.MatchString(st.SQL)) {
				return true
			}
		}
	}
	return false
}
