package snapshot

import (
	"strings"
	"testing"
	"time"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/sanitize"
)

// testCounts copies with questions.
func testCounts(t *testing.T, server *pgtest.Server) {
	t.Run("in the view", func(t *testing.T) { testCountsInTheView(t, server) })
	t.Run("bounded", func(t *testing.T) { testCountsAreBounded(t, server) })
	t.Run("moved", func(t *testing.T) { testCountsNotWhatMoved(t, server) })
}

// testCountsInTheView counts what is in the way of a migration, in the view that is copied, and tells what cannot be counted.
func testCountsInTheView(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, `CREATE TABLE people (id int, email text); INSERT INTO people SELECT i, 'MARKER' || i % 40 FROM generate_series(1, 100) i;
		CREATE FUNCTION twice(n int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 2 * n';
		CREATE FUNCTION moody(n int) RETURNS int LANGUAGE sql AS 'SELECT n'`)
	people := []sanitize.Relation{{Schema: "public", Name: "people"}}
	var asked []Count
	cases := []struct {
		from, why string
		n         int64
	}{
		{from: "public.people GROUP BY lower(email) HAVING count(*) > 2", n: 20},
		{from: "public.people WHERE NOT (twice(id) <= 180)", n: 10},
		{from: "public.people WHERE nick IS NULL", why: `column "nick" does not exist (SQLSTATE 42703)`},
		{from: "public.people WHERE moody(id) = 1", why: "volatile"},
		{from: "public.people; DELETE FROM people", why: "SQLSTATE 42601"},
		{from: "public.people WHERE email::int > 0", why: "the source refused the count (SQLSTATE 22P02)"},
		{from: "public.people WHERE id = 1", n: 1},
	}
	for _, c := range cases {
		asked = append(asked, Count{From: c.from, Tables: people})
	}
	res := copied(t, source, newTarget(t, server), map[string]string{"public.people.email": "hash"}, CopyOptions{
		Counts: asked,
		Progress: func(e Event) {
			if e.Phase == "schema" { // the view stands: what is added is not seen
				pgtest.Exec(t, source, "INSERT INTO people VALUES (1, 'MARKER')")
			}
		},
	})
	if len(res.Counts) != len(cases) {
		t.Fatalf("%d answers to %d questions", len(res.Counts), len(cases))
	}
	for i, c := range cases {
		got := res.Counts[i]
		if got.N != c.n || c.why == "" && got.Why != "" || !strings.Contains(got.Why, c.why) || strings.Contains(got.Why, "MARKER") {
			t.Errorf("%s: %d, %q; want %d, %q", c.from, got.N, got.Why, c.n, c.why)
		}
	}
}

// testCountsAreBounded gives all counts together no more time than the source's queries have, and waits for no lock of production's.
func testCountsAreBounded(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, `CREATE TABLE people (id int, email text)`)
	src, err := Open(testContext(t), source, SourceOptions{StatementTimeout: 3 * time.Second, LockTimeout: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close(testContext(t))
	d, err := src.Describe(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	res, err := Copy(testContext(t), src, planFor(t, d, map[string]string{"public.people.email": "hash"}), newTarget(t, server), CopyOptions{
		Counts: []Count{{From: "generate_series(1, 100000000000) i WHERE i < 0"}, {From: "public.people"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if why := res.Counts[0].Why; !strings.Contains(why, "had not counted after") {
		t.Errorf("a long count: %+v", res.Counts[0])
	}
	if why := res.Counts[1].Why; !strings.Contains(why, "was used up") {
		t.Errorf("one after the time was up: %+v", res.Counts[1])
	}
	if res.HeldFor > 30*time.Second || time.Since(began) > time.Minute {
		t.Errorf("the view was held for %v", res.HeldFor)
	}
}

// testCountsNotWhatMoved does not trust a table whose storage the view may not show.
func testCountsNotWhatMoved(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, `CREATE TABLE people (id int, email text) ; INSERT INTO people VALUES (1, 'MARKER')`)
	done := false
	res := copied(t, source, newTarget(t, server), map[string]string{"public.people.email": "hash"}, CopyOptions{
		Counts: []Count{{From: "public.people", Tables: []sanitize.Relation{{Schema: "public", Name: "people"}}}},
		Progress: func(e Event) {
			if e.Phase == "schema" && !done {
				done = true
				pgtest.Exec(t, source, "VACUUM FULL people")
			}
		},
	})
	if got := res.Counts[0]; !strings.Contains(got.Why, "table public.people was changed or rewritten") {
		t.Errorf("%+v", got)
	}
}
