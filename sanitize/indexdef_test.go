package sanitize

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplitIndex(t *testing.T) {
	t.Parallel()
	tests := []struct {
		def  string
		want indexDef
	}{
		{"CREATE UNIQUE INDEX i ON s.t USING btree (a)", indexDef{parts: []string{"a"}}},
		{"CREATE UNIQUE INDEX i ON ONLY s.t USING btree (a, lower(b), ((c || ','::text)))", indexDef{parts: []string{"a", "lower(b)", "((c || ','::text))"}}},
		{`CREATE UNIQUE INDEX " USING x (" ON s."t (" USING btree ("a,b", "q""(")`, indexDef{parts: []string{`"a,b"`, `"q""("`}}},
		{`CREATE UNIQUE INDEX i ON s.t USING btree (replace(a, '''),('::text, ''::text)) WHERE (b = ' WHERE '::text)`, indexDef{parts: []string{`replace(a, '''),('::text, ''::text)`}, predicate: `(b = ' WHERE '::text)`}},
		{
			"CREATE UNIQUE INDEX i ON s.t USING btree (a DESC NULLS LAST) INCLUDE (b, c) NULLS NOT DISTINCT WITH (fillfactor='70') TABLESPACE x WHERE (d IS NULL)",
			indexDef{parts: []string{"a DESC NULLS LAST"}, options: " INCLUDE (b, c) NULLS NOT DISTINCT WITH (fillfactor='70') TABLESPACE x", predicate: "(d IS NULL)"},
		},
		{"CREATE UNIQUE INDEX i ON s.t USING btree ((a[1]), b)", indexDef{parts: []string{"(a[1])", "b"}}},
	}
	for _, tt := range tests {
		got, ok := splitIndex(tt.def)
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(indexDef{})); diff != "" || !ok {
			t.Errorf("%s: understood %v (-want +got):\n%s", tt.def, ok, diff)
		}
	}
	for _, def := range []string{"", "x", "CREATE UNIQUE INDEX i ON s.t", "i USING btree", "i USING btree (a", `i USING btree ("a)`, "i USING btree (a, 'b)"} {
		if got, ok := splitIndex(def); ok {
			t.Errorf("%q is understood as %+v", def, got)
		}
	}
}

func TestMentioned(t *testing.T) {
	t.Parallel()
	table := &Table{Columns: []Column{{Name: "a"}, {Name: "B c"}, {Name: `q"`}, {Name: "text"}, {Name: "ünï"}}}
	tests := []struct {
		expr string
		want []string
	}{
		{"lower(a)", []string{"a"}},
		{`lower("B c") || a`, []string{"a", "B c"}},
		{`md5("q""")`, []string{`q"`}},
		{"'a B c' || 'it''s a'", nil},
		{"(a)::text", []string{"a", "text"}}, // the name of a type that is also a column: too strict, never too lax
		{`"ünï" = ''`, []string{"ünï"}},
		{"t.*", []string{"a", "B c", `q"`, "text", "ünï"}},
		{"ab + ba", nil},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, mentioned(table, tt.expr)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.expr, diff)
		}
	}
}

func TestTestsNull(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]bool{
		"(a IS NULL)": true, "(a IS NOT NULL)": true, "((a IS NULL) AND (b > 1))": true, "((a IS NULL) OR (a = 1))": false,
		"(a > 1)": false, "('(a IS NULL)'::text = a)": false, "((a IS NULL) = (a IS NULL))": true, "(b > 1)": true,
	} {
		if got := testsNull(expr, "a"); got != want {
			t.Errorf("%s: %v, want %v", expr, got, want)
		}
	}
}

func FuzzSplitIndex(f *testing.F) {
	f.Add("CREATE UNIQUE INDEX i ON s.t USING btree (a, lower(b)) INCLUDE (c) WHERE (d IS NULL)")
	f.Add(`x USING y ("`)
	f.Fuzz(func(t *testing.T, def string) {
		if d, ok := splitIndex(def); ok && len(d.parts) == 0 {
			t.Errorf("%q: understood without elements", def)
		}
		mentioned(&Table{Columns: []Column{{Name: "a"}}}, def)
	})
}
