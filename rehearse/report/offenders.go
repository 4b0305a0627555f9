package report

import "fmt"

// Offenders are the rows that a failing statement would have had to be without: counted in the copy, after the failure.
type Offenders struct {
	What   string `json:"what"` // the form that they are in the way of: "unique index on (lower(email))"
	Table  string `json:"table"`
	Kind   string `json:"kind"`             // "unique", "not null", "check", "cast", "foreign key"
	Rows   *int64 `json:"rows,omitempty"`   // nil: not counted, see Why
	Groups *int64 `json:"groups,omitempty"` // different keys or values among them; nil where each row stands for itself
	SQL    string `json:"sql,omitempty"`    // what finds them in production: a SELECT that only reads
	Why    string `json:"why,omitempty"`
}

// Counts says how many there are: "80 rows share 40 keys".
func (o Offenders) Counts() string {
	if o.Rows == nil {
		return ""
	}
	rows := Count(*o.Rows, "row")
	be := "are"
	if *o.Rows == 1 {
		be = "is"
	}
	switch {
	case o.Kind == "unique" && o.Groups != nil:
		return rows + " share " + Count(*o.Groups, "key")
	case o.Kind == "foreign key" && o.Groups != nil:
		return fmt.Sprintf("%s with %s %s without what they reference", rows, Count(*o.Groups, "key"), be)
	case o.Kind == "cast" && o.Groups != nil:
		return fmt.Sprintf("%s with %s cannot be cast", rows, Count(*o.Groups, "value"))
	case o.Kind == "not null":
		return rows + " without a value"
	}
	return fmt.Sprintf("%s %s in the way", rows, be)
}

// offenders are the lines about the rows in the way of a failed statement.
func (a *arranger) offenders(f *Failure) []item {
	var items []item
	for _, o := range f.Offenders {
		text := "rows in the way of " + o.What + " of " + o.Table + " were not counted: " + o.Why
		if o.Rows != nil {
			text = "in the copy " + o.Counts() + ": " + o.What + " of " + o.Table
		}
		items = append(items, item{Kind: bullet, Text: a.text(text)})
		if o.SQL != "" {
			items = append(items, item{Kind: code, Depth: 1, Text: cut(clean(o.SQL), 8*a.lim.cell, a.sym.ellipsis)})
		}
	}
	return items
}
