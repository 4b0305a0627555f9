package rehearse_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/snapshot"
	"github.com/rehearse-db/rehearse/testdata/shop"
)

// reader is the role of the source's sessions in these tests; grants say what it may do.
const reader = `CREATE ROLE reader LOGIN PASSWORD 'read only'`

// watchedServer logs every statement with who sent it, and does nothing by itself that its counters would show.
func watchedServer(t testing.TB) *pgtest.Server {
	t.Helper()
	return pgtest.Start(t, "log_statement = all", "log_line_prefix = '@@%u|%a|%d|%p|'", "autovacuum = off")
}

func readerOf(db *pgx.ConnConfig) *pgx.ConnConfig {
	cfg := db.Copy()
	cfg.User, cfg.Password = "reader", "read only"
	return cfg
}

// TestSourceIsOnlyRead rehearses with roles that may only read, and asks the source's own counters, session list and log what was done.
func TestSourceIsOnlyRead(t *testing.T) {
	t.Parallel()
	server := watchedServer(t)
	pgtest.Exec(t, server.Config("postgres"), reader)
	for name, grants := range map[string]string{
		"select": `GRANT USAGE ON SCHEMA shop TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA shop, public TO reader;
			GRANT SELECT ON ALL SEQUENCES IN SCHEMA shop, public TO reader`,
		"pg_read_all_data": `GRANT pg_read_all_data TO reader`,
	} {
		t.Run(name, func(t *testing.T) {
			db := server.New(t)
			if err := shop.History(t.Context(), db); err != nil {
				t.Fatal(err)
			}
			pgtest.Exec(t, db, fmt.Sprintf(plantSQL, planted))
			pgtest.Exec(t, db, grants)
			before, logged := writes(t, server, db.Database), logSize(t, server)
			stop := watchSessions(t, server, db.Database)
			result := rehearsed(t, readerOf(db), rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)},
				"ALTER TABLE shop.orders ADD COLUMN note text; ALTER TABLE shop.customers ADD CHECK (email <> '');", "UPDATE shop.orders SET note = 'x';")
			sessions := stop()
			if f := result.Fidelity; f == nil || len(f.Checks) != 1 || f.Checks[0].Source == nil {
				t.Errorf("the source was not asked what a migration would break on: %+v", f)
			}
			if result.Verdict == report.NoGo || len(result.Migrations) != 2 || result.Migrations[1].Outcome != report.Applied {
				t.Errorf("the rehearsal ended with %s: %s", result.Verdict, result.Reason)
			}
			if after := writes(t, server, db.Database); after != before {
				t.Errorf("pg_stat_database of the source counts inserted, updated, deleted %s, before it was %s", after, before)
			}
			if len(sessions) == 0 {
				t.Error("no session of ours was seen at the source")
			}
			for s := range sessions {
				if s.application != "rehearse" || s.wrote {
					t.Errorf("a session at the source: %+v", s)
				}
			}
			if left := pgtest.Value(t, server.Config("postgres"), "SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader'"); left != "0" {
				t.Errorf("%s sessions of ours are left at the source", left)
			}
			allowed(t, statementsOf(t, server, logged, db.Database), 14) // tables with rows of the shop, goose's and the partitions
		})
	}
}

// rehearsed runs the shop's rules and the pending migrations given.
func rehearsed(t testing.TB, source *pgx.ConnConfig, where rehearse.Staging, pending ...string) *report.Result {
	t.Helper()
	cfg := shopConfig(t, source, where)
	cfg.Migrations, cfg.MigrationsDir = os.DirFS(migrationsWith(t, pending...)), "migrations"
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	result, err := rehearse.Run(ctx, cfg)
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	return result
}

// writes are the counters of rows written, when no session is left that may still have to report some.
func writes(t testing.TB, server *pgtest.Server, database string) string {
	t.Helper()
	eventually(t, "all sessions of the database have ended", time.Minute, func() bool {
		return pgtest.Value(t, server.Config("postgres"), "SELECT count(*) FROM pg_stat_activity WHERE datname = '"+database+"'") == "0"
	})
	return pgtest.Value(t, server.Config("postgres"), "SELECT (tup_inserted, tup_updated, tup_deleted) FROM pg_stat_database WHERE datname = '"+database+"'")
}

// seen is what a second session sees of ours.
type seen struct {
	application string
	wrote       bool // it has a transaction id, which PostgreSQL gives to those that write
}

// watchSessions looks every 20 ms at who is connected to a database, until it is stopped.
func watchSessions(t testing.TB, server *pgtest.Server, database string) func() map[seen]bool {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	conn, err := pgx.ConnectConfig(ctx, server.Config("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[seen]bool{}
	var wg sync.WaitGroup
	wg.Go(func() {
		defer conn.Close(context.Background())
		for ctx.Err() == nil {
			rows, err := conn.Query(ctx, `SELECT application_name, backend_xid IS NOT NULL FROM pg_stat_activity
				WHERE datname = $1 AND backend_type = 'client backend' AND state IS NOT NULL`, database)
			if err != nil {
				return
			}
			list, _ := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s seen, err error) { return s, row.Scan(&s.application, &s.wrote) })
			for _, s := range list {
				found[s] = true
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	return func() map[seen]bool { cancel(); wg.Wait(); return found }
}

func logSize(t testing.TB, server *pgtest.Server) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(server.Dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

var statementLine = regexp.MustCompile(`(?s)^reader\|([^|]*)\|([^|]*)\|(\d+)\|LOG:  (?:statement|execute [^:]*): (.*)$`)

var comment = regexp.MustCompile(`(?m)^\s*--.*$`)

// statementsOf reads from the server's log what the reader's sessions said, white space folded and without comments. Every session must
// have our name from its first statement on.
func statementsOf(t testing.TB, server *pgtest.Server, from int64, database string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(server.Dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	first := map[string]bool{}
	for _, entry := range strings.Split(string(text[from:]), "@@") {
		m := statementLine.FindStringSubmatch(entry)
		if m == nil || m[2] != database {
			continue
		}
		statement := strings.Join(strings.Fields(comment.ReplaceAllString(m[4], "")), " ")
		if !first[m[3]] && m[1] != "rehearse" {
			t.Errorf("a session of application %q begins with %.100s", m[1], statement)
		}
		first[m[3]] = true
		all = append(all, statement)
	}
	return all
}

// savepoints stand around catalog queries that a role may not be allowed.
var savepoints = regexp.MustCompile(`^(?:SAVEPOINT rehearse_catalog|ROLLBACK TO SAVEPOINT rehearse_catalog; RELEASE SAVEPOINT rehearse_catalog|RELEASE SAVEPOINT rehearse_catalog)$`)

// heads are what one message says before the question it asks; each stands in the list for itself.
var heads = regexp.MustCompile(`^(?:ROLLBACK TO one_table; )?(?:LOCK TABLE ONLY (?:"[^"]+"\.)?"[^"]+" IN ACCESS SHARE MODE; )?`)

// pgDump is everything that pg_dump says beside queries of the catalogs.
var pgDump = regexp.MustCompile(`^(?:set client_encoding to '\w+'|SET [A-Za-z_ ]+(?:=| TO ).*|SET TRANSACTION (?:ISOLATION LEVEL REPEATABLE READ, READ ONLY|SNAPSHOT '[0-9A-F-]+')|BEGIN|` +
	`LOCK TABLE .* IN ACCESS SHARE MODE|PREPARE \w+\([a-z_., ]+\) AS SELECT .*|EXECUTE \w+\('\d+'\))$`)

// writing is what no statement at the source may hold, not even inside a query.
var writing = regexp.MustCompile(`(?i)\b(nextval|setval|pg_advisory\w*|lo_\w+|pg_notify|dblink\w*|pg_terminate_backend|pg_cancel_backend|txid_current|pg_switch_wal|pg_create_\w+)\s*\(|\bFOR (NO KEY )?UPDATE\b|\bFOR (KEY )?SHARE\b`)

// allowed holds what was said to the source against the list that this project publishes: the snapshot's statements, queries of the system
// catalogs, and pg_dump's.
func allowed(t *testing.T, statements []string, tables int) {
	t.Helper()
	var ours []*regexp.Regexp
	for _, s := range snapshot.Statements() {
		pattern := regexp.QuoteMeta(strings.Join(strings.Fields(s), " "))
		pattern = strings.NewReplacer("%s", ".+", "%d", `\d+`, `\$1`, `(?:\$1|.+)`).Replace(pattern)
		ours = append(ours, regexp.MustCompile("^"+pattern+"$"))
	}
	if len(statements) < 50 {
		t.Fatalf("the log holds %d statements only: %q", len(statements), statements)
	}
	copies := 0
	for _, s := range statements {
		bare := heads.ReplaceAllString(strings.TrimSuffix(s, ";"), "")
		listed := slices.ContainsFunc(ours, func(re *regexp.Regexp) bool { return re.MatchString(bare) })
		query := (strings.HasPrefix(bare, "SELECT ") || strings.HasPrefix(bare, "WITH ")) && !regexp.MustCompile(`\b(FROM|JOIN) "?shop"?\.`).MatchString(bare)
		if !listed && !query && !savepoints.MatchString(bare) && !pgDump.MatchString(bare) || writing.MatchString(bare) {
			t.Errorf("said to the source: %.300s", s)
		}
		if strings.HasPrefix(bare, "COPY ") && strings.Contains(bare, " TO STDOUT") {
			copies++
		}
	}
	if copies != tables {
		t.Errorf("%d tables were read, want %d", copies, tables)
	}
	for _, word := range []string{"INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP", "TRUNCATE", "GRANT", "REVOKE", "VACUUM", "ANALYZE", "REFRESH", "CALL", "DO "} {
		if i := slices.IndexFunc(statements, func(s string) bool { return strings.HasPrefix(strings.ToUpper(s), word) }); i >= 0 {
			t.Errorf("said to the source: %.300s", statements[i])
		}
	}
}

// TestHotStandbyAsSource rehearses from a standby, which could not be written to if we tried.
func TestHotStandbyAsSource(t *testing.T) {
	t.Parallel()
	primary := pgtest.Start(t)
	db := primary.New(t)
	if err := shop.History(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, db, fmt.Sprintf(plantSQL, planted))
	standby := primary.Standby(t).Config(db.Database)
	eachProvider(t, func(t *testing.T, where rehearse.Staging) {
		result := rehearsed(t, standby, where, "ALTER TABLE shop.orders ADD COLUMN note text;")
		if !result.Source.Standby || result.Snapshot.LSN == "" || result.Migrations[0].Outcome != report.Applied {
			t.Errorf("standby %v, LSN %q, verdict %s: %s", result.Source.Standby, result.Snapshot.LSN, result.Verdict, result.Reason)
		}
		if result.Staging.Standby {
			t.Error("staging is told to be a standby")
		}
	})
}
