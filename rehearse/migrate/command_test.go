package migrate_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// commanded runs a command on db, with psql in its path and the scripts given, by name, in $DIR.
func commanded(t *testing.T, db *pgx.ConnConfig, command string, scripts ...string) (report.Migration, []report.NotMeasured, string) {
	t.Helper()
	m, missed, out, err := tried(t.Context(), t, db, command, observe.Options{}, scripts...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return m, missed, out
}

func tried(ctx context.Context, t *testing.T, db *pgx.ConnConfig, command string, how observe.Options, scripts ...string) (report.Migration, []report.NotMeasured, string, error) {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(scripts); i += 2 {
		if err := os.WriteFile(filepath.Join(dir, scripts[i]), []byte(scripts[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	o := options(db)
	o.Observe, o.Aside = how, []string{"public.schema_migrations"}
	o.Command = migrate.CommandOptions{
		Environ: append(os.Environ(), "DIR="+dir, "PATH="+pgtest.BinDir(t)+":"+os.Getenv("PATH")), Database: "shop", Output: &out,
	}
	run, err := migrate.Apply(ctx, migrate.Command(command), o)
	return run.Migrations[0], run.NotMeasured, out.String(), err
}

// sent is a migration's statements in short: session, transaction, tag, and how they ended.
func sent(m report.Migration) []string {
	var all []string
	for _, st := range m.Statements {
		s := strings.Repeat("T ", btoi(st.Transaction)) + st.Tag
		if st.Failure != nil {
			s += "!" + st.Failure.SQLState
		}
		for _, l := range st.Locks {
			if l.Object == "" {
				s += " " + l.Table + ":" + l.Mode
			}
		}
		all = append(all, strings.TrimSpace(s))
	}
	return all
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestCommandIsSeenAsGooseIs(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, someRows+"; CREATE TABLE schema_migrations (version text PRIMARY KEY)")
	m, missed, out := commanded(t, db, `psql -X -q -v ON_ERROR_STOP=1 -f "$DIR/up.sql" && echo done`, "up.sql", `
\set x 7
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE t ADD COLUMN c int;
UPDATE t SET c = a;
INSERT INTO schema_migrations VALUES ('1');
COMMIT;
CREATE INDEX CONCURRENTLY t_c ON t (c);
SELECT count(*) FROM pg_catalog.pg_class;
\copy t (id, a, b) from program 'seq -f "%.0f	1	x" 5001 5300'
INSERT INTO t VALUES (9001, 1, 'x')\; UPDATE t SET a = 2 WHERE id = 9001\; DELETE FROM t WHERE id = 9001;
`)
	if m.Outcome != report.Applied || !strings.HasSuffix(out, "done\n") {
		t.Fatalf("outcome %s, %+v, output %q", m.Outcome, m.Failure, out)
	}
	want := []string{
		"T SET", "T ALTER TABLE public.t:ACCESS EXCLUSIVE", "T UPDATE", "T INSERT",
		"CREATE INDEX public.t:SHARE UPDATE EXCLUSIVE", "COPY public.t:ROW EXCLUSIVE", "DELETE public.t:ROW EXCLUSIVE",
	}
	got := sent(m)
	for i, s := range got { // what is sampled may have been missed
		if i < len(want) && i > 3 && strings.HasPrefix(want[i], s) {
			got[i] = want[i]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statements (-want +got):\n%s\nnot measured: %v", diff, missed)
	}
	if last := m.Statements[6]; !slices.Equal(last.Tags, []string{"INSERT 0 1", "UPDATE 1", "DELETE 1"}) || last.Rows != nil {
		t.Errorf("a text of several statements: %+v", last)
	}
	if rows := m.Statements[5].Rows; rows == nil || *rows != 300 {
		t.Errorf("rows of COPY: %v", rows)
	}
	if len(m.Locks) == 0 || m.Locks[0].Table != "public.t" || m.Locks[0].Mode != "ACCESS EXCLUSIVE" || m.Locks[0].Method != report.Exact {
		t.Errorf("exposures: %+v", m.Locks)
	}
	for _, l := range m.Locks {
		if l.Table == "public.schema_migrations" {
			t.Errorf("the tool's own table is told: %+v", l)
		}
	}
	if got := pgtest.Value(t, db, "SELECT count(*) || ' ' || count(c) FROM t"); got != "1300 1000" {
		t.Errorf("rows and filled: %s", got)
	}
}

func TestCommandThatFails(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, someRows)
	m, _, out := commanded(t, db, `psql -X -q -v ON_ERROR_STOP=1 -c 'CREATE TABLE stays (a int)' -c 'BEGIN' -c 'ALTER TABLE t ADD CONSTRAINT small CHECK (id < 500)'`)
	f := m.Failure
	if m.Outcome != report.Failed || f == nil || f.SQLState != "23514" || f.Constraint != "small" || f.Table != "public.t" || !strings.HasSuffix(f.Message, ", exit status 1") {
		t.Fatalf("%s %+v\n%s", m.Outcome, f, out)
	}
	if f.StaysApplied != "1 of the 2 statements sent" {
		t.Errorf("stays applied: %q", f.StaysApplied)
	}
	m, _, _ = commanded(t, db, "exit 7")
	if m.Outcome != report.Failed || !strings.HasPrefix(m.Failure.Message, "exit status 7, and the server refused none") {
		t.Errorf("without a statement: %s %+v", m.Outcome, m.Failure)
	}
	m, _, _ = commanded(t, db, `psql -X -q -c 'BEGIN' -c 'UPDATE t SET a = 0'`)
	if m.Outcome != report.Failed || !strings.Contains(m.Failure.Message, "left a transaction open") || m.Failure.StaysApplied != "" {
		t.Errorf("without COMMIT: %s %+v", m.Outcome, m.Failure)
	}
	m, _, _ = commanded(t, db, `psql -X -q -c 'BEGIN' -c 'SELECT count(*) FROM t'`)
	if m.Outcome != report.Applied {
		t.Errorf("a transaction that only read: %s %+v", m.Outcome, m.Failure)
	}
	m, _, _ = commanded(t, db, `psql -X -q -c 'SELECT 1/0' ; true`)
	if m.Outcome != report.Applied || len(m.Statements) != 1 || m.Statements[0].Failure == nil {
		t.Errorf("a failure that the command passes over: %s %+v", m.Outcome, m)
	}
}

func TestCommandOfSeveralConnections(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, someRows+"; CREATE TABLE u (a int)")
	m, missed, out := commanded(t, db, `psql -X -q "$DATABASE_URL" -f "$DIR/a.sql" & psql -X -q -f "$DIR/b.sql"; wait`,
		"a.sql", "BEGIN;\nALTER TABLE t ADD x int;\nSELECT pg_sleep(0.3);\nALTER TABLE t ADD y int;\nCOMMIT;\n",
		"b.sql", "BEGIN;\nLOCK TABLE u IN SHARE MODE;\nSELECT pg_sleep(0.3);\nCOMMIT;\n")
	if m.Outcome != report.Applied {
		t.Fatalf("%s %+v\n%s", m.Outcome, m.Failure, out)
	}
	locks := map[int][]string{}
	for _, st := range m.Statements {
		for _, l := range st.Locks {
			locks[st.Session] = append(locks[st.Session], l.Table)
		}
	}
	if len(locks) != 2 || len(locks[1]) != 1 || len(locks[2]) != 1 || locks[1][0] == locks[2][0] {
		t.Errorf("locks by session: %v; not measured: %v", locks, missed)
	}
	for _, e := range m.Locks {
		if time.Duration(e.Held) < 250*time.Millisecond {
			t.Errorf("%s was held for %s over a sleep of 300 ms", e.Table, e.Held)
		}
	}
}

func TestCommandEndsWithItsTime(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, someRows)
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	marker := filepath.Join(t.TempDir(), "alive")
	m, _, out, err := tried(ctx, t, db, `(while sleep 0.1; do touch `+marker+`; done) & psql -X -q -c 'SELECT pg_sleep(60)'; wait`, observe.Options{})
	if err != nil || m.Outcome != report.TimedOut {
		t.Fatalf("%v, %s, %+v\n%s", err, m.Outcome, m.Failure, out)
	}
	_ = os.Remove(marker)
	time.Sleep(400 * time.Millisecond)
	if _, err := os.Stat(marker); err == nil {
		t.Error("what the command started still runs")
	}
	if n := pgtest.Value(t, db, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"); n != "0" {
		t.Errorf("%s sessions still sleep", n)
	}
}

// TestCommandGetsNothingElse has the command show what leads it where.
func TestCommandGetsNothingElse(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	m, _, out := commanded(t, db, `psql -X -A -t -c 'SELECT current_user' && psql -X -A -t -d template1 -c 'SELECT 1'; psql -X -U nobody -c 'SELECT 1'; PGPASSWORD=x psql -X -c 'SELECT 1'; exit 0`)
	for _, want := range []string{
		db.User + "\n", `rehearse has a copy of database "shop" only, not of "template1"`, `migrations are rehearsed as role "` + db.User + `"`, "the password is not the one",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if len(m.Statements) != 1 {
		t.Errorf("statements: %v", sent(m))
	}
	if _, err := exec.LookPath("sh"); err != nil {
		t.Fatal(err)
	}
}
