package sanitize_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/sanitize"
)

// uniqueTable is the table that the definitions below are about, as SQL and as the planner sees it.
const uniqueTable = `CREATE TABLE u (id int8 NOT NULL, a text, b text NOT NULL, "C d" text, n int8, gone timestamp, lc text GENERATED ALWAYS AS (lower(a)) STORED);`

// readUnique creates an index on a real server and reads it back as the planner wants it.
func readUnique(t *testing.T, conn *pgx.Conn, ddl string) sanitize.UniqueKey {
	t.Helper()
	ctx := context.Background()
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(ctx)
	if _, err := tx.Exec(ctx, uniqueTable+ddl); err != nil {
		t.Fatal(err)
	}
	var u sanitize.UniqueKey
	// Plain key columns are those of indkey below indnkeyatts; every column that the index needs is in pg_depend.
	err = tx.QueryRow(ctx, `SELECT c.relname, i.indexprs IS NOT NULL, pg_get_indexdef(i.indexrelid),
		(SELECT array_agg(a.attname::text ORDER BY k.n) FROM unnest(i.indkey) WITH ORDINALITY k(attnum, n) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum WHERE k.n <= i.indnkeyatts),
		(SELECT array_agg(DISTINCT a.attname::text) FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum > 0 AND (
			a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts-1]) OR EXISTS (SELECT FROM pg_depend d WHERE d.objid = i.indexrelid AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum)))
		FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 'u'::regclass`).Scan(&u.Name, &u.Expression, &u.Definition, &u.Columns, &u.Referenced)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestUnique tries masks against keys that a real server has printed.
func TestUnique(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	conn, err := pgx.ConnectConfig(ctx, pgtest.New(t, "CREATE EXTENSION IF NOT EXISTS btree_gist"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	tests := []struct {
		name, ddl, masks string
		want             string // "" when it must pass, else a part of the message
	}{
		{"plain, kept", "CREATE UNIQUE INDEX i ON u (a)", "a: keep", ""},
		{"plain, distinct", "CREATE UNIQUE INDEX i ON u (a DESC NULLS LAST)", "a: hash", ""},
		{"plain, lossy", "CREATE UNIQUE INDEX i ON u (a)", "a: first_name", "i must stay unique, which mask first_name on s.u.a does not ensure; these would do: "},
		{"plain, constant", "CREATE UNIQUE INDEX i ON u (a)", "a: {mask: constant, value: x}", "which mask constant on s.u.a does not ensure"},
		{"plain, null", "CREATE UNIQUE INDEX i ON u (a)", "a: null", ""},
		{"constraint", "ALTER TABLE u ADD CONSTRAINT i UNIQUE (a)", "a: first_name", "i must stay unique"},
		{"collation and operator class", `CREATE UNIQUE INDEX i ON u (a COLLATE "C" text_pattern_ops)`, "a: hash", ""},
		{"two columns, one lossy", "CREATE UNIQUE INDEX i ON u (a, b)", "a: hash\n    b: first_name", "mask first_name on s.u.b"},
		{"two columns, distinct", "CREATE UNIQUE INDEX i ON u (a, b)", "a: hash\n    b: hash", ""},
		{"included columns do not matter", "CREATE UNIQUE INDEX i ON u (a) INCLUDE (b)", "a: hash\n    b: first_name", ""},
		{"odd name", `CREATE UNIQUE INDEX "I, (" ON u ("C d")`, "C d: first_name", `"I, (" must stay unique, which mask first_name on s.u."C d"`},
		{"lower, distinct under case", "CREATE UNIQUE INDEX i ON u (lower(a))", "a: email", ""},
		{"lower of a quoted name", `CREATE UNIQUE INDEX i ON u (upper("C d"))`, "C d: email", ""},
		{"lower, kept", "CREATE UNIQUE INDEX i ON u (lower(a))", "a: keep", ""},
		{"lower, lossy", "CREATE UNIQUE INDEX i ON u (lower(a))", "a: first_name", "i must stay unique under lower() and upper(), which mask first_name on s.u.a does not ensure"},
		{"lower beside a column", "CREATE UNIQUE INDEX i ON u (b, lower(a))", "a: email\n    b: first_name", "mask first_name on s.u.b"},
		{"telephone numbers", "CREATE UNIQUE INDEX i ON u (a)", "a: phone", "i must stay unique, which mask phone on s.u.a does not ensure; these would do: {mask: phone, to: same_form}, card, digits,"},
		{"another expression", "CREATE UNIQUE INDEX i ON u (md5(a))", "a: hash", "i must stay unique by an expression over it, which mask hash on s.u.a does not ensure; only keep would do"},
		{"lower of more", "CREATE UNIQUE INDEX i ON u (lower(a || b))", "a: hash\n    b: keep", "only keep would do"},
		{"expression over kept columns", "CREATE UNIQUE INDEX i ON u (lower(a || b), (n + 1))", "a: keep\n    b: keep\n    n: keep", ""},
		{"partial on NULL", "CREATE UNIQUE INDEX i ON u (a) WHERE gone IS NULL", "a: hash\n    gone: date_shift", ""},
		{"partial on NULL, made NULL", "CREATE UNIQUE INDEX i ON u (a) WHERE gone IS NULL", "a: hash\n    gone: null", "is unique only where it is NULL, or is not, which mask null on s.u.gone"},
		{"partial on a value", "CREATE UNIQUE INDEX i ON u (n) WHERE a = 'gone IS NULL'", "a: hash", "is unique only where a condition on it holds, which mask hash on s.u.a does not ensure; only keep would do"},
		{"partial on both", "CREATE UNIQUE INDEX i ON u (n) WHERE a IS NOT NULL AND b <> ''", "a: hash\n    b: keep", ""},
		{"partial on itself", "CREATE UNIQUE INDEX i ON u (a) WHERE a IS NOT NULL AND gone IS NULL", "a: hash", ""},
		{"implied by a key that holds", "ALTER TABLE u ADD PRIMARY KEY (id)", "a: first_name", ""},
		{"the whole row", "CREATE UNIQUE INDEX i ON u ((u IS NULL))", "a: hash", "only keep would do"},
		{"exclusion", "ALTER TABLE u ADD CONSTRAINT i EXCLUDE USING gist (a WITH =)", "a: hash", "i excludes rows by comparing values, which mask hash on s.u.a does not ensure; only keep would do"},
		{"exclusion, kept", "ALTER TABLE u ADD CONSTRAINT i EXCLUDE USING gist (a WITH =)", "a: keep", ""},
		{"generated from a folded column", "CREATE UNIQUE INDEX i ON u (lc)", "a: first_name", "i must stay unique in lc, which is computed from it, which mask first_name on s.u.a does not ensure"},
		{"generated, distinct under case", "CREATE UNIQUE INDEX i ON u (lc)", "a: email", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u := table("s.u", "id int8!", "a text", "b text!", "C d text", "n int8", "gone timestamp", "lc text=")
			u.Columns[6].Expression = "lower(a)"
			u.Unique = []sanitize.UniqueKey{readUnique(t, conn, tt.ddl)}
			rules := "  s.u:\n    " + tt.masks + "\n"
			for _, c := range []string{"id", "a", "b", "C d", "n", "gone"} {
				if !strings.Contains(rules, "\n    "+c+": ") {
					rules += "    " + c + ": keep\n"
				}
			}
			err := planError(t, rules, database(u))
			switch {
			case err == nil && tt.want != "":
				t.Errorf("%s: accepted, want %q", u.Unique[0].Definition, tt.want)
			case err != nil && (tt.want == "" || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%s: %v\nwant %q", u.Unique[0].Definition, err, tt.want)
			}
		})
	}
}

// TestUniqueImplied checks that a key which holds vouches for wider ones, and that a doubtful one does not.
func TestUniqueImplied(t *testing.T) {
	t.Parallel()
	rules := "  s.t: {id: int_permute, a: first_name}\n"
	wide := func(idType string) sanitize.Table {
		return unique(unique(table("s.t", "id "+idType, "a text"), "t_pkey", "id"), "t_id_a", "id", "a")
	}
	if err := planError(t, rules, database(wide("int8!"))); err != nil {
		t.Errorf("not vouched for by the primary key: %v", err)
	}
	if err := planError(t, rules, database(wide("int8"))); err == nil {
		t.Error("vouched for by a key that can be NULL")
	}
	if err := planError(t, "  s.t: {id: {mask: constant, value: 1}, a: first_name}\n", database(wide("int8!"))); err == nil || len(err.Issues) != 3 {
		t.Errorf("vouched for by a key that does not hold: %v", err)
	}
}

// TestNotUnderstood checks that a definition in no known form is treated as the worst case.
func TestNotUnderstood(t *testing.T) {
	t.Parallel()
	u := table("s.t", "a text")
	u.Unique = []sanitize.UniqueKey{{Name: "i", Expression: true, Definition: "CREATE UNIQUE INDEX i ON s.t", Referenced: []string{"a"}}}
	err := planError(t, "  s.t: {a: email}\n", database(u))
	want := "m.yaml:3:9: i is unique in a way that could not be understood, which mask email on s.t.a does not ensure; only keep would do"
	if err == nil {
		t.Fatal("accepted")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
