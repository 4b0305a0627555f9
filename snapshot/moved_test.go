package snapshot

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

// testMoved changes tables after the view was frozen and before they are read. No lock of ours is in the way then, so that COPY, which
// goes by what the catalog says now, would read other columns than were planned, or storage whose rows the view does not see.
func testMoved(t *testing.T, server *pgtest.Server) {
	const schema = "CREATE TABLE people (id int, email text, nick text); INSERT INTO people SELECT i, 'MARKER' || i, 'kept' FROM generate_series(1, 50) i; CREATE TABLE other (LIKE people); INSERT INTO other SELECT * FROM people"
	for _, test := range []struct{ name, ddl, want string }{
		{"truncated", "TRUNCATE people", "truncated or rewritten"},
		{"rewritten", "ALTER TABLE people ALTER id TYPE bigint", "truncated or rewritten"},
		{"columns swapped", "ALTER TABLE people RENAME nick TO tmp; ALTER TABLE people RENAME email TO nick; ALTER TABLE people RENAME tmp TO email", "other columns"},
		{"column made anew", "ALTER TABLE people DROP COLUMN nick, ADD COLUMN nick text", "other columns"},
		{"table dropped", "DROP TABLE people", "is gone"},
		{"tables swapped", "ALTER TABLE people RENAME TO tmp; ALTER TABLE other RENAME TO people; ALTER TABLE tmp RENAME TO other", "another table"},
		{"vacuumed", "VACUUM FULL people", ""},
		{"column added", "ALTER TABLE people ADD COLUMN more int", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			source := pgtest.New(t, schema)
			src := openSource(t, source)
			d, err := src.Describe(testContext(t))
			if err != nil {
				t.Fatal(err)
			}
			var once sync.Once
			change := func(e Event) {
				if e.Phase == "data" {
					once.Do(func() { pgtest.Exec(t, source, test.ddl) })
				}
			}
			target := newTarget(t, server)
			plan := planFor(t, d, map[string]string{"public.people.email": "hash", "public.other.nick": "hash"})
			_, err = Copy(testContext(t), src, plan, target, CopyOptions{Progress: change})
			var changed *ChangedError
			switch {
			case test.want == "" && err != nil:
				t.Fatal(err)
			case test.want == "":
				if n := pgtest.Value(t, target.Config(), "SELECT count(*) FROM people"); n != "50" {
					t.Errorf("%s rows of 50", n)
				}
			case !errors.As(err, &changed):
				t.Errorf("got %v, want a ChangedError", err)
			case !strings.Contains(err.Error(), test.want):
				t.Errorf("got %v, want %q", err, test.want)
			}
			if test.want != "" {
				return
			}
			if n := pgtest.Value(t, target.Config(), "SELECT count(*) FROM people WHERE people::text LIKE '%MARKER%'"); n != "0" {
				t.Errorf("%s rows have raw values", n)
			}
		})
	}
}

// testLetsGo alters a table that has been copied while another is: production must not wait for the end of the copy.
func testLetsGo(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, "CREATE TABLE a AS SELECT i, repeat('x', 100) pad FROM generate_series(1, 3000) i; CREATE TABLE b AS SELECT i FROM generate_series(1, 3000) i; CREATE TABLE c (i int)")
	altered := false
	copied(t, source, newTarget(t, server), nil, CopyOptions{Jobs: 1, Progress: func(e Event) {
		if e.Table == "public.b" {
			pgtest.Exec(t, source, "SET lock_timeout = '1s'; ALTER TABLE a ADD COLUMN late int")
			altered = true
		}
	}})
	if !altered {
		t.Error("the copy did not tell of b")
	}
}

// testInlined copies a table whose indexes call functions in SQL that name others without a schema, which planning a query inlines: whole, in
// pieces, and without the values of a column.
func testInlined(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, `CREATE TABLE words (w text); INSERT INTO words VALUES ('word 1');
		CREATE FUNCTION known(t text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT EXISTS (SELECT FROM words WHERE w = t)';
		CREATE FUNCTION plain(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(t)';
		CREATE FUNCTION folded(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT plain(t)';
		CREATE TABLE notes (id int, t text, secret text);
		INSERT INTO notes SELECT i, 'Word ' || i, 'MARKER' FROM generate_series(1, 2000) i;
		CREATE INDEX ON notes (folded(t)); CREATE INDEX ON notes (id) WHERE known(t)`)
	const query = "SELECT count(*)::text || sum(id) || string_agg(t, ',' ORDER BY id) FROM notes"
	for name, masks := range map[string]map[string]string{"kept": nil, "not read": {"public.notes.secret": "'null'"}} {
		for _, from := range []int64{0, 1} {
			target := newTarget(t, server)
			copied(t, source, target, masks, CopyOptions{Jobs: 2, splitFrom: from})
			if got, want := pgtest.Value(t, target.Config(), query), pgtest.Value(t, source, query); got != want {
				t.Errorf("%s, split from %d: other rows than the source's", name, from)
			}
		}
	}
}

// testCalling copies tables whose indexes and statistics call a function that reads another table, which is loaded after them, by its bare name.
func testCalling(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, `CREATE TABLE codes (code text PRIMARY KEY, n int); INSERT INTO codes VALUES ('a', 1), ('b', 10);
		CREATE FUNCTION num(c text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$DECLARE r int; BEGIN SELECT n INTO STRICT r FROM codes k WHERE k.code = c; RETURN r; END$$;
		CREATE TABLE users (c text, pad text); INSERT INTO users SELECT 'b', repeat('x', 500) FROM generate_series(1, 2000); INSERT INTO users VALUES ('a');
		CREATE INDEX by_num ON users (num(c)); CREATE INDEX large ON users (c) WHERE num(c) > 5; CREATE STATISTICS of_num ON num(c), c FROM users`)
	target := newTarget(t, server)
	result := copied(t, source, target, nil, CopyOptions{Jobs: 1})
	for _, e := range result.RestoreErrors {
		t.Errorf("refused: %+v", e)
	}
	const query = "SET enable_seqscan = off; SET search_path = public; SELECT string_agg(num(c) || c, ',') FROM users WHERE num(c) = 1"
	if got, want := pgtest.Value(t, target.Config(), query), pgtest.Value(t, source, query); got != want {
		t.Errorf("through the index %s, want %s", got, want)
	}
}
