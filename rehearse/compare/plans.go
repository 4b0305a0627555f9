package compare

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The thresholds of [Plan.WorseThan]. They are told in docs/queries.md.
const (
	PlanGrowth = 2.0     // a plan of another form whose cost is more than so many times that of the one before is worse
	PlanFloor  = 100     // provided that its cost is this at least: a page read costs 1
	PlanTable  = 1 << 20 // and so is reading all of a table of at least so many bytes where an index was used
)

// Plan is how the planner would carry out a query: its form and its cost, without any value.
type Plan struct {
	Cost  float64 // the planner's total cost of the root
	Form  string  // nodes, relations and indexes: "Nested Loop (Seq Scan on shop.a, Index Scan using shop.b on b_pkey)"
	Scans []PlanScan

	Inserts []PlanInsert
}

// PlanInsert is that a plan inserts rows, and into which columns of them nothing but NULL.
type PlanInsert struct {
	Relation string // schema.name, not quoted
	Nulls    []int  // columns by number
}

// PlanScan is how a plan reads one relation.
type PlanScan struct {
	Relation string // schema.name, not quoted
	Name     string // relation and the alias it has in the query
	Node     string // "Seq Scan", "Index Scan", "Bitmap Heap Scan" ...
	Index    string // "" without
}

// planNode is what EXPLAIN (VERBOSE, FORMAT JSON) says of one node, as far as it matters here.
type planNode struct {
	Type      string     `json:"Node Type"`
	Operation string     `json:"Operation"`
	Join      string     `json:"Join Type"`
	Strategy  string     `json:"Strategy"`
	Schema    string     `json:"Schema"`
	Relation  string     `json:"Relation Name"`
	Alias     string     `json:"Alias"`
	Index     string     `json:"Index Name"`
	Cost      float64    `json:"Total Cost"`
	Place     string     `json:"Parent Relationship"`
	Output    []string   `json:"Output"`
	Plans     []planNode `json:"Plans"`
}

// ReadPlan reads the output of EXPLAIN (VERBOSE, FORMAT JSON). Of a query that rules turn into several, the plan is that of all.
func ReadPlan(text []byte) (Plan, error) {
	var out []struct {
		Plan *planNode `json:"Plan"`
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return Plan{}, fmt.Errorf("read a plan: %w", err)
	}
	var p Plan
	var forms []string
	for _, q := range out {
		if q.Plan == nil {
			continue // a utility statement that a rule adds
		}
		p.Cost += q.Plan.Cost
		forms = append(forms, q.Plan.form())
		p.Scans = q.Plan.scans(p.Scans)
		p.Inserts = q.Plan.inserts(p.Inserts)
	}
	if len(forms) == 0 {
		return p, errors.New("read a plan: there is none")
	}
	p.Form = strings.Join(forms, "; ")
	return p, nil
}

func (n *planNode) relation() string {
	if n.Schema == "" {
		return n.Relation
	}
	return n.Schema + "." + n.Relation
}

// form is the node with those below it. Whether a hash or a sort is made on the way is part of it, what is computed is not.
func (n *planNode) form() string {
	var b strings.Builder
	if n.Operation != "" && n.Operation != "Select" {
		b.WriteString(n.Operation + " ")
	}
	if n.Join != "" && n.Join != "Inner" {
		b.WriteString(n.Join + " ")
	}
	b.WriteString(n.Type)
	if n.Index != "" {
		b.WriteString(" using " + n.Index)
	}
	if n.Relation != "" {
		b.WriteString(" on " + n.relation())
	}
	var below []string
	for i := range n.Plans {
		below = append(below, n.Plans[i].form())
	}
	if len(below) > 0 {
		b.WriteString(" (" + strings.Join(below, ", ") + ")")
	}
	return b.String()
}

// scans gathers how relations are read; the index of a bitmap scan stands in the nodes below it.
func (n *planNode) scans(all []PlanScan) []PlanScan {
	if n.Relation != "" && n.Type != "ModifyTable" {
		s := PlanScan{Relation: n.relation(), Name: n.relation() + " " + cmp.Or(n.Alias, n.Relation), Node: n.Type, Index: n.Index}
		if n.Type == "Bitmap Heap Scan" {
			s.Index = n.bitmap()
		}
		all = append(all, s)
	}
	for i := range n.Plans {
		all = n.Plans[i].scans(all)
	}
	return all
}

// inserts gathers what is inserted: the rows that come from below have all columns of the table, dropped ones too, in their order.
func (n *planNode) inserts(all []PlanInsert) []PlanInsert {
	for i := range n.Plans {
		below := &n.Plans[i]
		if n.Operation == "Insert" && below.Place == "Outer" {
			one := PlanInsert{Relation: n.relation()}
			for k, value := range below.Output {
				if strings.HasPrefix(value, "NULL::") {
					one.Nulls = append(one.Nulls, k+1)
				}
			}
			all = append(all, one)
		}
		all = below.inserts(all)
	}
	return all
}

// bitmap names the indexes below a bitmap scan.
func (n *planNode) bitmap() string {
	var names []string
	for i := range n.Plans {
		names = append(names, cmp.Or(n.Plans[i].Index, n.Plans[i].bitmap()))
	}
	return strings.Join(names, ", ")
}

// Reads tells whether the plan reads or changes any of the relations, named schema.name.
func (p Plan) Reads(relations map[string]bool) bool {
	return slices.ContainsFunc(p.Scans, func(s PlanScan) bool { return relations[s.Relation] }) || p.changes(relations)
}

// changes looks for relations that are written to without being read.
func (p Plan) changes(relations map[string]bool) bool {
	for r := range relations {
		if strings.HasSuffix(p.Form, " on "+r) || strings.Contains(p.Form, " on "+r+" ") || strings.Contains(p.Form, " on "+r+",") || strings.Contains(p.Form, " on "+r+")") {
			return true
		}
	}
	return false
}

// WorseThan says why the plan is worse than the one before the change, "" when it is not: the same form never is, whatever its cost. bytes
// are the sizes of relations by schema.name.
func (p Plan) WorseThan(before Plan, bytes map[string]int64) string {
	if p.Form == before.Form {
		return ""
	}
	for _, s := range p.Scans {
		if s.Node != "Seq Scan" || bytes[s.Relation] < PlanTable {
			continue
		}
		i := slices.IndexFunc(before.Scans, func(b PlanScan) bool { return b.Name == s.Name })
		if i >= 0 && before.Scans[i].Index != "" && p.Cost > before.Cost {
			return fmt.Sprintf("reads all of %s, where it used index %s", s.Relation, before.Scans[i].Index)
		}
	}
	if p.Cost >= PlanFloor && p.Cost > PlanGrowth*before.Cost {
		return fmt.Sprintf("costs %s times as much by the planner's reckoning", times(p.Cost/max(before.Cost, 0.01)))
	}
	return ""
}

// BetterThan says why the plan is better than the one before the change, by the measure of WorseThan; "" when it is not.
func (p Plan) BetterThan(before Plan, bytes map[string]int64) string {
	if before.WorseThan(p, bytes) == "" {
		return ""
	}
	for _, s := range before.Scans {
		i := slices.IndexFunc(p.Scans, func(a PlanScan) bool { return a.Name == s.Name })
		if s.Node == "Seq Scan" && i >= 0 && p.Scans[i].Index != "" {
			return fmt.Sprintf("uses index %s, where it read all of %s", p.Scans[i].Index, s.Relation)
		}
	}
	return fmt.Sprintf("costs %s times less by the planner's reckoning", times(before.Cost/max(p.Cost, 0.01)))
}

func times(f float64) string {
	if f < 10 {
		return fmt.Sprintf("%.1f", f)
	}
	return fmt.Sprintf("%.0f", f)
}
