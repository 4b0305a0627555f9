package sanitize

import (
	"errors"
	"slices"

	"github.com/rehearse-db/rehearse/sanitize/mask"
)

// cellRow is the row of a column as its mask may see it while it is compiled.
type cellRow struct {
	planner *planner
	cell    *cell
}

// readsRow tells whether a rule's mask may look at other columns: the others are compiled once for all columns of a type.
func readsRow(r mask.Rule) bool {
	if len(r.Params) == 0 {
		return false
	}
	for _, name := range mask.RowParams(r.Name) {
		if _, ok := r.Params[name]; ok {
			return true
		}
	}
	return false
}

func (r *cellRow) find(name string) *cell { return r.planner.cells[cellKey{r.cell.relation(), name}] }

// Column describes a column of the row.
func (r *cellRow) Column(name string) (mask.Sibling, bool) {
	c := r.find(name)
	if c == nil {
		return mask.Sibling{}, false
	}
	subject := c
	if c.subject != nil {
		subject = c.subject
	}
	return mask.Sibling{Target: c.target(), Own: c == r.cell, Generated: c.column.Generated, Subject: subject.String()}, true
}

var (
	errNoRule  = errors.New("has no rule yet")
	errCircle  = errors.New("reads, by way of its own mask, the column itself: the masks go round in a circle")
	errNoMask  = errors.New("has a rule that is wrong itself")
	errNoTable = errors.New("is no column of the table")
)

// Mask is the mask of another column, made now where it has not been.
func (r *cellRow) Mask(name string) (*mask.Mask, error) {
	c := r.find(name)
	switch {
	case c == nil:
		return nil, errNoTable
	case c.rule == nil:
		return nil, errNoRule
	case c.state == compiling:
		return nil, errCircle
	}
	if r.planner.compileCell(c); c.mask == nil {
		return nil, errNoMask
	}
	return c.mask, nil
}

// Programs are those that the planner may ask.
func (r *cellRow) Programs() mask.Programs { return r.planner.programs }

// checkNeeds refuses masks that read what never leaves the source.
func (p *planner) checkNeeds() {
	for _, c := range p.order {
		if c.mask == nil {
			continue
		}
		for _, name := range slices.Sorted(slices.Values(c.mask.Needs)) {
			other := p.cells[cellKey{c.relation(), name}]
			if other != nil && other.mask != nil && other.mask.Expression != "" {
				p.issue(c.rule.at, "%s needs the values of %s, of which the source sends what mask %s makes of them", c, other, other.mask.Name)
			}
		}
	}
}
