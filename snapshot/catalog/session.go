package catalog

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Querier is a session of the database to read: *pgx.Conn and pgx.Tx have it.
//
// In an open transaction (a pgx.Tx, or a Conn that has begun one) the reading happens in that transaction's own view, inside a
// savepoint that is rolled back, so that nothing of the session changes. On an idle Conn it happens in a READ ONLY, REPEATABLE READ
// transaction of its own.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	Begin(ctx context.Context) (pgx.Tx, error)
}

// OldestVersion is the lowest server_version_num whose catalogs are understood.
const OldestVersion = 130000

// ErrVersion means that the server is older than [OldestVersion].
var ErrVersion = errors.New("server is older than PostgreSQL 13")

const (
	savepoint  = "SAVEPOINT rehearse_catalog"
	rollbackTo = "ROLLBACK TO SAVEPOINT rehearse_catalog; RELEASE SAVEPOINT rehearse_catalog"
	// prepare makes PostgreSQL's own texts independent of the session: qualified names, one notation, no compilation.
	prepare = `SELECT pg_catalog.set_config('search_path', 'pg_catalog', true),
       pg_catalog.set_config('quote_all_identifiers', 'off', true),
       pg_catalog.set_config('standard_conforming_strings', 'on', true),
       pg_catalog.set_config('IntervalStyle', 'postgres', true),
       pg_catalog.set_config('DateStyle', 'ISO, YMD', true),
       pg_catalog.set_config('TimeZone', 'UTC', true),
       pg_catalog.set_config('extra_float_digits', '1', true),
       pg_catalog.set_config('bytea_output', 'hex', true),
       pg_catalog.set_config('xmlbinary', 'base64', true),
       pg_catalog.set_config('jit', 'off', true),
       pg_catalog.current_setting('server_version_num')::int4`
)

//go:embed plan/*.sql objects/*.sql
var queries embed.FS

// reader is a session prepared for reading, and the server's version.
type reader struct {
	q       Querier
	version int
}

// within prepares q, runs read and puts the session back as it was, also when read fails or ctx ends.
func within(ctx context.Context, q Querier, read func(ctx context.Context, r reader) error) (err error) {
	tx, end, err := begin(ctx, q)
	if err != nil {
		return fmt.Errorf("begin reading the catalog: %w", err)
	}
	defer func() {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if endErr := end(cleanup); endErr != nil && err == nil {
			err = fmt.Errorf("end reading the catalog: %w", endErr)
		}
	}()
	version, err := setUp(ctx, tx)
	if err != nil {
		return err
	}
	return read(ctx, reader{q: tx, version: version})
}

// begin opens the savepoint or the transaction that [Querier] promises.
func begin(ctx context.Context, q Querier) (Querier, func(context.Context) error, error) {
	conn, ok := q.(*pgx.Conn)
	switch {
	case ok && conn.PgConn().TxStatus() == 'I':
		tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
		if err != nil {
			return nil, nil, err
		}
		return tx, tx.Rollback, nil
	case ok: // begun by a statement of the caller, of which pgx knows nothing: Conn.Begin would start over
		_, err := conn.PgConn().Exec(ctx, savepoint).ReadAll()
		return conn, func(ctx context.Context) error {
			_, err := conn.PgConn().Exec(ctx, rollbackTo).ReadAll()
			return err
		}, err
	}
	tx, err := q.Begin(ctx)
	if err != nil {
		return nil, nil, err
	}
	return tx, tx.Rollback, nil
}

func setUp(ctx context.Context, q Querier) (version int, err error) {
	rows, err := q.Query(ctx, prepare, pgx.QueryExecModeExec)
	if err != nil {
		return 0, fmt.Errorf("prepare reading the catalog: %w", err)
	}
	version, err = pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (n int, err error) {
		// The settings come back as set; only the version is wanted.
		return n, row.Scan(nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, &n)
	})
	if err != nil {
		return 0, fmt.Errorf("prepare reading the catalog: %w", err)
	}
	if version < OldestVersion {
		return 0, fmt.Errorf("server_version_num %d: %w", version, ErrVersion)
	}
	return version, nil
}

// list runs an embedded query, fitted to the server's version, and scans every row.
func list[T any](ctx context.Context, r reader, file string, scan pgx.RowToFunc[T]) ([]T, error) {
	sql, err := load(file, r.version, false)
	if err != nil {
		return nil, err
	}
	rows, err := r.q.Query(ctx, sql, pgx.QueryExecModeExec)
	if err != nil {
		return nil, fmt.Errorf("read the catalog (%s): %w", file, err)
	}
	all, err := pgx.CollectRows(rows, scan)
	if err != nil {
		return nil, fmt.Errorf("read the catalog (%s): %w", file, err)
	}
	return all, nil
}

// load reads an embedded query and leaves out the lines that are not for this version. A line that ends in "-- since N" is for
// PostgreSQL N and newer, "-- before N" for older ones; both may stand together. "-- of some" is for a reading of certain relations, whose
// OIDs are its parameter, "-- of all" for that of everything.
func load(file string, version int, some bool) (string, error) {
	text, err := queries.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the catalog: %w", err)
	}
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		if forVersion(line, version/10000) && forReading(line, some) {
			b.WriteString(line)
		}
	}
	return b.String(), nil
}

func forReading(line string, some bool) bool {
	return !strings.Contains(line, "-- of all") && !strings.Contains(line, "-- of some") || strings.Contains(line, "-- of some") == some
}

func forVersion(line string, major int) bool {
	_, mark, ok := strings.Cut(line, "-- ")
	if !ok {
		return true
	}
	words := strings.Fields(mark)
	for i := 0; i+1 < len(words); i += 2 {
		n, err := strconv.Atoi(words[i+1])
		if err == nil && (words[i] == "since" && major < n || words[i] == "before" && major >= n) {
			return false
		}
	}
	return true
}
