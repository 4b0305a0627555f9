package rehearse

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/snapshot"
)

// at is a server as a trier needs it: where it is.
type at struct {
	staging.Server
	cfg *pgx.ConnConfig
}

func (a at) Config() *pgx.ConnConfig { return a.cfg.Copy() }

// TestTryingLeavesNothing plans queries of all kinds, some with tables analysed, and finds the database as it was.
func TestTryingLeavesNothing(t *testing.T) {
	t.Parallel()
	cfg := pgtest.New(t, `CREATE TABLE t (id int PRIMARY KEY, k int) WITH (autovacuum_enabled = off); INSERT INTO t SELECT i, i FROM generate_series(1, 20000) i; CREATE INDEX t_k ON t (k); ANALYZE t;
		CREATE TABLE p (id int, k int) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); CREATE INDEX p_k ON p (k);
		DROP ROLE IF EXISTS trying_nobody; CREATE ROLE trying_nobody; CREATE SCHEMA other; CREATE TABLE other.there (a int);
		ALTER TABLE t ALTER COLUMN k TYPE bigint; DELETE FROM t WHERE id > 15000; INSERT INTO t SELECT i, 1 FROM generate_series(20001, 40000) i`)
	t.Cleanup(func() { pgtest.Exec(t, cfg, "DROP OWNED BY trying_nobody; DROP ROLE trying_nobody") })
	const state = `SELECT string_agg(concat_ws(' ', relname, relpages, reltuples, xmin), E'\n' ORDER BY relname) || (SELECT count(*) FROM pg_statistic WHERE starelid = 't'::regclass) FROM pg_class WHERE oid >= 16384`
	before := pgtest.Value(t, cfg, state)
	var all []tried
	for _, q := range [][3]string{
		{"SELECT id FROM t WHERE k = $1", "", ""},
		{"SELECT FROM WHERE", "", ""},
		{"SELECT id FROM t WHERE k = $1", "trying_nobody", ""},
		{"SELECT a FROM there WHERE a = $1", "", "other"},
		{"SELECT a FROM there WHERE a = $1", "", ""},
		{"SELECT id FROM p WHERE id = $1 AND k = $2", "", ""},
		{"DELETE FROM t WHERE id = $1", "no such role", ""},
		{"SELECT id FROM t WHERE gone = $1", "", ""},
	} {
		all = append(all, tried{QueryShape: snapshot.QueryShape{Text: q[0], Role: q[1], Params: strings.Count(q[0], "$")}, path: q[2]})
	}
	tr := trier{at: at{cfg: cfg}}
	defer tr.close(t.Context())
	which := []int{0, 1, 2, 3, 4, 5, 6, 7}
	now, err := tr.try(t.Context(), all, which)
	if err != nil {
		t.Fatal(err)
	}
	for i, state := range []string{"", "42601", "42501", "", "42P01", "", "", "42703"} {
		if now[i].state != state {
			t.Errorf("%s: %q %s, want %q", all[i].Text, now[i].state, now[i].message, state)
		}
	}
	if p := now[5].plan; len(p.Scans) != 1 || p.Scans[0].Relation != "public.p1" {
		t.Errorf("the partitions of a generic plan: %+v", p)
	}
	analyzed, err := tr.try(t.Context(), all, which[:1], keepEstimates, "ANALYZE t;")
	if err != nil {
		t.Fatal(err)
	}
	if analyzed[0].plan.Cost == now[0].plan.Cost {
		t.Errorf("ANALYZE makes no difference to %+v", now[0].plan)
	}
	if after := pgtest.Value(t, cfg, state); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	again, err := tr.try(t.Context(), all, which[:1])
	if err != nil || again[0].plan.Cost != now[0].plan.Cost {
		t.Errorf("planned again: %+v, %v; it was %+v", again[0], err, now[0])
	}
}
