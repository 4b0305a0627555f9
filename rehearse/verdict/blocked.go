package verdict

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// BlockedBudget is the longest that one migration may keep others from one table, in all.
type BlockedBudget struct {
	Any    time.Duration            // of tables that Tables does not name; 0: no limit
	Tables map[string]time.Duration // by name as SQL would have it, with or without the schema; 0: no limit
}

// Set tells whether there is any limit.
func (b BlockedBudget) Set() bool { return b.strictest() > 0 }

// strictest is the shortest of its limits, 0 without any.
func (b BlockedBudget) strictest() time.Duration {
	least := b.Any
	for _, d := range b.Tables {
		if d > 0 && (least == 0 || d < least) {
			least = d
		}
	}
	return least
}

// of is the limit for a table: that under its full name before that under its bare one.
func (b BlockedBudget) of(table string) report.Duration {
	rel, bare := parseRelation(table), time.Duration(-1)
	for _, name := range slices.Sorted(maps.Keys(b.Tables)) {
		switch named := parseRelation(name); {
		case named == rel:
			return report.Duration(b.Tables[name])
		case named.schema == "" && named.name == rel.name:
			bare = b.Tables[name]
		}
	}
	if bare >= 0 {
		return report.Duration(bare)
	}
	return report.Duration(b.Any)
}

// Names are the tables that it names.
func (b BlockedBudget) Names() []string { return slices.Sorted(maps.Keys(b.Tables)) }

// Names tells whether a name of a budget means the table.
func Names(name, table string) bool {
	named, rel := parseRelation(name), parseRelation(table)
	return named == rel || named.schema == "" && named.name == rel.name
}

// BareName is a table's name without its schema, quoted where it must be.
func BareName(name string) string { return ident(parseRelation(name).name) }

// alone makes it a budget for any table, and gives where that stands.
func (b *BlockedBudget) alone() *time.Duration {
	b.Tables = nil
	return &b.Any
}

func (b BlockedBudget) facts() *report.BlockedBudget {
	if b.Any == 0 && len(b.Tables) == 0 {
		return nil
	}
	f := &report.BlockedBudget{Any: report.Duration(b.Any)}
	for name, d := range b.Tables {
		if f.Tables == nil {
			f.Tables = map[string]report.Duration{}
		}
		f.Tables[name] = report.Duration(d)
	}
	return f
}

// locks tells what a migration kept others from, table by table. What the release itself makes nobody else uses yet.
func (j *judge) locks(m *report.Migration) {
	for _, e := range j.exposures(m) {
		if e.Blocks != blocksReadsAndWrites && e.Blocks != blocksWritesOnly || j.r.Made(e.Table) {
			continue
		}
		f := report.Finding{Code: BlocksReads, Level: report.Info, Migration: m.Version, Object: e.Table, File: m.File, Line: e.Line}
		if e.Blocks == blocksWritesOnly {
			f.Code = BlocksWrites
		}
		longest, text := j.waited(m, e)
		if longest >= worthWarning {
			f.Level = report.Warn
		}
		over := j.overBudget(m, e)
		if longest < worthTelling && over == "" {
			continue
		}
		first, rest, more := strings.Cut(text, "; ")
		f.Text = fmt.Sprintf("%s blocked %s", m.ShortName(), first)
		if over != "" {
			f.Code, f.Level, f.ExitCode = BlockedOverBudget, report.Fail, exitPolicy
			f.Text = m.ShortName() + " blocked " + over
		}
		if more {
			f.Text += "; " + rest
		}
		f.Do = lockAdvice(m, e).String() + j.rehearsed(m, e.Table, e.Line)
		j.add(f)
	}
	j.unseen(m)
}

// exposures are the locks seen, and the tables that only probes found locked.
func (j *judge) exposures(m *report.Migration) []report.Exposure {
	all := slices.Clone(m.Locks)
	for _, b := range m.Blocked {
		known := slices.ContainsFunc(m.Locks, func(e report.Exposure) bool { return e.Table == b.Table && e.Blocks != "schema changes" })
		switch {
		case known || !b.Any():
		case b.Reads.Count > 0:
			all = append(all, report.Exposure{Table: b.Table, Blocks: blocksReadsAndWrites})
		default:
			all = append(all, report.Exposure{Table: b.Table, Blocks: blocksWritesOnly})
		}
	}
	return all
}

// waited is how long others were kept from a table, and how it is said: by what probes waited or, where none asked, by how long the lock was held.
func (j *judge) waited(m *report.Migration, e report.Exposure) (longest report.Duration, text string) {
	b, probed := j.r.BlockedOf(m, e.Table)
	if !probed || e.Object != "" {
		return e.Held, fmt.Sprintf("%s of %s for %s", e.Blocks, e.Name(), held(e))
	}
	alone := e.Blocks == blocksReadsAndWrites && separate(m, e)
	switch {
	case e.Blocks == blocksWritesOnly:
		longest, text = b.Writes.Total, fmt.Sprintf("writes to %s for %s (probed)", e.Table, b.Writes.Total)
	case alone:
		longest, text = b.Reads.Total, fmt.Sprintf("reads of %s for %s (probed)", e.Table, b.Reads.Total)
	default:
		longest = max(b.Reads.Total, b.Writes.Total)
		text = fmt.Sprintf("reads of %s for %s and writes for %s (probed)", e.Table, b.Reads.Total, b.Writes.Total)
	}
	if single := max(b.Reads.Longest, b.Writes.Longest); single < longest {
		text += "; the longest single wait was " + single.String()
	}
	if e.Mode != "" {
		text += fmt.Sprintf("; its %s lock was held for %s", e.Mode, report.About(e.Held, e.Method))
	}
	return longest, text
}

// separate tells that the writes which a lock against reads and writes kept waiting are told with another, longer lock of the same table.
func separate(m *report.Migration, e report.Exposure) bool {
	return slices.ContainsFunc(m.Locks, func(o report.Exposure) bool {
		return o.Table == e.Table && o.Object == e.Object && o.Blocks == blocksWritesOnly
	})
}

func held(e report.Exposure) string {
	if e.Method == report.Exact || e.Method == "" {
		return e.Held.String() + " (" + e.Mode + ", from the statement's start to the end of the commit)"
	}
	return report.About(e.Held, e.Method) + " (" + e.Mode + ")"
}

// overBudget says of which budget the waits for a table are beyond: "writes to shop.t for 7.2 s (probed), over the budget of 2.0 s"; "" for none.
func (j *judge) overBudget(m *report.Migration, e report.Exposure) string {
	reads, writes, how := e.Held, e.Held, ""
	since := "; judged by how long the lock was held, since nobody probed"
	if b, probed := j.r.BlockedOf(m, e.Table); probed && e.Object == "" {
		reads, writes, how, since = b.Reads.Total, b.Writes.Total, " (probed)", ""
	}
	mostReads, mostWrites := j.p.MaxReadsBlocked.of(e.Table), j.p.MaxWritesBlocked.of(e.Table)
	overReads := e.Blocks == blocksReadsAndWrites && mostReads > 0 && reads > mostReads
	overWrites := (e.Blocks == blocksWritesOnly || !separate(m, e)) && mostWrites > 0 && writes > mostWrites
	switch {
	case overReads && overWrites:
		return fmt.Sprintf("reads and writes of %s for %s%s, over the budget of %s for reads and %s for writes%s", e.Name(), max(reads, writes), how, mostReads, mostWrites, since)
	case overReads:
		return fmt.Sprintf("reads of %s for %s%s, over the budget of %s%s", e.Name(), reads, how, mostReads, since)
	case overWrites:
		return fmt.Sprintf("writes to %s for %s%s, over the budget of %s%s", e.Name(), writes, how, mostWrites, since)
	}
	return ""
}

// unseen tells that a budget cannot be judged: statements whose locks nobody saw took longer than it allows. Those that were over sooner
// cannot have blocked anybody for longer.
func (j *judge) unseen(m *report.Migration) {
	limit := j.p.MaxReadsBlocked.strictest()
	if w := j.p.MaxWritesBlocked.strictest(); limit == 0 || w > 0 && w < limit {
		limit = w
	}
	if limit == 0 || m.Outcome == report.NotRun {
		return
	}
	var took report.Duration
	line := 0
	for i := range m.Statements {
		if st := &m.Statements[i]; st.LocksUnseen() {
			took += st.Duration
			line = st.Line
		}
	}
	for _, n := range j.r.NotMeasured {
		if strings.HasPrefix(n.What, "locks, ") && strings.Contains(n.What, " "+m.File+":") {
			took = m.Duration
		}
	}
	if took <= report.Duration(limit) {
		return
	}
	j.add(report.Finding{
		Code: NotMeasured, Level: report.Unknown, ExitCode: exitInconclusive, Migration: m.Version, File: m.File, Line: line,
		Text: fmt.Sprintf("whether %s blocks a table for longer than its budget is not known; its locks were not seen for %s, and the strictest budget is %s",
			m.ShortName(), took, report.Duration(limit)),
		Do: "Rehearse again; where the statement runs outside a transaction, its locks are seen only while it runs.",
	})
}
