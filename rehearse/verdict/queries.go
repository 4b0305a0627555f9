package verdict

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

const policyWarn = "warn"

// queries judges what migrations do to the queries that production runs now: the old application on the new schema.
func (j *judge) queries(m *report.Migration) {
	if m.Queries == nil {
		return
	}
	j.broken(m)
	j.plans(m, report.PlanWorse)
	j.plans(m, report.PlanUntilAnalyze)
	j.plans(m, report.PlanBetter)
}

// broken tells the queries that a migration breaks, in two findings where a later one mends some of them.
func (j *judge) broken(m *report.Migration) {
	mended := func(b report.BrokenQuery) bool { return b.MendedBy != 0 }
	lasting := slices.DeleteFunc(slices.Clone(m.Queries.Broken), mended)
	passing := slices.DeleteFunc(slices.Clone(m.Queries.Broken), func(b report.BrokenQuery) bool { return !mended(b) })
	if len(passing) > 0 {
		j.add(report.Finding{
			Code: QueryBreaks, Level: report.Info, Migration: m.Version, File: m.File,
			Text: fmt.Sprintf("%s from %s on, until %d mends them (%s)", stop(len(passing), j.tried()), m.ShortName(), passing[0].MendedBy, reasons(passing)),
		})
	}
	if len(lasting) == 0 {
		return
	}
	all := max(len(lasting), m.Queries.BrokenCount-len(passing))
	f := report.Finding{Code: QueryBreaks, Level: report.Condition, Migration: m.Version, File: m.File}
	f.Text = fmt.Sprintf("%s after %s (%s)", stop(all, j.tried()), m.ShortName(), reasons(lasting))
	if calls := m.Queries.TotalCalls(); calls != "" {
		f.Text += "; " + calls
	}
	switch j.p.BrokenQueries {
	case policyFail:
		f.Level, f.ExitCode = report.Fail, exitPolicy
	case policyWarn:
		f.Level = report.Warn
	}
	f.Do = "Release an application first that does not send them any more, or split the migration so that both forms work while both run. Those sent most:\n" + shapes(lasting)
	j.add(f)
}

// tried is how many shapes worked before the migrations.
func (j *judge) tried() int {
	if j.r.Queries == nil {
		return 0
	}
	return j.r.Queries.Tried
}

func stop(n, of int) string {
	verb := "stop"
	if n == 1 {
		verb = "stops"
	}
	return fmt.Sprintf("%s of %s %s working", report.Digits(int64(n)), report.Count(int64(of), "query shape"), verb)
}

// reasons are the different messages, those of most queries first.
func reasons(broken []report.BrokenQuery) string {
	count := map[string]int{}
	var all []string
	for _, b := range broken {
		if count[b.Message]++; count[b.Message] == 1 {
			all = append(all, b.Message)
		}
	}
	slices.SortStableFunc(all, func(x, y string) int { return cmp.Compare(count[y], count[x]) })
	if len(all) > 1 {
		return all[0] + ", and " + report.Count(int64(len(all)-1), "more reason")
	}
	return all[0]
}

func shapes(broken []report.BrokenQuery) string {
	var lines []string
	for _, b := range broken[:min(3, len(broken))] {
		lines = append(lines, "    "+b.Query)
	}
	return strings.Join(lines, "\n")
}

// plans tells the queries whose plan changed in one way and stays so. Costs are no times: they warn, and fail nothing.
func (j *judge) plans(m *report.Migration, kind string) {
	all := m.Queries.Worst(kind)
	if len(all) == 0 {
		return
	}
	worst := slices.MaxFunc(all, func(x, y report.PlanChange) int { return cmp.Compare(factor(x), factor(y)) })
	f := report.Finding{Code: PlanWorse, Level: report.Warn, Migration: m.Version, File: m.File}
	n := report.Count(int64(len(all)), "query shape")
	about := fmt.Sprintf("%s; cost %.0f before, %.0f right after, %.0f once analysed", worst.Why, worst.Before.Cost, worst.After.Cost, worst.Analyzed.Cost)
	switch kind {
	case report.PlanUntilAnalyze:
		f.Code = PlanUntilAnalyze
		f.Text = fmt.Sprintf("%s %s a worse plan after %s until ANALYZE: one %s", n, verb(len(all), "gets", "get"), m.ShortName(), about)
		f.Do = "Add to the migration, after its last statement; with it the plans were as before:\n" + indented(strings.Join(analyzes(all), "\n"))
	case report.PlanWorse:
		f.Text = fmt.Sprintf("%s %s a worse plan after %s, also once analysed: one %s", n, verb(len(all), "gets", "get"), m.ShortName(), about)
		f.Do = "Look at the plans before the release (the report has them); an index that the migration takes away may have to stay."
	default:
		f.Code, f.Level = PlanBetter, report.Info
		f.Text = fmt.Sprintf("%s %s a better plan after %s: one %s", n, verb(len(all), "gets", "get"), m.ShortName(), about)
		if a := analyzes(all); len(a) > 0 {
			f.Text += ", for which it must be analysed"
			f.Do = "Add to the migration, after its last statement:\n" + indented(strings.Join(a, "\n"))
		}
	}
	j.add(f)
}

// factor is how much a plan's cost changed, as a factor whichever way.
func factor(p report.PlanChange) float64 {
	after := p.After.Cost
	if p.Kind == report.PlanBetter {
		return max(p.Before.Cost, 0.01) / max(p.Analyzed.Cost, 0.01)
	}
	return after / max(p.Before.Cost, 0.01)
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// analyzes are the different statements that bring plans back.
func analyzes(all []report.PlanChange) []string {
	var out []string
	for _, p := range all {
		for _, sql := range p.Analyze {
			if !slices.Contains(out, sql) {
				out = append(out, sql)
			}
		}
	}
	return out
}
