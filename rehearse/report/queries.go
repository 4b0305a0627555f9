package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Queries is which queries of the application were tried on the schema before, between and after the migrations, and how: each is planned
// with parameters in the place of its values, and never run.
type Queries struct {
	From   []string `json:"from"`   // "pg_stat_statements", the name of a file
	Shapes int      `json:"shapes"` // different queries, with parameters in the place of literals
	// Tried are those of Shapes that could be planned on the copy before the first migration; the others are counted by SQLSTATE in Refused.
	Tried   int            `json:"tried"`
	Refused map[string]int `json:"refused,omitempty"`
	// Window is how long calls were counted at the source; 0: it does not say, and there are no calls a day.
	Window  Duration `json:"window,omitempty"`
	Hidden  int      `json:"hidden,omitempty"`   // entries of other roles, whose texts the source's role may not read
	LeftOut int      `json:"left_out,omitempty"` // with fewer calls than all others, for which there was no room
	Method  string   `json:"method"`             // how they were planned
}

// Affected is what became of the application's queries with a migration.
type Affected struct {
	Broken      []BrokenQuery `json:"broken,omitempty"`       // those with most calls, at most 100
	BrokenCount int           `json:"broken_count,omitempty"` // all of them
	CallsADay   int64         `json:"calls_a_day,omitempty"`  // of all of them; 0: not known
	Plans       []PlanChange  `json:"plans,omitempty"`        // those with most calls, at most 100
	PlansCount  int           `json:"plans_count,omitempty"`  // all of them
}

// BrokenQuery is a query that the server took before the migration, and takes no more after it.
type BrokenQuery struct {
	Query     string `json:"query"`          // its shape, cut at 400 characters
	Role      string `json:"role,omitempty"` // that sends it
	SQLState  string `json:"sqlstate"`
	Message   string `json:"message"`
	Calls     int64  `json:"calls,omitempty"`       // since the source's statistics were reset
	CallsADay int64  `json:"calls_a_day,omitempty"` // 0: not known
	MendedBy  int64  `json:"mended_by,omitempty"`   // the pending migration after which it works again
}

// What PlanChange.Kind says.
const (
	PlanUntilAnalyze = "until analyze" // worse right after the migration, as before once the tables are analysed
	PlanWorse        = "worse"         // also once they are analysed
	PlanBetter       = "better"
)

// PlanChange is a query whose plan has another form after a migration, and is worse or better for it. Costs are the planner's reckoning, not
// times: a page read in order costs 1.
type PlanChange struct {
	Query     string    `json:"query"` // its shape, cut at 400 characters
	Role      string    `json:"role,omitempty"`
	Kind      string    `json:"kind"` // "until analyze", "worse", "better"
	Why       string    `json:"why"`
	Before    PlanFacts `json:"before"`
	After     PlanFacts `json:"after"`             // right after the migration, as production will be
	Analyzed  PlanFacts `json:"analyzed"`          // after the statements of Analyze
	Analyze   []string  `json:"analyze,omitempty"` // what was analysed, as SQL
	Calls     int64     `json:"calls,omitempty"`
	CallsADay int64     `json:"calls_a_day,omitempty"`
	MendedBy  int64     `json:"mended_by,omitempty"` // the pending migration after which it is as before again
}

// PlanFacts is a plan without values.
type PlanFacts struct {
	Cost float64 `json:"cost"`
	Form string  `json:"form"` // nodes, relations and indexes
}

// TotalCalls is how often the broken queries are sent: "at least 2.1 M calls a day", "12 calls", or "" when nobody counted.
func (a *Affected) TotalCalls() string {
	var calls int64
	for _, b := range a.Broken {
		if b.MendedBy == 0 {
			calls += b.Calls
		}
	}
	return Calls(calls, a.CallsADay)
}

// Calls says how often something is sent, "" when nobody counted. Entries that the source forgot and met again count anew, hence at least.
func Calls(calls, aDay int64) string {
	switch {
	case aDay > 0:
		if aDay == 1 {
			return "at least 1 call a day"
		}
		return "at least " + roughly(aDay) + " calls a day"
	case calls > 0:
		return Count(calls, "call")
	}
	return ""
}

// roughly shortens large numbers: "2.1 M", "43,000", "812".
func roughly(n int64) string {
	switch {
	case n >= 10_000_000:
		return fmt.Sprintf("%.0f M", float64(n)/1e6)
	case n >= 1_000_000:
		return fmt.Sprintf("%.1f M", float64(n)/1e6)
	case n >= 10_000:
		return Digits(n / 1000 * 1000)
	}
	return Digits(n)
}

// days is a long time in days, where it is two or more.
func days(d Duration) string {
	if n := int64(time.Duration(d) / (24 * time.Hour)); n > 1 {
		return Digits(n) + " days"
	}
	return d.String()
}

// queries tells of the application's queries: which were tried, which break, and whose plan changes.
func (a *arranger) queries() section {
	s := section{Title: "Queries of the application"}
	q := a.r.Queries
	if q == nil {
		return s
	}
	s.Items = append(s.Items, item{Text: a.text(q.words())})
	for i := range a.r.Migrations {
		m := &a.r.Migrations[i]
		if m.Queries == nil {
			continue
		}
		for k, b := range m.Queries.Broken {
			if k == a.lim.lines/2 {
				s.Items = append(s.Items, item{Text: Count(int64(m.Queries.BrokenCount-k), "more broken query shape") + " of " + m.ShortName() + " in the JSON result, as far as it has room."})
				break
			}
			s.Items = append(s.Items, a.brokenQuery(m, b)...)
		}
		for k, p := range m.Queries.Plans {
			if k == a.lim.lines/2 {
				s.Items = append(s.Items, item{Text: Count(int64(m.Queries.PlansCount-k), "more changed plan") + " of " + m.ShortName() + " in the JSON result, as far as it has room."})
				break
			}
			s.Items = append(s.Items, a.planChange(m, p)...)
		}
	}
	return s
}

func (q *Queries) words() string {
	text := fmt.Sprintf("%s of %s could be planned before the first migration, and were planned again after each (%s; none was run).",
		Digits(int64(q.Tried)), Count(int64(q.Shapes), "query shape"), q.Method)
	for i, state := range sortedKeys(q.Refused) {
		if i == 0 {
			text += " Not taken by the copy, and left out:"
		}
		text += fmt.Sprintf(" %s with SQLSTATE %s;", Digits(int64(q.Refused[state])), state)
	}
	if len(q.Refused) > 0 {
		text = text[:len(text)-1] + "."
	}
	if q.Hidden > 0 {
		text += fmt.Sprintf(" Not read, being other roles' (the source's role needs pg_read_all_stats): %s.", Count(int64(q.Hidden), "text"))
	}
	if q.LeftOut > 0 {
		text += fmt.Sprintf(" %s with fewer calls than these were left out.", Count(int64(q.LeftOut), "shape"))
	}
	switch {
	case q.Window >= Duration(time.Hour):
		text += fmt.Sprintf(" Calls a day: calls over the %s since the source's statistics were reset.", days(q.Window))
	case q.Window > 0:
		text += fmt.Sprintf(" Calls are those of the %s since the source's statistics were reset, which say nothing of a day.", q.Window)
	}
	return text
}

func (a *arranger) brokenQuery(m *Migration, b BrokenQuery) []item {
	text := fmt.Sprintf("%s breaks a query%s: %s (%s)", m.ShortName(), calls(b.Calls, b.CallsADay, b.Role), b.Message, b.SQLState)
	if b.MendedBy != 0 {
		text += fmt.Sprintf("; it works again after %d", b.MendedBy)
	}
	return []item{{Kind: bullet, Text: a.text(text)}, {Kind: code, Depth: 1, Text: oneLine(b.Query, 4*a.lim.cell, a.sym.ellipsis)}}
}

func calls(n, aDay int64, role string) string {
	text := ""
	if c := Calls(n, aDay); c != "" {
		text = ", " + c
	}
	if role != "" {
		text += ", sent by " + role
	}
	return text
}

func (a *arranger) planChange(m *Migration, p PlanChange) []item {
	head := map[string]string{PlanUntilAnalyze: "worse until ANALYZE", PlanWorse: "worse", PlanBetter: "better"}[p.Kind]
	text := fmt.Sprintf("%s: plan %s%s: %s; cost %s%s%s, analysed %s", m.ShortName(), head, calls(p.Calls, p.CallsADay, p.Role), p.Why,
		cost(p.Before.Cost), a.sym.arrow, cost(p.After.Cost), cost(p.Analyzed.Cost))
	if p.MendedBy != 0 {
		text += fmt.Sprintf("; as before after %d", p.MendedBy)
	}
	items := []item{
		{Kind: bullet, Text: a.text(text)},
		{Kind: code, Depth: 1, Text: oneLine(p.Query, 4*a.lim.cell, a.sym.ellipsis)},
		{Depth: 1, Text: a.text("before: " + p.Before.Form)},
		{Depth: 1, Text: a.text("after: " + p.After.Form)},
	}
	if p.Analyzed.Form != p.After.Form && p.Analyzed.Form != p.Before.Form {
		items = append(items, item{Depth: 1, Text: a.text("analysed: " + p.Analyzed.Form)})
	}
	return items
}

func cost(f float64) string {
	if f < 100 {
		return fmt.Sprintf("%.1f", f)
	}
	return Digits(int64(f))
}

// Worst are the plans of a kind that no pending migration mends, those with most calls first.
func (a *Affected) Worst(kind string) []PlanChange {
	all := slices.DeleteFunc(slices.Clone(a.Plans), func(p PlanChange) bool { return p.Kind != kind || p.MendedBy != 0 })
	slices.SortStableFunc(all, func(x, y PlanChange) int { return cmp.Compare(y.Calls, x.Calls) })
	return all
}
