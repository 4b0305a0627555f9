package observe_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

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
