package migrate_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// TestApplyLosesItsConnection on the way, for which no migration is to blame.
func TestApplyLosesItsConnection(t *testing.T) {
	t.Parallel()
	m := files("1_a.sql", "-- +goose Up\nSELECT 'the cable breaks';\n")
	o := options(pgtest.New(t))
	target := o.Target
	o.Target = func() *pgx.ConnConfig {
		cfg := target()
		dial := cfg.DialFunc
		cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			return breaking{conn}, err
		}
		return cfg
	}
	run, err := migrate.Apply(t.Context(), plan(t, m), o)
	if !errors.Is(err, migrate.ErrLost) || run.Migrations[0].Outcome != report.Failed {
		t.Errorf("error %v, outcomes %v", err, outcomes(run))
	}
}

// breaking is a connection that breaks when a certain statement is sent.
type breaking struct{ net.Conn }

func (b breaking) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("the cable breaks")) {
		return 0, errors.Join(errors.New("broken"), b.Close())
	}
	return b.Conn.Write(p)
}

// TestApplyAMigrationThatEndsItsSession is a failure of the migration, as it would be in production.
func TestApplyAMigrationThatEndsItsSession(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	m := files("1_a.sql", "-- +goose Up\nCREATE TABLE a ();\nSELECT pg_terminate_backend(pg_backend_pid());\n", "2_b.sql", "-- +goose Up\nSELECT 1;\n")
	run, err := migrate.Apply(t.Context(), plan(t, m), options(db))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]report.Outcome{report.Failed, report.NotRun}, outcomes(run)); d != "" {
		t.Errorf("outcomes (-want +got):\n%s", d)
	}
	if f := run.Migrations[0].Failure; f == nil || f.SQLState != "57P01" || f.Line != 3 || f.StaysApplied != "" {
		t.Errorf("failure %+v", f)
	}
}

// TestApplyATransactionLeftOpen is a failure, though goose is content with it: nothing of it is committed, and its locks would keep
// everybody waiting who looks at what it did.
func TestApplyATransactionLeftOpen(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "CREATE TABLE t (id int)")
	m := files("1_a.sql", "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE TABLE a ();\nBEGIN;\nALTER TABLE t ADD COLUMN b int;\n")
	o := options(db)
	o.After = func(ctx context.Context, _ *report.Migration, _ *observe.Observation) error {
		if v := pgtest.Value(t, db, "SET lock_timeout = '1s'; SELECT count(*) FROM t"); v != "0" {
			t.Errorf("%s rows", v)
		}
		return nil
	}
	run, err := migrate.Apply(t.Context(), plan(t, m), o)
	if err != nil || run.Migrations[0].Outcome != report.Failed {
		t.Fatalf("error %v, outcomes %v", err, outcomes(run))
	}
	if f := run.Migrations[0].Failure; f.Line != 4 || f.StaysApplied != "1 of the 3 statements sent (line 3); the version is not recorded as applied" {
		t.Errorf("failure %+v", f)
	}
	if n := pgtest.Value(t, db, "SELECT count(*) FROM goose_db_version WHERE version_id = 1"); n != "0" {
		t.Errorf("the version is recorded %s times", n)
	}
}
