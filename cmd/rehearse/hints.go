package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot"
)

// hintFor is what to do about an error; "" when there is nothing to say that the error does not.
func hintFor(err error) string {
	var timeout *timeoutError
	if errors.As(err, &timeout) {
		return "give it more time with --timeout; " + aftermath(err)
	}
	var hints []string
	for _, find := range []func(error) string{usageHint, snapshotHint, rulesHint, lockHint, literalHint, migrationsHint, sourceHint, stagingHint, copyHint} {
		if h := find(err); h != "" && !slices.Contains(hints, h) {
			hints = append(hints, h)
		}
	}
	return strings.Join(hints, "\nrehearse: hint: ")
}

func usageHint(err error) string {
	var (
		usage  *usageProblem
		kept   *keptError
		unkept *unkeptError
		config configErrors
	)
	switch {
	case errors.As(err, &usage):
		return usage.hint
	case errors.As(err, &kept):
		return "the result is kept: rehearse report render writes it again, with --report FORMAT=PATH, without a second run"
	case errors.As(err, &unkept):
		return "--state-dir names a directory that can be written: results are kept there, to be rendered again"
	case errors.As(err, &config):
		return "rehearse init, in an empty directory, writes a configuration with every key there is"
	}
	return ""
}

func rulesHint(err error) string {
	var (
		rules *sanitize.RulesError
		plan  *sanitize.PlanError
		value *sanitize.ValueError
		few   *rehearse.AnonymityError
		page  *sanitize.LayoutError
		leak  *rehearse.LeakError
	)
	switch {
	case errors.As(err, &page):
		return "write tables: one under another, or add by hand, for example\n" + page.Paste
	case errors.As(err, &plan) && plan.Paste != "":
		return pasteHint(plan)
	case errors.As(err, &plan) && plan.Programs:
		return "read the program, and if raw values may leave to it on this machine, say so with --mask-programs; or give the column another mask"
	case errors.As(err, &plan) && plan.Orphans:
		return "rows without what they reference: make the table a root of a subset, which takes the rows that belong to it along; or give what references it " +
			"no data; or name the columns under break: of subset:, to have them NULL"
	case errors.As(err, &plan), errors.As(err, &rules):
		return "mend it in the masking rules; rehearse sanitize check looks at them again, and copies nothing"
	case errors.As(err, &few):
		return "mask one of these columns, or mask it coarser; without fail: true it is told, and the copy stays"
	case errors.As(err, &leak):
		return leakHint(leak)
	case errors.As(err, &value):
		return "the column holds a value its mask does not understand: widen the mask's parameters, or give the column another mask that works on its type"
	}
	return ""
}

func lockHint(err error) string {
	var lock *sanitize.LockError
	switch {
	case !errors.As(err, &lock):
		return ""
	case lock.Missing:
		return "rehearse sanitize check --write-lock writes it; review it, and keep it with the masking rules"
	}
	return "give the columns lines of their own in the masking rules, or, when a person has looked, write the lock anew with rehearse sanitize check --write-lock, " +
		"or put these lines into it\n" + strings.Join(lock.Lines, "\n")
}

func literalHint(err error) string {
	var literal *sanitize.LiteralError
	if !errors.As(err, &literal) || len(literal.Literals) == 0 {
		return ""
	}
	return fmt.Sprintf("take it out of the schema, where a copy has it too; or allow it in the masking rules, such as\nschema_literals: {allow: {%q: \"the reason why\"}}", literal.Literals[0].Object)
}

// leakHint gives the ways out: a mask, or a reason.
func leakHint(e *rehearse.LeakError) string {
	const mask = "give the columns masks, or take the value out of the schema"
	if e.Paste == "" {
		return mask
	}
	return mask + "; what is no leak is accepted with a reason, in the masking rules:\n" + e.Paste
}

// pasteHint gives the lines that are lacking. YAML takes a key once: columns go under the table that is there already.
func pasteHint(plan *sanitize.PlanError) string {
	where := "add under tables: in the masking rules"
	if len(plan.Columns) > 0 {
		where += " (columns under the name of their table, which is there already)"
	}
	return where + ", for example\n" + plan.Paste
}

func migrationsHint(err error) string {
	var (
		goFiles *migrate.GoMigrationsError
		dir     *migrate.DirError
		none    *migrate.NoMigrationsError
		twice   *migrate.DuplicateError
		syntax  *migrate.SyntaxError
		table   *rehearse.VersionTableError
		role    *rehearse.RoleError
		allowed *rehearse.OverrideError
	)
	if hint := filesHint(err); hint != "" {
		return hint
	}
	if looks := (*migrate.LooksError)(nil); errors.As(err, &looks) {
		return fmt.Sprintf("these look like files of %s: have it migrate, with --migrate-command '%s' (docs/migrators.md)", looks.Tool.Name, looks.Tool.Command)
	}
	switch {
	case errors.As(err, &allowed):
		return "such a comment reads, in a line of its own: -- rehearse:allow max_migration_time=10m until=2026-12-31 reason=\"maintenance window, OPS-123\"; docs/policy.md has the rest"
	case errors.As(err, &goFiles):
		return "their code is not in this program: rehearse.Run as a library in a program that has it (docs/library.md), that program as --migrate-command, or rehearse up to the one before with --to"
	case errors.As(err, &dir), errors.As(err, &none):
		return "--migrations names the directory of the files, such as 00042_add_index.sql of goose, or 000042_add_index.up.sql of golang-migrate"
	case errors.As(err, &twice):
		return "give one of them another number: each number is applied once"
	case errors.As(err, &syntax):
		return "goose itself would stop here: see its annotations -- +goose Up, Down, StatementBegin and StatementEnd"
	case errors.As(err, &table) && len(table.Found) > 1:
		return "say which with --table"
	case errors.As(err, &table) && table.By == report.GolangMigrate && table.Other == "":
		return "--table names golang-migrate's table (x-migrations-table); on a database that it never saw, make it there first: migrate version makes it"
	case errors.As(err, &table) && table.Other != "":
		return "there is " + table.Other + ": have that tool migrate, with --migrate-command (docs/migrators.md)"
	case errors.As(err, &table):
		return "--table names goose's version table; on a database that goose never saw, make it there first: goose status makes it"
	case errors.As(err, &role):
		return "--role names the role that applies migrations in production; without it the owner of the version table does"
	}
	return ""
}

// filesHint is for files of golang-migrate and plain ones.
func filesHint(err error) string {
	var (
		mixed   *migrate.MixedError
		dirty   *migrate.DirtyError
		unknown *migrate.UnknownFileError
		syntax  *migrate.SyntaxError
		looks   *migrate.LooksError
	)
	switch {
	case errors.As(err, &mixed):
		return "give each migrator a directory of its own"
	case errors.As(err, &dirty):
		return fmt.Sprintf("golang-migrate goes no further there either: see what of version %d is done, finish it or take it back by hand, and say which version it is then "+
			"with migrate force %d, or the one before", dirty.Version, dirty.Version)
	case errors.As(err, &unknown):
		return "--pending-from names the first file that is to be applied, such as " + filepath.Base(unknown.Last) + "; those before it, in the order of names, are taken for applied"
	case errors.As(err, &syntax) && syntax.Plain:
		return "plain files hold SQL alone; what needs psql is run by it: --migrate-command 'psql -X -v ON_ERROR_STOP=1 -f FILE'"
	case errors.As(err, &looks) && looks.Tool.Name == migrate.PlainSQL:
		return "without -- +goose Up these are no files of goose's; plain SQL is applied as psql -f does where --pending-from names the first file that is pending (docs/migrators.md)"
	}
	return ""
}

const conflictHint = "something held a lock for longer than --lock-timeout: try again at a quiet moment; " +
	"a prepared transaction (pg_prepared_xacts) holds it until it is ended"

const recoveryHint = "the standby removed rows that the copy still needed, or locked a table: turn hot_standby_feedback on there (the primary then keeps " +
	"such rows), or let max_standby_streaming_delay be longer than the copy lasts (max_standby_archive_delay where it reads an archive); or copy from the primary"

const changedHint = "somebody deployed meanwhile: run it again"

const (
	brokenHint = "the server restarted, or somebody or a firewall ended the session: run it again"
	fullHint   = "the server's max_connections, or the role's CONNECTION LIMIT, leaves none: one is needed and one for each of --jobs; fewer --jobs need fewer"
)

func sourceHint(err error) string {
	var (
		source *snapshot.SourceError
		rights *snapshot.PrivilegeError
	)
	if errors.As(err, &rights) {
		return fmt.Sprintf("GRANT pg_read_all_data TO %s (PostgreSQL 14 and newer), or GRANT USAGE ON SCHEMA and SELECT ON ALL TABLES and ALL SEQUENCES; row security needs BYPASSRLS", rights.Role)
	}
	if !errors.As(err, &source) {
		return ""
	}
	switch source.Kind {
	case snapshot.Unreachable:
		switch {
		case strings.Contains(err.Error(), "server refused TLS"):
			return "this server speaks no TLS: turn ssl on there, or put sslmode=disable into the URL where the way to it is safe"
		case source.SQLState == "53300":
			return fullHint
		case source.SQLState != "":
			return "the server answers, but takes nobody in yet: it is starting, stopping or recovering"
		}
		return "is the host and port right, is the server up, and does a firewall let this machine in? pg_isready asks the same"
	case snapshot.Unauthorized:
		return "is the password right, and has pg_hba.conf an entry for this role, database and machine, with TLS or without (sslmode)? A password goes into the URL percent-encoded, or into PGPASSWORD or ~/.pgpass"
	case snapshot.NoDatabase:
		return "psql -l lists the databases of a server"
	case snapshot.Pooled:
		return "connect past the pooler, straight to PostgreSQL, or through a pool in session mode: a snapshot belongs to one server process"
	case snapshot.Conflict:
		return conflictHint
	case snapshot.Recovery:
		return recoveryHint
	case snapshot.Expired:
		return "--statement-timeout, --max-snapshot-age and --timeout give it more time; more --jobs copy more at once"
	case snapshot.Broken:
		return brokenHint
	case snapshot.TooLarge:
		return "a table with a column of xml, of an extension's or of a composite type is read as text, in which bytea is twice as long; pg_dump cannot read such a row either"
	case snapshot.NotUTF8:
		return notUTF8Hint(source)
	case snapshot.Forbidden:
		return "the role needs CONNECT on the database, USAGE on its schemas and SELECT on tables and sequences, as pg_read_all_data has the latter two"
	case snapshot.TooOld, snapshot.Failed, snapshot.Interrupted:
	}
	return ""
}

const oddBytesHint = "bytes stand there that the database's encoding gives no meaning to: mend them in production, or mask their column with 'null' or constant, " +
	"which does not read it"

func notUTF8Hint(e *snapshot.SourceError) string {
	switch {
	case e.SQLState == "0A000":
		return "PostgreSQL cannot convert the database's encoding; a database in UTF8 made of its pg_dump can be copied"
	case e.SQLState == "":
		return "rename them in production (ALTER TABLE ... RENAME), under the client_encoding that they were made in: rules can name what is UTF-8 only"
	}
	return oddBytesHint
}

func stagingHint(err error) string {
	var (
		ext    *rehearse.ExtensionError
		own    *rehearse.SameServerError
		target *snapshot.TargetError
	)
	switch {
	case errors.As(err, &own):
		return "--provider local and container start a server of their own"
	case errors.As(err, &ext) && ext.Provider == staging.ProviderContainer:
		return "--image names an image that has them, such as postgis/postgis:17-3.5 or timescale/timescaledb:latest-pg17"
	case errors.As(err, &ext):
		return "install them beside the local PostgreSQL (Debian: postgresql-<major>-<extension>), or use --provider container with an --image that has them"
	case errors.Is(err, errPublish):
		return ""
	case staging.DiskFull(err), errors.As(err, &target) && target.Full:
		return "staging needs about as much room as the source's database, indexes and all, and again what a rewrite makes: TMPDIR moves local staging, Docker's own directory holds containers"
	}
	return providersHint(staging.ProviderErrors(err))
}

// providersHint is for one provider, or for both when neither could start a server.
func providersHint(failed []*staging.ProviderError) string {
	var hints []string
	for _, p := range failed {
		h := providerHint(p)
		if len(failed) > 1 && p.Reason == staging.ReasonNoEngine { // why the other cannot be used comes next
			h = "start Docker"
		}
		if h != "" {
			hints = append(hints, h)
		}
	}
	return strings.Join(hints, "; or ")
}

func providerHint(p *staging.ProviderError) string {
	switch p.Reason {
	case staging.ReasonNoEngine:
		return "start Docker, or use --provider local with PostgreSQL's server binaries of the source's major version"
	case staging.ReasonWrongDaemon:
		return "DOCKER_HOST must name an engine that answers: masked production data do not go to another one by accident"
	case staging.ReasonImage:
		return "--image names another image, --pull always fetches it anew, --provider local needs none"
	case staging.ReasonBinaries:
		return "install PostgreSQL's server of that major version (Debian: apt-get install postgresql-<major>), name its directory with --pg-bindir, or use --provider container"
	case staging.ReasonUser:
		return "PostgreSQL refuses root: REHEARSE_PG_USER names the user to run it as"
	case staging.ReasonDown:
		return "was a process of it killed, for lack of memory perhaps? the kernel's log (dmesg) says so"
	case staging.ReasonStart:
		if path := (*fs.PathError)(nil); errors.As(p.Err, &path) {
			return "TMPDIR names the directory that local staging goes to"
		}
	case staging.ReasonPort, staging.ReasonDiskFull, staging.ReasonSpec:
	}
	return ""
}

// untranslatable is the SQLSTATE of a character that has no equivalent in the database's encoding.
const untranslatable = "22P05"

// invalidBytes is the SQLSTATE of text that is not valid in the database's encoding. Masks write none such: the source holds it.
const invalidBytes = "22021"

func copyHint(err error) string {
	var (
		dump    *snapshot.DumpError
		changed *snapshot.ChangedError
		target  *snapshot.TargetError
	)
	switch {
	case errors.As(err, &target) && target.SQLState == untranslatable:
		return "a mask made a letter that the database's encoding does not have: give the table's texts masks that write ASCII only, such as hash, digits or email"
	case errors.As(err, &target) && target.SQLState == invalidBytes:
		return oddBytesHint
	case errors.As(err, &dump):
		return dumpHint(dump)
	case errors.As(err, &changed):
		return changedHint
	}
	return ""
}

func dumpHint(e *snapshot.DumpError) string {
	switch {
	case e.Program == "pg_restore":
		return "staging's server does not take the schema: --image, or --pg-bindir, names one more like production's"
	case denied(e):
		return "pg_dump locks each table whole, for which SELECT on some of its columns is not enough: GRANT SELECT ON the table, or pg_read_all_data"
	case e.Kind == snapshot.DumpLock:
		return conflictHint
	case full(e):
		return fullHint
	case lost(e):
		return brokenHint
	case e.Kind == snapshot.DumpRefused && (strings.Contains(e.Text, "does not exist") || strings.Contains(e.Text, "cache lookup failed")):
		return changedHint
	case e.Kind == snapshot.DumpRefused:
		return "the source refused a query of pg_dump: its log says more"
	case e.Kind == snapshot.DumpUnreachable:
		return "pg_dump runs where staging does and connects through this program: --pg-dump names one that runs here"
	}
	return "--pg-dump names a pg_dump of the source's major version or newer on this machine"
}

// aftermath says what became of what was started before an error.
func aftermath(err error) string {
	var (
		kept    *stagingKept
		cleanup *rehearse.CleanupError
	)
	switch {
	case errors.As(err, &cleanup):
		return "not all that was started could be ended and removed: rehearse staging prune tries again"
	case errors.As(err, &kept):
		return "staging was kept, as --keep asks"
	}
	return "everything started was ended and removed"
}
