package rehearse

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/compare"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// meter reads what the database holds before, between and after the migrations, on a session of its own. It never reads while one runs:
// counting and sizing would wait for its locks.
type meter struct {
	cfg      *pgx.ConnConfig
	conn     *pgx.Conn
	version  int // server_version_num
	first    reading
	last     reading                  // indexed
	counters map[string]int64         // of changes to catalogs, when last asked for; nil when not known
	deltas   map[uint32]compare.Delta // over all migrations
	method   report.Method
	left     leaving
	ways     ways // as last read
}

// reading is the database at one moment.
type reading struct {
	schema    catalog.Schema
	rows      compare.Rows
	sizes     []catalog.Size
	leftovers []report.Leftover

	// Of an indexed reading the schema, the tables and the sizes are in these instead, by the relation they belong to; objects that belong to
	// none have 0. indexes are their tables by the OIDs of indexes.
	objects map[uint32]catalog.Schema
	tables  map[uint32]catalog.Table
	sizesOf map[uint32][]catalog.Size
	indexes map[uint32]uint32
}

func openMeter(ctx context.Context, cfg *pgx.ConnConfig) (*meter, error) {
	conn, err := meterSession(ctx, cfg)
	if err != nil {
		return nil, err
	}
	m := &meter{cfg: cfg, conn: conn, deltas: map[uint32]compare.Delta{}, method: report.Exact}
	if err := conn.QueryRow(ctx, "SELECT pg_catalog.current_setting('server_version_num')::int").Scan(&m.version); err != nil {
		_ = conn.Close(ctx)
		return nil, fmt.Errorf("read the version of staging: %w", err)
	}
	return m, nil
}

// meterSession connects. What is asked about a few relations again and again costs more to plan than to answer; a parameter of the connection would
// be taken for a setting of the server, when those are compared with production's.
func meterSession(ctx context.Context, cfg *pgx.ConnConfig) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, cfg.Copy())
	if err != nil {
		return nil, fmt.Errorf("connect to staging: %w", err)
	}
	if _, err := conn.Exec(ctx, "SET plan_cache_mode = force_generic_plan"); err != nil {
		_ = conn.Close(ctx)
		return nil, fmt.Errorf("set up a session of staging: %w", err)
	}
	return conn, nil
}

func (m *meter) close(ctx context.Context) error { return m.conn.Close(ctx) }

// revive connects anew where the session was ended: migrations are free to terminate all others of the database.
func (m *meter) revive(ctx context.Context) error {
	err := m.conn.Ping(ctx)
	if err == nil || ctx.Err() != nil {
		return err
	}
	_ = m.conn.Close(ctx)
	conn, err := meterSession(ctx, m.cfg)
	if err != nil {
		return err
	}
	m.conn = conn
	return nil
}

// begin reads everything before the first migration.
func (m *meter) begin(ctx context.Context) (err error) {
	_, err1 := m.changes(ctx)
	m.first, err = m.read(ctx, nil, nil)
	if err := errors.Join(err1, err); err != nil {
		return fmt.Errorf("read staging before the migrations: %w", err)
	}
	m.last = m.first
	m.last.rows.Counts = maps.Clone(m.first.rows.Counts)
	m.last.index()
	if m.ways, err = readWays(ctx, m.conn); err != nil {
		return err
	}
	return m.left.begin(ctx, m.conn)
}

// after compares the database with what it was before the migration; only tables that the migration touched are counted again.
func (m *meter) after(ctx context.Context, mig *report.Migration, o *observe.Observation) error {
	deltas := make(map[uint32]compare.Delta, len(o.Changes))
	for oid, c := range o.Changes {
		deltas[oid] = compare.Delta(c)
		m.deltas[oid] = plus(m.deltas[oid], compare.Delta(c))
	}
	if o.ChangesMethod != "" && o.ChangesMethod != report.Exact {
		m.method = o.ChangesMethod
	}
	s, err := m.afterSome(ctx, mig, o, deltas)
	if s == nil || err != nil {
		if err := m.revive(ctx); err != nil {
			return err
		}
		if s, err = m.afterAll(ctx, mig, o, deltas); err != nil {
			return err
		}
	}
	if err := m.reached(ctx, mig); err != nil {
		return err
	}
	return m.left.after(ctx, m.conn, mig, o, s, &m.last)
}

// step is what was read before and after a migration: of everything, or of the relations that alone it can have changed.
type step struct {
	was, is   reading
	relations []uint32 // nil: everything
}

// afterAll reads the whole database; only what the migration touched is counted again.
func (m *meter) afterAll(ctx context.Context, mig *report.Migration, o *observe.Observation, deltas map[uint32]compare.Delta) (*step, error) {
	touched := map[uint32]bool{}
	for _, oid := range o.Touched {
		touched[oid] = true
	}
	now, err := m.read(ctx, touched, m.last.rows.Counts)
	if err != nil {
		return nil, err
	}
	s := &step{was: m.last.whole(), is: now}
	m.differences(mig, s.was, now, deltas, o.ChangesMethod)
	m.last = now
	m.last.index()
	return s, nil
}

// differences tells what is different between two readings of the same relations.
func (m *meter) differences(mig *report.Migration, was, now reading, deltas map[uint32]compare.Delta, method report.Method) {
	mig.Schema = compare.Schema(was.schema, now.schema)
	mig.Rows = compare.DiffRows(was.rows, now.rows, deltas, method)
	mig.Sizes = compare.DiffSizes(was.sizes, now.sizes)
	mig.Leftovers = compare.DiffLeftovers(was.leftovers, now.leftovers)
}

func plus(a, b compare.Delta) compare.Delta {
	return compare.Delta{
		Inserted: a.Inserted + b.Inserted, Updated: a.Updated + b.Updated, Deleted: a.Deleted + b.Deleted, Truncated: a.Truncated || b.Truncated,
	}
}

// end compares the last with the first reading, every table counted again: a change that no migration was seen to make shows here.
func (m *meter) end(ctx context.Context, result *report.Result) error {
	if err := m.revive(ctx); err != nil {
		return err
	}
	was := m.last.whole()
	now, err := m.read(ctx, nil, nil)
	if err != nil {
		return fmt.Errorf("read staging after the migrations: %w", err)
	}
	for _, t := range now.rows.Tables {
		if seen, is := was.rows.Counts[t.OID], now.rows.Counts[t.OID]; seen != is && t.Bookkeeping() == "" {
			result.NotMeasured = append(result.NotMeasured, report.NotMeasured{
				What: fmt.Sprintf("which migration changed the rows of %s (%d after the last one that touched it, %d at the end)", t, seen, is),
				Why:  "none was seen to touch it",
			})
		}
	}
	for _, c := range compare.Schema(was.schema, now.schema) {
		result.NotMeasured = append(result.NotMeasured, report.NotMeasured{
			What: fmt.Sprintf("which migration %s %s %s", c.Action, c.Kind, c.Name), Why: "no lock told of it",
		})
	}
	result.Schema = compare.Schema(m.first.schema, now.schema)
	result.Rows = compare.DiffRows(m.first.rows, now.rows, m.deltas, m.method)
	result.Sizes = compare.DiffSizes(m.first.sizes, now.sizes)
	result.Leftovers = compare.DiffLeftovers(m.first.leftovers, now.leftovers)
	result.StayInvalid = compare.StillInvalid(m.first.leftovers, now.leftovers)
	return nil
}

// read reads the database. Where counts from before are given, only touched tables, and those that were not there, are counted again.
func (m *meter) read(ctx context.Context, touched map[uint32]bool, before map[uint32]int64) (r reading, err error) {
	var errs [4]error
	r.schema, errs[0] = catalog.Read(ctx, m.conn)
	r.rows.Tables, errs[1] = catalog.Tables(ctx, m.conn)
	r.sizes, errs[2] = catalog.Sizes(ctx, m.conn)
	r.leftovers, errs[3] = compare.Leftovers(ctx, m.conn)
	if err := errors.Join(errs[:]...); err != nil {
		return r, err
	}
	if before == nil {
		r.rows.Counts, err = compare.CountRows(ctx, m.conn, r.rows.Tables, nil)
		return r, err
	}
	again := maps.Clone(touched)
	for _, t := range r.rows.Tables {
		if _, known := before[t.OID]; !known {
			again[t.OID] = true
		}
	}
	counted, err := compare.CountRows(ctx, m.conn, r.rows.Tables, again)
	r.rows.Counts = maps.Clone(before)
	maps.Copy(r.rows.Counts, counted)
	return r, err
}
