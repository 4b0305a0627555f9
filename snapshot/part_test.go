package snapshot

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot/archive"
)

// TestPartsOfTables reads parts in every way that a table is read: in binary form and in text, masked and not, in several statements, through
// the root of a partitioned table, without columns.
func TestPartsOfTables(t *testing.T) {
	t.Parallel()
	source, server := pgtest.New(t, `CREATE TABLE plain (id int PRIMARY KEY, note text, gen int GENERATED ALWAYS AS (id * 2) STORED);
		INSERT INTO plain SELECT n, repeat(chr(97 + n % 26), n % 90) FROM generate_series(1, 50000) n;
		UPDATE plain SET note = note || '!' WHERE id % 10 = 0; DELETE FROM plain WHERE id % 100 = 7;
		CREATE TABLE texts (id int PRIMARY KEY, kind regclass, mail text); INSERT INTO texts SELECT n, 'plain', 'u' || n || '@shop.test' FROM generate_series(1, 1000) n;
		CREATE TABLE keyless (a int, b text); INSERT INTO keyless SELECT n % 5, 'x' FROM generate_series(1, 20000) n;
		CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES;
		CREATE TABLE parts (id int, mail text) PARTITION BY HASH (mail);
		CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
		INSERT INTO parts SELECT n, 'u' || n || '@shop.test' FROM generate_series(1, 1000) n; ANALYZE`), pgtest.Start(t)
	src := openSource(t, source)
	ctx := testContext(t)
	d, err := src.Describe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	plan := planWith(t, d, map[string]string{"public.texts.mail": "email", "public.parts.mail": "email"}, `
data: {public.plain: {rows: id % 2 = 0}, public.texts: {rows: "mail LIKE 'u1%'"}, public.nothing: none, public.parts: {rows: id <= 300}}
subset: {roots: {public.keyless: {percent: 10}}}`)
	target := newTarget(t, server)
	result, err := Copy(ctx, src, plan, target, CopyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"SELECT count(*) || ' ' || count(*) FILTER (WHERE id % 2 = 0 AND gen = id * 2) || ' ' || md5(string_agg(note, ',' ORDER BY id)) FROM plain": pgtest.Value(t, source,
			"SELECT count(*) || ' ' || count(*) || ' ' || md5(string_agg(note, ',' ORDER BY id)) FROM plain WHERE id % 2 = 0"),
		"SELECT count(*) || ' ' || count(*) FILTER (WHERE mail LIKE 'u%@shop.test') || ' ' || max(kind::text) FROM texts": "112 0 plain",
		"SELECT count(*) FROM nothing": "0",
		"SELECT count(*) || ' ' || count(*) FILTER (WHERE mail LIKE 'u%@shop.test') || ' ' || max(id) FROM parts": "300 0 300",
		"SELECT count(*) BETWEEN 1700 AND 2300 FROM keyless":                                                      "t",
	} {
		if got := pgtest.Value(t, target.Config(), query); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	binary := map[string]bool{}
	for _, table := range result.Tables {
		binary[table.Name] = table.Binary
	}
	if !binary["plain"] || binary["texts"] {
		t.Errorf("in binary form are %v", binary)
	}
}

// TestPartOfWhatMoved rewrites a table after its rows were chosen: their places mean others now.
func TestPartOfWhatMoved(t *testing.T) {
	t.Parallel()
	source, server := pgtest.New(t, "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 1000); DELETE FROM a WHERE id < 500"), pgtest.Start(t)
	src := openSource(t, source)
	ctx := testContext(t)
	d, err := src.Describe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	moved := false
	_, err = Copy(ctx, src, planWith(t, d, nil, "data: {public.a: {rows: id > 900}}"), newTarget(t, server), CopyOptions{Progress: func(e Event) {
		if e.Phase == "data" && !moved {
			moved = true
			pgtest.Exec(t, source, "CLUSTER a USING a_pkey")
		}
	}})
	var changed *ChangedError
	if !errors.As(err, &changed) || !strings.Contains(err.Error(), "table public.a was truncated or rewritten") {
		t.Errorf("got %v", err)
	}
}

// TestCheckSelection asks the server about conditions and keys before anything is copied.
func TestCheckSelection(t *testing.T) {
	t.Parallel()
	source := pgtest.New(t, `CREATE TABLE a (id int PRIMARY KEY, mail text, at date); INSERT INTO a VALUES (1, 'secret@shop.test', '2026-01-01'); CREATE TABLE b (id int, a text)`)
	src := openSource(t, source)
	ctx := testContext(t)
	d, err := src.Describe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for sections, want := range map[string]string{
		"data: {public.a: {rows: id > 5}}":                                                         "",
		"data: {public.a: {rows: mail > 5}}":                                                       "test.yaml:10:25: the server refuses rows of public.a: operator does not exist: text > integer (SQLSTATE 42883)",
		"data: {public.a: {rows: idd = 5}}":                                                        `test.yaml:10:25: the server refuses rows of public.a: column "idd" does not exist (SQLSTATE 42703)`,
		"data: {public.a: {rows: id}}":                                                             "test.yaml:10:25: the server refuses rows of public.a: argument of WHERE must be type boolean, not type integer (SQLSTATE 42804)",
		"data: {public.a: {rows: \"at < 'soon'\"}}":                                                `test.yaml:10:25: the server refuses rows of public.a: invalid input syntax for type date: "soon" (SQLSTATE 22007)`,
		"data: {public.a: {rows: pg_sleep(0) IS NULL}}":                                            "test.yaml:10:25: rows calls pg_sleep, which is volatile: it could write, and choose other rows each time",
		"data: {public.a: {rows: count(*) > 1}}":                                                   "test.yaml:10:25: the server refuses rows of public.a: aggregate functions are not allowed in WHERE (SQLSTATE 42803)",
		"data: {public.a: {rows: id = 1 UNION SELECT 1}}":                                          `test.yaml:10:25: the server refuses rows of public.a: syntax error at or near "UNION" (SQLSTATE 42601)`,
		"data: {public.a: {rows: mail::int = 1}}":                                                  "", // what only rows can tell
		"data: {public.a: {rows: EXISTS (SELECT FROM b)}}":                                         "", // names are looked up as the application's are
		"subset: {roots: {public.a: {percent: 5}}, keys: [{from: public.b(a), to: public.a(id)}]}": "test.yaml:10:50: the server refuses the key of public.b: operator does not exist: integer = text (SQLSTATE 42883)",
	} {
		plan := planWith(t, d, nil, sections)
		got := ""
		if err := src.CheckSelection(ctx, d, plan.Selection()); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", sections, got, want)
		}
	}
	_, err = Copy(ctx, src, planWith(t, d, nil, "data: {public.a: {rows: mail::int = 1}}"), newTarget(t, pgtest.Start(t)), CopyOptions{})
	var failed *sanitize.PlanError
	if !errors.As(err, &failed) || err.Error() != "test.yaml:10:25: the server refuses rows of public.a at a row (SQLSTATE 22P02)" {
		t.Errorf("a condition that fails on a row: %v", err)
	}
}

// TestArchiveOfAPart restores an archive of a subset: it knows which share it is, and its broken keys are broken again.
func TestArchiveOfAPart(t *testing.T) {
	t.Parallel()
	source, server := pgtest.New(t, village), pgtest.Start(t)
	path := filepath.Join(t.TempDir(), "part.snapshot")
	w, err := archive.Create(path, archive.CreateOptions{RunID: "test", WriteOptions: archive.WriteOptions{ChunkSize: 4096}})
	if err != nil {
		t.Fatal(err)
	}
	direct, again := newTarget(t, server), newTarget(t, server)
	made := partWith(t, source, direct, `
data: {v.note: none, v.mail: {rows: id < 10}}
subset: {roots: {v.person: {rows: "tenant = 1 AND id IN (14, 15)"}}, break: [v.firm(boss), v.person(chief)]}`, CopyOptions{Archive: w})
	if _, err := w.Finish(archive.Manifest{}); err != nil {
		t.Fatal(err)
	}
	result := restored(t, path, again)
	sameStaging(t, direct, again)
	type share struct {
		Share    sanitize.Share
		Rows, Of int64
		Exact    bool
	}
	shares := func(r *Result) map[string]share {
		all := map[string]share{}
		for _, table := range r.Tables {
			if !table.Part.Whole() {
				all[table.Name] = share{table.Part.Share, table.Rows, table.SourceRows, table.SourceRowsExact}
			}
		}
		return all
	}
	if diff := cmp.Diff(shares(made), shares(result)); diff != "" || len(shares(made)) < 6 {
		t.Errorf("shares (-copied +restored):\n%s", diff)
	}
	if diff := cmp.Diff(made.Broken, result.Broken); diff != "" || len(made.Broken) != 2 {
		t.Errorf("broken keys (-copied +restored):\n%s", diff)
	}
}
