package report

import (
	"fmt"
	"strings"
)

// GroupSizes is how many rows of a table share their values of some columns: what somebody who knows those values of a person can narrow
// the rows down to. They were counted, exactly, in staging before any migration; NULL counts as a value.
type GroupSizes struct {
	Table       string   `json:"table"`   // quoted, schema qualified
	Columns     []string `json:"columns"` // plain names
	K           int64    `json:"k"`       // how many rows a group should have at least
	Fail        bool     `json:"fail,omitempty"`
	Rows        int64    `json:"rows"`
	Groups      int64    `json:"groups"`
	Smallest    int64    `json:"smallest"`     // rows of the smallest group, 0 without rows
	GroupsBelow int64    `json:"groups_below"` // groups of less than k rows
	RowsBelow   int64    `json:"rows_below"`   // rows in such groups
}

// String says what was counted in one sentence.
func (g GroupSizes) String() string {
	on := fmt.Sprintf("%s (%s)", g.Table, strings.Join(g.Columns, ", "))
	if g.Rows == 0 {
		return on + " has no rows to tell apart"
	}
	text := fmt.Sprintf("the smallest group of rows alike in %s has %s, asked for were %s", on, Count(g.Smallest, "row"), Digits(g.K))
	if g.GroupsBelow == 0 {
		return text
	}
	return text + fmt.Sprintf("; %s of %s are in %s below that", Digits(g.RowsBelow), Count(g.Rows, "row"), Count(g.GroupsBelow, "group"))
}

// anonymity tells what was counted of columns that can tell people apart.
func (a *arranger) anonymity() []item {
	var items []item
	when := ""
	if a.r.Snapshot.Archive != nil {
		when = "; counted when the snapshot was made, as its rules asked"
	}
	for _, g := range a.r.Masking.Anonymity {
		items = append(items, item{Kind: bullet, Text: a.text(g.String() + when)})
	}
	return atMost(items, 2*a.lim.lines, "points")
}
