package verdict_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// TestAPartOfTheRows holds which migrations a copy of a part of the rows leaves open: those that work on rows of such a table.
func TestAPartOfTheRows(t *testing.T) {
	t.Parallel()
	partial := []report.TableCopy{
		{Table: "shop.t", Rows: 5, Part: report.PartRoot, SourceRows: 100, SourceRowsMethod: report.Exact},
		{Table: "shop.log_2024", Root: "shop.log", Part: report.PartNone, SourceRows: 9, SourceRowsMethod: report.Estimated},
		{Table: "shop.whole", Rows: 7},
	}
	scanned := up("ALTER TABLE shop.t ADD CHECK (a > 0)")
	scanned.Statements[0].Scans = []report.Scan{{Table: "shop.t", Count: 1, Rows: 5}}
	other := up("ALTER TABLE shop.whole ADD CHECK (a > 0)")
	other.Statements[0].Scans = []report.Scan{{Table: "shop.whole", Count: 1, Rows: 7}}
	rewritten := up("ALTER TABLE shop.t ALTER a TYPE bigint")
	rewritten.Rewrites = []report.Rewrite{{Table: "shop.t", Reason: "column type", Bytes: 8192}}
	changed := up("SELECT do_it()")
	changed.Rows = []report.TableRows{{Table: "shop.log", Before: num(1), After: num(1), Partitions: []report.PartitionRows{{Table: "shop.log_2024"}}, Method: report.Exact}}
	failed := failing(report.Failure{SQLState: "23505", Message: "no"}, "UPDATE shop.whole SET a = 1")
	for name, c := range map[string]struct {
		m    report.Migration
		want string
	}{
		"a scan":                               {scanned, "part-of-rows condition shop.t"},
		"a rewrite":                            {rewritten, "part-of-rows condition shop.t"},
		"rows of a partition":                  {changed, "part-of-rows condition shop.log_2024"},
		"an update that found nothing":         {up("UPDATE shop.t SET a = 1 WHERE id = 7"), "part-of-rows condition shop.t"},
		"an insert into what leaves are below": {up("DELETE FROM shop.log"), "part-of-rows condition shop.log_2024"},
		"the catalog only":                     {up("ALTER TABLE shop.t ADD COLUMN b int"), "part-of-rows info"},
		"a whole table":                        {other, "part-of-rows info"},
		"what failed fails anyway":             {failed, "part-of-rows info"},
	} {
		r := with(c.m)
		r.Snapshot.Tables = partial
		verdict.Judge(verdict.Policy{AllowRewriteBelow: -1, UnexpectedRowChanges: "warn"}, r)
		var got []string
		for _, code := range codes(r) {
			if strings.HasPrefix(code, "part-of-rows") {
				got = append(got, code)
			}
		}
		if diff := cmp.Diff([]string{c.want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if want := strings.Contains(c.want, "condition"); want != (r.Verdict == report.GoWithConditions) {
			t.Errorf("%s: verdict %s", name, r.Verdict)
		}
	}
	r := with(scanned)
	r.Snapshot.Tables = partial[2:]
	verdict.Judge(lenient, r)
	for _, code := range codes(r) {
		if strings.HasPrefix(code, "part-of-rows") {
			t.Errorf("all rows are there, and yet %s", code)
		}
	}
}

// TestAMissingParentMayBeInTheOtherPart holds that a foreign key that fails for a row which the copy left out says nothing about production.
func TestAMissingParentMayBeInTheOtherPart(t *testing.T) {
	t.Parallel()
	tables := []report.TableCopy{
		{Table: "shop.t", Part: report.PartReached, Rows: 5, SourceRows: 100}, {Table: "shop.log_1", Root: `shop."Log"`, Part: report.PartNone}, {Table: "shop.whole", Rows: 7},
	}
	for sql, want := range map[string]string{
		"ALTER TABLE shop.x ADD FOREIGN KEY (t) REFERENCES shop.t (id)": "migration-failed unknown", "ALTER TABLE shop.x ADD FOREIGN KEY (t) references t": "migration-failed unknown",
		`ALTER TABLE shop.x ADD CONSTRAINT k FOREIGN KEY (t) REFERENCES shop."Log"`: "migration-failed unknown",
		"ALTER TABLE shop.t ADD FOREIGN KEY (x) REFERENCES shop.whole":              "migration-failed fail",
		"INSERT INTO shop.x VALUES (1)":                                             "migration-failed unknown",
		"INSERT INTO shop.y VALUES (1)":                                             "migration-failed fail",
	} {
		message := map[bool]string{true: `violates: key (y) is not present in table "new"`, false: `violates: key (t) is not present in table "t"`}[strings.Contains(sql, "shop.y") || strings.Contains(sql, "whole")]
		r := with(failing(report.Failure{SQLState: "23503", Message: message}, sql))
		r.Snapshot.Tables = tables
		verdict.Judge(lenient, r)
		if got := codes(r)[0]; got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
	r := with(failing(report.Failure{SQLState: "23505", Message: "violates"}, "ALTER TABLE shop.t ADD UNIQUE (id)"))
	r.Snapshot.Tables = tables
	verdict.Judge(lenient, r)
	if got := codes(r)[0]; got != "migration-failed fail" {
		t.Errorf("two rows that the copy has: %s", got)
	}
}

// TestFailuresOfACopyInPart holds which failures may be the copy's own doing: what is not there, and what the rules have made NULL.
func TestFailuresOfACopyInPart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		f    report.Failure
		sql  string
		want string
	}{
		"a function's error":            {report.Failure{SQLState: "P0001", Message: "too few"}, "DO $$ BEGIN IF (SELECT count(*) FROM shop.t) < 5 THEN RAISE 'too few'; END IF; END $$", "unknown"},
		"about other tables":            {report.Failure{SQLState: "P0001", Message: "too few"}, "DO $$ BEGIN IF (SELECT count(*) FROM shop.other) < 5 THEN RAISE 'too few'; END IF; END $$", "fail"},
		"a division":                    {report.Failure{SQLState: "22012", Message: "division by zero"}, "CREATE TABLE x AS SELECT 1 / count(*) FROM shop.t", "unknown"},
		"a cast of a row that is there": {report.Failure{SQLState: "22P02", Message: "invalid input"}, "ALTER TABLE shop.t ALTER a TYPE int USING a::int", "fail"},
		"a maximum of nothing":          {report.Failure{SQLState: "23502", Message: "null value", Table: "shop.new"}, "INSERT INTO shop.new SELECT max(id) FROM shop.t", "unknown"},
		"a NULL that the rules made":    {report.Failure{SQLState: "23502", Message: "contains null values", Table: "shop.whole", Column: "boss"}, "ALTER TABLE shop.whole ALTER boss SET NOT NULL", "unknown"},
		"a NULL that is production's":   {report.Failure{SQLState: "23502", Message: "contains null values", Table: "shop.whole", Column: "b"}, "ALTER TABLE shop.whole ALTER b SET NOT NULL", "fail"},
		"a check of such a NULL":        {report.Failure{SQLState: "23514", Message: "is violated", Table: "shop.whole"}, "ALTER TABLE shop.whole ADD CHECK (boss IS NOT NULL)", "unknown"},
	} {
		r := with(failing(c.f, c.sql))
		r.Snapshot.Tables = []report.TableCopy{{Table: "shop.t", Part: report.PartReached, Rows: 5, SourceRows: 100}, {Table: "shop.whole", Rows: 7}}
		r.Snapshot.BrokenKeys = []report.BrokenKey{{Table: "shop.whole", Columns: []string{"boss"}, Rows: 1}}
		verdict.Judge(lenient, r)
		if got := codes(r)[0]; !strings.HasPrefix(got, "migration-failed "+c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		for _, f := range r.Findings {
			if strings.Contains(c.sql, "shop.t") && strings.Contains(f.Text, "no migration was seen to work on rows") {
				t.Errorf("%s: %s", name, f.Text)
			}
		}
	}
}
