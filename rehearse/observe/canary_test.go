package observe_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// session is one of the test's own.
func session(t *testing.T, db *pgx.ConnConfig) *pgx.Conn {
	t.Helper()
	cfg := db.Copy()
	cfg.RuntimeParams["application_name"] = "application"
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// do runs a statement that must succeed; any goroutine may call it.
func do(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Errorf("%s: %v", sql, err)
	}
}

// about tells whether two times agree within 10 % or 50 ms, and the pause between two probes.
func about(a report.Duration, b time.Duration, pause report.Duration) bool {
	diff := time.Duration(a) - b
	if diff < 0 {
		diff = -diff
	}
	return diff <= max(b/10, 50*time.Millisecond)+time.Duration(pause)
}

// TestCanariesAgreeWithWhoWaits holds locks from one session for a second, on some of twenty tables with names of all kinds, and has an
// application read and write each locked table from others: what those wait is what the canaries are to say.
func TestCanariesAgreeWithWhoWaits(t *testing.T) {
	t.Parallel()
	tables := []string{"public.t_all", "public.t_share", "public.t_rows", `"S x"."Odd ""Name"""`, "public.parted", "public.part1"}
	script := `CREATE SCHEMA "S x"; CREATE TABLE parted (id int) PARTITION BY LIST (id); CREATE TABLE part1 PARTITION OF parted DEFAULT;
		CREATE TABLE t_all (id int); CREATE TABLE t_share (id int); CREATE TABLE t_rows (id int); CREATE TABLE "S x"."Odd ""Name""" (id int); CREATE VIEW v AS SELECT 1;`
	for i := range 10 {
		tables = append(tables, fmt.Sprintf("public.quiet%d", i))
		script += fmt.Sprintf("CREATE TABLE quiet%d (id int);", i)
	}
	db := pgtest.New(t, script)
	canaries := observe.Release(t.Context(), db.Copy, append(tables, "public.v"))
	canaries.Settle(t.Context(), 10*time.Second)

	locks := map[string]struct {
		mode          string
		reads, writes bool
	}{
		"public.t_all": {"ACCESS EXCLUSIVE", true, true}, "public.t_share": {"SHARE", false, true}, "public.t_rows": {"ROW EXCLUSIVE", false, false},
		`"S x"."Odd ""Name"""`: {"SHARE ROW EXCLUSIVE", false, true}, "public.parted": {"ACCESS EXCLUSIVE", true, true},
	}
	from := time.Now()
	waited := map[string]time.Duration{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for table, lock := range locks {
		holder, reader, writer := session(t, db), session(t, db), session(t, db)
		do(t, holder, "BEGIN; LOCK TABLE "+table+" IN "+lock.mode+" MODE")
		held := time.Now()
		for what, app := range map[string]func(){
			"reads ":  func() { do(t, reader, "SELECT count(*) FROM "+table) },
			"writes ": func() { do(t, writer, "INSERT INTO "+table+" VALUES (1)") },
		} {
			wg.Go(func() {
				app()
				mu.Lock()
				defer mu.Unlock()
				waited[what+table] = time.Since(held)
			})
		}
		wg.Go(func() {
			time.Sleep(time.Second - time.Since(held))
			do(t, holder, "COMMIT")
		})
	}
	wg.Wait()
	canaries.Settle(t.Context(), 10*time.Second)
	seen := map[string]report.Blocked{}
	for _, b := range canaries.Waits(from, time.Now()) {
		seen[b.Table] = b
	}
	canaries.Stop()
	p := canaries.Probing()
	for table, lock := range locks {
		for what, c := range map[string]struct {
			blocked bool
			wait    report.Wait
		}{"reads ": {lock.reads, seen[table].Reads}, "writes ": {lock.writes, seen[table].Writes}} {
			app := waited[what+table]
			switch {
			case c.blocked && (!about(c.wait.Total, app, p.Every) || c.wait.Count != 1 || c.wait.Longest != c.wait.Total):
				t.Errorf("%s%s: probed %+v, and the application waited %s", what, table, c.wait, app)
			case !c.blocked && c.wait.Count != 0:
				t.Errorf("%s%s under %s: probed %+v where nothing was to wait for (the application took %s)", what, table, lock.mode, c.wait, app)
			}
		}
	}
	for table := range seen {
		if _, locked := locks[table]; !locked && table != "public.part1" { // LOCK TABLE locks partitions too
			t.Errorf("%s was locked by nobody: %+v", table, seen[table])
		}
	}
	if len(p.Tables) != len(tables) || strings.Join(p.NotProbed, " ") != "public.v" || p.Probes < 100 || p.NoiseMedian <= 0 || p.NoiseMax < p.NoiseMedian {
		t.Errorf("told of the probing: %+v", p)
	}
}

// TestCanariesGoOn through all that a migration may do to their tables and to themselves.
func TestCanariesGoOn(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "CREATE TABLE stays (id int); CREATE TABLE goes (id int); CREATE TABLE swapped (id int)")
	canaries := observe.Release(t.Context(), db.Copy, []string{"public.stays", "public.goes", "public.swapped", "public.comes"})
	defer canaries.Stop()
	canaries.Settle(t.Context(), 10*time.Second)
	app := session(t, db)
	step := func(sql string) map[string]report.Blocked {
		from := time.Now()
		do(t, app, sql)
		canaries.Settle(t.Context(), 10*time.Second)
		seen := map[string]report.Blocked{}
		for _, b := range canaries.Waits(from, time.Now()) {
			seen[b.Table] = b
		}
		return seen
	}
	if seen := step("SELECT 1"); len(seen) != 0 {
		t.Errorf("a table that has never been there is told: %+v", seen)
	}
	if b := step("DROP TABLE goes")["public.goes"]; !b.Missing {
		t.Errorf("a table that is dropped is not missing: %+v", b)
	}
	if seen := step("SELECT pg_sleep(0.05)"); seen["public.goes"].Missing {
		t.Error("a table is told again that was gone before")
	}
	if b := step("ALTER TABLE swapped RENAME TO old; SELECT pg_sleep(0.2); CREATE TABLE swapped (id int)")["public.swapped"]; b.Missing {
		t.Errorf("a table swapped in one transaction is told as missing: %+v", b)
	}
	if killed := pgtest.Value(t, db, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'rehearse canary' AND datname = current_database()"); killed != "8" {
		t.Fatalf("%s canaries were ended, of 8", killed)
	}
	step("SELECT 1")
	b := step("BEGIN; LOCK TABLE stays IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(0.3); COMMIT")["public.stays"]
	if b.Reads.Total < report.Duration(100*time.Millisecond) || b.Writes.Total < report.Duration(100*time.Millisecond) {
		t.Errorf("after they were ended, canaries saw of a lock of 300 ms: %+v", b)
	}
	do(t, app, "CREATE TABLE comes (id int)")
	step("SELECT 1")
	if b := step("BEGIN; LOCK TABLE comes IN SHARE MODE; SELECT pg_sleep(0.2); COMMIT")["public.comes"]; b.Writes.Count == 0 || b.Reads.Count != 0 {
		t.Errorf("of a table that was made later: %+v", b)
	}
}

// TestCrowdHoldsWhatProductionHolds asks the server for the locks and snapshots of a crowd, and waits behind it.
func TestCrowdHoldsWhatProductionHolds(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, `CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE "B b" (id int); CREATE TABLE c (id int) PARTITION BY LIST (id);
		CREATE MATERIALIZED VIEW m AS SELECT 1 AS x`)
	oids, err := observe.Tables(t.Context(), db.Copy())
	if err != nil || len(oids) != 4 {
		t.Fatalf("%d tables: %v", len(oids), err)
	}
	pgtest.Exec(t, db, "CREATE TABLE of_the_release (id int); ALTER TABLE c RENAME TO d")
	const hold, writers = 300 * time.Millisecond, 200 * time.Millisecond
	crowd, err := observe.Gather(t.Context(), db.Copy, []string{"public.a", "public.gone"}, oids, observe.Holds{Readers: hold, Writers: writers}, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer crowd.Leave(t.Context())
	const locks = `SELECT string_agg(relation::regclass || ' ' || n, ', ' ORDER BY relation::regclass::text) FROM
		(SELECT l.relation, count(*) AS n FROM pg_locks l JOIN pg_stat_activity a USING (pid)
		WHERE a.application_name = 'rehearse crowd' AND l.relation >= 16384 AND l.mode = 'AccessShareLock' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY 1) x`
	if got := pgtest.Value(t, db, locks); got != `"B b" 2, a 2, a_pkey 1, d 1` {
		t.Errorf("the crowd locks %s", got)
	}
	const open = `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rehearse crowd' AND state = 'idle in transaction' AND backend_xmin IS NOT NULL
		AND datname = current_database()`
	if n := pgtest.Value(t, db, open); n != "3" {
		t.Errorf("%s sessions of the crowd have an old snapshot", n)
	}
	const writing = `SELECT string_agg(relation::regclass || ' ' || mode || ' ' || (backend_xmin IS NULL), ', ') FROM pg_stat_activity a JOIN pg_locks l USING (pid)
		WHERE a.application_name = 'rehearse crowd' AND backend_xid IS NOT NULL AND datname = current_database() AND relation IS NOT NULL`
	if got := pgtest.Value(t, db, writing); got != "a RowExclusiveLock true" {
		t.Errorf("who writes holds %s", got)
	}
	app := session(t, db)
	from := time.Now()
	do(t, app, "ALTER TABLE a ADD x int")
	if took := time.Since(from); took < hold {
		t.Errorf("behind the crowd it took %s", took)
	}
	for end := time.Now().Add(10 * time.Second); pgtest.Value(t, db, open) != "3" && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	again := time.Now()
	do(t, app, "ALTER TABLE a ADD y int") // they have come back
	if took := time.Since(again); took < hold/2 {
		t.Errorf("behind the crowd that came back it took %s", took)
	}
	do(t, app, "SET lock_timeout = '10s'; ALTER TABLE a ADD z int") // and gone for good
	if who := by(crowd); who != "a reader of the table, a writer of the table, a dump" {
		t.Errorf("it is told to have waited for %s", who)
	}
}

func by(crowd *observe.Crowd) string {
	var who []string
	for _, w := range crowd.WaitedFor() {
		who = append(who, w.By)
	}
	return strings.Join(who, ", ")
}

// TestWritersHoldUpOnlyWhatTheyDo has a transaction that has written in the way of statements that wait for such, or do not.
func TestWritersHoldUpOnlyWhatTheyDo(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "CREATE TABLE a (id int PRIMARY KEY, x int); INSERT INTO a VALUES (1, 1); CREATE TABLE b (id int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'")
	for sql, want := range map[string]string{
		"CREATE INDEX a_x ON a (x)": "a writer of the table", "ALTER TABLE b ADD FOREIGN KEY (id) REFERENCES a": "a writer of the table",
		"CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()": "a writer of the table",
		"CREATE INDEX CONCURRENTLY a_c ON a (x)":                                "a writer of the table, an old snapshot",
		"ALTER TABLE a ADD z int":                                               "a reader of the table, a writer of the table, a dump",
		"UPDATE a SET x = 1":                                                    "", "ANALYZE a": "", "COMMENT ON TABLE a IS 'x'": "",
	} {
		t.Run(sql, func(t *testing.T) {
			db := pgtest.Clone(t, db)
			oids, err := observe.Tables(t.Context(), db.Copy())
			if err != nil {
				t.Fatal(err)
			}
			hold := observe.Holds{Readers: 250 * time.Millisecond, Writers: 250 * time.Millisecond}
			crowd, err := observe.Gather(t.Context(), db.Copy, []string{"public.a"}, oids, hold, 1)
			if err != nil {
				t.Fatal(err)
			}
			do(t, session(t, db), sql)
			crowd.Leave(t.Context())
			if got := by(crowd); got != want {
				t.Errorf("it waited for %q, want %q", got, want)
			}
			for _, w := range crowd.WaitedFor() {
				if w.Time < report.Duration(100*time.Millisecond) {
					t.Errorf("it waited for %s for %s", w.By, w.Time)
				}
			}
			if rows := pgtest.Value(t, db, "SELECT string_agg(id || ' ' || x, ',') FROM a"); rows != "1 1" {
				t.Errorf("the crowd changed contents: %s", rows)
			}
		})
	}
}
