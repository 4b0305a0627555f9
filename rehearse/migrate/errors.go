package migrate

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// ErrLost says that the connection to staging broke while a migration ran, so that nothing can be said of it.
var ErrLost = errors.New("the connection to the staging server was lost")

// ErrOutOfOrder says that a plan cannot be applied: migrations older than the newest one applied are missing, and that is not allowed.
var ErrOutOfOrder = errors.New("migrations older than the newest applied one were never applied")

// IsApplied tells the error of applying a migration that the version table has already.
func IsApplied(err error) bool {
	return errors.Is(err, goose.ErrAlreadyApplied) || errors.Is(err, errIsApplied)
}

var errIsApplied = errors.New("golang-migrate has this version, or a later one, already")

// DirtyError says that golang-migrate refuses to go on, since a migration did not end.
type DirtyError struct {
	Table   string
	Version int64
}

func (e *DirtyError) Error() string {
	return fmt.Sprintf("the version table %s says that version %d is dirty", e.Table, e.Version)
}

// DirError says that a directory of migrations cannot be read. Unwrap gives the reason, such as [io/fs.ErrNotExist].
type DirError struct {
	Dir string
	Err error
}

func (e *DirError) Error() string { return fmt.Sprintf("read migrations in %s: %v", e.Dir, e.Err) }
func (e *DirError) Unwrap() error { return e.Err }

// NoMigrationsError says that a directory holds no file that the migrator takes for a migration.
type NoMigrationsError struct {
	Dir     string
	Ignored []string // .sql files whose names do not begin with a number above nought and "_", or are none of golang-migrate's
	By      report.Migrator
}

func (e *NoMigrationsError) Error() string {
	switch {
	case e.By == report.GolangMigrate && len(e.Ignored) > 0:
		return fmt.Sprintf("no migrations of golang-migrate in %s: no version and direction, as in 000042_name.up.sql, in %s", e.Dir, strings.Join(e.Ignored, ", "))
	case len(e.Ignored) > 0:
		return fmt.Sprintf("no migrations in %s: no version number in %s", e.Dir, strings.Join(e.Ignored, ", "))
	}
	return "no migrations in " + e.Dir
}

// DuplicateError says that several migrations have the same version.
type DuplicateError struct {
	Version int64
	Files   []string
}

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("version %d has %d migrations: %s", e.Version, len(e.Files), strings.Join(e.Files, ", "))
}

// GoMigrationsError says that pending migrations are written in Go and their code is not in this program.
type GoMigrationsError struct {
	Files []string
}

func (e *GoMigrationsError) Error() string {
	which := "1 pending migration is"
	if n := len(e.Files); n > 1 {
		which = fmt.Sprintf("%d pending migrations are", n)
	}
	return fmt.Sprintf("%s written in Go: %s", which, strings.Join(e.Files, ", "))
}

// LooksError is an error of files that goose cannot use, and that look like those of another tool.
type LooksError struct {
	Tool Tool
	Err  error
}

func (e *LooksError) Error() string { return e.Err.Error() }
func (e *LooksError) Unwrap() error { return e.Err }

// SyntaxError says that the migrator cannot read a pending file.
type SyntaxError struct {
	File    string
	Line    int // 1-based; 0 when it is not known
	Message string
	Plain   bool // psql -f would read it, and we do not
}

func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Message
	}
	return e.File + ":" + strconv.Itoa(e.Line) + ": " + e.Message
}

// NoVersionTableError says that a database has no version table of the given name.
type NoVersionTableError struct {
	Table string
}

func (e *NoVersionTableError) Error() string { return "there is no version table " + e.Table }

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
