package compare

import (
	"cmp"
	"slices"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// tree hangs every change under what it belongs to.
type tree struct {
	m     *matching
	nodes map[int]*node // by the index of the pair
}

type node struct {
	change   report.Change
	own      bool // changed itself; false: only a holder of its children
	children []int
}

func newTree(m *matching) *tree {
	t := &tree{m: m, nodes: map[int]*node{}}
	for i, p := range m.pairs {
		if c, ok := m.changeOf(p); ok {
			t.nodes[i] = &node{change: c, own: true}
		}
	}
	return t
}

// fold gives the changes of the top level, each with its children.
func (t *tree) fold() []report.Change {
	changed := make([]int, 0, len(t.nodes))
	for i := range t.nodes {
		changed = append(changed, i)
	}
	slices.Sort(changed)
	var top []int
	for _, i := range changed {
		top = append(top, t.hang(i)...)
	}
	return t.build(top)
}

// hang puts a node under its holder, and that under its own when it is new; a node without a holder is returned.
func (t *tree) hang(i int) []int {
	holder := t.holder(i)
	if holder < 0 {
		return []int{i}
	}
	if n := t.nodes[holder]; n != nil {
		n.children = append(n.children, i)
		return nil
	}
	p := t.m.pairs[holder] // unchanged itself, so it is on both sides
	t.nodes[holder] = &node{change: report.Change{Action: Changed, Kind: p.after.Kind, Name: p.after.Name}, children: []int{i}}
	return t.hang(holder)
}

// holder is the index of the pair a change is folded under: what it was inherited from, where the same happened there; its parent; its
// schema, where that came or went; or none (-1).
func (t *tree) holder(i int) int {
	p := t.m.pairs[i]
	up := t.m.at(p, parent)
	if !t.cameOrWent(up) {
		if from := t.m.at(p, origin); from >= 0 && t.alike(i, from) {
			return from
		}
	}
	if up >= 0 {
		return up
	}
	if in := t.m.at(p, schema); t.cameOrWent(in) {
		return in
	}
	return -1
}

func (t *tree) cameOrWent(i int) bool {
	n := t.nodes[i]
	return n != nil && n.own && n.change.Action != Changed && n.change.Action != Renamed
}

// alike says whether the same happened to two objects.
func (t *tree) alike(i, j int) bool {
	a, b := t.nodes[i], t.nodes[j]
	if a == nil || b == nil || !a.own || !b.own || a.change.Action != b.change.Action {
		return false
	}
	return slices.EqualFunc(a.change.Attributes, b.change.Attributes, func(x, y report.AttributeChange) bool { return x.Name == y.Name })
}

// build orders nodes by kind, columns as they stand in their table, anything else by name.
func (t *tree) build(nodes []int) []report.Change {
	slices.SortFunc(nodes, func(i, j int) int {
		a, b := t.nodes[i].change, t.nodes[j].change
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(t.position(i), t.position(j)), cmp.Compare(a.Name, b.Name), cmp.Compare(i, j))
	})
	var out []report.Change
	for _, i := range nodes {
		c := t.nodes[i].change
		c.Children = t.build(t.nodes[i].children)
		out = append(out, c)
	}
	return out
}

func (t *tree) position(i int) int32 {
	p := t.m.pairs[i]
	switch o := p.after; {
	case o == nil:
		return p.before.ID.Sub
	default:
		return o.ID.Sub
	}
}
