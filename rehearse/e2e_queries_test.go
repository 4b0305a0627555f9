package rehearse_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// loadSales makes tables that an application asks for by key, by an indexed column of text, and by one without an index.
func loadSales(t testing.TB, cfg *pgx.ConnConfig) {
	pgtest.Exec(t, cfg, gooseTable+`; INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, true);
		CREATE SCHEMA sales;
		CREATE TABLE sales.orders (id serial PRIMARY KEY, k int NOT NULL, ref text NOT NULL, state text NOT NULL, note text);
		INSERT INTO sales.orders (k, ref, state) SELECT i, 'r' || i, CASE WHEN i % 100 = 0 THEN 'open' ELSE 'done' END FROM generate_series(1, 60000) i;
		CREATE INDEX orders_k ON sales.orders (k);
		CREATE STATISTICS sales.orders_both ON k, state FROM sales.orders;
		CREATE TABLE sales.users (id int PRIMARY KEY, name text, email text);
		INSERT INTO sales.users SELECT i, 'n' || i, 'e' || i FROM generate_series(1, 3000) i;
		CREATE TABLE sales.legacy (id bigserial PRIMARY KEY, n int);
		CREATE TABLE sales.calm (id int PRIMARY KEY);
		ALTER TABLE sales.orders SET (autovacuum_enabled = off);
		ANALYZE`)
}

// salesRelease breaks a query, loses a plan until ANALYZE, betters one, leaves dead rows and a sequence behind, and mends what it broke.
var salesRelease = []string{
	"ALTER TABLE sales.users DROP COLUMN name;",                                                                  // 2
	"ALTER TABLE sales.orders ALTER COLUMN k TYPE bigint;",                                                       // 3
	"CREATE INDEX orders_ref ON sales.orders (ref);",                                                             // 4
	"UPDATE sales.orders SET note = 'x' WHERE id <= 30000;",                                                      // 5
	"INSERT INTO sales.legacy (id, n) SELECT i, i FROM generate_series(2, 51) i;",                                // 6
	"ALTER TABLE sales.users RENAME COLUMN email TO mail;",                                                       // 7
	"ALTER TABLE sales.users RENAME COLUMN mail TO email;\nALTER TABLE sales.users ALTER COLUMN id TYPE bigint;", // 8
	"ANALYZE sales.users;", // 9
	"ALTER TABLE sales.calm ADD COLUMN must int NOT NULL DEFAULT 0, ADD COLUMN may int;\nALTER TABLE sales.calm ALTER COLUMN must DROP DEFAULT;", // 10
}

func salesResult(t *testing.T, source *pgx.ConnConfig, where rehearse.Staging, change func(*rehearse.Config)) *report.Result {
	t.Helper()
	cfg := configured(t, source, where, rulesFor(t, source, nil))
	cfg.Migrations, cfg.Policy = os.DirFS(release(t, salesRelease...)), verdict.Policy{AllowRewriteBelow: -1}
	cfg.Passes = []string{"queries"}
	change(&cfg)
	result, err := rehearse.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if testing.Verbose() {
		var b bytes.Buffer
		_ = report.Text(&b, result, report.TextOptions{Width: 140})
		t.Log(b.String())
	}
	return result
}

// TestQueriesOfProduction sends queries as an application does, and has a release rehearsed that breaks some of them: on a major whose plans are
// those of prepared statements, and on one that has EXPLAIN (GENERIC_PLAN), with the same answers.
func TestQueriesOfProduction(t *testing.T) {
	t.Parallel()
	t.Run("local", func(t *testing.T) {
		server := pgtest.Start(t, "shared_preload_libraries = 'pg_stat_statements'", "pg_stat_statements.track = 'all'")
		where := rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}
		queriesOfProduction(t, server.New(t), where)
	})
	t.Run("17", func(t *testing.T) {
		where := rehearse.Staging{Provider: staging.ProviderContainer, Image: builtImage(t, "rehearse-postgres:17"), Pull: "never", StateDir: publicDir(t)}
		source := containerOf(t, 17, where.Image, "pg_stat_statements").Config()
		r := queriesOfProduction(t, source, where)
		if r.Queries.Method != "EXPLAIN (GENERIC_PLAN)" {
			t.Errorf("plans are %s", r.Queries.Method)
		}
		for _, d := range r.Differences {
			if strings.HasPrefix(d.What, "column ") {
				t.Errorf("the copy differs: %+v", d)
			}
		}
	})
}

func queriesOfProduction(t *testing.T, source *pgx.ConnConfig, where rehearse.Staging) *report.Result {
	loadSales(t, source)
	pgtest.Exec(t, source, `CREATE EXTENSION pg_stat_statements SCHEMA public; CREATE ROLE application LOGIN; ALTER ROLE application SET search_path = sales;
		GRANT USAGE ON SCHEMA sales TO application; GRANT ALL ON ALL TABLES IN SCHEMA sales TO application; GRANT ALL ON ALL SEQUENCES IN SCHEMA sales TO application;
		SELECT pg_stat_statements_reset()`)
	sent := `SET SESSION AUTHORIZATION application; SET search_path = sales;` + strings.Repeat(`SELECT name FROM users WHERE id = 17;`, 9) + `
		SELECT /* secret-marker */ email FROM users WHERE id = 5 AND email <> 'secret-marker';
		SELECT note FROM orders WHERE k = 87654321; SELECT id FROM orders WHERE ref = 'secret-marker' ORDER BY 1;
		INSERT INTO calm (id) VALUES (1); INSERT INTO legacy (n) VALUES (12345678); UPDATE orders SET note = 'secret-marker' WHERE id = 99999999;
		SELECT now() - interval '3 days', count(*) FROM calm GROUP BY 1; CREATE TEMPORARY TABLE mine (a int); SELECT a FROM mine`
	pgtest.Exec(t, source, sent)
	result := salesResult(t, source, where, func(c *rehearse.Config) {
		c.Policy.MaxWAL, c.Policy.MaxDiskPeak = 4<<20, 1<<20
	})

	var shown bytes.Buffer
	if err := report.JSON(&shown, result); err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"secret-marker", "12345678", "99999999", "87654321"} {
		if strings.Contains(shown.String(), value) {
			t.Errorf("the result holds %s, which a query asked for", value)
		}
	}
	q := result.Queries
	if q == nil || !slices.Equal(q.From, []string{"pg_stat_statements"}) || q.Refused["42P01"] != 1 || q.Tried < 7 {
		t.Fatalf("queries: %+v; %+v", q, result.NotMeasured)
	}
	wantQueries(t, result)
	wantLeft(t, result)
	for _, m := range result.Migrations {
		if m.Disk == nil || m.Disk.Peak < m.Disk.Before || m.Disk.Looks < 2 {
			t.Errorf("disk of %s: %+v", m.Name, m.Disk)
		}
	}
	rewrite := result.Migrations[1]
	if grown := rewrite.Rewrites[0].Bytes; rewrite.Disk.Extra() < grown {
		t.Errorf("peak of the rewrite: %d bytes, of which the new table has %d", rewrite.Disk.Extra(), grown)
	}
	for _, code := range []string{"wal-over-budget fail 3", "disk-over-budget fail 3", "query-breaks condition 2", "sequence-behind condition 6"} {
		if !slices.Contains(weighty(result), code) {
			t.Errorf("%s is not among %q", code, weighty(result))
		}
	}
	if got := pgtest.Value(t, source, "SELECT count(*) FROM pg_settings WHERE name = 'default_transaction_read_only' AND setting = 'on'"); got != "0" {
		t.Errorf("the source's own setting was changed: %s", got)
	}
	return result
}

// inShort are the queries affected by each migration: "2 broken 42703 SELECT ...".
func inShort(r *report.Result) []string {
	var all []string
	for _, m := range r.Migrations {
		if m.Queries == nil {
			continue
		}
		for _, b := range m.Queries.Broken {
			all = append(all, fmt.Sprintf("%d broken %s until %d: %s", m.Version, b.SQLState, b.MendedBy, b.Query))
		}
		for _, p := range m.Queries.Plans {
			all = append(all, fmt.Sprintf("%d %s until %d %q: %s", m.Version, p.Kind, p.MendedBy, p.Analyze, p.Query))
		}
	}
	return all
}

func wantQueries(t *testing.T, r *report.Result) {
	t.Helper()
	got := inShort(r)
	for _, want := range []string{
		`2 broken 42703 until 0: SELECT name FROM users WHERE id = $1`,
		`3 until analyze until 0 ["ANALYZE sales.orders;"]: SELECT note FROM orders WHERE k = $1`,
		`4 better until 0 []: SELECT id FROM orders WHERE ref = $1 ORDER BY 1`,
		`7 broken 42703 until 8: SELECT email FROM users WHERE id = $1 AND email <> $2`,
		`10 broken 23502 until 0: INSERT INTO calm (id) VALUES ($1)`,
	} {
		if !slices.Contains(got, want) {
			t.Errorf("lacks %s\n%s", want, strings.Join(got, "\n"))
		}
	}
	if len(got) > 6 {
		t.Errorf("more is told than there is:\n%s", strings.Join(got, "\n"))
	}
}

func wantLeft(t *testing.T, r *report.Result) {
	t.Helper()
	byVersion := map[int64]report.Left{}
	for _, m := range r.Migrations {
		byVersion[m.Version] = m.Left
	}
	lost := byVersion[3].Statistics
	if len(lost) != 1 || !slices.Equal(lost[0].Lost, []string{"k"}) || !slices.Equal(lost[0].Extended, []string{"sales.orders_both"}) || lost[0].Analyze != "ANALYZE sales.orders;" {
		t.Errorf("statistics lost by the change of a type: %+v", lost)
	}
	if back := byVersion[8].Statistics; len(back) != 1 || back[0].BackBy != 9 || back[0].Analyze != "ANALYZE sales.users (id);" {
		t.Errorf("statistics that a later migration brings back: %+v", back)
	}
	if dead := byVersion[5].Dead; len(dead) != 1 || dead[0].Dead != 30000 || dead[0].Rows != 60000 || dead[0].After <= dead[0].Before {
		t.Errorf("dead rows: %+v", dead)
	}
	if s := byVersion[6].Sequences; len(s) != 1 || s[0].Kind != report.SequenceBehind || s[0].Behind != 50 {
		t.Errorf("sequence behind: %+v", s)
	}
	for _, version := range []int64{2, 4, 7, 9} {
		if l := byVersion[version]; len(l.Statistics)+len(l.Dead)+len(l.Sequences) > 0 {
			t.Errorf("%d leaves nothing, but %+v is told", version, l)
		}
	}
}
