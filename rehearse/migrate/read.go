package migrate

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"

	"github.com/rehearse-db/rehearse/rehearse/observe"
)

// reader makes goose parse files. goose has no public parser and parses a file only when it runs it, so it is made to run it, without a
// version table, on a connection that sends nothing anywhere: [nowhere].
type reader struct {
	db       *sql.DB
	conn     *nowhere
	provider *goose.Provider
	sent     []string
	set      *Set
}

func newReader(s *Set) (*reader, error) {
	r := &reader{conn: &nowhere{}, set: s}
	r.db = sql.OpenDB(r.conn)
	options := []goose.ProviderOption{
		goose.WithDisableGlobalRegistry(true), goose.WithDisableVersioning(true), goose.WithExcludeNames(s.unregistered()),
		goose.WithVerbose(true), goose.WithSlog(slog.New(executing(func(stmt string) { r.sent = append(r.sent, stmt) }))),
		goose.WithGoMigrations(s.registered...),
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, r.db, s.fsys, options...)
	if errors.Is(err, goose.ErrNoMigrations) { // nothing but Go files that there is no code for
		return r, nil
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read migrations: %w", err), r.db.Close())
	}
	r.provider = provider
	return r, nil
}

func (r *reader) close() { _ = r.db.Close() }

// read fills in what goose makes of a SQL migration's file, or what is known of a Go migration.
func (r *reader) read(m *Migration) error {
	if m.Go {
		for _, g := range r.set.registered {
			if g.Version == m.Version {
				m.Transaction = g.UseTx
				m.HasDown = g.DownFnContext != nil || g.DownFnNoTxContext != nil
			}
		}
		return nil
	}
	text, err := fs.ReadFile(r.set.fsys, m.Name)
	if err != nil {
		return &DirError{Dir: m.File, Err: err}
	}
	up, err := r.run(m.Version, true)
	if err != nil {
		return syntaxError(m.File, string(text), err)
	}
	m.Transaction = r.conn.began
	down, err := r.run(m.Version, false)
	if err != nil {
		return syntaxError(m.File, string(text), err)
	}
	m.HasDown = len(down) > 0
	m.EmptyDown = !m.HasDown && slices.ContainsFunc(strings.Split(string(text), "\n"), func(line string) bool { return annotation(line) == "down" })
	find := newFinder(string(text))
	for _, stmt := range up {
		m.Statements = append(m.Statements, observe.Source{SQL: stmt, File: m.File, Lines: find.next(stmt)})
	}
	for _, stmt := range down {
		m.Down = append(m.Down, observe.Source{SQL: stmt, File: m.File, Lines: find.next(stmt)})
	}
	return nil
}

// run gives the statements goose would send.
func (r *reader) run(version int64, up bool) ([]string, error) {
	r.sent, r.conn.began = nil, false
	_, err := r.provider.ApplyVersion(context.Background(), version, up)
	return r.sent, err
}

// executing is a [slog.Handler] that hears goose say which statement it sends next.
type executing func(stmt string)

// Enabled implements [slog.Handler].
func (executing) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs implements [slog.Handler].
func (e executing) WithAttrs([]slog.Attr) slog.Handler { return e }

// WithGroup implements [slog.Handler].
func (e executing) WithGroup(string) slog.Handler { return e }

// Handle implements [slog.Handler].
func (e executing) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "executing statement" {
		return nil
	}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "statement" {
			e(a.Value.String())
		}
		return a.Key != "statement"
	})
	return nil
}

// nowhere is a database that accepts everything and does nothing. It notes whether a transaction was begun.
type nowhere struct{ began bool }

// Connect implements [driver.Connector].
func (n *nowhere) Connect(context.Context) (driver.Conn, error) { return n, nil }

// Driver implements [driver.Connector].
func (n *nowhere) Driver() driver.Driver { return n }

// Open implements [driver.Driver].
func (n *nowhere) Open(string) (driver.Conn, error) { return n, nil }

// Prepare implements [driver.Conn]. goose prepares nothing.
func (n *nowhere) Prepare(string) (driver.Stmt, error) { return nil, errors.ErrUnsupported }

// Close implements [driver.Conn].
func (n *nowhere) Close() error { return nil }

// Begin implements [driver.Conn].
func (n *nowhere) Begin() (driver.Tx, error) {
	n.began = true
	return n, nil
}

// ExecContext implements [driver.ExecerContext].
func (n *nowhere) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return driver.RowsAffected(0), nil
}

// Commit implements [driver.Tx].
func (n *nowhere) Commit() error { return nil }

// Rollback implements [driver.Tx].
func (n *nowhere) Rollback() error { return nil }

// syntaxError puts goose's complaint in fewer words and finds the line.
func syntaxError(file, text string, err error) error {
	msg := err.Error()
	if i := strings.LastIndex(msg, "failed to parse annotation line "); i >= 0 {
		return &SyntaxError{File: file, Line: annotationLine(text, msg[i:]), Message: "not an annotation that goose knows"}
	}
	for _, known := range []struct{ part, message string }{
		{"missing semicolon", "the last statement is not ended by a semicolon"},
		{"duplicate '-- +goose Up'", "a second '-- +goose Up'"},
		{"must start with '-- +goose Up'", "'-- +goose Up' must come first, and '-- +goose Down' after it and once"},
		{"unexpected state 0", "SQL before '-- +goose Up'"},
		{"StatementBegin' must be defined", "'-- +goose StatementBegin' out of place"},
		{"StatementEnd' must be defined", "'-- +goose StatementEnd' without '-- +goose StatementBegin'"},
		{"missing '-- +goose StatementEnd'", "'-- +goose StatementBegin' without '-- +goose StatementEnd'"},
	} {
		if strings.Contains(msg, known.part) {
			line := misplaced(text)
			if known.part == "missing semicolon" {
				line = unfinished(text, msg)
			}
			return &SyntaxError{File: file, Line: line, Message: known.message}
		}
	}
	if before, after, ok := strings.Cut(msg, "variable substitution failed: "); ok && before != "" {
		reason, line, _ := strings.Cut(after, ":\n")
		return &SyntaxError{File: file, Line: lineOf(text, line), Message: "ENVSUB: " + reason}
	}
	return &SyntaxError{File: file, Message: msg}
}
