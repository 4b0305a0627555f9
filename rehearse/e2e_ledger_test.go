package rehearse_test

import (
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// TestBloatIsTold has one large table half empty, one full: the first is told, with the size that production has.
func TestBloatIsTold(t *testing.T) {
	t.Parallel()
	source := fresh(t, "bloat", func(t testing.TB, cfg *pgx.ConnConfig) {
		pgtest.Exec(t, cfg, gooseTable+`; CREATE TABLE holes (id int, pad text); CREATE TABLE whole (id int, pad text);
			INSERT INTO holes SELECT i, repeat('x', 500) FROM generate_series(1, 40000) i; INSERT INTO whole SELECT * FROM holes WHERE id <= 20000;
			DELETE FROM holes WHERE id % 2 = 0`)
	})
	dir := publicDir(t)
	write(t, dir, "00001_a.sql", "-- +goose Up\nSELECT 1;\n")
	cfg := configured(t, source, rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}, rulesFor(t, source, nil))
	cfg.Migrations, cfg.Policy, cfg.Passes = os.DirFS(dir), verdict.Policy{}, []string{}
	r, err := rehearse.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var told []report.Difference
	for _, d := range r.Differences {
		if strings.HasPrefix(d.What, "size of") || strings.HasPrefix(d.What, "collation version") ||
			d.What == "setting plan_cache_mode" { // that of a session of ours
			told = append(told, d)
		}
	}
	there := pgtest.Value(t, source, "SELECT pg_size_pretty(pg_relation_size('holes'))")
	if len(told) != 1 || told[0].What != "size of table public.holes" || told[0].Source != there || !strings.Contains(told[0].Effect, "about 2.0 times as much") {
		t.Errorf("told %+v; production has %s", told, there)
	}
}
