package rehearse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/compare"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// remedy tries the known remedies for what the first pass saw blocked, each on a clone of its own at the state before its migration, and
// measures them as the migration was: how long an application would have waited, and whether the schema is the same in the end.
func remedy(ctx context.Context, p *passing) (string, error) {
	last, tried := -1, 0
	for i := range p.applied {
		m := &p.result.Migrations[i]
		if p.work.todo.Pending[i].Statements != nil && len(verdict.Remedies(m))+len(verdict.BatchesOf(m)) > 0 {
			last = i
		}
	}
	if last < 0 {
		return "no statement has a remedy that is known", nil
	}
	err := p.onClone(ctx, "", func(at staging.Server) error {
		for i := 0; i <= last; i++ {
			if err := p.remedies(ctx, at, i); err != nil {
				return err
			}
			tried += len(p.result.Migrations[i].Remedies)
		}
		return nil
	})
	return fmt.Sprintf("%d tried", tried), err
}

// remedies tries those of one migration, and then applies it as it is to the database that the walk goes on with.
func (p *passing) remedies(ctx context.Context, at staging.Server, i int) error {
	m := &p.result.Migrations[i]
	wanted := verdict.Remedies(m)
	batched, err := p.batches(ctx, at, i)
	if err != nil {
		return err
	}
	wanted = append(wanted, batched...)
	tried := make([]catalog.Schema, len(wanted))
	for n, w := range wanted {
		r := report.Remedied{Line: m.Statements[w.Statement].Line, Table: w.Table, SQL: w.SQL}
		err := p.onClone(ctx, at.Info().Database, func(on staging.Server) (err error) {
			if err := p.tryRemedy(ctx, on, i, w, &r); err != nil || r.Failure != nil {
				return err
			}
			tried[n], err = schemaOf(ctx, on)
			return err
		})
		if err != nil {
			return fmt.Errorf("remedy for %s: %w", m.Name, err)
		}
		m.Remedies = append(m.Remedies, r)
	}
	if err := p.up(ctx, at, i); err != nil || len(wanted) == 0 {
		return err
	}
	asIs, err := schemaOf(ctx, at)
	for n := range m.Remedies {
		if m.Remedies[n].Failure == nil {
			m.Remedies[n].Differs = compare.ByName(asIs, tried[n])
		}
	}
	return err
}

// batches are the statements of a migration that can be cut into batches by a key that their table has.
func (p *passing) batches(ctx context.Context, at staging.Server, i int) (all []verdict.Remedy, err error) {
	m := &p.result.Migrations[i]
	wanted := verdict.BatchesOf(m)
	if len(wanted) == 0 || p.work.todo.Pending[i].Statements == nil {
		return nil, nil
	}
	err = connected(ctx, at.Config(), func(conn *pgx.Conn) error {
		for _, b := range wanted {
			key, err := numericKey(ctx, conn, b.Table)
			if err != nil {
				return err
			}
			if sql := verdict.Batches(m.Statements[b.Statement].SQL, b.Table, key); key != "" && sql != "" {
				all = append(all, verdict.Remedy{Statement: b.Statement, Table: b.Table, SQL: []string{sql}, Batches: true})
			}
		}
		return nil
	})
	return all, err
}

// numericKey is a column of whole numbers that is unique and not null in a table; "" when it has none. Source: pg_index, pg_attribute.
func numericKey(ctx context.Context, conn *pgx.Conn, table string) (key string, err error) {
	const query = `SELECT a.attname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
  WHERE i.indrelid = $1::pg_catalog.regclass AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indnkeyatts = 1 AND i.indpred IS NULL
    AND a.attnotnull AND a.atttypid IN ('int2'::pg_catalog.regtype, 'int4'::pg_catalog.regtype, 'int8'::pg_catalog.regtype)
  ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1`
	if err = conn.QueryRow(ctx, query, table).Scan(&key); errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return key, err
}

// up applies one migration to a clone and leaves no session there, so that it can be cloned itself.
func (p *passing) up(ctx context.Context, at staging.Server, i int) (err error) {
	a, err := p.applier(ctx, at, observe.Options{TimesOnly: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close(ctx)) }()
	m, _, err := a.Up(ctx, i)
	if err == nil && m.Outcome != report.Applied {
		err = p.otherwise(m, i)
	}
	return err
}

func schemaOf(ctx context.Context, at staging.Server) (s catalog.Schema, err error) {
	err = connected(ctx, at.Config(), func(conn *pgx.Conn) (err error) {
		s, err = catalog.Read(ctx, conn)
		return err
	})
	return s, err
}

// tryRemedy runs a migration with one of its statements replaced: what stands before it in one transaction, its steps each by itself, and what
// stands after it in another transaction, while canaries ask for the tables that the migration locks.
func (p *passing) tryRemedy(ctx context.Context, on staging.Server, i int, w verdict.Remedy, r *report.Remedied) (err error) {
	target, err := p.target(ctx, p.work, on)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, target())
	if err != nil {
		return fmt.Errorf("connect to staging: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	canaries := observe.Release(ctx, on.Config, p.lockedBy(i))
	defer canaries.Stop()
	canaries.Settle(ctx, settling)

	from := time.Now()
	all := p.work.todo.Pending[i].Statements
	err = together(ctx, conn, all[:w.Statement])
	if err == nil {
		err = p.steps(ctx, on, conn, w, r)
	}
	if err == nil {
		err = together(ctx, conn, all[w.Statement+1:])
	}
	to := time.Now()
	canaries.Settle(ctx, settling)
	r.Blocked = canaries.Waits(from, to)
	if err != nil && ctx.Err() == nil && !conn.IsClosed() {
		r.Failure, err = observe.Failure(err), nil
	}
	return err
}

// steps runs a remedy's statements, each by itself, and times them; of batches it samples how long their longest transaction lasted.
func (p *passing) steps(ctx context.Context, on staging.Server, conn *pgx.Conn, w verdict.Remedy, r *report.Remedied) error {
	if w.Batches {
		watched := observe.WatchTransactions(ctx, on.Config, conn.PgConn().PID())
		defer func() { r.Longest = report.Duration(watched()) }()
	}
	begun := time.Now()
	defer func() { r.Duration = report.Duration(time.Since(begun)) }()
	for _, step := range w.SQL {
		if _, err := conn.Exec(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

// lockedBy are the tables that one migration was seen to lock against reads or writes, no more than can be probed.
func (p *passing) lockedBy(i int) []string {
	tables := p.locked(p.result.Migrations[i : i+1])
	return tables[:min(len(tables), observe.MostProbed)]
}

// together runs statements in one transaction.
func together(ctx context.Context, conn *pgx.Conn, statements []observe.Source) error {
	if len(statements) == 0 {
		return nil
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // after a commit there is nothing to roll back, and after a failure the session ends
	for _, s := range statements {
		if strings.TrimSpace(s.SQL) == "" {
			continue
		}
		if _, err := tx.Exec(ctx, s.SQL, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
	}
	return tx.Commit(ctx)
}
