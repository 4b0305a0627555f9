package sanitize

import (
	"slices"

	"github.com/rehearse-db/rehearse/sanitize/mask"
)

// neighbours are the raw values of a row that masks of other columns read, in text form; of most tables none.
type neighbours struct {
	columns []int    // their places in the plan, ascending
	values  [][]byte // nil for NULL; parts of the row, or of text
	text    []byte   // values that do not stand in the row as they are
}

// newNeighbours finds what the masks of a table read.
func newNeighbours(t *TablePlan) neighbours {
	var n neighbours
	for _, c := range t.Columns {
		for _, name := range c.Mask.Needs {
			n.columns = append(n.columns, slices.IndexFunc(t.Columns, func(c ColumnPlan) bool { return c.Name == name }))
		}
	}
	slices.Sort(n.columns)
	n.columns = slices.Compact(n.columns)
	n.values = make([][]byte, len(n.columns))
	return n
}

// applier is a mask as it is applied to the values of one column: to each by itself, or with others of its row.
type applier struct {
	fn     mask.Func
	row    mask.RowFunc // nil for a mask that needs nothing but the value
	needs  []int        // places in the row's neighbours
	others [][]byte
}

func (n *neighbours) applier(t *TablePlan, m *mask.Mask) applier {
	if m.NewRow == nil {
		return applier{fn: m.New()}
	}
	a := applier{row: m.NewRow(), others: make([][]byte, len(m.Needs))}
	for _, name := range m.Needs {
		column := slices.IndexFunc(t.Columns, func(c ColumnPlan) bool { return c.Name == name })
		a.needs = append(a.needs, slices.Index(n.columns, column))
	}
	return a
}

// append appends the mask of a value, whose row's neighbours have been gathered.
func (a *applier) append(dst, src []byte, n *neighbours) ([]byte, error) {
	if a.row == nil {
		return a.fn.Append(dst, src)
	}
	return a.row.Append(dst, src, a.read(n))
}

// read gives the values of the row that the mask reads.
func (a *applier) read(n *neighbours) [][]byte {
	for i, place := range a.needs {
		a.others[i] = n.values[place]
	}
	return a.others
}

// expecting is the mask where it is faster when it knows the values to come, else nil.
func (a *applier) expecting() mask.Expecting {
	if e, ok := a.row.(mask.Expecting); ok {
		return e
	}
	e, _ := a.fn.(mask.Expecting)
	return e
}
