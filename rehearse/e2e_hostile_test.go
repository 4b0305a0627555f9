package rehearse_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

const noTransaction = "-- +goose NO TRANSACTION\n"

// loadBusy makes tables as a busy application has them, one of them large enough to be seen while an index is built.
func loadBusy(t testing.TB, cfg *pgx.ConnConfig) {
	pgtest.Exec(t, cfg, gooseTable+`; INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, true);
		CREATE TABLE orders (id int PRIMARY KEY, ref text, total int); CREATE TABLE customers (id int PRIMARY KEY, name text); CREATE TABLE empty (id int);
		INSERT INTO orders SELECT i, md5(i::text), i FROM generate_series(1, 60000) i; INSERT INTO customers SELECT i, 'c' FROM generate_series(1, 500) i;
		CREATE TABLE small (id int PRIMARY KEY, x int); INSERT INTO small SELECT i, i FROM generate_series(1, 500) i; ANALYZE`)
}

// busy is the release: each migration with what is to be said of it among others' transactions.
var busy = []struct {
	sql      string
	findings string // codes and tables about it, budgets and blocking
	waited   string // for whom
	limited  string // SQLSTATE under the lock_timeout, and what is left
}{
	{"CREATE INDEX orders_ref ON orders (ref);", "blocked-over-budget public.orders|stalls-behind-writers public.orders", "a writer of the table", "55P03"},
	{noTransaction + "CREATE INDEX CONCURRENTLY small_x ON small (x);", "left-by-lock-timeout", "a writer of the table, an old snapshot", "55P03 public.small_x"},
	{"ALTER TABLE customers ADD COLUMN note text;", "stalls-behind-readers public.customers", "a reader of the table, a writer of the table", "55P03"},
	{
		"ALTER TABLE customers ADD COLUMN a int;" + strings.Repeat("\nSELECT pg_sleep(0.05);", 8) + "\nALTER TABLE customers ADD COLUMN b int;",
		"blocks-reads public.customers|stalls-behind-readers public.customers", "a reader of the table", "55P03",
	},
	{"CREATE ROLE newcomer; GRANT SELECT ON orders TO newcomer;\nCREATE TABLE totals AS SELECT id, total FROM orders, pg_sleep(0.3) WHERE id < 2000;", "", "not asked", ""},
	{noTransaction + strings.Repeat("UPDATE orders SET total = total + 1 WHERE id % 4 = 0;\n", 2), "", "not asked", ""},
	{"SET LOCAL lock_timeout = '150ms';\nALTER TABLE customers ADD COLUMN c int;", "fails-by-lock-timeout", "a reader of the table", "own 55P03"},
	{"ALTER TABLE totals ADD COLUMN d int, ALTER COLUMN total TYPE bigint;\nSELECT pg_sleep(0.2);", "", "not asked", ""},
	{"ALTER TABLE empty ADD COLUMN d int;", "stalls-behind-readers public.empty", "a reader of the table", "55P03"},
	{noTransaction + "ALTER TABLE small ADD COLUMN z int;\nALTER TABLE small ADD COLUMN zz int;", "stalls-behind-readers public.small", "a reader of the table", "55P03"},
}

// TestBlockedAndHostile rehearses a release of which each migration blocks in another way, and asks what is said of it.
func TestBlockedAndHostile(t *testing.T) {
	t.Parallel()
	source := fresh(t, "busy", loadBusy)
	var pending []string
	for _, m := range busy {
		pending = append(pending, m.sql)
	}
	cfg := configured(t, source, rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}, rulesFor(t, source, nil))
	cfg.Migrations, cfg.Passes = os.DirFS(release(t, pending...)), []string{"probe", "hostile"}
	cfg.MigrationLockTimeout, cfg.HostileHold = 250*time.Millisecond, 900*time.Millisecond
	cfg.Policy = verdict.Policy{AllowRewriteBelow: -1, MaxWritesBlocked: verdict.BlockedBudget{
		Any: time.Minute, Tables: map[string]time.Duration{"orders": 20 * time.Millisecond, "public.customers": 0},
	}}
	r, err := rehearse.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := report.Text(&text, r, report.TextOptions{Width: 160}); err != nil {
		t.Fatal(err)
	}
	t.Log(text.String())
	blocking := []string{verdict.BlockedOverBudget, verdict.BlocksReads, verdict.BlocksWrites, verdict.StallsBehindReaders, verdict.StallsBehindWriters, verdict.LeftByLockTimeout, verdict.FailsByLockTimeout, verdict.NotMeasured}
	for i, want := range busy {
		m := &r.Migrations[i]
		if m.Outcome != report.Applied || !m.Probed {
			t.Fatalf("%s is %s, probed: %v: %+v", m.Name, m.Outcome, m.Probed, m.Failure)
		}
		var found []string
		for _, f := range r.Findings {
			if f.Migration == m.Version && slices.Contains(blocking, f.Code) {
				found = append(found, strings.TrimSpace(f.Code+" "+f.Object))
			}
		}
		slices.Sort(found)
		if got := strings.Join(found, "|"); got != want.findings {
			t.Errorf("%s: findings %q, want %q", m.Name, got, want.findings)
		}
		if got := met(m); !strings.Contains(got, want.waited) {
			t.Errorf("%s waited for %q, want %q", m.Name, got, want.waited)
		}
		if got := refusals(m); got != want.limited {
			t.Errorf("%s under the lock_timeout: %q, want %q", m.Name, got, want.limited)
		}
	}
	if t.Failed() {
		return
	}
	figures(t, r)
}

func met(m *report.Migration) string {
	if m.Hostile == nil {
		return "not asked"
	}
	return strings.Join(m.Hostile.WaitedFor, ", ")
}

func refusals(m *report.Migration) string {
	if m.Hostile == nil {
		return ""
	}
	run, own := m.Hostile.Limited, ""
	if m.Hostile.Plain.Refused() {
		run, own = &m.Hostile.Plain, "own "
	}
	if run == nil {
		return ""
	}
	text := own + run.Failure.SQLState
	for _, l := range run.Leftovers {
		text += " " + l.Object
	}
	return text
}

// figures holds the times against what they must be.
func figures(t *testing.T, r *report.Result) {
	t.Helper()
	hold := r.Hostility.Hold
	index, column, many, table, half := &r.Migrations[0], &r.Migrations[2], &r.Migrations[3], &r.Migrations[4], &r.Migrations[9]
	if b, ok := r.BlockedOf(index, "public.orders"); !ok || b.Reads.Count > 0 || b.Writes.Total < index.Duration/4 {
		t.Errorf("CREATE INDEX took %s and blocked %+v", index.Duration, b)
	}
	if b, _ := r.BlockedOf(many, "public.customers"); b.Reads.Longest < report.Duration(300*time.Millisecond) || b.Writes.Longest < report.Duration(300*time.Millisecond) {
		t.Errorf("a lock held over eight short statements of 50 ms: %+v", b)
	}
	if len(table.Blocked) > 0 || table.Hostile != nil {
		t.Errorf("CREATE TABLE AS blocked %+v", table.Blocked)
	}
	name, reads, writes := column.Hostile.Plain.Worst()
	if name != "public.customers" || reads < hold/2 || writes < hold/2 || reads > 3*hold {
		t.Errorf("an instant column behind readers of %s stalled reads of %s for %s, writes for %s", hold, name, reads, writes)
	}
	if _, reads, _ := column.Hostile.Limited.Worst(); reads == 0 || reads > hold*2/3 {
		t.Errorf("under a lock_timeout of %s it stalled reads for %s", r.Hostility.LockTimeout, reads)
	}
	if len(r.Migrations[1].Hostile.Plain.Blocked) > 0 {
		t.Errorf("CONCURRENTLY behind a snapshot blocked %+v", r.Migrations[1].Hostile.Plain.Blocked)
	}
	if f := half.Hostile.Limited.Failure; f.Line == 0 {
		t.Errorf("which statement failed is not told: %+v", f)
	}
	if r.Verdict != report.NoGo || r.ExitCode != 11 || !strings.Contains(r.Reason, "over the budget of 20 ms") {
		t.Errorf("%s (%d): %s", r.Verdict, r.ExitCode, r.Reason)
	}
	if r.Hostility.Longest == nil || r.Hostility.Hidden != 0 {
		t.Errorf("of the source's transactions: %+v", r.Hostility)
	}
	if d := cmp.Diff([]string{"public.customers", "public.orders", "public.empty", "public.small"}, r.Probing.Tables, cmp.Transformer("sorted", func(s []string) []string {
		return slices.Sorted(slices.Values(s))
	})); d != "" {
		t.Errorf("probed tables (-want +got):\n%s", d)
	}
}
