package rehearse_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
	"github.com/rehearse-db/rehearse/snapshot"
)

// versioned gives a sample database goose's table, as if its first migration were applied.
func versioned(load func(testing.TB, *pgx.ConnConfig)) func(testing.TB, *pgx.ConnConfig) {
	return func(t testing.TB, cfg *pgx.ConnConfig) {
		load(t, cfg)
		pgtest.Exec(t, cfg, gooseTable+"; INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, true)")
	}
}

// release is a directory with an applied migration and those given.
func release(t testing.TB, pending ...string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "00001_base.sql", "-- +goose Up\nSELECT 1;\n")
	for i, sql := range pending {
		write(t, dir, fmt.Sprintf("%05d_pending.sql", i+2), "-- +goose Up\n"+sql+"\n")
	}
	return dir
}

// told is a row of a report in short: table, before, after, inserted, updated, deleted.
func told(rows []report.TableRows) []string {
	var all []string
	number := func(n *int64) string {
		if n == nil {
			return "none"
		}
		return fmt.Sprint(*n)
	}
	for _, r := range rows {
		all = append(all, fmt.Sprintf("%s %s -> %s +%d ~%d -%d", r.Table, number(r.Before), number(r.After), r.Inserted, r.Updated, r.Deleted))
	}
	return all
}

// TestPagila rehearses a release of a public sample database with the rules that `sanitize init` proposes.
func TestPagila(t *testing.T) {
	t.Parallel()
	source := fresh(t, "pagila_goose", versioned(loadPagila))
	masks := filepath.Join(t.TempDir(), "masks.yaml")
	for _, args := range [][]string{{"sanitize", "init", "--masks", masks}, {"sanitize", "check", "--masks", masks}} {
		p := command(t, source, args...)
		if code := p.exitCode(t); code != 0 {
			t.Fatalf("rehearse %s: exit %d: %s", strings.Join(args, " "), code, p.stderr.String())
		}
	}
	rules, err := os.ReadFile(masks)
	if err != nil {
		t.Fatal(err)
	}
	dir := release(t,
		"CREATE INDEX film_year_idx ON film (release_year);\nALTER TABLE film ADD COLUMN reviewed boolean NOT NULL DEFAULT false;",
		"DELETE FROM film_actor WHERE actor_id = 1;\nUPDATE film SET rental_rate = rental_rate + 1 WHERE rating = 'G';",
		"ALTER TABLE payment ALTER COLUMN amount TYPE numeric(9,4);")
	want := func(query string) string { return pgtest.Value(t, source, query) }
	eachProvider(t, func(t *testing.T, where rehearse.Staging) {
		cfg := configured(t, source, where, string(rules))
		cfg.Migrations, cfg.Policy = os.DirFS(dir), verdict.Policy{AllowRewriteBelow: -1}
		result, err := rehearse.Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range result.Migrations {
			if m.Outcome != report.Applied {
				t.Fatalf("migration %d is %s: %+v", i, m.Outcome, m.Failure)
			}
		}
		masked := map[string]bool{}
		for _, c := range result.Masking.ColumnMasks {
			masked[c.Table+"."+c.Column] = true
		}
		for _, c := range []string{"customer.first_name", "customer.last_name", "customer.email", "staff.first_name", "staff.email", "staff.password", "address.phone", "address.address", "actor.last_name"} {
			if !masked["public."+c] {
				t.Errorf("the rules that init proposes keep %s", c)
			}
		}
		rows := []string{
			"public.film " + want(`SELECT format('%s -> %s +0 ~%s -0', count(*), count(*), count(*) FILTER (WHERE rating = 'G')) FROM film`),
			"public.film_actor " + want(`SELECT format('%s -> %s +0 ~0 -%s', count(*), count(*) - count(*) FILTER (WHERE actor_id = 1), count(*) FILTER (WHERE actor_id = 1)) FROM film_actor`),
		}
		if diff := cmp.Diff(rows, told(result.Migrations[1].Rows)); diff != "" {
			t.Errorf("rows of the second migration (-psql +report):\n%s", diff)
		}
		if n := len(result.Migrations[2].Rewrites); n < 7 {
			t.Errorf("%d rewrites are told of a type change in a table with 7 partitions", n)
		}
		for _, table := range result.Snapshot.Tables {
			if n := want("SELECT count(*) FROM ONLY " + table.Table); n != fmt.Sprint(table.Rows) {
				t.Errorf("%d rows of %s are told as copied, the source has %s", table.Rows, table.Table, n)
			}
		}
		if result.Verdict == report.NoGo || result.Verdict == report.Inconclusive || result.Source.VersionNum != result.Staging.VersionNum {
			t.Errorf("%s: %s; source %d, staging %d", result.Verdict, result.Reason, result.Source.VersionNum, result.Staging.VersionNum)
		}
	})
}

// TestBench rehearses a release of the sample production: a backfill, a new table, and a unique constraint that data contradict.
func TestBench(t *testing.T) {
	t.Parallel()
	source := fresh(t, "bench_goose", versioned(loadBench))
	rules := rulesFor(t, source, benchMasks)
	dir := release(t,
		"ALTER TABLE shop.orders ADD COLUMN gross_cents bigint;\nUPDATE shop.orders SET gross_cents = net_cents + tax_cents;",
		"CREATE TABLE shop.tags AS SELECT DISTINCT unnest(tags) AS tag FROM shop.customers;",
		"ALTER TABLE shop.messages ADD CONSTRAINT one_each UNIQUE (customer_id);")
	orders := pgtest.Value(t, source, "SELECT count(*) FROM shop.orders")
	tags := pgtest.Value(t, source, "SELECT count(DISTINCT tag) FROM shop.customers, unnest(tags) tag")
	eachProvider(t, func(t *testing.T, where rehearse.Staging) {
		cfg := configured(t, source, where, rules)
		cfg.Migrations = os.DirFS(dir)
		result, err := rehearse.Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if result.Verdict != report.NoGo || result.ExitCode != 10 {
			t.Errorf("%s, exit %d: %s", result.Verdict, result.ExitCode, result.Reason)
		}
		var outcomes []report.Outcome
		for _, m := range result.Migrations {
			outcomes = append(outcomes, m.Outcome)
		}
		if diff := cmp.Diff([]report.Outcome{report.Applied, report.Applied, report.Failed}, outcomes); diff != "" {
			t.Fatalf("outcomes (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{fmt.Sprintf("shop.orders %s -> %s +0 ~%s -0", orders, orders, orders)}, told(result.Migrations[0].Rows)); diff != "" {
			t.Errorf("rows of the backfill (-psql +report):\n%s", diff)
		}
		if rows := told(result.Migrations[1].Rows); len(rows) != 1 || !strings.HasPrefix(rows[0], "shop.tags none -> "+tags+" ") {
			t.Errorf("rows of the new table: %q, want %s", rows, tags)
		}
		f := result.Migrations[2].Failure
		if f == nil || f.SQLState != "23505" || f.Line != 2 || strings.ContainsAny(f.Message, "=") {
			t.Errorf("the failure is told as %+v", f)
		}
	})
}

// TestCopyIsOneMoment has a second session move money between two accounts during the copy: staging must have all of it.
func TestCopyIsOneMoment(t *testing.T) {
	t.Parallel()
	source := pgtest.New(t, `CREATE TABLE a (id int PRIMARY KEY, amount int, filler text); CREATE TABLE b (LIKE a INCLUDING ALL);
INSERT INTO a SELECT i, 100, repeat('x', 400) FROM generate_series(1, 20000) i; INSERT INTO b TABLE a; CREATE TABLE log (id bigserial PRIMARY KEY, at timestamptz DEFAULT now())`)
	const sum = "SELECT (SELECT sum(amount) FROM a) + (SELECT sum(amount) FROM b)"
	total := pgtest.Value(t, source, sum)
	stop, moved := moveMoney(t, source)
	_, copied := staged(t, configured(t, source, rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}, rulesFor(t, source, nil)))
	stop()
	if moves := moved(); moves < 20 {
		t.Errorf("only %d moves were made meanwhile", moves)
	}
	if got := pgtest.Value(t, copied, sum); got != total {
		t.Errorf("staging holds %s, the source always %s", got, total)
	}
	if there, here := pgtest.Value(t, source, "SELECT count(*) FROM log"), pgtest.Value(t, copied, "SELECT count(*) FROM log"); there == here {
		t.Errorf("source and staging both have %s moves: nothing happened while copying", there)
	}
	if behind := pgtest.Value(t, copied, "SELECT count(*) FROM log, log_id_seq WHERE id > last_value"); behind != "0" {
		t.Errorf("%s rows are above the sequence", behind)
	}
}

// moveMoney writes to the source until it is stopped; moved is how often it did.
func moveMoney(t testing.TB, source *pgx.ConnConfig) (stop func(), moved func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	conn, err := pgx.ConnectConfig(ctx, source.Copy())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	var wg sync.WaitGroup
	wg.Go(func() {
		defer conn.Close(context.Background())
		for ctx.Err() == nil {
			from, to := 1+rand.IntN(20000), 1+rand.IntN(20000)
			_, err := conn.Exec(context.Background(), fmt.Sprintf(`BEGIN; UPDATE a SET amount = amount - 7 WHERE id = %d; INSERT INTO log DEFAULT VALUES;
				UPDATE b SET amount = amount + 7 WHERE id = %d; COMMIT`, from, to))
			if err != nil {
				t.Errorf("move: %v", err)
				return
			}
			n++
			time.Sleep(time.Millisecond)
		}
	})
	stop = func() { cancel(); wg.Wait() }
	t.Cleanup(stop)
	return stop, func() int { return n }
}

// TestSameClusterIsRefused copies a database into its own cluster, under another name and address.
func TestSameClusterIsRefused(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, "CREATE TABLE a (id int); INSERT INTO a VALUES (1)"), pgtest.New(t)
	src, err := snapshot.Open(t.Context(), source.Copy(), snapshot.SourceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close(context.WithoutCancel(t.Context()))
	desc, err := src.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cfg := configured(t, source, rehearse.Staging{}, rulesFor(t, source, nil))
	plan, err := cfg.Rules.Plan(snapshot.Database(desc), cfg.Key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := snapshot.Copy(t.Context(), src, plan, snapshot.Target{Config: target.Copy}, snapshot.CopyOptions{}); !errors.Is(err, snapshot.ErrSameCluster) {
		t.Errorf("copying into the source's own cluster gave %v", err)
	}
	if n := pgtest.Value(t, target, "SELECT count(*) FROM pg_class WHERE relname = 'a'"); n != "0" {
		t.Error("something was written")
	}
}
