package migrate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// fileMigrator applies files of golang-migrate as that does, and plain ones as psql -f does with ON_ERROR_STOP, in one session that lasts until
// close.
//
// golang-migrate sends a file as one text, which the server takes for one transaction but for what the file itself begins and ends. Of such
// a text nobody can be asked what each statement did. So its statements are sent one by one in a block that is begun where the server would
// begin its own, and ended where that would end. What a block allows and the server's own does not is sent outside of any, where it is
// refused in the same words; and a text that the server does not parse, or takes apart otherwise than we do, is sent whole.
type fileMigrator struct {
	o        Options
	log      *slog.Logger
	recorder *observe.Recorder
	conn     *pgx.Conn
	implied  bool // the open block stands for the server's own
}

// open implements migrator.
func (f *fileMigrator) open(ctx context.Context) (err error) {
	if f.conn != nil {
		return nil
	}
	cfg := f.o.Target().Copy()
	cfg.Tracer = f.recorder
	cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		f.log.Debug("notice from staging", "severity", n.Severity, "sqlstate", n.Code)
	}
	if f.conn, err = pgx.ConnectConfig(ctx, cfg); err != nil {
		return fmt.Errorf("connect to staging to migrate: %w", err)
	}
	return nil
}

// close implements migrator.
func (f *fileMigrator) close() error {
	if f.conn == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	err := f.conn.Close(ctx)
	f.conn, f.implied = nil, false
	return err
}

// ignores implements migrator. Only what is announced is taken for a statement.
func (f *fileMigrator) ignores(string) bool { return false }

// apply implements migrator.
func (f *fileMigrator) apply(ctx context.Context, m Migration, up bool) error {
	if m.Migrator == report.GolangMigrate {
		return f.versioned(ctx, m, up)
	}
	if !up {
		return errors.New("a plain file has no way down")
	}
	for _, s := range m.Statements {
		if err := f.send(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// versioned applies a file between golang-migrate's two entries in its table (migrate.go, runMigrations), which are transactions of their own.
func (f *fileMigrator) versioned(ctx context.Context, m Migration, up bool) error {
	version, text, statements, transaction := m.Version, m.text, m.Statements, m.Transaction
	if !up {
		version, text, statements, transaction = m.previous, m.downText, m.Down, inOneBlock(m.Down)
	}
	e, err := entry(ctx, f.conn, f.o.Table)
	switch {
	case err != nil:
		return err
	case e.Dirty:
		return &failedError{err: &DirtyError{Table: f.o.Table, Version: e.Version}}
	case up && e.Recorded && e.Version >= m.Version:
		return errIsApplied
	}
	if err := f.enter(ctx, version, true); err != nil {
		return err
	}
	if err := f.run(ctx, text, statements, transaction); err != nil {
		return err
	}
	return f.enter(ctx, version, false)
}

// run sends a file.
func (f *fileMigrator) run(ctx context.Context, text string, statements []observe.Source, transaction bool) error {
	if len(statements) == 0 {
		return nil
	}
	if same, err := f.splits(ctx, text, statements); err != nil || !same {
		if err == nil {
			err = f.send(ctx, observe.Source{SQL: text, File: statements[0].File, Lines: numbered(text, 1)})
		}
		return err
	}
	if len(statements) == 1 && !transaction {
		return f.send(ctx, statements[0])
	}
	for _, s := range statements {
		if err := f.within(ctx, s); err != nil {
			return err
		}
	}
	if f.implied {
		f.implied = false
		return f.control(ctx, "commit")
	}
	return nil
}

// within sends one of several statements of a text, in the state of transaction in which the server would come to it.
func (f *fileMigrator) within(ctx context.Context, s observe.Source) error {
	head := observe.Fold(s.SQL, beginning)
	switch idle := f.conn.PgConn().TxStatus() == 'I'; {
	case savings.MatchString(head):
		if f.implied { // the server takes these in a block that a BEGIN began, and undoes its own
			f.implied = false
			if err := f.control(ctx, "rollback"); err != nil {
				return err
			}
		}
	case begins.MatchString(head):
		f.implied = false
	case idle && !ends.MatchString(head):
		if err := f.control(ctx, "begin"); err != nil {
			return err
		}
		f.implied = true
	}
	if err := f.send(ctx, s); err != nil {
		return err
	}
	f.implied = f.implied && f.conn.PgConn().TxStatus() != 'I'
	return nil
}

// send sends a statement of the migration.
func (f *fileMigrator) send(ctx context.Context, s observe.Source) error {
	f.recorder.Announce(s)
	return f.control(ctx, s.SQL)
}

// control sends a text without parameters: in the simple protocol, as golang-migrate and psql do.
func (f *fileMigrator) control(ctx context.Context, sql string) error {
	if _, err := f.conn.Exec(ctx, sql); err != nil {
		return &failedError{err: err}
	}
	return nil
}

const divisionByZero = "22012"

// splits says whether the server parses a text, and each of the statements by itself. It parses all of what it is sent before it does any
// of it, and what comes first here fails.
func (f *fileMigrator) splits(ctx context.Context, text string, statements []observe.Source) (bool, error) {
	if strings.Contains(strings.ToLower(text), "standard_conforming_strings") { // what it sets holds for the next text, not for the rest of this one
		return false, nil
	}
	all := []string{text}
	for _, s := range statements {
		all = append(all, s.SQL)
	}
	for _, sql := range all {
		_, err := f.conn.Exec(ctx, "SELECT 1 OPERATOR(pg_catalog./) 0;"+sql)
		pe := (*pgconn.PgError)(nil)
		if !errors.As(err, &pe) {
			return false, fmt.Errorf("have the server parse the file: %w", err)
		}
		if pe.Code != divisionByZero {
			return false, nil
		}
		if len(statements) == 1 {
			break
		}
	}
	return true, nil
}
