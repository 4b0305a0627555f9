package snapshot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/snapshot/archive"
)

// SourceKind says why the source could not be used.
type SourceKind string

// Why the source could not be used.
const (
	Unreachable  SourceKind = "unreachable"  // no connection: name, network, TLS
	Unauthorized SourceKind = "unauthorized" // wrong password or role, or no entry in pg_hba.conf
	NoDatabase   SourceKind = "no database"  // no such database
	Forbidden    SourceKind = "forbidden"    // a privilege is missing
	TooOld       SourceKind = "too old"      // PostgreSQL below 13
	Pooled       SourceKind = "pooled"       // a pooler that moves transactions between server processes
	Conflict     SourceKind = "conflict"     // a lock was not had in time
	Recovery     SourceKind = "recovery"     // a standby's recovery cancelled us: the primary removed rows, or locked a table
	Expired      SourceKind = "expired"      // the snapshot was held for longer than allowed, or a statement took too long
	Interrupted  SourceKind = "interrupted"  // the caller gave up
	Broken       SourceKind = "broken"       // the connection ended in the middle
	TooLarge     SourceKind = "too large"    // a row is larger than a message of the protocol
	NotUTF8      SourceKind = "not utf-8"    // text, or a name, that is not UTF-8 and cannot be made so
	Failed       SourceKind = "failed"       // anything else the server refused
)

// SourceError is a failure of the source. Its text holds no value of a row and no password: of what the server said it keeps the SQLSTATE.
type SourceError struct {
	Kind     SourceKind
	Server   string // user@host:port/database
	Doing    string // "connect", "copy shop.customers"
	SQLState string // "" when the server did not answer
	Err      error  // cause outside the server, or nil
	Twice    bool   // of kind Recovery: the second copy was cancelled as the first was
}

// Error tells kind, server and what was being done.
func (e *SourceError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "source %s: %s: %s", e.Server, e.Doing, e.reason())
	if e.SQLState != "" {
		fmt.Fprintf(&b, " (SQLSTATE %s)", e.SQLState)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap gives the cause outside the server.
func (e *SourceError) Unwrap() error { return e.Err }

func (e *SourceError) reason() string {
	switch e.Kind {
	case Unreachable:
		return "cannot connect"
	case Unauthorized:
		return "login refused"
	case NoDatabase:
		return "no such database"
	case Forbidden:
		return "permission denied"
	case TooOld:
		return "PostgreSQL 13 or newer is needed"
	case Pooled:
		return "a connection pooler that shares its sessions, in transaction or statement mode, is in between"
	case Conflict:
		return "a lock was not had in time"
	case Recovery:
		if e.Twice {
			return "cancelled by the standby's recovery, for the second time"
		}
		return "cancelled by the standby's recovery"
	case Expired:
		return "took too long"
	case Interrupted:
		return "interrupted"
	case Broken:
		return "connection lost"
	case TooLarge:
		return "a row is larger than a message can be, 1 GB in the form it is read in"
	case NotUTF8:
		return "it holds text that cannot be converted to UTF-8"
	case Failed:
	}
	return "refused by the server"
}

// stateKinds maps SQLSTATEs to kinds (PostgreSQL's errcodes.txt).
var stateKinds = map[string]SourceKind{
	"28000": Unauthorized, "28P01": Unauthorized, "3D000": NoDatabase, "42501": Forbidden,
	"55P03": Conflict, "40001": Recovery, "40P01": Conflict, "57P04": NoDatabase,
	"57014": Expired, "25P03": Expired, "25P04": Expired,
	"22P05": NotUTF8, "22021": NotUTF8,
	"54000": TooLarge, "57P01": Broken, "57P02": Broken, "57P03": Unreachable, "53300": Unreachable,
}

// sourceError strips what the server said. Errors that are already ours, and nil, pass.
func sourceError(server, doing string, err error) error {
	if err == nil || isOurs(err) {
		return err
	}
	e := &SourceError{Kind: Failed, Server: server, Doing: doing}
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &pg):
		e.SQLState = pg.Code
		if kind, ok := stateKinds[pg.Code]; ok {
			e.Kind = kind
		} else if strings.HasPrefix(pg.Message, "invalid memory alloc request size") { // XX000, never translated
			e.Kind = TooLarge
		}
		if strings.HasSuffix(pg.Where, " during inlining") && strings.HasPrefix(pg.Code, "42") {
			e.Err = errInlined
		}
	case errors.As(err, &connect):
		e.Kind, e.Err = Unreachable, errors.Unwrap(connect)
	case errors.Is(err, context.Canceled):
		e.Kind, e.Err = Interrupted, context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		e.Kind, e.Err = Expired, context.DeadlineExceeded
	default:
		e.Kind, e.Err = Broken, err
	}
	return e
}

// errInlined is why a function that works in production fails for a session without its search path.
var errInlined = errors.New("a function in SQL that an index or a statistics object of the table calls finds its objects by the search_path alone: " +
	"ALTER FUNCTION ... SET search_path mends it")

func isOurs(err error) bool {
	var source *SourceError
	var privilege *PrivilegeError
	var kept *archive.Error
	return errors.As(err, &source) || errors.As(err, &privilege) || errors.As(err, &kept)
}

// PrivilegeError lists everything the role may not read, at once.
type PrivilegeError struct {
	Role    string
	Objects []string // quoted and qualified: schema shop, table shop.orders, sequence shop.ticket; "table x (row security)"
}

// Error lists the objects.
func (e *PrivilegeError) Error() string {
	return fmt.Sprintf("role %s may not read %s", e.Role, strings.Join(e.Objects, ", "))
}

// ChangedError says that the source changed between planning and copying, so that the plan does not cover it any more.
type ChangedError struct {
	Objects []string // "column shop.customers.iban appeared"
}

// Error lists what changed.
func (e *ChangedError) Error() string {
	return "the source changed after planning: " + strings.Join(e.Objects, ", ")
}

// TargetError is a failure of the server that receives the copy. Its message is kept
// without Detail and Where, and without values: those of columns that are not masked are the source's own.
type TargetError struct {
	Doing      string // "load shop.customers"
	SQLState   string
	Constraint string
	Message    string
	Full       bool // no space left on its disk
	Err        error
}

// Error tells what was being done and what the server said.
func (e *TargetError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "staging: %s: ", e.Doing)
	switch {
	case e.Full:
		b.WriteString("no space left on the disk of the staging server")
	case e.SQLState != "":
		fmt.Fprintf(&b, "%s (SQLSTATE %s)", e.Message, e.SQLState)
	default:
		fmt.Fprintf(&b, "%v", e.Err)
	}
	return b.String()
}

// Unwrap gives the cause when it was not an answer of the server.
func (e *TargetError) Unwrap() error { return e.Err }

func targetError(doing string, err error) error {
	if err == nil {
		return nil
	}
	var already *TargetError
	if errors.As(err, &already) {
		return err
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return &TargetError{Doing: doing, Err: err}
	}
	return &TargetError{
		Doing: doing, SQLState: pg.Code, Constraint: pg.ConstraintName, Message: withoutValues(stateOf(pg), pg.Message),
		Full: pg.Code == "53100" || outOfSpace(pg.Message),
	}
}

// outOfSpace reads what a server or a client program says when a disk is full: the last block may still have been written in part.
func outOfSpace(said string) bool {
	return strings.Contains(said, "No space left on device") || strings.Contains(said, "could not extend file") && strings.Contains(said, ": wrote only ")
}

// Why a server cannot take a copy.
var (
	// ErrSameCluster means that the target is the source's own cluster.
	ErrSameCluster = errors.New("the target is the cluster that is to be copied")
	// ErrNotEmpty means that the target database has tables or other relations already.
	ErrNotEmpty = errors.New("the target database is not empty")
	// ErrNoVersionTable means that the source has no table of that name.
	ErrNoVersionTable = errors.New("no such version table")
)

// DumpKind says why the schema could not be dumped.
type DumpKind string

// Why the schema could not be dumped.
const (
	DumpVersion     DumpKind = "version"            // pg_dump is older than the source
	DumpClientCert  DumpKind = "client certificate" // the source wants a client certificate, whose key must not leave this machine
	DumpMissing     DumpKind = "missing"            // the program could not be run
	DumpLock        DumpKind = "lock"               // a table was locked for too long
	DumpUnreachable DumpKind = "unreachable"        // pg_dump could not connect
	DumpRefused     DumpKind = "refused"            // the source refused a query: a table went away meanwhile, or a catalog is broken
	DumpFailed      DumpKind = "failed"             // anything else
)

// DumpError is a failure of pg_dump or pg_restore. Their first error line is kept, without the values that an index over expressions may quote.
type DumpError struct {
	Program string // "pg_dump", "pg_restore", or the path asked for
	Kind    DumpKind
	Text    string // first line that says error, without its prefix; "" when nothing was said
	Err     error
}

// Error tells program and first error line.
func (e *DumpError) Error() string {
	switch {
	case e.Kind == DumpClientCert:
		return e.Program + ": the source wants a client certificate, which stays on this machine"
	case e.Text != "":
		return e.Program + ": " + e.Text
	}
	return fmt.Sprintf("%s: %v", e.Program, e.Err)
}

// Unwrap gives the failure of the process.
func (e *DumpError) Unwrap() error { return e.Err }
