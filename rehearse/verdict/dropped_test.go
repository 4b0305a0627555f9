package verdict_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// TestDroppedColumns: a column is told with the values it had, one that had none is not, and where nobody counted each is told without a number.
func TestDroppedColumns(t *testing.T) {
	t.Parallel()
	schema := []report.Change{
		{Action: "changed", Kind: "table", Name: "s.t", Children: []report.Change{
			{Action: "dropped", Kind: "column", Name: `s.t."Tax id"`},
			{Action: "replaced", Kind: "column", Name: "s.t.fee"},
			{Action: "added", Kind: "column", Name: "s.t.new"},
			{Action: "renamed", Kind: "column", Name: "s.t.b", OldName: "s.t.a"},
			{Action: "dropped", Kind: "index", Name: "s.t_fee"},
		}},
		{Action: "dropped", Kind: "table", Name: "s.gone", Children: []report.Change{{Action: "dropped", Kind: "column", Name: "s.gone.a"}}},
		{Action: "replaced", Kind: "table", Name: "s.r", Children: []report.Change{{Action: "dropped", Kind: "column", Name: "s.r.a"}}},
	}
	columns := []report.ColumnContents{
		{Column: "Tax id", Rows: 1200, Dropped: true}, {Column: "fee", Rows: 40, Filled: 10, Anew: true}, {Column: "b", Was: "a", Rows: 3}, {Column: "new", Rows: 5, Filled: 5, Anew: true},
	}
	for name, c := range map[string]struct {
		contents []report.TableContents
		back     *report.Back
		want     []string
	}{
		"counted": {
			[]report.TableContents{{Table: "s.t", Key: []string{"id"}, Columns: columns}, {Table: "s.gone", OnlyBefore: 3, Gone: true}, {Table: "s.r", Replaced: true, Columns: columns[:1]}},
			&report.Back{Verdict: report.BackNone},
			[]string{`00007_x dropped columns of s.t: "Tax id" with its 1,200 values, fee, made anew without 30 values`},
		},
		"empty":       {nil, &report.Back{Verdict: report.BackNone}, nil},
		"not counted": {nil, nil, []string{`00007_x dropped columns of s.t: "Tax id", fee; what values were in there was not counted`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := up("ALTER TABLE s.t DROP COLUMN IF EXISTS \"Tax id\"")
			m.Schema, m.Contents, m.Back = schema, c.contents, c.back
			r := with(m)
			verdict.Judge(verdict.Policy{}, r)
			var got []string
			for _, f := range r.Findings {
				if f.Code == verdict.ColumnDropped {
					got = append(got, f.Text)
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
