package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// cost is what the migrations took: time, WAL, room, and the source's patience.
func (a *arranger) cost() section {
	s := section{Title: "What it cost"}
	add := func(format string, args ...any) {
		s.Items = append(s.Items, item{Kind: bullet, Text: a.text(fmt.Sprintf(format, args...))})
	}
	if a.ran() {
		var total, slept, observing Duration
		var wal int64
		for _, m := range a.r.Migrations {
			total, slept, observing, wal = total+m.Duration, slept+m.Slept, observing+m.Observing, wal+m.WAL
		}
		add("time in migrations: %s%s", total, asleep(slept))
		if observing > 0 {
			add("looking on took %s between the statements; it is not in the times above, but locks were held that much longer", observing)
		}
		add("WAL: %s (all that the server wrote meanwhile)", Bytes(wal))
		a.addSizes(add)
	}
	if h := a.r.Snapshot.HeldFor; h > 0 {
		add("the source's snapshot was held for %s; vacuum there could not remove rows that died meanwhile", h)
	}
	if k := a.r.Snapshot.Archive; k != nil && !a.r.Snapshot.TakenAt.IsZero() {
		add("the source was not asked: the rows come from the snapshot %s, taken at %sZ, %s before this run", k.Name,
			a.r.Snapshot.TakenAt.UTC().Format("2006-01-02 15:04"), k.Age)
	}
	if why := a.r.Snapshot.Retried; why != "" {
		add("this is the second copy from the start: %s", why)
	}
	var phases []string
	for _, p := range a.r.Phases {
		text := p.Name + " " + p.Duration.String()
		if p.Note != "" {
			text += " (" + p.Note + ")"
		}
		phases = append(phases, text)
	}
	if len(phases) > 0 {
		add("the rehearsal: %s%s", joinIf("", a.r.Duration), strings.Join(phases, ", "))
	}
	return s
}

func asleep(d Duration) string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf(", of which %s asleep in pg_sleep (sampled)", d)
}

func joinIf(prefix string, d Duration) string {
	if d == 0 {
		return prefix
	}
	return prefix + d.String() + " in all; "
}

// addSizes tells how much tables and indexes grew, then the largest of them.
func (a *arranger) addSizes(add func(string, ...any)) {
	var tables, indexes int64
	all := slices.Clone(a.r.Sizes)
	for _, s := range all {
		if s.Kind == "index" {
			indexes += s.After - s.Before
		} else {
			tables += s.After - s.Before
		}
	}
	if len(all) == 0 {
		add("sizes: no table or index grew or shrank")
		return
	}
	slices.SortStableFunc(all, func(x, y Size) int {
		return cmp.Or(cmp.Compare(abs(y.After-y.Before), abs(x.After-x.Before)), cmp.Compare(x.Relation, y.Relation))
	})
	var largest []string
	for _, s := range all {
		largest = append(largest, fmt.Sprintf("%s %s%s%s", s.Relation, Bytes(s.Before), a.sym.arrow, Bytes(s.After)))
	}
	add("sizes: tables %s, indexes %s: %s", signedBytes(tables), signedBytes(indexes), list(largest, min(8, a.lim.lines)))
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}

// failures are the details of what failed: where, how, and what of it stays.
func (a *arranger) failures() section {
	s := section{Title: "Failure"}
	for i := range a.r.Migrations {
		if m := &a.r.Migrations[i]; m.Failure != nil {
			s.Items = append(s.Items, a.failure(m)...)
		}
	}
	return s
}

func (a *arranger) failure(m *Migration) []item {
	f := m.Failure
	title := m.ShortName()
	if at := place(f.File, f.Line); at != "" {
		title += ", " + at
	}
	items := []item{{Text: a.text(title + ":")}}
	add := func(text string) { items = append(items, item{Kind: bullet, Text: a.text(text)}) }
	add(strings.TrimSpace("ERROR "+f.SQLState) + ": " + f.Message)
	var on []string
	for _, p := range []struct{ what, name string }{{"table", f.Table}, {"column", f.Column}, {"constraint", f.Constraint}} {
		if p.name != "" {
			on = append(on, p.what+" "+p.name)
		}
	}
	if len(on) > 0 {
		add(strings.Join(on, ", "))
	}
	items = append(items, a.offenders(f)...)
	if f.Hint != "" {
		add("hint of the server: " + f.Hint)
	}
	for _, st := range m.Statements {
		if st.Failure != nil {
			add(fmt.Sprintf("the statement, after %s:", st.Duration))
			items = append(items, item{Kind: code, Depth: 1, Text: oneLine(st.SQL, 4*a.lim.cell, a.sym.ellipsis)})
		}
	}
	if f.Recorded != "" {
		add("the version table says " + f.Recorded + ": golang-migrate goes no further until it is told, by migrate force, which version this is")
	}
	switch {
	case f.StaysApplied != "":
		add("stays applied: " + f.StaysApplied)
	case len(m.Leftovers) > 0:
		add("no statement of it stays applied, but it left something half done (see below)")
	case m.Transaction:
		add("it ran in a transaction and was rolled back: nothing of it stays")
	default:
		add("no statement of it stays applied")
	}
	return items
}

func (a *arranger) notMeasured() section {
	s := section{Title: "Not measured, and how staging differed from production"}
	for _, n := range a.r.NotMeasured {
		s.Items = append(s.Items, item{Kind: bullet, Text: a.text("not measured: " + n.What + ", because " + n.Why)})
	}
	for _, d := range a.r.Differences {
		text := d.What
		if d.Source != "" || d.Staging != "" {
			text += fmt.Sprintf(": production %s, staging %s", orWord(d.Source, "none"), orWord(d.Staging, "none"))
		}
		if d.Effect != "" {
			text += ": " + d.Effect
		}
		s.Items = append(s.Items, item{Kind: bullet, Text: a.text(text)})
	}
	s.Items = atMost(s.Items, 2*a.lim.lines, "points")
	for _, e := range a.r.Snapshot.SchemaErrors {
		s.Items = append(s.Items, item{Kind: bullet, Text: a.text(fmt.Sprintf("%s could not be made in staging: %s", e.Object, e.Reason))})
	}
	s.Items = atMost(s.Items, 3*a.lim.lines, "points")
	if a.ran() && a.r.Hostility == nil {
		s.Items = append(s.Items, item{Kind: bullet, Text: "not measured: waiting for other sessions, because nobody else worked on staging"})
	}
	return s
}

func orWord(s, word string) string {
	if s == "" {
		return word
	}
	return s
}

func (a *arranger) leftovers() section {
	s := section{Title: "Left behind"}
	for _, l := range a.r.Leftovers {
		s.Items = append(s.Items, item{Kind: bullet, Text: a.text(fmt.Sprintf("%s %s on %s", l.Kind, l.Object, l.Table))})
		if l.SQL != "" {
			s.Items = append(s.Items, item{Kind: code, Depth: 1, Text: clean(l.SQL)})
		}
	}
	s.Items = atMost(a.addLeft(s.Items), 2*a.lim.lines, "lines")
	return s
}

// masks sums up what was masked and by which rules.
func (a *arranger) masks() section {
	s := section{Title: "Masks"}
	m := a.r.Masking
	if m.Columns == 0 && m.RulesFile == "" {
		return s
	}
	text := fmt.Sprintf("%s: %s masked, %s kept", Count(int64(m.Columns), "column"), Digits(int64(m.Masked)), Digits(int64(m.Kept)))
	if names := sortedKeys(m.ByMask); len(names) > 0 {
		for i, name := range names {
			names[i] = name + " " + Digits(int64(m.ByMask[name]))
		}
		text += " (" + list(names, a.lim.lines) + ")"
	}
	if m.RulesFile != "" {
		text += "; rules " + m.RulesFile
		if len(m.RulesHash) >= 12 {
			text += " (SHA-256 " + m.RulesHash[:12] + a.sym.ellipsis + ")"
		}
	}
	s.Items = []item{{Text: a.text(text + a.keyWords() + ".")}}
	s.Items = append(s.Items, a.anonymity()...)
	for _, p := range m.Programs {
		s.Items = append(s.Items, item{Kind: bullet, Text: a.text("raw values of " + p.Table + "." + p.Column + " were given to the program " + p.Program + ", on this machine, to be masked by it")})
	}
	return s
}

// method says how the figures came about and in what setting.
func (a *arranger) method() section {
	s := section{Title: "How the figures were obtained"}
	add := func(text string) { s.Items = append(s.Items, item{Kind: bullet, Text: a.text(text)}) }
	if a.ran() {
		add("a migration's time runs from its first statement to the acknowledged commit; exact figures come from its own session, " +
			"sampled ones from a second session that looked at intervals")
	}
	if r := a.r.Session; r.Role != "" {
		text := "role " + r.Role + ", a superuser"
		if !r.Superuser {
			text = "role " + r.Role + ", not a superuser"
		}
		for _, p := range []struct{ what, value string }{
			{"", r.RoleReason}, {"", r.Boundaries}, {"TimeZone ", r.TimeZone}, {"version table ", r.VersionTable},
		} {
			if p.value != "" {
				text += "; " + p.what + p.value
			}
		}
		add(text)
	}
	if p := pairs(a.r.Session.Parameters); p != "" {
		add("connection parameters: " + p)
	}
	if p := pairs(timed(a.r.Staging.Settings)); p != "" {
		add("staging's settings that times depend on most: " + p)
	}
	tool := strings.TrimSpace("rehearse " + a.r.Tool.Version + " " + a.r.Tool.Commit)
	if a.r.ID != "" {
		tool += ", run " + a.r.ID
	}
	if st := a.r.Staging; st.Provider != "" {
		tool += ", staging by " + strings.TrimSpace(st.Provider+" "+st.Image)
	}
	add(tool)
	return s
}

func pairs(m map[string]string) string {
	keys := sortedKeys(m)
	for i, k := range keys {
		keys[i] = k + "=" + m[k]
	}
	return strings.Join(keys, ", ")
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// timed are the settings that decide most about times; the JSON form has all of them.
func timed(settings map[string]string) map[string]string {
	m := map[string]string{}
	for _, name := range []string{
		"autovacuum", "checkpoint_timeout", "fsync", "full_page_writes", "maintenance_work_mem", "max_parallel_maintenance_workers",
		"max_wal_size", "shared_buffers", "synchronous_commit", "wal_level", "work_mem",
	} {
		if v := settings[name]; v != "" {
			m[name] = v
		}
	}
	return m
}
