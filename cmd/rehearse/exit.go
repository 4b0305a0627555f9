package main

import (
	"context"
	"errors"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot"
	"github.com/rehearse-db/rehearse/snapshot/archive"
)

// The exit codes, an interface: 10-19 the change is bad, tell its author; 20-29 no judgement was possible, tell the operator, a retry can help.
const (
	exitOK          = 0
	exitInternal    = 1
	exitUsage       = 2
	exitMasking     = 12
	exitDrift       = 13
	exitReceipt     = 15
	exitSource      = 20
	exitStaging     = 21
	exitSnapshot    = 22
	exitTimeout     = 23
	exitPublish     = 24
	exitHungUp      = 129
	exitInterrupted = 130
	exitTerminated  = 143
)

// errPublish: the verdict was reached, but writing it somewhere failed.
var errPublish = errors.New("the result could not be written")

// statusError is an exit code whose reason was told already: by a report, or by psql. Nothing more is said.
type statusError struct{ code int }

func (*statusError) Error() string { return "told already" }

// codeOf is the one table from errors to exit codes.
func codeOf(ctx context.Context, err error) int {
	if i := interrupted(ctx); i != nil {
		return i.exitCode()
	}
	var status *statusError
	var target *snapshot.TargetError
	var dump *snapshot.DumpError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &status):
		return status.code
	case is[*timeoutError](err):
		return exitTimeout
	case is[*archive.Error](err):
		return exitSnapshot
	case is[*snapshot.SourceError](err), is[*snapshot.PrivilegeError](err), is[*snapshot.ChangedError](err), errors.As(err, &dump) && atSource(dump),
		errors.As(err, &target) && target.SQLState == invalidBytes:
		return exitSource
	case holdsRaw(err), errors.As(err, &target) && target.SQLState == untranslatable:
		return exitMasking
	case is[*staging.ProviderError](err), is[*rehearse.StagingError](err), errors.As(err, &target), errors.As(err, &dump),
		is[*rehearse.ExtensionError](err), is[*rehearse.CleanupError](err), errors.Is(err, migrate.ErrLost):
		return exitStaging
	case unmasked(err):
		return exitMasking
	case is[*usageProblem](err), is[configErrors](err), wrongRules(err), wrongMigrations(err), is[*rehearse.SameServerError](err),
		is[*rehearse.VersionTableError](err), is[*rehearse.RoleError](err):
		return exitUsage
	case is[*migrate.DirtyError](err):
		return exitDrift
	case errors.Is(err, errPublish):
		return exitPublish
	}
	return exitInternal
}

// is says that an error, or one that it wraps, is of a type.
func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func wrongRules(err error) bool {
	return is[*sanitize.RulesError](err) || is[*sanitize.LayoutError](err) || is[*rehearse.UnknownTableError](err)
}

// wrongMigrations says that the migration files are wrong, or do not tell what is to be applied.
func wrongMigrations(err error) bool {
	return is[*migrate.GoMigrationsError](err) || is[*migrate.DirError](err) || is[*migrate.NoMigrationsError](err) ||
		is[*migrate.DuplicateError](err) || is[*migrate.SyntaxError](err) || is[*migrate.MixedError](err) ||
		is[*migrate.UnknownFileError](err) || is[*rehearse.OverrideError](err)
}

// holdsRaw says that a copy was made which nobody may have.
func holdsRaw(err error) bool {
	var (
		few  *rehearse.AnonymityError
		leak *rehearse.LeakError
	)
	return errors.As(err, &few) || errors.As(err, &leak)
}

// unmasked says that the masking rules do not do for what is to be copied.
func unmasked(err error) bool {
	var (
		plan    *sanitize.PlanError
		value   *sanitize.ValueError
		lock    *sanitize.LockError
		literal *sanitize.LiteralError
	)
	return errors.As(err, &plan) || errors.As(err, &value) || errors.As(err, &lock) || errors.As(err, &literal)
}

// atSource says whether a dump of the schema failed for something that the source refused: a lock not had in time, a right, a connection.
func atSource(e *snapshot.DumpError) bool {
	if e.Program == "pg_restore" {
		return false
	}
	return e.Kind == snapshot.DumpLock || e.Kind == snapshot.DumpRefused || denied(e) || lost(e) || e.Kind == snapshot.DumpUnreachable && strings.Contains(e.Text, "FATAL:")
}

func lost(e *snapshot.DumpError) bool {
	return strings.Contains(e.Text, "terminating connection") || strings.Contains(e.Text, "server closed the connection")
}

// full says that the server takes in no session more: of the role, of the database, or at all.
func full(e *snapshot.DumpError) bool {
	return strings.Contains(e.Text, "too many connections") || strings.Contains(e.Text, "too many clients") || strings.Contains(e.Text, "connection slots")
}

func denied(e *snapshot.DumpError) bool { return strings.Contains(e.Text, "permission denied for ") }
