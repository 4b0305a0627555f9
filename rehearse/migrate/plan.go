package migrate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// Plan is what is to be applied.
type Plan struct {
	Pending []Migration   // by number
	Drift   *report.Drift // nil when files and version table agree

	set     *Set
	command string // of a plan made by Command
}

// Applied reads a goose version table, on the source or on staging, and gives the versions in it in order and the
// table's quoted, schema qualified name. The name is looked up as SQL would, along the session's search_path. As goose does, it counts
// every row, whatever its is_applied: going down deletes rows. Row 0, which goose makes with the table, is left out.
// A [*NoVersionTableError] says that there is none. Errors of the server name the SQLSTATE only.
func Applied(ctx context.Context, conn *pgx.Conn, table string) (versions []int64, name string, err error) {
	const find = `SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass($1)`
	err = conn.QueryRow(ctx, find, table).Scan(&name)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, "", &NoVersionTableError{Table: table}
	}
	if err != nil {
		return nil, "", fmt.Errorf("find version table %s: %w", table, bare(err))
	}
	rows, err := conn.Query(ctx, "SELECT DISTINCT version_id FROM "+name+" WHERE version_id > 0 ORDER BY 1")
	if err == nil {
		versions, err = pgx.CollectRows(rows, pgx.RowTo[int64])
	}
	if err != nil {
		return nil, "", fmt.Errorf("read version table %s: %w", name, bare(err))
	}
	return versions, name, nil
}

// bare keeps of a server's error what cannot quote data.
func bare(err error) error {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return fmt.Errorf("SQLSTATE %s", pe.Code)
	}
	return err
}

// Plan finds what is pending when the given versions have been applied, up to and including version to (0: all), and has goose parse each
// pending file. With allowMissing, migrations older than the newest applied one are pending like others; without, [Apply] refuses a plan
// that has such. The plan is given with an error too, as far as it goes: [*GoMigrationsError] and [*SyntaxError], all of them joined.
func (s *Set) Plan(applied []int64, to int64, allowMissing bool) (*Plan, error) {
	if to == 0 {
		to = math.MaxInt64
	}
	var newest int64
	for _, v := range applied {
		newest = max(newest, v)
	}
	p := &Plan{set: s}
	drift := report.Drift{Allowed: allowMissing}
	for _, v := range applied {
		if v > 0 && s.index(v) < 0 && !slices.Contains(drift.MissingFiles, v) {
			drift.MissingFiles = append(drift.MissingFiles, v)
		}
	}
	slices.Sort(drift.MissingFiles)
	for _, m := range s.migrations {
		if m.Version > to || slices.Contains(applied, m.Version) {
			continue
		}
		if m.Version < newest {
			drift.OutOfOrder = append(drift.OutOfOrder, m.File)
			if !allowMissing {
				continue
			}
		}
		p.Pending = append(p.Pending, m)
	}
	if len(drift.MissingFiles)+len(drift.OutOfOrder) > 0 {
		p.Drift = &drift
	}
	return p, p.parse()
}

// PlanOf takes those versions for pending of which pending says so, whatever any table says, and parses them as the other plans do.
func (s *Set) PlanOf(pending func(version int64) bool) (*Plan, error) {
	p := &Plan{set: s}
	for _, m := range s.migrations {
		if pending(m.Version) {
			p.Pending = append(p.Pending, m)
		}
	}
	if s.ofFiles() {
		return p, p.parseFiles()
	}
	return p, p.parse()
}

// ofFiles says that we apply the files, and goose does not.
func (s *Set) ofFiles() bool { return s.by == report.GolangMigrate || s.by == report.Plain }

// parse fills in what goose makes of the pending files.
func (p *Plan) parse() error {
	var errs []error
	var inGo []string
	for _, m := range p.Pending {
		if m.Go && !p.set.isRegistered(m.Version) {
			inGo = append(inGo, m.File)
		}
	}
	if len(inGo) > 0 {
		errs = append(errs, &GoMigrationsError{Files: inGo})
	}
	reader, err := newReader(p.set)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	defer reader.close()
	for i := range p.Pending {
		if err := reader.read(&p.Pending[i]); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
