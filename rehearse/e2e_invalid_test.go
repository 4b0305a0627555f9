package rehearse_test

import (
	"os"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// TestInvalidIndexOfBefore: production has what a failed CREATE INDEX CONCURRENTLY leaves, and IF NOT EXISTS takes it for the index.
func TestInvalidIndexOfBefore(t *testing.T) {
	t.Parallel()
	source := pgtest.New(t, gooseTable+`; INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, true);
		CREATE TABLE parcels (id int PRIMARY KEY, code int); INSERT INTO parcels SELECT i, i FROM generate_series(1, 50) i; INSERT INTO parcels VALUES (51, 7)`)
	conn, err := pgx.ConnectConfig(t.Context(), source.Copy())
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.Exec(t.Context(), "CREATE UNIQUE INDEX CONCURRENTLY parcels_code ON parcels (code)")
	if closed := conn.Close(t.Context()); err == nil || closed != nil {
		t.Fatalf("a unique index over duplicates: %v, %v", err, closed)
	}
	pgtest.Exec(t, source, "DELETE FROM parcels WHERE id = 51") // what was in its way is gone, the index is still there
	cfg := configured(t, source, rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}, rulesFor(t, source, nil))
	cfg.Migrations, cfg.Passes = os.DirFS(release(t, "CREATE UNIQUE INDEX IF NOT EXISTS parcels_code ON parcels (code);")), []string{}
	result, err := rehearse.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	told := slices.ContainsFunc(result.Findings, func(f report.Finding) bool {
		return f.Code == verdict.InvalidIndex && f.Object == "public.parcels_code" && f.Migration == 2
	})
	if !told || result.Verdict != report.GoWithConditions {
		t.Errorf("%s: %+v", result.Verdict, result.Findings)
	}
}
