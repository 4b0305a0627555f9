package migrate_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// TestDown takes migrations back one at a time, SQL and Go, in and outside of transactions: what goose itself asks is no statement of theirs.
func TestDown(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	does := func(query string) *goose.GoFunc {
		return &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, query)
			return err
		}}
	}
	outside := func(query string) *goose.GoFunc {
		return &goose.GoFunc{RunDB: func(ctx context.Context, db *sql.DB) error {
			_, err := db.ExecContext(ctx, query)
			return err
		}}
	}
	p := planWith(t, files(
		"1_a.sql", "-- +goose Up\nCREATE TABLE a (id int);\n-- +goose Down\nDROP TABLE a;\n",
		"2_b.sql", "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE TABLE b (id int);\n-- +goose Down\nTRUNCATE b;\nDROP TABLE c;\n",
		"3_c.sql", "-- +goose Up\nSELECT 1;\n-- +goose Down\n-- nothing\n", "4_d.sql", "-- +goose Up\nSELECT 1;\n",
	), []*goose.Migration{
		goose.NewGoMigration(5, does("CREATE TABLE e (id int)"), does("DROP TABLE e")),
		goose.NewGoMigration(6, outside("CREATE TABLE f (id int)"), outside("DROP TABLE f")),
	})
	var empty []bool
	for _, m := range p.Pending {
		empty = append(empty, m.EmptyDown)
	}
	if d := cmp.Diff([]bool{false, false, true, false, false, false}, empty); d != "" {
		t.Errorf("empty downs (-want +got):\n%s", d)
	}
	a, err := migrate.Open(t.Context(), p, options(db))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close(t.Context())
	for i, want := range [][]string{{"DROP TABLE a;"}, {"TRUNCATE b;", "DROP TABLE c;"}, nil, nil, {"DROP TABLE e"}, {"DROP TABLE f"}} {
		if up, _, err := a.Up(t.Context(), i); err != nil || up.Outcome != report.Applied {
			t.Fatalf("up %d: %+v, %v", i, up, err)
		}
		down, _, err := a.Down(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		var sent []string
		for _, st := range down.Statements {
			sent = append(sent, st.SQL)
		}
		if d := cmp.Diff(want, sent); d != "" {
			t.Errorf("down %d sent (-want +got):\n%s", i, d)
		}
		switch {
		case i != 1 && down.Outcome != report.Applied:
			t.Errorf("down %d: %+v", i, down)
		case i == 1 && (down.Failure == nil || down.Failure.Line != 6 || down.Failure.StaysApplied != "1 of the 2 statements sent (line 5); the version is still recorded as applied"):
			t.Errorf("a down that fails half way: %+v", down.Failure)
		case i != 1 && (down.Duration <= 0 || i < 5 && len(want) > 0 && len(down.Locks) == 0):
			t.Errorf("down %d took %s and locked %v", i, down.Duration, down.Locks)
		}
	}
	if left := pgtest.Value(t, db, "SELECT string_agg(version_id::text, ',' ORDER BY id) || ' ' || (SELECT string_agg(relname, ',') FROM pg_class WHERE relname IN ('a', 'b', 'e', 'f')) FROM goose_db_version"); left != "0,2 b" {
		t.Errorf("left are %s", left)
	}
}
