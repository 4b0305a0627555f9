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
	failed := failing(report.Failure{SQLState: "23505", Message: "no"}, "UPDATE shop.t SET a = 1")
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
	} {
		r := with(failing(report.Failure{SQLState: "23503", Message: "violates"}, sql))
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
