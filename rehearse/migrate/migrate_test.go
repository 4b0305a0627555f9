package migrate_test

import (
	"context"
	"strconv"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// files makes a directory of migrations of names and texts in turn.
func files(namesAndTexts ...string) fstest.MapFS {
	dir := fstest.MapFS{}
	for i := 0; i < len(namesAndTexts); i += 2 {
		dir[namesAndTexts[i]] = &fstest.MapFile{Data: []byte(namesAndTexts[i+1])}
	}
	return dir
}

// plan plans all of a directory, as on a database where the given versions are applied.
func plan(t *testing.T, dir fstest.MapFS, applied ...int64) *migrate.Plan {
	t.Helper()
	return planWith(t, dir, nil, applied...)
}

func planWith(t *testing.T, dir fstest.MapFS, registered []*goose.Migration, applied ...int64) *migrate.Plan {
	t.Helper()
	set, err := migrate.Scan(dir, "migrations", registered...)
	if err != nil {
		t.Fatal(err)
	}
	p, err := set.Plan(applied, 0, false)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// options connect to db as the superuser for everything.
func options(db *pgx.ConnConfig) migrate.Options {
	return migrate.Options{Target: db.Copy, Watch: db.Copy}
}

// apply applies a plan, which must not be an error.
func apply(t *testing.T, p *migrate.Plan, o migrate.Options) *migrate.Run {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	run, err := migrate.Apply(ctx, p, o)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// applyOne applies a single migration of the given text.
func applyOne(t *testing.T, db *pgx.ConnConfig, text string) report.Migration {
	t.Helper()
	run := apply(t, plan(t, files("00001_it.sql", text)), options(db))
	return run.Migrations[0]
}

func outcomes(run *migrate.Run) []report.Outcome {
	var out []report.Outcome
	for _, m := range run.Migrations {
		out = append(out, m.Outcome)
	}
	return out
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
