package snapshot

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

// TestDroppedWhileDumping drops a table when pg_dump knows of it and has not locked it yet.
func TestDroppedWhileDumping(t *testing.T) {
	t.Parallel()
	source := pgtest.New(t, "CREATE TABLE a (i int); CREATE TABLE b (i int)")
	other, err := pgx.ConnectConfig(t.Context(), source.Copy())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.Background())
	src := openSource(t, source)
	d, err := src.Describe(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	committed := make(chan error, 1)
	_, err = Copy(testContext(t), src, planFor(t, d, nil), newTarget(t, pgtest.Start(t)), CopyOptions{Progress: func(e Event) {
		if e.Phase != "schema" {
			return
		}
		if _, err := other.PgConn().Exec(t.Context(), "BEGIN; DROP TABLE a").ReadAll(); err != nil {
			committed <- err
			return
		}
		go func() {
			for pgtest.Value(t, source, "SELECT count(*) FROM pg_locks WHERE NOT granted") == "0" && t.Context().Err() == nil {
				time.Sleep(20 * time.Millisecond)
			}
			_, err := other.PgConn().Exec(t.Context(), "COMMIT").ReadAll()
			committed <- err
		}()
	}})
	if err := <-committed; err != nil {
		t.Fatal(err)
	}
	var dump *DumpError
	if !errors.As(err, &dump) || dump.Kind != DumpRefused {
		t.Errorf("got %v, want that the source refused pg_dump's query", err)
	}
	noneLeft(t, source)
}
