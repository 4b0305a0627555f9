package sanitize

import (
	"slices"

	"github.com/rehearse-db/rehearse/sanitize/mask"
)

// Plan says for every column of a database which mask it gets. It is made by [Rules.Plan] and does not change.
type Plan struct {
	tables       []*TablePlan
	byName       map[Relation]*TablePlan
	selection    *Selection
	largeObjects LargeObjects
	anonymity    []Anonymity
	expressions  []Expression
	accepted     map[Relation]map[string]string // reasons by table or leaf and column
}

// TablePlan is the plan of one table: a mask for each column that a copy carries.
type TablePlan struct {
	Schema, Name string
	// Columns are in table order, without generated ones. A copy must list them by name, in this order: the leaves of a
	// partitioned table share one plan although each may hold its columns in another order.
	Columns []ColumnPlan
	// Verbatim tables are bookkeeping and are copied as they are, or have no rules because no row of them is copied.
	Verbatim bool
}

// ColumnPlan is the mask of one column.
type ColumnPlan struct {
	Name string
	Mask *mask.Mask // never nil; Keep() for a column that is copied as it is
	// Class is the class that the rule goes by, empty when it names a mask.
	Class string
	// Follows is the key column, as SQL writes it, from which the column has its mask through a foreign key; empty when the
	// column has a rule of its own.
	Follows string
	// ForeignKey is the name of that foreign key.
	ForeignKey string

	// BaseType is the column's type as the mask was made for it; see [Column].
	BaseType string

	// Reading says what the source is asked for in the column's place.
	Reading Reading

	kind byte // see Column.TypeKind
	// Default is the number of the default that decided, counted from 1; 0 when none did. A column that follows another has the other's.
	Default int

	typ      string // format_type
	decision string // class and mask with its parameters, as the lock has them
	verbatim bool   // its table is, by the rules
}

// Counts sums up a plan. Columns that are generated, or belong to verbatim tables, do not count.
type Counts struct {
	Tables, Columns, Masked, Kept int
	ByMask                        map[string]int // number of columns by mask; keep is among them
}

// PlanOption changes how rules are fitted to a database.
type PlanOption func(*planner)

// WithPrograms lets masks give raw values to programs. Without it a rule that does so is an error.
func WithPrograms(programs mask.Programs) PlanOption {
	return func(p *planner) { p.programs = programs }
}

// Plan fits the rules to a database: every column gets one mask, or everything that is in the way is told at once as a *[PlanError].
//
// A column of a foreign key that has no rule takes the rule of the column it references, through any number of steps. Keys
// gives the keys of the pseudonyms; to check a file, any key does.
func (r *Rules) Plan(db Database, keys mask.Keys, options ...PlanOption) (*Plan, error) {
	masked, kept := r.amended(db)
	p := newPlanner(r, masked, keys)
	for _, option := range options {
		option(p)
	}
	p.keep(kept)
	p.assign()
	p.limit()
	p.connect()
	p.follow()
	p.fallBack()
	p.compile()
	p.checkNeeds()
	p.checkExpressions()
	p.checkForeignKeys()
	p.checkFull()
	p.checkUnique()
	p.checkPartitionKeys()
	p.checkChecks()
	selection := p.choose(db)
	anonymity, accepted := p.checkAnonymity(), p.accept()
	if err := p.problems(); err != nil {
		return nil, err
	}
	plan := p.plan()
	plan.selection, plan.anonymity, plan.expressions, plan.accepted = selection, anonymity, p.expressions, accepted
	return plan, nil
}

// Table returns the plan of a table, or of the partitioned table that a leaf belongs to under the leaf's own name; nil when the
// database had no such table.
func (p *Plan) Table(schema, name string) *TablePlan { return p.byName[Relation{schema, name}] }

// Find gives the plan of a table by its name as a person writes it: as SQL does, or without its schema where no other table is called so.
// Otherwise the names are those that could be meant, as SQL writes them.
func (p *Plan) Find(name string) (*TablePlan, []string) {
	r, err := ParseRelation(name)
	if t := p.byName[r]; err == nil && t != nil {
		return t, nil
	}
	qualified := err == nil
	if !qualified {
		r, err = ParseRelation("s." + name) // a name alone may be quoted too
	}
	if err == nil {
		name = r.Name
	}
	var found, all []string
	var table *TablePlan
	for r, t := range p.byName {
		all = append(all, r.Name)
		if r.Name == name {
			found, table = append(found, r.String()), t
		}
	}
	if len(found) == 1 && !qualified {
		return table, nil
	}
	if near := closest(name, sorted(all)); len(found) == 0 && near != "" {
		for r := range p.byName {
			if r.Name == near {
				found = append(found, r.String())
			}
		}
	}
	return nil, sorted(found)
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}

// Selection says how much of each table is copied.
func (p *Plan) Selection() *Selection { return p.selection }

// Tables returns the plans in the database's order, one for each partitioned table and none for its leaves.
func (p *Plan) Tables() []*TablePlan { return slices.Clone(p.tables) }

// Counts counts columns by what becomes of them.
func (p *Plan) Counts() Counts {
	c := Counts{ByMask: make(map[string]int)}
	for _, t := range p.tables {
		if t.Verbatim {
			continue
		}
		c.Tables++
		for _, col := range t.Columns {
			c.Columns++
			c.ByMask[col.Mask.Name]++
			if col.Mask.Keep() {
				c.Kept++
			} else {
				c.Masked++
			}
		}
	}
	return c
}

// Masked names the columns that are not kept, in table order; nil when the table is copied as it is.
func (t *TablePlan) Masked() []string {
	var names []string
	for _, c := range t.Columns {
		if !c.Mask.Keep() {
			names = append(names, c.Name)
		}
	}
	return names
}
