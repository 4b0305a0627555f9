package verdict_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

func TestFailureGivesTheQueryForProduction(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		f    report.Failure
		sql  string
		want []string
	}{
		"unique, columns of the detail": {
			report.Failure{SQLState: "23505", Table: "shop.t", Columns: []string{"a", "Order"}},
			"CREATE UNIQUE INDEX i ON shop.t (a, \"Order\")",
			[]string{`SELECT a, "Order", count(*) FROM shop.t WHERE (a, "Order") IS NOT NULL GROUP BY a, "Order" HAVING count(*) > 1 ORDER BY count(*) DESC;`},
		},
		"unique, columns of the statement": {
			report.Failure{SQLState: "23505", Table: "shop.t"},
			"ALTER TABLE shop.t ADD CONSTRAINT k UNIQUE (email)",
			[]string{`SELECT email, count(*) FROM shop.t WHERE (email) IS NOT NULL GROUP BY email HAVING count(*) > 1 ORDER BY count(*) DESC;`},
		},
		"unique over an expression": {
			report.Failure{SQLState: "23505", Table: "shop.t", Columns: []string{"lower(email)"}},
			"CREATE UNIQUE INDEX i ON shop.t (lower(email))",
			[]string{`SELECT lower(email), count(*) FROM shop.t WHERE (lower(email)) IS NOT NULL GROUP BY lower(email) HAVING count(*) > 1 ORDER BY count(*) DESC;`},
		},
		"nulls are equal": {
			report.Failure{SQLState: "23505", Table: "shop.t", Columns: []string{"a"}},
			"ALTER TABLE shop.t ADD UNIQUE NULLS NOT DISTINCT (a)",
			[]string{`SELECT a, count(*) FROM shop.t GROUP BY a HAVING count(*) > 1 ORDER BY count(*) DESC;`},
		},
		"partial": {
			report.Failure{SQLState: "23505", Table: "shop.t", Columns: []string{"a"}},
			"CREATE UNIQUE INDEX i ON shop.t (a) INCLUDE (b) WHERE state <> 'is where (' AND gone IS NULL;",
			[]string{`SELECT a, count(*) FROM shop.t WHERE (a) IS NOT NULL AND (state <> 'is where (' AND gone IS NULL) GROUP BY a HAVING count(*) > 1 ORDER BY count(*) DESC;`},
		},
		"partial over an expression": {
			report.Failure{SQLState: "23505", Table: "shop.t", Columns: []string{"(payload ->> 'k'::text)"}},
			"CREATE UNIQUE INDEX i ON shop.t ((payload->>'k')) NULLS NOT DISTINCT WHERE(gone)",
			[]string{`SELECT (payload ->> 'k'::text), count(*) FROM shop.t WHERE ((gone)) GROUP BY (payload ->> 'k'::text) HAVING count(*) > 1 ORDER BY count(*) DESC;`},
		},
		"unique, nothing known": {report.Failure{SQLState: "23505"}, "INSERT INTO x SELECT 1", nil},
		"null": {
			report.Failure{SQLState: "23502", Table: "shop.t", Column: "user"},
			"ALTER TABLE shop.t ALTER \"user\" SET NOT NULL",
			[]string{`SELECT count(*) FROM shop.t WHERE "user" IS NULL;`},
		},
		"null in a new column": {report.Failure{SQLState: "23502", Table: "shop.t", Column: "a"}, "ALTER TABLE shop.t ADD COLUMN a int NOT NULL", nil},
		"check": {
			report.Failure{SQLState: "23514", Table: "shop.t"},
			"ALTER TABLE shop.t ADD CONSTRAINT c CHECK (length(a) < (3 + 1) AND b <> ')')",
			[]string{`SELECT count(*) FROM shop.t WHERE NOT (length(a) < (3 + 1) AND b <> ')');`},
		},
		"foreign key": {
			report.Failure{SQLState: "23503", Table: "shop.t"},
			"ALTER TABLE shop.t ADD FOREIGN KEY (a, b) REFERENCES shop.\"P\" (x, y)",
			[]string{`SELECT count(*) FROM shop.t c WHERE c.a IS NOT NULL AND c.b IS NOT NULL AND NOT EXISTS (SELECT FROM shop."P" p WHERE p.x = c.a AND p.y = c.b);`},
		},
		"foreign key to the primary key": {report.Failure{SQLState: "23503", Table: "shop.t"}, "ALTER TABLE shop.t ADD FOREIGN KEY (a) REFERENCES p", nil},
		"concurrently in a transaction":  {report.Failure{SQLState: "25001"}, "CREATE INDEX CONCURRENTLY i ON t (a)", []string{"-- +goose NO TRANSACTION"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.f.Message = "no"
			r := with(failing(c.f, c.sql))
			verdict.Judge(lenient, r)
			f := find(t, r, "migration-failed")
			if d := cmp.Diff(c.want, sqlOf(f.Do)); d != "" {
				t.Errorf("SQL to copy (-want +got):\n%s", d)
			}
			if f.Do == "" {
				t.Error("no advice")
			}
		})
	}
}

func TestFailureSaysWhatMaskingHasToDoWithIt(t *testing.T) {
	t.Parallel()
	masks := []report.ColumnMask{
		{Table: "shop.c", Column: "email", Mask: "email", Distinct: true},
		{Table: "shop.c", Column: "name", Mask: "full_name"},
		{Table: "shop.c", Column: "gone", Mask: "null"},
		{Table: "shop.o", Column: "name", Mask: "shape"},
	}
	unique := func(cols ...string) report.Failure {
		return report.Failure{SQLState: "23505", Message: "dup", Table: "shop.c", Columns: cols}
	}
	for name, c := range map[string]struct {
		f    report.Failure
		sql  string
		want string // "" when nothing is said
	}{
		"distinct":       {unique("email"), "CREATE UNIQUE INDEX i ON shop.c (email)", "shop.c.email is masked with email, which keeps values distinct: production has these duplicates too"},
		"lossy":          {unique("name"), "CREATE UNIQUE INDEX i ON shop.c (name)", "shop.c.name is masked with full_name, which can make different values equal: production may have no duplicates"},
		"one lossy":      {unique("email", "name"), "CREATE UNIQUE INDEX i ON shop.c (email, name)", "production may have no duplicates"},
		"only lossy":     {unique("code"), "CREATE UNIQUE INDEX i ON shop.c (code) WHERE name > ''", "and decides which rows the index is for, or can become equal: production may have no duplicates"},
		"not masked":     {unique("code"), "CREATE UNIQUE INDEX i ON shop.c (code)", "no column of the key is masked: production has these duplicates too"},
		"an expression":  {unique("lower(email)"), "CREATE UNIQUE INDEX i ON shop.c (lower(email))", "of what the statement reads, shop.c.email is masked with email: the mask may be the cause"},
		"rows inserted":  {unique("code"), "INSERT INTO shop.c (code) SELECT left(name, 1) FROM shop.o", "the mask may be the cause"},
		"null by mask":   {report.Failure{SQLState: "23502", Message: "nulls", Table: "shop.c", Column: "gone"}, "ALTER TABLE shop.c ALTER gone SET NOT NULL", "shop.c.gone is masked with null: the mask may be the cause"},
		"null otherwise": {report.Failure{SQLState: "23502", Message: "nulls", Table: "shop.c", Column: "email"}, "ALTER TABLE shop.c ALTER email SET NOT NULL", ""},
		"a cast":         {report.Failure{SQLState: "22P02", Message: "invalid input syntax for type integer"}, "UPDATE shop.c SET n = name::int", "shop.c.name is masked with full_name: the mask may be the cause"},
		"a cast of code": {report.Failure{SQLState: "22P02", Message: "invalid input syntax for type integer"}, "UPDATE shop.c SET n = code::int", ""},
		"a typing error": {report.Failure{SQLState: "42601", Message: "syntax error"}, "UPDATE shop.c SETT name", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := with(failing(c.f, c.sql))
			r.Masking.ColumnMasks = masks
			r.Snapshot.Tables = []report.TableCopy{{Table: "shop.c"}, {Table: "shop.o"}}
			verdict.Judge(lenient, r)
			_, note, _ := strings.Cut(find(t, r, "migration-failed").Text, ")")
			if c.want == "" && note != "" || !strings.Contains(note, c.want) {
				t.Errorf("note %q, want %q", note, c.want)
			}
			if r.ExitCode != 10 {
				t.Errorf("exit code %d, want 10", r.ExitCode)
			}
		})
	}
}

func TestHalfApplied(t *testing.T) {
	t.Parallel()
	m := failing(report.Failure{SQLState: "23505", Message: "dup", StaysApplied: "statement 1 of 2"}, "CREATE TABLE a ()", "SELECT 1")
	m.Leftovers = []report.Leftover{{Kind: "invalid index", Object: "s.i", Table: "s.t", SQL: "DROP INDEX CONCURRENTLY s.i;"}}
	r := with(m)
	r.Leftovers = m.Leftovers
	verdict.Judge(lenient, r)
	if d := cmp.Diff([]string{"migration-failed fail", "half-applied fail"}, codes(r)); d != "" {
		t.Errorf("findings (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"DROP INDEX CONCURRENTLY s.i;"}, sqlOf(find(t, r, "half-applied").Do)); d != "" {
		t.Errorf("clean-up (-want +got):\n%s", d)
	}
	if do := find(t, r, "half-applied").Do; !strings.Contains(do, "IF NOT EXISTS would take an invalid index") {
		t.Errorf("%q sends people into an index that no query uses", do)
	}
}

// FuzzStatements feeds statements to every judgement that reads SQL: none may hang or panic, whatever a file holds.
func FuzzStatements(f *testing.F) {
	for _, s := range []string{"", `"`, "/*", "--", "CHECK (", "ADD UNIQUE (", "a.", ".", `""""`, "SET NOT NULL", "\xff'$$", "REFERENCES", "CREATE INDEX "} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, sql, table string) {
		for _, state := range []string{"23505", "23502", "23514", "23503", "22P02"} {
			m := failing(report.Failure{SQLState: state, Message: "no", Table: table, Column: "a"}, sql)
			m.Statements[0].Tag = "ALTER TABLE"
			m.Statements[0].Locks = []report.Lock{{Table: table, Mode: "SHARE"}}
			m.Statements[0].Scans = []report.Scan{{Table: table, Rows: 1 << 20}}
			m.Locks = []report.Exposure{{Table: table, Mode: "SHARE", Held: sec(3), Blocks: "writes"}}
			m.Rows = []report.TableRows{{Table: table, Before: num(2), After: num(1)}}
			r := with(m)
			r.Masking.ColumnMasks = []report.ColumnMask{{Table: table, Column: "a"}}
			verdict.Judge(verdict.Policy{}, r)
			if r.Verdict != report.NoGo {
				t.Errorf("a failure made %s", r.Verdict)
			}
		}
	})
}

func TestStagingsFullDiskIsNobodysFault(t *testing.T) {
	t.Parallel()
	m := failing(report.Failure{SQLState: "53100", Message: "could not extend file", StaysApplied: "statement 1 of 2"}, "CREATE TABLE a ()", "SELECT 1")
	r := with(m)
	verdict.Judge(lenient, r)
	if d := cmp.Diff([]string{"migration-failed unknown"}, codes(r)); d != "" {
		t.Errorf("findings (-want +got):\n%s", d)
	}
	if r.Verdict != report.Inconclusive || r.ExitCode != 21 {
		t.Errorf("%s, exit %d, want inconclusive and 21", r.Verdict, r.ExitCode)
	}
}

// TestAdviceKnowsWhoseRowsFailed tells rows that a statement writes from those that were there before it: no query finds the former in
// production.
func TestAdviceKnowsWhoseRowsFailed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		f    report.Failure
		sql  string
		want string
	}{
		"null written":    {report.Failure{SQLState: "23502", Table: "s.t", Column: "a"}, "INSERT INTO s.t VALUES (NULL)", "s.t.a takes no NULL at this point"},
		"check broken":    {report.Failure{SQLState: "23514", Table: "s.t", Constraint: "c"}, "UPDATE s.t SET a = 1", "The constraint c holds at this point"},
		"key written":     {report.Failure{SQLState: "23503", Table: "s.t"}, "INSERT INTO s.t VALUES (1)", "a key that the other table does not have"},
		"key deleted":     {report.Failure{SQLState: "23503", Table: "s.t", Message: `key (id) is still referenced from table "t"`}, "DELETE FROM s.p", "Rows of s.t still point to"},
		"key at commit":   {report.Failure{SQLState: "23503", Table: "s.t", Message: `key (id) is still referenced from table "t"`}, "", "Rows of s.t still point to"},
		"commit inside":   {report.Failure{SQLState: "2D000"}, "CALL p()", "-- +goose NO TRANSACTION"},
		"own session":     {report.Failure{SQLState: "57P01"}, "SELECT pg_terminate_backend(pg_backend_pid())", "ended its own session"},
		"left open":       {report.Failure{Message: "it left a transaction open, so that"}, "BEGIN", "End it with COMMIT"},
		"discarded":       {report.Failure{SQLState: "26000"}, "", "DISCARD ALL"},
		"others depend":   {report.Failure{SQLState: "2BP01"}, "DROP TABLE t", "CASCADE would take all of it"},
		"nulls of before": {report.Failure{SQLState: "23502", Table: "s.t", Column: "a"}, "ALTER TABLE s.t ALTER a SET NOT NULL", "WHERE a IS NULL"},
	} {
		r := with(failing(c.f, c.sql))
		verdict.Judge(lenient, r)
		if do := find(t, r, "migration-failed").Do; !strings.Contains(do, c.want) {
			t.Errorf("%s: %q does not say %q", name, do, c.want)
		}
	}
}
