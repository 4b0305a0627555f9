package verdict

import (
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// Remedy is a known way to do what one statement of a migration does while it blocks less.
type Remedy struct {
	Statement int      // its place in Migration.Statements
	Table     string   // that it blocked longest, quoted and qualified
	SQL       []string // to run instead, each statement by itself
	Batches   bool     // SQL commits while it runs; what matters is its longest transaction
}

// Remedies are the known remedies for what a migration was seen to block for longer than is worth telling, in the order of its statements. They are
// worked out from the text of statements: whether they lead to the same end is for a rehearsal to say.
func Remedies(m *report.Migration) []Remedy {
	var out []Remedy
	for _, e := range m.Locks {
		st := taker(m, e)
		if st == nil || e.Held < worthTelling || e.Blocks != blocksReadsAndWrites && e.Blocks != blocksWritesOnly || !single(tokens(st.SQL)) {
			continue
		}
		at := slices.IndexFunc(m.Statements, func(s report.Statement) bool { return s.SQL == st.SQL && s.Line == st.Line })
		known := slices.ContainsFunc(out, func(r Remedy) bool { return r.Statement == at })
		if r := lockAdvice(m, e); len(r.steps) > 0 && !known {
			out = append(out, Remedy{Statement: at, Table: e.Table, SQL: r.steps})
		}
	}
	slices.SortFunc(out, func(a, b Remedy) int { return a.Statement - b.Statement })
	return out
}

// rehearsed says how the remedy for what a statement does to a table went, as lines after the advice; "" when none was rehearsed.
func (j *judge) rehearsed(m *report.Migration, table string, line int) string {
	i := slices.IndexFunc(m.Remedies, func(r report.Remedied) bool { return r.Line == line && r.Line != 0 })
	if i < 0 {
		return ""
	}
	r := m.Remedies[i]
	switch {
	case r.Failure != nil:
		return "\nRehearsed so on a clone, it failed: " + r.Failure.Message + state(r.Failure)
	case len(r.Differs) > 0:
		return "\nRehearsed so on a clone, it left another schema than the migration does: " + differs(r.Differs)
	}
	if r.Longest > 0 {
		return "\n" + indented(strings.Join(r.SQL, "\n")) + "\nRehearsed so on a clone: it took " + r.Duration.String() +
			", and no transaction of it lasted longer than " + r.Longest.String() + " (sampled); the schema it leaves is the same."
	}
	var parts []string
	for _, k := range j.r.Kept(m) {
		if k.Table != table || k.Object != "" {
			continue
		}
		for _, w := range []struct {
			what string
			was  report.Figure
			now  report.Duration
		}{{"reads of ", k.Reads, r.Of(table, false)}, {"writes to ", k.Writes, r.Of(table, true)}} {
			if w.was.Total > 0 || w.now > 0 {
				parts = append(parts, w.what+table+" were blocked for "+w.now.String()+" (probed) instead of "+w.was.String())
			}
		}
	}
	text := "\nRehearsed so on a clone: it took " + r.Duration.String()
	if len(parts) > 0 {
		text += ", and " + strings.Join(parts, ", ")
	}
	return text + "; the schema it leaves is the same."
}

func state(f *report.Failure) string {
	if f.SQLState == "" {
		return ""
	}
	return " (" + f.SQLState + ")"
}

// differs names the first objects that differ.
func differs(changes []report.Change) string {
	var names []string
	for _, c := range changes {
		names = append(names, c.Kind+" "+c.Name+" "+c.Action)
	}
	if n := len(names) - 3; n > 0 {
		names = append(names[:3], report.Digits(int64(n))+" more")
	}
	return strings.Join(names, ", ")
}
