package sanitize

import (
	"cmp"
	"maps"
	"slices"
)

// link says that a table references another, by whatever key.
type link struct{ child, parent Relation }

// roundsOf walks from the roots down to all tables that reference them, in any number of steps, then up to all that those reference, and
// begins again from the latter, until nothing is left that hangs together with the roots. Closed tables are neither entered nor passed.
func roundsOf(links []link, roots []Relation, closed map[Relation]bool) []Round {
	w := &walker{down: map[Relation][]Relation{}, up: map[Relation][]Relation{}, seen: maps.Clone(closed)}
	for _, l := range links {
		w.down[l.parent] = append(w.down[l.parent], l.child)
		w.up[l.child] = append(w.up[l.child], l.parent)
	}
	roots = slices.SortedFunc(slices.Values(roots), byName)
	for _, r := range roots {
		w.seen[r] = true
	}
	var rounds []Round
	for round := (Round{Down: append(roots, w.ordered(w.reach(roots, w.down))...)}); len(round.Down) > 0; {
		for r := range w.reach(round.Down, w.up) {
			round.Referenced = append(round.Referenced, r)
		}
		slices.SortFunc(round.Referenced, byName)
		rounds = append(rounds, round)
		round = Round{Down: w.ordered(w.reach(round.Referenced, w.down))}
	}
	return rounds
}

func byName(a, b Relation) int {
	return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
}

type walker struct {
	down, up map[Relation][]Relation
	seen     map[Relation]bool
}

// reach are the tables that were not seen yet and to which steps lead from those given, with the number of steps.
func (w *walker) reach(from []Relation, steps map[Relation][]Relation) map[Relation]int {
	found := map[Relation]int{}
	for distance := 1; len(from) > 0; distance++ {
		var next []Relation
		for _, r := range from {
			for _, to := range steps[r] {
				if !w.seen[to] {
					w.seen[to], found[to] = true, distance
					next = append(next, to)
				}
			}
		}
		from = next
	}
	return found
}

// ordered puts each table behind those of them that it references; in a circle, the one nearer to where the walk began goes first.
// It is Tarjan's algorithm, which gives strongly connected components in that order.
func (w *walker) ordered(tables map[Relation]int) []Relation {
	var order, stack []Relation
	index, low, on := map[Relation]int{}, map[Relation]int{}, map[Relation]bool{}
	var visit func(r Relation)
	visit = func(r Relation) {
		index[r] = len(index) + 1
		low[r], on[r] = index[r], true
		stack = append(stack, r)
		for _, parent := range w.up[r] {
			if _, ours := tables[parent]; !ours {
				continue
			}
			if index[parent] == 0 {
				visit(parent)
				low[r] = min(low[r], low[parent])
			} else if on[parent] {
				low[r] = min(low[r], index[parent])
			}
		}
		if low[r] < index[r] {
			return
		}
		circle := slices.Clone(stack[slices.Index(stack, r):])
		stack = stack[:len(stack)-len(circle)]
		for _, member := range circle {
			on[member] = false
		}
		slices.SortFunc(circle, func(a, b Relation) int { return cmp.Or(cmp.Compare(tables[a], tables[b]), byName(a, b)) })
		order = append(order, circle...)
	}
	for _, r := range slices.SortedFunc(maps.Keys(tables), byName) {
		if index[r] == 0 {
			visit(r)
		}
	}
	return order
}
