package rehearse

import (
	"slices"
	"strconv"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/premise"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// check is a pending statement whose outcome depends on masked values, and what is to be counted about it.
type check struct {
	said  report.SourceCheck
	count *snapshot.Count // nil: nothing can be
}

// premises finds the checks of all that is pending, in order.
type premises struct {
	w       *work
	path    []string // schemas in which a bare name is looked for
	major   int
	kept    bool // the rows come from an archive
	earlier []string
	made    []premise.Name
	later   []premise.Premise // constraints added NOT VALID
}

// checks lists what of the pending migrations depends on masked values. Their files are read before anything is copied, so that the source
// can be asked in the view that is copied.
func (r *rehearsal) checks(src origin, w *work) {
	server := src.Server()
	p := &premises{w: w, major: server.Major()}
	_, p.kept = src.(*snapshot.Archived)
	for _, name := range splitList(server.SearchPath) {
		if name == "$user" {
			name = server.User
		}
		p.path = append(p.path, name)
	}
	for _, m := range w.todo.Pending {
		for _, s := range m.Statements {
			for _, f := range premise.Read(s.SQL) {
				p.add(m, s, f)
			}
			p.earlier = append(p.earlier, s.SQL)
			p.made = append(p.made, premise.Creates(s.SQL)...)
		}
	}
}

// add makes a check of a premise that masked columns bear on.
func (p *premises) add(m migrate.Migration, s observe.Source, f premise.Premise) {
	switch {
	case f.Later:
		p.later = append(p.later, f)
		return
	case f.Kind == premise.Validate:
		at := slices.IndexFunc(p.later, func(l premise.Premise) bool { return l.Table == f.Table && l.Constraint == f.Constraint })
		if at < 0 {
			f.Why = "the constraint stands already, and its definition is not in the pending files"
			break
		}
		f = p.later[at]
		f.What += ", when it is validated"
	}
	line := 0
	if len(s.Lines) > 0 {
		line = s.Lines[0]
	}
	for _, t := range p.tables(f) {
		said := report.SourceCheck{
			Migration: m.Version, File: m.File, Line: line, Kind: string(f.Kind), What: oneLine(f.What), Table: t.String(), Columns: p.masked(t, f),
		}
		said.Mendable = slices.ContainsFunc(p.earlier, func(sql string) bool {
			return premise.Writes(sql, premise.Name{Schema: t.Schema, Name: t.Name}, said.Columns)
		})
		if len(said.Columns) == 0 {
			continue
		}
		k := check{said: said}
		k.count, k.said.Why = p.question(f, t)
		p.w.checks = append(p.w.checks, k)
	}
}

// tables are those of the source that a premise is about; of a statement that names none as its target, all that its code names. A table that
// a pending migration makes has no rows of the source.
func (p *premises) tables(f premise.Premise) []catalog.Table {
	if f.Table.Name != "" {
		if t, ok := p.table(f.Table); ok && !slices.Contains(p.made, f.Table) {
			return []catalog.Table{t}
		}
		return nil
	}
	var all []catalog.Table
	for _, t := range p.w.desc.Tables {
		if !t.IsPartition && slices.Contains(f.Words, t.Name) {
			all = append(all, t)
		}
	}
	return all
}

// table finds a table as SQL would: in its schema, or along the search path; else the only one of that name, since a migration may set its own.
func (p *premises) table(n premise.Name) (catalog.Table, bool) {
	var found []catalog.Table
	for _, t := range p.w.desc.Tables {
		if t.Name == n.Name && (n.Schema == "" || n.Schema == t.Schema) {
			found = append(found, t)
		}
	}
	for _, schema := range p.path {
		for _, t := range found {
			if t.Schema == schema {
				return t, true
			}
		}
	}
	if len(found) == 1 {
		return found[0], true
	}
	return catalog.Table{}, false
}

// masked are the masked columns that a premise names.
func (p *premises) masked(t catalog.Table, f premise.Premise) []string {
	var all []string
	columns := p.w.maskedColumns(t.Schema, t.Name)
	if at := slices.IndexFunc(p.w.desc.Tables, func(leaf catalog.Table) bool { return leaf.Root == t.OID && leaf.Kind == 'r' }); columns == nil && t.Kind == 'p' && at >= 0 {
		columns = p.w.maskedColumns(p.w.desc.Tables[at].Schema, p.w.desc.Tables[at].Name) // an archive knows those that hold rows
	}
	for _, column := range columns {
		if f.Reads(column) {
			all = append(all, column)
		}
	}
	return all
}

// question is what to count, or why nothing can be.
func (p *premises) question(f premise.Premise, t catalog.Table) (*snapshot.Count, string) {
	target := premise.Target{Table: t.String(), Major: p.major}
	if f.Only && t.Kind != 'p' {
		target.Table = "ONLY " + target.Table
	}
	for _, c := range t.Columns {
		if premise.IsText(c.BaseType) {
			target.Texts = append(target.Texts, c.Name)
		}
	}
	q := &snapshot.Count{Tables: []sanitize.Relation{{Schema: t.Schema, Name: t.Name}}}
	for _, column := range append(slices.Clone(f.Columns), f.Column) {
		at := slices.IndexFunc(t.Columns, func(c catalog.Column) bool { return c.Name == column })
		switch {
		case column == "":
		case at < 0:
			return nil, "the source has no column " + column + " yet"
		case f.Kind == premise.Cast:
			target.BaseType = t.Columns[at].BaseType
		}
	}
	if f.Kind == premise.ForeignKey {
		parent, ok := p.table(f.Parent)
		if !ok || slices.Contains(p.made, f.Parent) {
			return nil, "the source has no table " + f.Parent.Name + " yet"
		}
		target.Parent = parent.String()
		for _, key := range parent.Unique {
			if key.Primary {
				target.ParentColumns = key.Columns
			}
		}
		q.Tables = append(q.Tables, sanitize.Relation{Schema: parent.Schema, Name: parent.Name})
	}
	var why string
	q.From, why = f.Broken(target)
	switch {
	case why != "":
		return nil, why
	case p.kept:
		return nil, "the rows come from a snapshot, and the source was not asked"
	}
	return q, ""
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
