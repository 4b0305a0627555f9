package sanitize

import "slices"

// Share says how much of a table a copy has.
type Share string

// The shares. The first three and rows are what a rules file says of a table, the others follow from its subset.
const (
	ShareAll        Share = "all"
	ShareNone       Share = "none"
	ShareVerbatim   Share = "verbatim"   // all rows, every column as it is
	ShareRows       Share = "rows"       // the rows that meet a condition
	ShareRoot       Share = "root"       // what a subset begins with
	ShareReached    Share = "reached"    // rows that reference rows of a subset
	ShareReferenced Share = "referenced" // rows that rows of a subset reference, and no others
)

// Part is how much of one table a copy has.
type Part struct {
	Share
	// Rows is a condition in SQL over the table's columns that the rows must meet; "" without. Rows that other rows of a
	// subset reference are there whether they meet it or not.
	Rows    string
	Percent float64 // of a root: so much of its rows, chosen by their keys; 0 where Rows says which
	At      Issue   // where Rows stands, to be completed by what is wrong with it
}

// Whole says that the copy has every row; so it is with the zero value.
func (p Part) Whole() bool { return p.Share == "" || p.Share == ShareAll || p.Share == ShareVerbatim }

// Selection says how much of each table a copy has, and how a subset is found.
type Selection struct {
	parts  map[Relation]Part // of tables and leaves that are not simply whole
	Rounds []Round           // empty without a subset
	Keys   []VirtualKey
	Breaks []Break
}

// VirtualKey is a foreign key that the rules declare and the database does not.
type VirtualKey struct {
	ForeignKey
	At Issue // where it stands, to be completed by what is wrong with it
}

// Round is one way down and up again through the foreign keys of a subset.
type Round struct {
	// Down are the tables to come to one after another. In the first round they begin with the roots. Any other keeps the rows of which at least
	// one key leads to a row that a table of this round, or the round before, was come to with, and whose other keys to tables come to
	// before lead to rows that are kept, for whatever reason, or are NULL. What the rows reference is kept as well, in any number of steps.
	Down []Relation
	// Referenced are the tables that this is the first round to keep rows of only because others reference them.
	Referenced []Relation
}

// Break is a foreign key whose columns are set to NULL where the row that they name is not in the copy. It plays no part in a subset.
type Break struct {
	Table   Relation
	Columns []string // all of them can be NULL
}

// Breaks says whether a foreign key of the table with these columns is one that the break names.
func (b Break) Breaks(child Relation, columns []string) bool {
	if child != b.Table {
		return false
	}
	return !slices.ContainsFunc(b.Columns, func(c string) bool { return !slices.Contains(columns, c) })
}

// Part says how much of a table, or of a leaf of a partitioned one, the copy has.
func (s *Selection) Part(schema, name string) Part {
	if p, ok := s.parts[Relation{schema, name}]; ok {
		return p
	}
	return Part{Share: ShareAll}
}

// Conditions are the tables and leaves with a condition on their rows, in order of their names.
func (s *Selection) Conditions() []Relation {
	var all []Relation
	for name, part := range s.parts {
		if part.Rows != "" {
			all = append(all, name)
		}
	}
	slices.SortFunc(all, byName)
	return all
}

// Whole says that the copy has every row of every table.
func (s *Selection) Whole() bool {
	for _, p := range s.parts {
		if !p.Whole() {
			return false
		}
	}
	return true
}

// Broken says whether the foreign key of child with these columns is one that a break names.
func (s *Selection) Broken(child Relation, columns []string) bool {
	return slices.ContainsFunc(s.Breaks, func(b Break) bool { return b.Breaks(child, columns) })
}
