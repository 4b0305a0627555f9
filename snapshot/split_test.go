package snapshot

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

const splitSchema = `CREATE TABLE large (i int PRIMARY KEY, email text, note text);
INSERT INTO large SELECT i, 'm' || i || '@example.com', repeat('n', i % 300) FROM generate_series(1, 30000) i;
DELETE FROM large WHERE i % 7 = 0; UPDATE large SET note = 'later' WHERE i % 11 = 0;
CREATE INDEX ON large (note); CREATE TABLE small (i int REFERENCES large); INSERT INTO small SELECT i FROM large WHERE i % 50 = 1`

// testSplit copies a table that several workers read, each some of its blocks.
func testSplit(t *testing.T, server *pgtest.Server) {
	for _, sql := range []string{"ALTER SYSTEM SET autovacuum = off", "SELECT pg_reload_conf()"} { // as in load mode: its snapshots keep rows from being frozen
		pgtest.Exec(t, server.Config("postgres"), sql)
	}
	for name, column := range map[string]string{"binary": "int", "text": "xml"} {
		t.Run(name, func(t *testing.T) {
			source := pgtest.New(t, splitSchema, "ALTER TABLE large ADD COLUMN other "+column)
			target := newTarget(t, server)
			began := 0
			result := copied(t, source, target, nil, CopyOptions{Jobs: 3, splitFrom: 1 << 16, Progress: func(e Event) { began = e.TotalSteps }})
			const content = "SELECT md5(string_agg(l::text, '' ORDER BY i)) FROM large l"
			if diff := cmp.Diff(pgtest.Value(t, source, content), pgtest.Value(t, target.Config(), content)); diff != "" {
				t.Error("the contents differ")
			}
			large := result.Tables[0]
			if want := pgtest.Value(t, source, "SELECT count(*) FROM large"); fmt.Sprint(large.Rows) != want || large.Binary != (name == "binary") {
				t.Errorf("told %+v, the source has %s rows", large, want)
			}
			if got := pgtest.Value(t, target.Config(), "SELECT relallvisible = relpages AND age(relfrozenxid) < 100 FROM pg_class WHERE relname = 'large'"); got != "t" {
				t.Error("its pages are not all visible, or its rows not frozen")
			}
			if got := pgtest.Value(t, target.Config(), "SELECT convalidated FROM pg_constraint WHERE contype = 'f'"); got != "t" {
				t.Error("the foreign key is not valid")
			}
			if began < 6 { // the key's index and the key, an index, a foreign key, statistics, VACUUM
				t.Errorf("%d tasks", began)
			}
		})
	}
}

// testSplitMoved rewrites such a table between two of its pieces: what the later ones would be read from has other rows in its blocks.
func testSplitMoved(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, splitSchema)
	src := openSource(t, source)
	d, err := src.Describe(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	var rewriting sync.WaitGroup
	_, err = Copy(testContext(t), src, planFor(t, d, nil), newTarget(t, server), CopyOptions{Jobs: 2, splitFrom: 1 << 16, RateLimit: 1 << 20, Progress: func(e Event) {
		if e.Phase == "data" {
			once.Do(func() {
				rewriting.Go(func() {
					time.Sleep(700 * time.Millisecond)
					pgtest.Exec(t, source, "VACUUM FULL large") // it waits for the locks on the pieces that are read
				})
			})
		}
	}})
	rewriting.Wait()
	var changed *ChangedError
	if !errors.As(err, &changed) || !strings.Contains(err.Error(), "truncated or rewritten") {
		t.Errorf("got %v, want a ChangedError", err)
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	const share = 1 << 30
	large := func(change func(*load)) *load {
		l := &load{table: catalog.Table{Bytes: 3 * share}, size: 3*share + 100, columns: []string{"a"}}
		if change != nil {
			change(l)
		}
		return l
	}
	for name, test := range map[string]struct {
		load  *load
		major int
		want  int
	}{
		"three shares":      {large(nil), 15, 7},
		"before 14":         {large(nil), 13, 1},
		"of an extension":   {large(func(l *load) { l.table.Extension = "e" }), 15, 1},
		"through its root":  {large(func(l *load) { l.via = &catalog.Table{} }), 15, 1},
		"without columns":   {large(func(l *load) { l.columns = nil }), 15, 1},
		"a fair share":      {large(func(l *load) { l.size = share }), 15, 1},
		"all in TOAST":      {large(func(l *load) { l.table.Bytes = 2 * blockSize }), 15, 2},
		"nothing but TOAST": {large(func(l *load) { l.table.Bytes = 0 }), 15, 1},
		"a huge share":      {large(func(l *load) { l.size, l.table.Bytes = 1000*share, 1000*share }), 15, 64},
	} {
		test.load.split(share, worthSplitting, test.major)
		if got := len(test.load.pieces); got != test.want || test.load.left != got {
			t.Errorf("%s: %d pieces, want %d: %q", name, got, test.want, test.load.pieces)
		}
	}
	l := large(func(l *load) { l.table.Bytes = 3 * blockSize })
	l.split(share, worthSplitting, 15)
	want := []string{"ctid >= '(0,0)' AND ctid < '(1,0)'", "ctid >= '(1,0)' AND ctid < '(2,0)'", "ctid >= '(2,0)'"}
	if diff := cmp.Diff(want, l.pieces); diff != "" {
		t.Error(diff)
	}
}
