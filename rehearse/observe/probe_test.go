package observe_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

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
