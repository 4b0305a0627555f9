package observe_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// table is a table t of 1,000 rows in three columns, with an index and a view.
const table = `CREATE TABLE t (id int PRIMARY KEY, a int, b text); CREATE VIEW v AS SELECT id FROM t;
	INSERT INTO t SELECT g, g, 'b' || g FROM generate_series(1, 1000) g; CREATE INDEX t_a ON t (a)`

// bench is a recorder and a migrating session.
type bench struct {
	*testing.T
	rec  *observe.Recorder
	conn *pgx.Conn
}

func newBench(t *testing.T, db *pgx.ConnConfig) *bench {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	rec, err := observe.Open(ctx, db.Copy(), observe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := db.Copy()
	cfg.Tracer = rec
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close(ctx)
		rec.Close(ctx)
	})
	return &bench{T: t, rec: rec, conn: conn}
}

// record runs statements and returns what was observed. "begin", "commit" and "rollback" are not statements but control.
func (b *bench) record(statements ...string) *observe.Observation {
	b.Helper()
	if err := b.rec.Start(b.Context(), false, nil); err != nil {
		b.Fatal(err)
	}
	for i, sql := range statements {
		if sql != "begin" && sql != "commit" && sql != "rollback" {
			b.rec.Announce(observe.Source{SQL: sql, File: "m.sql", Lines: []int{i + 1}})
		}
		if _, err := b.conn.Exec(b.Context(), sql); err != nil {
			b.Logf("%s: %v", sql, err)
		}
	}
	return b.rec.Stop(b.Context())
}

// inTransaction runs statements between begin and commit.
func (b *bench) inTransaction(statements ...string) *observe.Observation {
	b.Helper()
	return b.record(append(append([]string{"begin"}, statements...), "commit")...)
}

// oid asks for a table's OID.
func oid(t *testing.T, db *pgx.ConnConfig, name string) uint32 {
	t.Helper()
	var n uint32
	if _, err := fmt.Sscan(pgtest.Value(t, db, "SELECT '"+name+"'::regclass::oid"), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRowsChanged(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, table+"; CREATE TABLE u AS SELECT 1 AS a; CREATE TABLE child (t int REFERENCES t ON DELETE CASCADE)")
	b := newBench(t, db)
	insert := "INSERT INTO t SELECT g FROM generate_series(2001, 2010) g"
	o := b.record(
		"begin", insert, "INSERT INTO child VALUES (1), (2), (2)", "UPDATE t SET b = NULL WHERE id < 6", "DELETE FROM t WHERE id IN (1, 2)",
		"commit", "TRUNCATE u", "UPDATE t SET b = NULL WHERE id = 7", "begin", "DELETE FROM t", "rollback", "CREATE TABLE fresh AS SELECT * FROM t",
		"UPDATE t SET a = 1/(a - 900)", "begin", "INSERT INTO child VALUES (7)", "commit", "SELECT 1",
	)
	want := map[uint32]observe.Change{
		oid(t, db, "t"): {Inserted: 10, Updated: 6, Deleted: 2}, oid(t, db, "child"): {Inserted: 4, Deleted: 3},
		oid(t, db, "u"): {Truncated: true}, oid(t, db, "fresh"): {Inserted: 1008},
	}
	if diff := cmp.Diff(want, o.Changes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]bool{true, true, true, true, true, true, false, true, false, true, true}, o.Durable); diff != "" {
		t.Error("durable: ", diff)
	}
	if o.ChangesMethod != report.Exact {
		t.Errorf("method %s", o.ChangesMethod)
	}
	// The next one in the same session must not count the rows again.
	o = b.inTransaction("UPDATE u SET a = 1", "INSERT INTO u VALUES (1)")
	if diff := cmp.Diff(map[uint32]observe.Change{oid(t, db, "u"): {Inserted: 1}}, o.Changes); diff != "" {
		t.Error("second: ", diff)
	}
}

func TestStatements(t *testing.T) {
	t.Parallel()
	b := newBench(t, pgtest.New(t, table))
	o := b.inTransaction("INSERT INTO t VALUES (-1), (-2)", "ALTER TABLE t /* why */ ADD\n\tc int -- it\n", "SELECT 1; DELETE FROM t WHERE id < 0")
	type row struct {
		SQL, Tag string
		Rows     int64
		Line     int
	}
	var got []row
	for _, s := range o.Statements {
		r := row{SQL: s.SQL, Tag: s.Tag, Rows: -1, Line: s.Line}
		if s.Rows != nil {
			r.Rows = *s.Rows
		}
		got = append(got, r)
		if !s.Transaction || s.Duration <= 0 || s.File != "m.sql" || s.WAL <= 0 {
			t.Errorf("%+v", s)
		}
	}
	want := []row{
		{"INSERT INTO t VALUES (-1), (-2)", "INSERT", 2, 2},
		{"ALTER TABLE t ADD c int", "ALTER TABLE", -1, 3},
		{"SELECT 1; DELETE FROM t WHERE id < 0", "DELETE", -1, 4},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if o.Duration <= 0 || o.Commit <= 0 || o.Observing <= 0 || o.WAL < 200 {
		t.Errorf("duration %s, commit %s, observing %s, WAL %d", o.Duration, o.Commit, o.Observing, o.WAL)
	}
}

func TestFailedTransaction(t *testing.T) {
	t.Parallel()
	b := newBench(t, pgtest.New(t, table))
	o := b.record("begin", "LOCK TABLE t", "SELECT pg_sleep(0.3)", "SELECT\n1/0", "rollback")
	if len(o.Locks) != 1 || time.Duration(o.Locks[0].Held) < 300*time.Millisecond {
		t.Errorf("exposures: %+v", o.Locks)
	}
	if f := o.Statements[2].Failure; f == nil || f.SQLState != "22012" || f.Line != 4 {
		t.Errorf("failure: %+v", f)
	}
	if diff := cmp.Diff([]bool{false, false, false}, o.Durable); diff != "" {
		t.Error(diff)
	}
	o = b.inTransaction("SELECT 1")
	if len(o.Locks) != 0 || !o.Durable[0] {
		t.Errorf("the next transaction: %+v", o)
	}
}

func TestFailureUndoneToASavepoint(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, table)
	b := newBench(t, db)
	o := b.inTransaction("LOCK TABLE t", "SAVEPOINT s", "SELECT 1/0", "ROLLBACK TO s", "UPDATE t SET a = 1 WHERE id < 3", "SELECT pg_sleep(0.2)")
	if diff := cmp.Diff([]bool{true, true, false, true, true, true}, o.Durable); diff != "" {
		t.Error(diff)
	}
	if len(o.Locks) != 1 || time.Duration(o.Locks[0].Held) < 200*time.Millisecond {
		t.Errorf("exposures: %+v", o.Locks)
	}
	if diff := cmp.Diff(map[uint32]observe.Change{oid(t, db, "t"): {Updated: 2}}, o.Changes); diff != "" || o.ChangesMethod != report.Estimated {
		t.Errorf("%s: %s", o.ChangesMethod, diff)
	}
}

// TestUndoneRowsAreNotCountedAsExact since the server counts rows of a block that an exception undid.
func TestUndoneRowsAreNotCountedAsExact(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, table)
	b := newBench(t, db)
	undone := `DO $$ BEGIN UPDATE t SET a = 0; RAISE EXCEPTION 'no'; EXCEPTION WHEN OTHERS THEN UPDATE t SET a = 1 WHERE id = 1; END $$`
	o := b.inTransaction("SELECT 1", undone)
	if o.ChangesMethod != report.Estimated || len(o.NotMeasured) != 1 {
		t.Errorf("%s, %+v, not measured %+v; one row was changed: %s", o.ChangesMethod, o.Changes, o.NotMeasured,
			pgtest.Value(t, db, "SELECT count(*) FROM t WHERE a = 0 OR xmin::text = (SELECT xmin::text FROM t WHERE id = 1)"))
	}
	if o := b.inTransaction("UPDATE t SET a = 2"); o.Changes[oid(t, db, "t")].Updated != 1000 || len(o.NotMeasured) > 0 {
		t.Errorf("the next transaction: %+v, not measured %+v", o.Changes, o.NotMeasured)
	}
}

// TestWhatAFailedBlockCommittedIsTold though the statement failed: rows of before its own commit stay changed.
func TestWhatAFailedBlockCommittedIsTold(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, table)
	b := newBench(t, db)
	o := b.record("DO $$ BEGIN UPDATE t SET a = 0 WHERE id <= 10; COMMIT; UPDATE t SET a = 0; PERFORM 1/0; END $$")
	n := oid(t, db, "t")
	if o.Changes[n].Updated < 10 || o.ChangesMethod != report.Estimated || !slices.Contains(o.Touched, n) {
		t.Errorf("%s %+v, touched %v; 10 rows stay changed", o.ChangesMethod, o.Changes, o.Touched)
	}
	if o := b.record("DO $$ BEGIN UPDATE t SET a = 1; PERFORM 1/0; END $$"); len(o.Changes) > 0 && o.ChangesMethod == report.Exact {
		t.Errorf("nothing was committed: %s %+v", o.ChangesMethod, o.Changes)
	}
}

// TestATextThatEndsItsTransactionHalfWay leaves changes that no question inside it can see: the table has to be counted.
func TestATextThatEndsItsTransactionHalfWay(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, table)
	o := newBench(t, db).inTransaction("ALTER TABLE t ADD c int; ROLLBACK; INSERT INTO t VALUES (5000)")
	if !slices.Contains(o.Touched, oid(t, db, "t")) || o.ChangesMethod == report.Exact || len(o.NotMeasured) == 0 {
		t.Errorf("%s, touched %v, not measured %+v", o.ChangesMethod, o.Touched, o.NotMeasured)
	}
}

// TestTheWatcherReturns when a migration ends all sessions but its own.
func TestTheWatcherReturns(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, table)
	b := newBench(t, db)
	o := b.inTransaction("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
		"SELECT pg_sleep(0.1)", "ALTER TABLE t ADD c int")
	if len(o.Locks) != 1 || o.WAL == 0 || len(o.NotMeasured) > 0 {
		t.Errorf("exposures %+v, %d bytes of WAL, not measured %+v", o.Locks, o.WAL, o.NotMeasured)
	}
}

func TestOutsideTransactions(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, table)
	pgtest.Exec(t, db, `CREATE PROCEDURE batches() LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..4 LOOP UPDATE t SET a = -1
		WHERE id BETWEEN i * 100 AND i * 100 + 99; COMMIT; PERFORM pg_sleep(0.2); END LOOP; END $$`)
	b := newBench(t, db)
	o := b.record("CALL batches()", "SET work_mem = '8MB'", "DO $$ BEGIN LOCK TABLE t; PERFORM pg_sleep(0.3); END $$")
	if d := time.Duration(o.Statements[0].Slept); d < 600*time.Millisecond || d > 1000*time.Millisecond {
		t.Errorf("slept %s of 0.8 s", d)
	}
	if diff := cmp.Diff(map[uint32]observe.Change{oid(t, db, "t"): {Updated: 400}}, o.Changes); diff != "" {
		t.Error(diff)
	}
	var held *report.Exposure
	for i := range o.Locks {
		if o.Locks[i].Table == "public.t" && o.Locks[i].Object == "" {
			held = &o.Locks[i]
		}
	}
	if held == nil || held.Method != report.Sampled || held.Line != 3 || time.Duration(held.Held) < 250*time.Millisecond {
		t.Errorf("exposures: %+v", o.Locks)
	}
	o = b.record("COMMENT ON TABLE t IS 'x'")
	if len(o.Statements[0].Locks) == 0 && len(o.NotMeasured) == 0 {
		t.Error("neither a lock nor a word that none was seen")
	}
}

func TestOddNames(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, `CREATE SCHEMA "Odd. ""Schema"""; CREATE TABLE "Odd. ""Schema"""."order" (a int); CREATE TABLE "Ünï köde" ("Select" int UNIQUE)`)
	b := newBench(t, db)
	o := b.inTransaction(`ALTER TABLE "Odd. ""Schema"""."order" ALTER a TYPE bigint`, `INSERT INTO "Ünï köde" VALUES (7), (7)`)
	if len(o.Locks) != 1 || o.Locks[0].Table != `"Odd. ""Schema"""."order"` {
		t.Errorf("exposures: %+v", o.Locks)
	}
	want := &report.Failure{
		SQLState: "23505", Message: `duplicate key value violates unique constraint "Ünï köde_Select_key": key ("Select") already exists`,
		Table: `public."Ünï köde"`, Columns: []string{"Select"}, Constraint: "Ünï köde_Select_key", File: "m.sql", Line: 3,
	}
	if diff := cmp.Diff(want, o.Statements[1].Failure); diff != "" {
		t.Error(diff)
	}
}

func TestNothingIsRecordedBetween(t *testing.T) {
	t.Parallel()
	b := newBench(t, pgtest.New(t, table))
	if _, err := b.conn.Exec(t.Context(), "UPDATE t SET a = 1"); err != nil {
		t.Fatal(err)
	}
	o := b.rec.Stop(t.Context())
	if len(o.Statements) != 0 {
		t.Errorf("%+v", o)
	}
	if o = b.inTransaction(); len(o.Statements) != 0 || len(o.Changes) != 0 || o.Duration <= 0 {
		t.Errorf("an empty migration: %+v", o)
	}
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

// TestUndoneLocks: what was locked since a savepoint is free again once it is rolled back to.
func TestUndoneLocks(t *testing.T) {
	t.Parallel()
	b := newBench(t, pgtest.New(t, table+"; CREATE TABLE u AS SELECT 1 AS a"))
	o := b.inTransaction("LOCK TABLE u", "SAVEPOINT one", "LOCK TABLE t", "ROLLBACK TO SAVEPOINT one", "SELECT pg_sleep(0.5)")
	held := map[string]time.Duration{}
	for _, e := range o.Locks {
		held[e.Table] = time.Duration(e.Held)
	}
	if held["public.u"] < 500*time.Millisecond || held["public.t"] <= 0 || held["public.u"]-held["public.t"] < 500*time.Millisecond {
		t.Errorf("held %v", held)
	}
}

// TestWaiting: what a statement waited for another session's lock is told apart, with whose it was.
func TestWaiting(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, table)
	b := newBench(t, db)
	for _, inside := range []bool{true, false} {
		cfg := db.Copy()
		cfg.RuntimeParams["application_name"] = "night report"
		reader, err := pgx.ConnectConfig(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := reader.Exec(t.Context(), "BEGIN; SELECT count(*) FROM t"); err != nil {
			t.Fatal(err)
		}
		const rest = 600 * time.Millisecond
		closed := make(chan error)
		time.AfterFunc(rest, func() { closed <- reader.Close(context.WithoutCancel(t.Context())) })
		record := b.record
		if inside {
			record = b.inTransaction
		}
		o := record("ALTER TABLE t ADD COLUMN IF NOT EXISTS c int", "SELECT pg_sleep(0.2)")
		if err := <-closed; err != nil {
			t.Fatal(err)
		}
		st := o.Statements[0]
		if d := time.Duration(st.Duration - st.Waited); st.Waited <= 0 || d < 0 || d > rest/2 || o.Waited != time.Duration(st.Waited) || !slices.Equal(st.WaitedFor, []string{"night report"}) {
			t.Errorf("inside %v: waited %s of %s (in all %s) for %q", inside, st.Waited, st.Duration, o.Waited, st.WaitedFor)
		}
		if o.Slept < 100*time.Millisecond || o.Statements[1].Waited != 0 {
			t.Errorf("inside %v: slept %s, %+v", inside, o.Slept, o.Statements[1])
		}
	}
}

// TestManySmallStatements: asking after each of very many would cost more than they do. They are asked together, and the transaction's locks, scans
// and rows are complete all the same.
func TestManySmallStatements(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, table+"; CREATE TABLE u AS SELECT 1 AS a; CREATE FUNCTION lock_u() RETURNS void LANGUAGE plpgsql AS $$ BEGIN LOCK TABLE u; END $$")
	b := newBench(t, db)
	var statements []string
	for i := range 1500 {
		statements = append(statements, fmt.Sprintf("INSERT INTO t VALUES (%d)", 5000+i))
	}
	statements[700] = "SELECT lock_u()"
	o := b.inTransaction(statements...)
	if got := o.Changes[oid(t, db, "t")]; got.Inserted != 1499 || o.ChangesMethod != report.Exact {
		t.Errorf("changes %+v, %s", got, o.ChangesMethod)
	}
	if len(o.Locks) != 1 || o.Locks[0].Table != "public.u" || o.Locks[0].Blocks != "reads and writes" {
		t.Errorf("locks %+v", o.Locks)
	}
	asked := slices.ContainsFunc(o.NotMeasured, func(n report.NotMeasured) bool { return len(n.What) > 5 && n.What[:5] == "which" })
	if most := 1500 * 100 * time.Microsecond; o.Observing > most && !asked {
		t.Errorf("asking took %s, one by one", o.Observing)
	}
	if asked && o.Locks[0].Method != report.Estimated && o.Locks[0].Held <= 0 {
		t.Errorf("locks %+v", o.Locks)
	}
	t.Logf("%s, asking %s, not measured: %+v", o.Duration, o.Observing, o.NotMeasured)
}
