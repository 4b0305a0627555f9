package snapshot

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

// shapesOf are the queries that a source tells of its table t.
func shapesOf(t *testing.T, cfg *pgx.ConnConfig) (*QueryShapes, []QueryShape) {
	t.Helper()
	ctx := testContext(t)
	src, err := Open(ctx, cfg.Copy(), SourceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close(ctx)
	all, err := src.Shapes(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := src.Describe(ctx); err != nil { // the session goes on whatever was refused
		t.Errorf("the session afterwards: %v", err)
	}
	var ours []QueryShape
	for _, s := range all.Shapes {
		if strings.Contains(s.Text, "FROM t") {
			ours = append(ours, s)
		}
	}
	return all, ours
}

func TestShapesOfASource(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, "shared_preload_libraries = 'pg_stat_statements'")
	cfg := server.New(t, `CREATE TABLE t (id int, name text); CREATE EXTENSION pg_stat_statements; CREATE ROLE reader LOGIN PASSWORD 'pgtest secret';
		GRANT SELECT ON t TO reader; SELECT pg_stat_statements_reset()`)
	other := server.New(t, "CREATE TABLE t (id int, name text); SELECT 'of another database' FROM t")
	pgtest.Exec(t, cfg, "SELECT id /* marker */ FROM t WHERE name = 'marker' AND id IN (1, 2); SELECT id FROM t WHERE name = 'x' AND id IN (3, 4); SELECT name FROM t")
	pgtest.Exec(t, cfg, "SET ROLE reader; SELECT count(*) FROM t")

	all, ours := shapesOf(t, cfg)
	if len(ours) != 3 || ours[0].Text != "SELECT id FROM t WHERE name = $1 AND id IN ($2, $3)" || ours[0].Calls != 2 || ours[0].Params != 3 || ours[0].Role != "postgres" {
		t.Errorf("%+v", ours)
	}
	if all.Why != "" || all.Hidden != 0 || !all.Complete || dated(t, cfg) && all.Since <= 0 {
		t.Errorf("%+v", all)
	}
	reader := cfg.Copy()
	reader.User = "reader"
	all, ours = shapesOf(t, reader)
	if len(ours) != 1 || ours[0].Role != "reader" || all.Hidden == 0 {
		t.Errorf("a role that may read its own texts only is told %+v, and %d hidden", ours, all.Hidden)
	}
	if all, _ := shapesOf(t, other); all.Why != "pg_stat_statements is not an extension of the source's database" || len(all.Shapes) > 0 {
		t.Errorf("without the extension: %+v", all)
	}
	plain := pgtest.New(t, "CREATE EXTENSION pg_stat_statements")
	if all, _ := shapesOf(t, plain); all.Why != "pg_stat_statements is not among shared_preload_libraries of the source" {
		t.Errorf("without the library: %+v", all)
	}
}

// dated says whether the server tells since when it counts: from PostgreSQL 14 on.
func dated(t *testing.T, cfg *pgx.ConnConfig) bool {
	t.Helper()
	return pgtest.Value(t, cfg, "SELECT current_setting('server_version_num')::int >= 140000") == "t"
}
