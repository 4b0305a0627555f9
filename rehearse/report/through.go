package report

// What a [Through] can have done to the rows of a table.
const (
	RowsInserted = "inserted"
	RowsUpdated  = "updated"
	RowsDeleted  = "deleted"
)

// Through is a trigger, a rule or a foreign key that a change of one table's rows has set off, or a view that can be written to; and what it can have
// done to the rows of another table, or to other columns of the same.
type Through struct {
	Kind    string   `json:"kind"`              // "trigger", "rule", "foreign key", "view"
	Name    string   `json:"name"`              // quoted as SQL would have it; "" of a view
	On      string   `json:"on"`                // the table whose rows set it off, the topmost of a partitioned one; the view
	When    string   `json:"when"`              // "AFTER UPDATE", "ON DELETE CASCADE"; "" of a view
	Does    []string `json:"does,omitempty"`    // "inserted", "updated", "deleted"
	Columns []string `json:"columns,omitempty"` // that it may have changed, plain names
}

// Same tells whether both are one and the same trigger, rule or action of a foreign key.
func (t Through) Same(o Through) bool {
	return t.Kind == o.Kind && t.Name == o.Name && t.On == o.On && t.When == o.When
}

// String names it: "trigger orders_log of shop.orders (AFTER UPDATE)".
func (t Through) String() string {
	if t.Kind == "view" {
		return "view " + t.On
	}
	of := " of "
	if t.Kind == "foreign key" {
		of = " to "
	}
	return t.Kind + " " + t.Name + of + t.On + " (" + t.When + ")"
}
