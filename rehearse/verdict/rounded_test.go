package verdict_test

import (
	"strings"
	"testing"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// TestRounded: which differences of a column whose type changed are told as rounded or cut, and which may have come otherwise.
func TestRounded(t *testing.T) {
	t.Parallel()
	const exact, rough = "numeric(10,4)", "numeric(10,2)"
	for _, c := range []struct{ sql, was, is, want string }{
		{"ALTER TABLE s.t ALTER a TYPE numeric(10,2)", exact, rough, "rounded 3 values"},
		{"ALTER TABLE t ADD b int, ALTER COLUMN a SET DATA TYPE numeric(10,2) USING a::numeric(10,2), DROP c", exact, rough, "rounded 3 values"},
		{"ALTER TABLE t ALTER a TYPE numeric(10,2) USING CAST(a AS numeric(10,2))", exact, rough, "rounded 3 values"},
		{"ALTER TABLE t ALTER a TYPE int USING round(a)", exact, "integer", "rounded 3 values"},
		{"ALTER TABLE t ALTER a TYPE int USING (a * 100)::int", exact, "integer", ""},
		{"ALTER TABLE t ALTER a TYPE numeric(10,2); UPDATE t SET a = 1", exact, rough, ""},
		{"UPDATE t SET b = a; ALTER TABLE t ALTER a TYPE numeric(10,2)", exact, rough, "rounded 3 values"},
		{"ALTER TABLE t ALTER a TYPE numeric(10,2); SELECT mend()", exact, rough, ""},
		{"ALTER TABLE t ALTER b TYPE numeric(10,2)", exact, rough, ""},
		{"ALTER TABLE u ALTER a TYPE numeric(10,2)", exact, rough, ""},
		{"ALTER TABLE t ALTER a TYPE varchar(3) USING substring(a, 1, 3)", "text", "character varying(3)", "cut 3 values"},
		{"ALTER TABLE t ALTER a TYPE varchar(3) USING upper(a)", "text", "character varying(3)", ""},
		{"ALTER TABLE t ALTER a TYPE date", "timestamp(6) without time zone", "date", "cut 3 values"},
		{"ALTER TABLE t ALTER a TYPE timestamptz", "timestamp without time zone", "timestamp with time zone", ""},
		{"ALTER TABLE t ALTER a TYPE int USING a::int", "text", "integer", ""},
		{"ALTER TABLE t ALTER a SET NOT NULL", "", "", ""},
	} {
		m := up(strings.Split(c.sql, "; ")...)
		m.Contents = []report.TableContents{{Table: "s.t", Key: []string{"id"}, Columns: []report.ColumnContents{{Column: "a", Rows: 4, Filled: 1}}}}
		if c.was != "" {
			m.Schema = []report.Change{{Action: "changed", Kind: "table", Name: "s.t", Children: []report.Change{
				{Action: "changed", Kind: "column", Name: "s.t.a", Attributes: []report.AttributeChange{{Name: "default", Before: "1"}, {Name: "type", Before: c.was, After: c.is}}},
			}}}
		}
		r := with(m)
		verdict.Judge(verdict.Policy{AllowRewriteBelow: -1}, r)
		got := ""
		for _, f := range r.Findings {
			if f.Code == verdict.ValuesRounded {
				got = f.Text
			}
		}
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: told %q, want %q", c.sql, got, c.want)
		}
	}
}
