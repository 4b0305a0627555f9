package catalog_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// TestTablesChecks reads what rows must meet when they are loaded: neither what is not valid yet nor what is set aside for the copy.
func TestTablesChecks(t *testing.T) {
	t.Parallel()
	conn, err := pgx.ConnectConfig(t.Context(), pgtest.New(t, `
CREATE SCHEMA s;
CREATE DOMAIN s.short AS text CONSTRAINT is_short CHECK (length(VALUE) < 9);
CREATE DOMAIN s.code AS s.short CONSTRAINT is_code CHECK (VALUE ~ '^[A-Z]+$');
CREATE FUNCTION s.sound(text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
CREATE TABLE s.t (a text CONSTRAINT a_filled CHECK (a <> ''), "B c" s.code, n int CONSTRAINT n_set CHECK (n > 0), CONSTRAINT both_in CHECK (a IS NULL OR n > 3),
	CONSTRAINT calls CHECK (s.sound(a)));
ALTER TABLE s.t ADD CONSTRAINT later CHECK (n < 100) NOT VALID;
CREATE TABLE s.p (n int CONSTRAINT n_set CHECK (n > 0)) PARTITION BY RANGE (n);
CREATE TABLE s.p1 PARTITION OF s.p (CONSTRAINT n_odd CHECK (n % 2 = 1)) FOR VALUES FROM (1) TO (9);`))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	tables, err := catalog.Tables(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]catalog.Check{
		"s.t": {
			{Name: "a_filled", Definition: "CHECK ((a <> ''::text))", Columns: []string{"a"}},
			{Name: "both_in", Definition: "CHECK (((a IS NULL) OR (n > 3)))", Columns: []string{"a", "n"}},
			{Name: "n_set", Definition: "CHECK ((n > 0))", Columns: []string{"n"}},
			{Name: "is_code", Definition: "CHECK (((VALUE)::text ~ '^[A-Z]+$'::text))", Columns: []string{"B c"}, Domain: "s.code"},
			{Name: "is_short", Definition: "CHECK ((length(VALUE) < 9))", Columns: []string{"B c"}, Domain: "s.short"},
		},
		"s.p1": {
			{Name: "n_odd", Definition: "CHECK (((n % 2) = 1))", Columns: []string{"n"}},
			{Name: "n_set", Definition: "CHECK ((n > 0))", Columns: []string{"n"}},
		},
	} {
		if diff := cmp.Diff(want, find(t, tables, name).Checks); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
