package sqltext_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/internal/sqltext"
)

func TestQueries(t *testing.T) {
	t.Parallel()
	parts, lines := sqltext.Queries("-- a; b\nSELECT ';';\n\n;/* ; */ SELECT\n 2 ; ;\nTABLE \"x;y\"\n")
	if diff := cmp.Diff([]string{"SELECT ';'", "SELECT\n 2", `TABLE "x;y"`}, parts); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{2, 4, 6}, lines); diff != "" {
		t.Error(diff)
	}
}

// Bodies of functions and rules have semicolons of their own.
func TestQueriesWithBodies(t *testing.T) {
	t.Parallel()
	for _, want := range [][]string{
		{"CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO a VALUES (1); INSERT INTO b VALUES (2))", "SELECT 1"},
		{"CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN a > 1 THEN 2 END; SELECT 3; END", "SELECT 1"},
		{"create or replace procedure p() BEGIN ATOMIC INSERT INTO a VALUES (1); END", "SELECT 1"},
		{"CREATE FUNCTION f() RETURNS int AS $$ BEGIN; RETURN 1; END $$ LANGUAGE plpgsql", "BEGIN", "SELECT CASE WHEN true THEN 1 END", "END"},
		{"SELECT 'a;b', \"c;d\", E'\\';', $x$;$x$ -- ;\n, 1", "COMMIT"},
	} {
		var text string
		for _, one := range want {
			text += one + ";\n"
		}
		if got, _ := sqltext.Queries(text); !cmp.Equal(want, got) {
			t.Error(cmp.Diff(want, got))
		}
	}
}

func TestBackslash(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		`\set a`: 0, `SELECT 1 \gset`: 9, `SELECT '\', "\", $$\$$, E'\'' -- \`: -1, `/* \ */ \i x`: 8, ``: -1,
	} {
		if got := sqltext.Backslash(text); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}
