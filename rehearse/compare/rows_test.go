package compare_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/compare"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

const rows = `
CREATE TABLE plain (a int); INSERT INTO plain SELECT generate_series(1, 10);
CREATE TABLE "Old ""T""" (a int); INSERT INTO "Old ""T""" SELECT generate_series(1, 3);
CREATE TABLE parent (a int); CREATE TABLE child (b int) INHERITS (parent);
INSERT INTO parent SELECT generate_series(1, 5); INSERT INTO child SELECT generate_series(1, 7);
CREATE TABLE p (id int, n int) PARTITION BY LIST (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2) PARTITION BY LIST (n);
CREATE TABLE p2a PARTITION OF p2 DEFAULT;
INSERT INTO p SELECT 1, 1 FROM generate_series(1, 4); INSERT INTO p SELECT 2, 1 FROM generate_series(1, 6);
CREATE MATERIALIZED VIEW m AS SELECT a FROM plain; CREATE MATERIALIZED VIEW empty AS SELECT a FROM plain WITH NO DATA;
CREATE VIEW v AS SELECT a FROM plain;
CREATE TABLE goose_db_version (id serial PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp DEFAULT now());
`

func countAll(t *testing.T, ctx context.Context, conn *pgx.Conn) compare.Rows {
	t.Helper()
	tables, err := catalog.Tables(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	counts, err := compare.CountRows(ctx, conn, tables, nil)
	if err != nil {
		t.Fatal(err)
	}
	return compare.Rows{Tables: tables, Counts: counts}
}

func showRows(all []report.TableRows) string {
	var b strings.Builder
	number := func(n *int64) string {
		if n == nil {
			return "-"
		}
		return fmt.Sprint(*n)
	}
	for _, r := range all {
		fmt.Fprintf(&b, "%s %s -> %s +%d ~%d -%d", r.Table, number(r.Before), number(r.After), r.Inserted, r.Updated, r.Deleted)
		if r.Replaced {
			b.WriteString(" replaced")
		}
		if r.Truncated {
			b.WriteString(" truncated")
		}
		if len(r.Parents) > 0 {
			b.WriteString(" below " + strings.Join(r.Parents, ", "))
		}
		for _, p := range r.Partitions {
			b.WriteString(strings.TrimRight(fmt.Sprintf("; %s %s -> %s %s", p.Table, number(p.Before), number(p.After), p.Moved), " "))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestCountRows(t *testing.T) {
	t.Parallel()
	ctx, conn := session(t, pgtest.New(t, rows))
	all := countAll(t, ctx, conn)
	got := map[string]int64{}
	for _, table := range all.Tables {
		if n, ok := all.Counts[table.OID]; ok {
			got[table.Name] = n
		}
	}
	want := map[string]int64{
		"plain": 10, `Old "T"`: 3, "parent": 5, "child": 7, "p1": 4, "p2a": 6, "m": 10, "empty": 0, "goose_db_version": 0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	only, err := compare.CountRows(ctx, conn, all.Tables, map[uint32]bool{all.Tables[0].OID: true})
	if err != nil || len(only) != 1 {
		t.Errorf("one table alone: %v, %v", only, err)
	}
	pgtest.Exec(t, conn.Config(), `DROP TABLE "Old ""T"""`)
	if _, err := compare.CountRows(ctx, conn, all.Tables, nil); err == nil || !strings.Contains(err.Error(), `count public."Old ""T""": `) {
		t.Errorf("a table that is gone: %v", err)
	}
}

func TestDiffRows(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, change, want string }{
		{"nothing", "SELECT 1", ""},
		{"goose's own rows", "INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, true)", ""},
		{"refreshing a view", "REFRESH MATERIALIZED VIEW empty", ""},
		{"a child alone", "DELETE FROM ONLY parent WHERE a < 3", "public.parent 5 -> 3 +0 ~0 -0\n"},
		{"an heir", "DELETE FROM child", "public.child 7 -> 0 +0 ~0 -0 below public.parent\n"},
		{"partitions as one", "DELETE FROM p WHERE id = 2", "public.p 10 -> 4 +0 ~0 -0; public.p2a 6 -> 0\n"},
		{"a dropped partition", "DROP TABLE p2", "public.p 10 -> 4 +0 ~0 -0; public.p2a 6 -> -\n"},
		{"a detached partition lost nothing", "ALTER TABLE p DETACH PARTITION p1", "public.p 10 -> 6 +0 ~0 -0; public.p1 4 -> 4 detached\n"},
		{
			"an attached table was not dropped", "ALTER TABLE plain ADD n int; ALTER TABLE plain RENAME a TO id; DELETE FROM plain WHERE id > 8; " +
				"CREATE TABLE q (id int, n int) PARTITION BY LIST (n); ALTER TABLE q ATTACH PARTITION plain DEFAULT; ALTER TABLE p DETACH PARTITION p1; " +
				"ALTER TABLE q ATTACH PARTITION p1 FOR VALUES IN (1)",
			"public.p 10 -> 6 +0 ~0 -0; public.p1 4 -> 4 detached\npublic.q - -> 12 +0 ~0 -0\n",
		},
		{"a partition more", "CREATE TABLE p3 PARTITION OF p DEFAULT; INSERT INTO p VALUES (9, 9)", "public.p 10 -> 11 +0 ~0 -0; public.p3 - -> 1\n"},
		{"a renamed table lost nothing", `ALTER TABLE "Old ""T""" RENAME TO new`, ""},
		{
			"made anew and empty", `DROP TABLE "Old ""T"""; CREATE TABLE "Old ""T""" (a int)`,
			"public.\"Old \"\"T\"\"\" 3 -> 0 +0 ~0 -0 replaced\n",
		},
		{
			"swapped for its copy",
			`CREATE TABLE n AS SELECT * FROM plain; DROP TABLE plain CASCADE; ALTER TABLE n RENAME TO plain`,
			"public.plain 10 -> 10 +0 ~0 -0 replaced\n",
		},
		{"new and dropped", `CREATE TABLE n AS SELECT 1 AS a; DROP TABLE "Old ""T"""`, "public.\"Old \"\"T\"\"\" 3 -> - +0 ~0 -0\npublic.n - -> 1 +0 ~0 -0\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx, conn := session(t, pgtest.New(t, rows))
			before := countAll(t, ctx, conn)
			pgtest.Exec(t, conn.Config(), test.change)
			got := showRows(compare.DiffRows(before, countAll(t, ctx, conn), nil, report.Exact))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What statements did is told of tables whose count stayed the same, and of partitions under their root, those dropped since included.
func TestDiffRowsWithDeltas(t *testing.T) {
	t.Parallel()
	ctx, conn := session(t, pgtest.New(t, rows))
	before := countAll(t, ctx, conn)
	oid := map[string]uint32{}
	for _, table := range before.Tables {
		oid[table.Name] = table.OID
	}
	pgtest.Exec(t, conn.Config(), "DROP TABLE p1")
	got := showRows(compare.DiffRows(before, countAll(t, ctx, conn), map[uint32]compare.Delta{
		oid["plain"]: {Inserted: 2, Updated: 5, Deleted: 2},
		oid["p1"]:    {Deleted: 1},
		oid["p2a"]:   {Updated: 3, Truncated: true},
		999999:       {Inserted: 9},
	}, report.Exact))
	want := "public.p 10 -> 6 +0 ~3 -1 truncated; public.p1 4 -> -; public.p2a 6 -> 6\npublic.plain 10 -> 10 +2 ~5 -2\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Counting anew only what was touched gives what counting everything gives.
func TestCountRowsOver(t *testing.T) {
	t.Parallel()
	ctx, conn := session(t, pgtest.New(t, rows))
	before := countAll(t, ctx, conn)
	pgtest.Exec(t, conn.Config(), "DELETE FROM p WHERE id = 2; DELETE FROM plain")
	touched := map[uint32]bool{}
	for _, table := range before.Tables {
		touched[table.OID] = table.Name == "p2a" || table.Name == "plain"
	}
	counts := maps.Clone(before.Counts)
	fresh, err := compare.CountRows(ctx, conn, before.Tables, touched)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(counts, fresh)
	if diff := cmp.Diff(countAll(t, ctx, conn).Counts, counts); diff != "" {
		t.Error(diff)
	}
}

func TestCountRowsCancelled(t *testing.T) {
	t.Parallel()
	ctx, conn := session(t, pgtest.New(t, rows))
	all := countAll(t, ctx, conn)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := compare.CountRows(cancelled, conn, all.Tables, nil); err == nil {
		t.Error("counted though it was cancelled")
	}
}

// TestDeltasThatTheCountsBelie are not called exact: rows vanished that nobody saw go.
func TestDeltasThatTheCountsBelie(t *testing.T) {
	t.Parallel()
	table := []catalog.Table{{OID: 20000, Schema: "s", Name: "t", Kind: 'r', Populated: true}}
	state := func(n int64) compare.Rows { return compare.Rows{Tables: table, Counts: map[uint32]int64{20000: n}} }
	for _, c := range []struct {
		after int64
		delta compare.Delta
		want  report.Method
	}{
		{8, compare.Delta{Inserted: 3, Updated: 7, Deleted: 5}, report.Exact},
		{2, compare.Delta{Inserted: 2}, report.Estimated},
		{2, compare.Delta{Inserted: 2, Truncated: true}, report.Exact},
	} {
		got := compare.DiffRows(state(10), state(c.after), map[uint32]compare.Delta{20000: c.delta}, report.Exact)
		if len(got) != 1 || got[0].Method != c.want {
			t.Errorf("10 rows, then %+v, then %d: %+v, want %s", c.delta, c.after, got, c.want)
		}
	}
}
