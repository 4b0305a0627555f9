package observe_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
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
	rec, err := observe.Open(ctx, db.Copy(), nil)
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

func TestRewriteReasons(t *testing.T) {
	t.Parallel()
	original := pgtest.New(t, table+`; CREATE MATERIALIZED VIEW mv AS SELECT id FROM t; CREATE TABLE part (a int) PARTITION BY RANGE (a);
		CREATE TABLE leaf PARTITION OF part FOR VALUES FROM (0) TO (10); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
		CREATE ACCESS METHOD heap_too TYPE TABLE HANDLER heap_tableam_handler; CREATE UNLOGGED TABLE u (a int)`)
	for _, c := range []struct {
		sql  string
		want []string // "relation: reason"
		only string   // "in" or "out" of a transaction
	}{
		{sql: "ALTER TABLE t ALTER a TYPE bigint", want: []string{"t: column type", "t_pkey: column type"}},
		{sql: "ALTER TABLE t ADD c float DEFAULT random()", want: []string{"t: volatile default", "t_a: volatile default", "t_pkey: volatile default"}},
		{sql: "ALTER TABLE t ADD c serial", want: []string{"t: volatile default", "t_a: volatile default", "t_pkey: volatile default"}},
		{sql: "ALTER TABLE t ADD c int GENERATED ALWAYS AS IDENTITY", want: []string{"t: identity column", "t_a: identity column", "t_pkey: identity column"}},
		{sql: "ALTER TABLE t ADD c int GENERATED ALWAYS AS (a + 1) STORED", want: []string{"t: generated column", "t_a: generated column", "t_pkey: generated column"}},
		{sql: "ALTER TABLE t ADD c positive", want: []string{"t: constrained domain", "t_a: constrained domain", "t_pkey: constrained domain"}},
		{sql: "ALTER TABLE t SET UNLOGGED", want: []string{"t: set unlogged", "t_a: set unlogged", "t_pkey: set unlogged"}},
		{sql: "ALTER TABLE u SET LOGGED", want: []string{"u: set logged"}},
		{sql: "ALTER TABLE u SET ACCESS METHOD heap_too", want: []string{"u: access method"}},
		{sql: "TRUNCATE t", want: []string{"t: truncate", "t_a: truncate", "t_pkey: truncate"}},
		{sql: "TRUNCATE part", want: []string{"leaf: truncate"}},
		{sql: "DO $$ BEGIN TRUNCATE u; END $$", want: []string{"u: truncate"}},
		{sql: "SELECT 1; TRUNCATE u; SELECT 2", want: []string{"u: truncate"}},
		{sql: "CLUSTER t USING t_a", want: []string{"t: vacuum full or cluster", "t_a: vacuum full or cluster", "t_pkey: vacuum full or cluster"}},
		{sql: "VACUUM FULL u", want: []string{"u: vacuum full or cluster"}, only: "out"},
		{sql: "REINDEX INDEX t_a", want: []string{"t_a: reindex"}},
		{sql: "REFRESH MATERIALIZED VIEW mv", want: []string{"mv: refresh"}},
		{sql: "ALTER TABLE t ADD c int DEFAULT 5"},
		{sql: "ALTER TABLE t ALTER b TYPE varchar"},
		{sql: "CREATE TABLE fresh (a int); TRUNCATE fresh"},
		{sql: "UPDATE t SET a = a + 1"},
	} {
		for _, where := range []string{"in", "out"} {
			if c.only != "" && c.only != where {
				continue
			}
			t.Run(c.sql+" "+where, func(t *testing.T) {
				b := newBench(t, pgtest.Clone(t, original))
				var o *observe.Observation
				if where == "in" {
					o = b.inTransaction(c.sql)
				} else {
					o = b.record(c.sql)
				}
				var got []string
				for _, w := range o.Rewrites {
					name := strings.TrimPrefix(w.Table, "public.")
					if w.Index != "" {
						name = strings.TrimPrefix(w.Index, "public.")
					}
					got = append(got, name+": "+w.Reason)
				}
				if diff := cmp.Diff(sorted(c.want), sorted(got)); diff != "" {
					t.Error(diff)
				}
				if len(o.Statements) != 1 || !cmp.Equal(o.Statements[0].Rewrites, o.Rewrites) {
					t.Errorf("statements: %+v", o.Statements)
				}
			})
		}
	}
}

func TestRewriteSize(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, table)
	o := newBench(t, db).inTransaction("ALTER TABLE t ALTER a TYPE bigint")
	if got, want := fmt.Sprint(o.Rewrites[0].Bytes), pgtest.Value(t, db, "SELECT pg_relation_size('t')"); got != want {
		t.Errorf("%s bytes in the transaction, want %s", got, want)
	}
	o = newBench(t, db).record("ALTER TABLE t ALTER a TYPE int")
	if got, want := fmt.Sprint(o.Rewrites[0].Bytes), pgtest.Value(t, db, "SELECT pg_relation_size('t')"); got != want {
		t.Errorf("%s bytes outside, want %s", got, want)
	}
}

// TestExposure has a second session measure how long it waits, which is what the exposure stands for.
func TestExposure(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, table)
	b := newBench(t, db)
	other, err := pgx.ConnectConfig(t.Context(), db.Copy())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.WithoutCancel(t.Context()))
	waited := map[string]time.Duration{}
	done := make(chan error)
	go func() {
		time.Sleep(200 * time.Millisecond) // by then t is locked against writing
		start := time.Now()
		_, err := other.Exec(t.Context(), "INSERT INTO t VALUES (-1)")
		waited["write"] = time.Since(start)
		done <- err
	}()
	o := b.inTransaction("LOCK TABLE t IN SHARE MODE", "SELECT pg_sleep(0.8)", "ALTER TABLE t ADD c int", "SELECT pg_sleep(0.2)")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if len(o.Locks) != 2 {
		t.Fatalf("exposures: %+v", o.Locks)
	}
	reads, writes := o.Locks[0], o.Locks[1]
	if reads.Mode != "ACCESS EXCLUSIVE" || reads.Blocks != "reads and writes" || reads.Line != 4 || reads.Method != report.Exact {
		t.Errorf("reads: %+v", reads)
	}
	if writes.Mode != "SHARE" || writes.Blocks != "writes" || writes.Line != 2 {
		t.Errorf("writes: %+v", writes)
	}
	if d := time.Duration(reads.Held); d < 200*time.Millisecond || d > 700*time.Millisecond {
		t.Errorf("reads blocked for %s, of which 200 ms asleep", d)
	}
	if d := time.Duration(writes.Held); d < waited["write"]-50*time.Millisecond-o.Observing || d > time.Duration(o.Duration) {
		t.Errorf("writes blocked for %s, while a writer waited %s from 200 ms on", d, waited["write"])
	}
	if o.Slept < 700*time.Millisecond || o.Slept > 1100*time.Millisecond {
		t.Errorf("slept %s, want 1 s", o.Slept)
	}
}

func TestLocks(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, table+"; CREATE TEMP TABLE x (a int); CREATE SEQUENCE s")
	b := newBench(t, db)
	o := b.inTransaction("SELECT nextval('s')", "SELECT count(*) FROM v", "UPDATE t SET a = 1 WHERE id = 1", "UPDATE t SET a = 2 WHERE id = 1",
		"DROP VIEW v", "CREATE TABLE fresh (a int REFERENCES t)", "ALTER SEQUENCE s INCREMENT 2")
	lock := func(table, object, mode string) report.Lock {
		if object != "" {
			object = "public." + object
		}
		return report.Lock{Table: "public." + table, Object: object, Mode: mode, Method: report.Exact}
	}
	want := [][]report.Lock{
		nil,
		{lock("t", "", "ACCESS SHARE"), lock("t", "t_a", "ACCESS SHARE"), lock("t", "t_pkey", "ACCESS SHARE"), lock("v", "", "ACCESS SHARE")},
		{lock("t", "", "ROW EXCLUSIVE"), lock("t", "t_a", "ROW EXCLUSIVE"), lock("t", "t_pkey", "ROW EXCLUSIVE")},
		nil,
		{lock("v", "", "ACCESS EXCLUSIVE")},
		{lock("t", "", "SHARE ROW EXCLUSIVE")},
		{lock("s", "", "SHARE ROW EXCLUSIVE")},
	}
	for i, st := range o.Statements {
		if diff := cmp.Diff(want[i], st.Locks); diff != "" {
			t.Errorf("%s:\n%s", st.SQL, diff)
		}
	}
	if diff := cmp.Diff([]uint32{oid(t, db, "t")}, o.Touched); diff != "" {
		t.Error("touched: ", diff)
	}
}

func TestLockOnAnIndexAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, table)
	o := newBench(t, db).inTransaction("REINDEX INDEX t_a")
	var got []string
	for _, e := range o.Locks {
		got = append(got, e.Table+" "+e.Object+" "+e.Mode+" blocks "+e.Blocks)
	}
	want := []string{"public.t public.t_a ACCESS EXCLUSIVE blocks reads and writes", "public.t  SHARE blocks writes"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
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

// TestProbeIsInvisible does what breaks when another query stands between two statements, or when one runs in the migration's own
// settings. The statements must all succeed and be measured.
func TestProbeIsInvisible(t *testing.T) {
	t.Parallel()
	original := pgtest.New(t, table+`; CREATE SCHEMA evil; CREATE FUNCTION evil.pg_backend_pid() RETURNS int LANGUAGE plpgsql AS
		$$ BEGIN RAISE 'called'; END $$; CREATE VIEW evil.pg_locks AS SELECT 1/0 AS pid; CREATE VIEW evil.pg_class AS SELECT 1/0 AS oid;
		CREATE FUNCTION evil.minus(pg_lsn, pg_lsn) RETURNS numeric LANGUAGE sql AS 'SELECT 1/0.0';
		CREATE OPERATOR evil.- (LEFTARG = pg_lsn, RIGHTARG = pg_lsn, FUNCTION = evil.minus)`)
	for _, statements := range [][]string{
		{"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "ALTER TABLE t ADD c int"},
		{"SET LOCAL lock_timeout = '1s'", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "ALTER TABLE t ADD c int"},
		{"SET search_path = evil, public, pg_catalog", "ALTER TABLE t ADD c int", "ALTER TABLE t ADD d int"},
		{"ALTER TABLE t OWNER TO CURRENT_USER", "SET ROLE pg_monitor", "RESET ROLE", "ALTER TABLE t ADD c int"},
		{"SET statement_timeout = '500ms'", "SET idle_in_transaction_session_timeout = '2s'", "ALTER TABLE t ADD c int"},
		{"SAVEPOINT a", "ALTER TABLE t ADD c int", "ROLLBACK TO a", "ALTER TABLE t ADD c text", "RELEASE a"},
		{"SET CONSTRAINTS ALL DEFERRED", "ALTER TABLE t ADD c int"},
		{"SET client_encoding = 'LATIN1'", "SET DateStyle = 'SQL, DMY'", "SET standard_conforming_strings = off", "ALTER TABLE t ADD c int"},
		{"DECLARE c CURSOR WITH HOLD FOR SELECT * FROM t", "FETCH 1 FROM c", "CLOSE c", "ALTER TABLE t ADD c int"},
		{"CREATE TEMP TABLE x ON COMMIT DROP AS SELECT * FROM t", "ALTER TABLE t ADD c int"},
	} {
		t.Run(statements[0], func(t *testing.T) {
			db := pgtest.Clone(t, original)
			b := newBench(t, db)
			o := b.inTransaction(statements...)
			for i, st := range o.Statements {
				if st.Failure != nil {
					t.Errorf("%s: %+v", st.SQL, st.Failure)
				}
				if !o.Durable[i] {
					t.Errorf("%s: not durable", st.SQL)
				}
			}
			if len(o.Locks) != 1 || o.Locks[0].Mode != "ACCESS EXCLUSIVE" || len(o.NotMeasured) > 0 {
				t.Errorf("exposures %+v, not measured %+v", o.Locks, o.NotMeasured)
			}
			if pgtest.Value(t, db, "SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname IN ('c', 'd')") == "0" {
				t.Error("the column was not added")
			}
		})
	}
}

// TestProbeFailure takes from a role what the probe needs. The migration must go on, and the gap must be named.
func TestProbeFailure(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, table+`; REVOKE EXECUTE ON FUNCTION pg_current_wal_insert_lsn FROM public; CREATE ROLE powerless;
		GRANT CREATE ON SCHEMA public TO powerless`)
	t.Cleanup(func() { pgtest.Exec(t, db, "DROP OWNED BY powerless; DROP ROLE powerless") })
	b := newBench(t, db)
	o := b.inTransaction("SET ROLE powerless", "CREATE TABLE mine (a int)", "INSERT INTO mine VALUES (1)")
	if got := pgtest.Value(t, db, "SELECT count(*) FROM mine"); got != "1" {
		t.Errorf("%s rows", got)
	}
	want := []report.NotMeasured{
		{What: "locks, scans, rewrites and rows changed of m.sql:3", Why: "the server answered SQLSTATE 42501"},
		{What: "locks, scans, rewrites and rows changed of m.sql:4", Why: "the server answered SQLSTATE 42501"},
	}
	if diff := cmp.Diff(want, o.NotMeasured); diff != "" {
		t.Error(diff)
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
