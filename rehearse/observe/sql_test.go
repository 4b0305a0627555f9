package observe

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

func TestFold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, sql, want string }{
		{"empty", "", ""},
		{"only comments", " -- a\n/* b */ ", ""},
		{"white space", "  SELECT\n\t1 ;\n", "SELECT 1 ;"},
		{"line comment", "SELECT 1 -- one\n, 2", "SELECT 1 , 2"},
		{"nested comment", "SELECT/* a /* b */ c */1", "SELECT 1"},
		{"comment not closed", "SELECT 1 /* a", "SELECT 1"},
		{"string", "SELECT 'a  -- b' ", "SELECT 'a  -- b'"},
		{"doubled quote", "SELECT 'it''s  --' -- x", "SELECT 'it''s  --'"},
		{"escape string", `SELECT E'a\'  --b' -- x`, `SELECT E'a\'  --b'`},
		{"backslash in plain string", `SELECT 'a\' -- x`, `SELECT 'a\'`},
		{"quoted name", `SELECT "a  /* b" FROM t`, `SELECT "a  /* b" FROM t`},
		{"dollar", "DO $x$\nBEGIN\n  -- why\n  NULL;\nEND $x$ ;", "DO $x$ BEGIN -- why NULL; END $x$ ;"},
		{"parameter", "SELECT $1 -- x\n, a$b$c", "SELECT $1 , a$b$c"},
		{"unicode", "SELECT 'é'  ,  ü", "SELECT 'é' , ü"},
		{"invalid", "SELECT \xff  1", "SELECT \xff 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, Fold(c.sql, maxSQL)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if got := Fold(strings.Repeat("ü", 3000), 10); got != strings.Repeat("ü", 9)+"…" {
		t.Errorf("cut to %q", got)
	}
}

func TestSeveral(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]bool{
		"": false, "SELECT 1": false, "SELECT 1;": false, "SELECT 1; -- ;\n /* ; */ ;": false, "SELECT ';' ; SELECT 2": true,
		"SELECT 1;SELECT 2;": true, "DO $$ a; b; $$;": false, `SELECT "a;b"`: false, "SELECT E'\\';' ;": false,
	} {
		if got := several(sql); got != want {
			t.Errorf("%q: %v", sql, got)
		}
	}
}

// FuzzToken checks that any text is cut into tokens without loss and without end.
func FuzzToken(f *testing.F) {
	for _, s := range []string{"SELECT 'a''b' /* /* */ -- x\n $$ b $$ $a$ $1 E'\\''", "\xff$", "$é$", "'", `"`, "/*", "--", "$$"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var b strings.Builder
		for rest := s; rest != ""; {
			_, n := token(rest)
			if n <= 0 || n > len(rest) {
				t.Fatalf("token of length %d in %q", n, rest)
			}
			b.WriteString(rest[:n])
			rest = rest[n:]
		}
		if b.String() != s {
			t.Errorf("%q became %q", s, b.String())
		}
		Fold(s, 5)
	})
}

func TestFailureHoldsNoValues(t *testing.T) {
	t.Parallel()
	const secret = "s3cret@example.org"
	for _, c := range []struct {
		name string
		err  pgconn.PgError
		want report.Failure
	}{
		{
			"syntax of a value",
			pgconn.PgError{Code: "22P02", Message: `invalid input syntax for type integer: "` + secret + `"`},
			report.Failure{SQLState: "22P02", Message: "invalid input syntax for type integer: …"},
		},
		{
			"range",
			pgconn.PgError{Code: "22003", Message: `value "` + secret + `" is out of range for type integer`},
			report.Failure{SQLState: "22003", Message: "value … is out of range for type integer"},
		},
		{
			"raised",
			pgconn.PgError{Code: "P0001", Message: `user 4711 ` + secret + ` has no "` + secret + `" since 2020-01-01`, Hint: "ask " + secret},
			report.Failure{SQLState: "P0001", Message: "user … … has no … since …", Hint: "ask …"},
		},
		{
			"raised under another state",
			pgconn.PgError{Code: "23514", Routine: "exec_stmt_raise", Message: `no room for "` + secret + `"`},
			report.Failure{SQLState: "23514", Message: "no room for …"},
		},
		{
			"asserted",
			pgconn.PgError{Code: "P0004", Routine: "exec_stmt_assert", Message: secret + " is not 7"},
			report.Failure{SQLState: "P0004", Message: "… is not …"},
		},
		{
			"bytes",
			pgconn.PgError{Code: "22021", Message: `invalid byte sequence for encoding "UTF8": 0xe9 0x20 0x61`},
			report.Failure{SQLState: "22021", Message: "invalid byte sequence for encoding …: …"},
		},
		{
			"key",
			pgconn.PgError{
				Code: "23505", Message: `duplicate key value violates unique constraint "u"`, SchemaName: "S", TableName: "t",
				ConstraintName: "u", Detail: `Key (email, "Last, Name", lower(a, b))=(` + secret + `, x) already exists., y) already exists.`,
			},
			report.Failure{
				SQLState: "23505", Message: `duplicate key value violates unique constraint "u": key (email, "Last, Name", lower(a, b)) already exists`,
				Table: `"S".t`, Constraint: "u", Columns: []string{"email", "Last, Name", "lower(a, b)"},
			},
		},
		{
			"missing key",
			pgconn.PgError{Code: "23503", Message: "m", Detail: `Key (a)=(` + secret + `) is not present in table "p".`},
			report.Failure{SQLState: "23503", Message: `m: key (a) is not present in table "p"`, Columns: []string{"a"}},
		},
		{
			"exclusion",
			pgconn.PgError{Code: "23P01", Message: "m", Detail: `Key (a)=(` + secret + `) conflicts with existing key (a)=(` + secret + `).`},
			report.Failure{SQLState: "23P01", Message: `m: key (a) conflicts with another row's`, Columns: []string{"a"}},
		},
		{
			"row",
			pgconn.PgError{
				Code: "23502", Message: `null value in column "c" of relation "t" violates not-null constraint`,
				ColumnName: "c", Detail: "Failing row contains (" + secret + ").", Where: secret, InternalQuery: secret,
			},
			report.Failure{SQLState: "23502", Message: `null value in column "c" of relation "t" violates not-null constraint`, Column: "c"},
		},
		{
			"other language",
			pgconn.PgError{Code: "23505", Message: "m", Detail: `Schlüssel »(a)=(` + secret + `)« existiert bereits.`},
			report.Failure{SQLState: "23505", Message: "m"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := Failure(&c.err)
			if diff := cmp.Diff(c.want, *got); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(got.Message+got.Hint, "s3cret") {
				t.Error("a value is in the report")
			}
		})
	}
	if Failure(nil) != nil {
		t.Error("a failure of nothing")
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]class{
		"ACCESS SHARE": blocksNothing, "ROW SHARE": blocksNothing, "ROW EXCLUSIVE": blocksNothing, "SHARE UPDATE EXCLUSIVE": blocksSchema,
		"SHARE": blocksWrites, "SHARE ROW EXCLUSIVE": blocksWrites, "EXCLUSIVE": blocksWrites, "ACCESS EXCLUSIVE": blocksReads, "?": blocksNothing,
	} {
		if got := modeOf(name).class(); got != want {
			t.Errorf("%s blocks %s, want %s", name, got, want)
		}
	}
	if modeOf("ShareLock").String() != "SHARE" || strongest(1<<1|1<<5|1<<3) != 5 || strongest(0) != 0 {
		t.Error("modes")
	}
}

// TestSharedAndWritten: an index is built, then rows change. SHARE alone would let others build indexes; ROW EXCLUSIVE with it does not.
func TestSharedAndWritten(t *testing.T) {
	t.Parallel()
	if got := telling(1<<5 | 1<<3 | 1<<1); !slices.Equal(got, []mode{share, rowExclusive}) {
		t.Errorf("SHARE and ROW EXCLUSIVE tell %v", got)
	}
	if got := telling(1<<8 | 1<<5 | 1<<4); !slices.Equal(got, []mode{accessExclusive}) {
		t.Errorf("ACCESS EXCLUSIVE tells %v", got)
	}
	// What conflicts with what, as PostgreSQL's documentation has it (13.3.1).
	conflicts := []string{"", "8", "78", "5678", "45678", "34678", "345678", "2345678", "12345678"}
	for m := mode(1); m <= accessExclusive; m++ {
		for m2 := mode(1); m2 <= accessExclusive; m2++ {
			want := true
			for _, c := range conflicts[m] {
				want = want && strings.ContainsRune(conflicts[m2], c)
			}
			if got := m.within(m2); got != want {
				t.Errorf("%s within %s: %v, want %v", m, m2, got, want)
			}
		}
	}
}
