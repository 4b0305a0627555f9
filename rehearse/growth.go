package rehearse

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/curve"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// mostGrowths is of how many statements of a migration it is told how their times grow: those that took longest.
const mostGrowths = 100

// tell puts what was seen at all sizes into the result.
func (s *scaling) tell() {
	s.result.Scaling = &report.Scaling{}
	for _, one := range s.sizes {
		one.Tables = []report.ScaledRows{}
		for unit, rows := range one.rows {
			one.Tables = append(one.Tables, report.ScaledRows{Table: s.tables[unit].String(), Rows: rows})
		}
		slices.SortFunc(one.Tables, func(a, b report.ScaledRows) int { return cmp.Compare(a.Table, b.Table) })
		s.result.Scaling.Sizes = append(s.result.Scaling.Sizes, one.ScaledCopy)
	}
	for i := range s.applied {
		m := &s.result.Migrations[i]
		units := s.units(touched(m))
		m.Curve = &report.Curve{Whole: s.growth(units, func(run []report.Migration) (report.Duration, bool) {
			if i >= len(run) {
				return 0, false
			}
			return run[i].Duration, true
		})}
		m.Curve.Statements = s.statements(i, units)
	}
}

// statements are the growths of a migration's statements, of one with many those that took longest.
func (s *scaling) statements(i int, units []uint32) []report.Growth {
	m := &s.result.Migrations[i]
	for _, one := range s.sizes {
		for _, run := range one.runs {
			if i < len(run) && len(run[i].Statements) != len(m.Statements) { // a Go migration's may go by the rows
				return nil
			}
		}
	}
	numbers := make([]int, len(m.Statements))
	for n := range numbers {
		numbers[n] = n
	}
	slices.SortStableFunc(numbers, func(a, b int) int { return cmp.Compare(m.Statements[b].Duration, m.Statements[a].Duration) })
	numbers = numbers[:min(len(numbers), mostGrowths)]
	slices.Sort(numbers)
	all := make([]report.Growth, 0, len(numbers))
	for _, n := range numbers {
		own := s.units(touchedBy(&m.Statements[n]))
		if len(own) == 0 { // it works on what was made of the others, or on nothing that was seen
			own = units
		}
		g := s.growth(own, func(run []report.Migration) (report.Duration, bool) {
			if i >= len(run) {
				return 0, false
			}
			return run[i].Statements[n].Duration, true
		})
		g.Statement, g.Line = n+1, m.Statements[n].Line
		all = append(all, g)
	}
	return all
}

// touchedBy are the tables that a statement was seen to lock, read as a whole, or rewrite.
func touchedBy(st *report.Statement) map[string]bool {
	one := report.Migration{Statements: []report.Statement{*st}, Rewrites: st.Rewrites}
	return touched(&one)
}

// units are the tables of names that rows were taken out of.
func (s *scaling) units(names map[string]bool) (units []uint32) {
	for oid, t := range s.tables {
		if _, worked := s.worked[s.whole(oid)]; worked && names[t.String()] {
			units = append(units, s.whole(oid))
		}
	}
	slices.Sort(units)
	return slices.Compact(units)
}

// growth is how a time grew with the rows of some tables; of tells what it was in a run that came so far.
func (s *scaling) growth(units []uint32, of func(run []report.Migration) (report.Duration, bool)) report.Growth {
	if len(units) == 0 { // none was seen: the rows of all stand for the size
		units = slices.Sorted(maps.Keys(s.worked))
	}
	g := report.Growth{Tables: []string{}, Points: []report.GrowthPoint{}}
	for _, unit := range units {
		g.Tables = append(g.Tables, s.tables[unit].String())
	}
	slices.Sort(g.Tables)
	var points []curve.Point
	for _, one := range s.sizes {
		at := report.GrowthPoint{Took: []report.Duration{}}
		for _, unit := range units {
			at.Rows += one.rows[unit]
		}
		for _, run := range one.runs {
			if took, ok := of(run); ok {
				at.Took = append(at.Took, took)
				points = append(points, curve.Point{Rows: float64(at.Rows), Seconds: time.Duration(took).Seconds()})
			}
		}
		if len(at.Took) > 0 {
			g.Points = append(g.Points, at)
		}
	}
	answer := curve.Of(points)
	g.Form, g.Why = report.GrowthForm(answer.Growth), answer.Why
	if answer.Growth == curve.Linear {
		g.Fixed, g.Million = seconds(answer.Fixed), seconds(answer.Each*1e6)
	}
	s.infer(&g, units, &answer)
	return g
}

// infer adds what the curve says of as many rows as the source has, and of twice as many. Where the copy has another share of each table, both the
// least and the largest share count: which of them the time goes by is not known.
func (s *scaling) infer(g *report.Growth, units []uint32, answer *curve.Answer) {
	if answer.Growth == curve.Unknown {
		return
	}
	var here, there int64
	method, least, most := report.Exact, math.Inf(1), 0.0
	for _, unit := range units {
		here, there = here+s.worked[unit], there+s.source[unit]
		if !s.exact[unit] {
			method = report.Estimated
		}
		if s.source[unit] == 0 {
			continue
		}
		if s.worked[unit] == 0 {
			g.Why = "staging has no row of " + s.tables[unit].String()
			return
		}
		times := float64(s.source[unit]) / float64(s.worked[unit])
		least, most = min(least, times), max(most, times)
	}
	for _, at := range []struct {
		times int64
		to    **report.Inferred
	}{{1, &g.Source}, {2, &g.Twice}} {
		low, _, ok1 := answer.At(least * float64(at.times) * float64(here))
		_, high, ok2 := answer.At(most * float64(at.times) * float64(here))
		if !ok1 || !ok2 {
			g.Why = "production has more rows than a curve can be drawn out to, a hundred times those of the copy"
			return
		}
		*at.to = &report.Inferred{
			Rows: there * at.times, RowsMethod: method, Beyond: there*at.times > here, Least: seconds(low), Most: seconds(high), Method: report.Estimated,
		}
	}
}

func seconds(s float64) report.Duration { return report.Duration(s * float64(time.Second)) }
