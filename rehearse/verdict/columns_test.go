package verdict_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// TestColumns: which changes of columns the text of a migration declares.
func TestColumns(t *testing.T) {
	t.Parallel()
	const fails, unread = "rows-unexpected fail", "columns-not-judged warn"
	for sql, want := range map[string]string{
		"UPDATE s.t SET a = 1": "",
		"UPDATE ONLY t x SET b = 2, a = x.b + f(x.c, 3) WHERE c = 1":                          "",
		"UPDATE t SET (b, a) = (SELECT 1, 2)":                                                 "",
		"UPDATE t SET b = (SELECT max(a) FROM t), a[1] = 3":                                   "",
		`UPDATE t SET b = ':(', "a" = 1`:                                                      "",
		"UPDATE t SET b = 1":                                                                  fails,
		"UPDATE t SET b = a":                                                                  fails,
		"UPDATE t SET b = 1 WHERE a = 2 AND (a = 3)":                                          fails,
		"UPDATE t SET b = 1; UPDATE u SET a = 2":                                              fails,
		"ALTER TABLE s.t ALTER COLUMN a TYPE bigint":                                          "",
		"ALTER TABLE s.t ALTER COLUMN b TYPE bigint":                                          fails,
		"INSERT INTO t VALUES (1) ON CONFLICT (id) DO UPDATE SET b = 1":                       "",
		"DELETE FROM t; COPY s.t FROM PROGRAM 'x'":                                            "",
		"MERGE INTO t USING u ON true WHEN MATCHED THEN UPDATE SET b = 1":                     "",
		"WITH x AS (UPDATE t SET a = 1 RETURNING b) SELECT 1":                                 "",
		"WITH x AS (UPDATE t SET b = 1 RETURNING b) SELECT 1":                                 fails,
		"DO $$ BEGIN UPDATE t SET a = 1; END $$":                                              "",
		"DO $$ BEGIN EXECUTE format('UPDATE t SET %I = 1', upper('x')); END $$":               unread,
		"UPDATE t SET b = 1; SELECT mend('t')":                                                unread,
		"UPDATE t SET b = 1; CALL mend()":                                                     unread,
		"UPDATE u SET x = 1":                                                                  "", // the table is not named: judged as a whole
		"ALTER TABLE t RENAME old TO a; UPDATE t SET a = 1":                                   "",
		"CREATE TABLE t2 AS TABLE t; DROP TABLE t; ALTER TABLE t2 RENAME TO t /* replaced */": "",
	} {
		t.Run(sql, func(t *testing.T) {
			t.Parallel()
			m := up(strings.SplitAfter(sql, "; ")...)
			contents := report.TableContents{Table: "s.t", Key: []string{"id"}, Columns: []report.ColumnContents{{Column: "a", Rows: 40}, {Column: "gone", Rows: 2, Dropped: true}}}
			contents.Replaced = sql[:6] == "CREATE"
			m.Contents = []report.TableContents{contents}
			r := with(m)
			verdict.Judge(verdict.Policy{}, r)
			got := ""
			for _, f := range r.Findings {
				if f.Code == verdict.RowsUnexpected && strings.Contains(f.Text, "a in 40 rows") || f.Code == verdict.ColumnsNotJudged {
					got += f.Code + " " + string(f.Level)
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// TestStampedColumns: what a trigger stamps is told and fails nothing; beside another column it weighs as that does.
func TestStampedColumns(t *testing.T) {
	t.Parallel()
	stamp := report.ColumnContents{Column: "updated_at", Rows: 40, Moment: true}
	for want, columns := range map[report.Level][]report.ColumnContents{
		report.Warn: {stamp},
		report.Fail: {stamp, {Column: "total", Rows: 40}},
	} {
		m := up("UPDATE t SET b = 1")
		m.Contents = []report.TableContents{{Table: "s.t", Key: []string{"id"}, Columns: columns}}
		r := with(m)
		verdict.Judge(verdict.Policy{}, r)
		for _, f := range r.Findings {
			if f.Code == verdict.RowsUnexpected && f.Level != want {
				t.Errorf("%v: %s, want %s", columns, f.Level, want)
			}
		}
	}
}

// TestColumnsOfTriggers: a column that a trigger's code names is told with the trigger, another is unexpected still.
func TestColumnsOfTriggers(t *testing.T) {
	t.Parallel()
	words := report.Through{Kind: "trigger", Name: "words", On: "s.t", When: "BEFORE UPDATE", Columns: []string{"words"}}
	m := up("UPDATE t SET b = 1")
	m.Rows = []report.TableRows{{Table: "s.t", Before: num(40), After: num(40), Updated: 40, Through: []report.Through{words}}}
	m.Contents = []report.TableContents{{Table: "s.t", Key: []string{"id"}, Columns: []report.ColumnContents{{Column: "words", Rows: 40}, {Column: "b", Rows: 40}}}}
	r := with(m)
	verdict.Judge(verdict.Policy{}, r)
	if d := cmp.Diff([]string{"rows-indirect info s.t.words"}, codes(r)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	m.Contents[0].Columns = append(m.Contents[0].Columns, report.ColumnContents{Column: "total", Rows: 2})
	r = with(m)
	verdict.Judge(verdict.Policy{}, r)
	if d := cmp.Diff([]string{"rows-unexpected fail s.t.total", "rows-indirect info s.t.words"}, codes(r)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
