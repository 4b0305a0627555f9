package rehearse

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/sanitize/audit"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// watch gives the collector of fingerprints the values of a masked column.
func watch(c *audit.Collector) func(t *sanitize.TablePlan, column int) sanitize.Watcher {
	return func(t *sanitize.TablePlan, column int) sanitize.Watcher {
		col := t.Columns[column]
		if auditless[strings.TrimPrefix(col.BaseType, "_")] {
			return nil
		}
		form := audit.Plain
		switch {
		case col.Mask.Name == "json", col.Mask.Name == "array", col.Mask.Name == "composite", col.Mask.Name == "hstore":
			form = audit.Shown
		case col.BaseType == "json", col.BaseType == "jsonb":
			form = audit.Document
		case col.Mask.Name == "redact_text":
			form = audit.Prose
		}
		w := c.Watcher(qualified(t.Schema, t.Name)+"."+catalog.Quote(col.Name), form, unguessed[col.Mask.Name])
		holds := holdsOf(col.Mask.Name)
		if strings.Contains(col.Class, "phone") {
			holds = audit.Numbers
		}
		w.Holding(holds)
		w.Sparing(col.Mask.Nobodys)
		return watcher{w}
	}
}

// holdsOf is what a mask tells of the values that it is for.
func holdsOf(name string) audit.Holds {
	switch name {
	case "phone":
		return audit.Numbers
	case "full_name":
		return audit.People
	}
	return audit.Anything
}

// watcher is told parts of values with the name of the mask that replaces them.
type watcher struct{ *audit.Watcher }

// SawPart implements sanitize.PartWatcher.
func (w watcher) SawPart(mask string, was, is []byte) { w.Watcher.SawPart(was, is, holdsOf(mask)) }

// unguessed are the masks whose results nobody has: letters and digits of a keyed hash, at reserved hosts or in a length of their own.
var unguessed = map[string]bool{"email": true, "hash": true, "uuid": true}

// LeakError says that the copy holds what the masks were to take out, or what nobody said is personal and is by its form. The copy is gone.
type LeakError struct {
	Leaks []report.Leak
	// Paste is the section of the rules that accepts what was found; "" when only a mask helps.
	Paste string
}

func (e *LeakError) Error() string {
	var places []string
	for _, l := range e.Leaks {
		places = append(places, l.String())
	}
	return "the audit found in the masked copy: " + strings.Join(places[:min(len(places), mostLeaks)], "; ") + more(len(places)-mostLeaks)
}

const mostLeaks = 20

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf("; and %d more", n)
}

// audit scans the whole of a fresh copy for what the masks were to take out. Before it nobody gets to know where the copy is; after a find
// nobody does, and the copy goes.
func (r *rehearsal) audit(ctx context.Context, w *work, server staging.Server) error {
	switch {
	case w.plan == nil: // out of an archive, which was audited before it got its name
		r.result.Audit = w.audited
		return nil
	case r.cfg.NoAudit:
		r.result.Audit = report.Audit{Why: "it was turned off"}
		r.result.NotMeasured = append(r.result.NotMeasured, report.NotMeasured{
			What: "whether the copy holds values that its masks were to take out", Why: "the audit was turned off",
		})
		return nil
	}
	return r.phase("audit", func() (string, error) {
		began := time.Now()
		prints, gathered := r.collector.Seal()
		r.collector = nil
		s := &auditor{prints: prints, plan: w.plan, server: server, jobs: r.cfg.Jobs, ascii: w.desc.Database.Encoding == "SQL_ASCII"}
		if err := s.scan(ctx); err != nil {
			return "", &StagingError{Err: fmt.Errorf("audit the copy: %w", r.because(ctx, server, err))}
		}
		a := s.facts(gathered)
		a.Duration = report.Duration(time.Since(began))
		r.result.Audit = a
		if r.leaked = len(a.Leaks) > 0; r.leaked {
			return count(len(a.Leaks), "leak"), &LeakError{Leaks: a.Leaks, Paste: s.paste(a.Leaks)}
		}
		return fmt.Sprintf("%d values in %s, none of masked columns", a.Values, count(a.Columns, "column")), nil
	})
}

// facts are what is told of an audit.
func (s *auditor) facts(g audit.Gathered) report.Audit {
	p := s.prints
	a := report.Audit{
		Done: true, Tables: s.tables, Columns: len(s.columns), Texts: len(s.texts), Watched: g.Columns, Fingerprints: p.Values(), Sample: p.Sample(),
		Memory: p.Bytes(), FalsePositives: p.FalseRate() * float64(s.candidates), Lookups: s.lookups,
	}
	for _, c := range s.columns {
		a.Values, a.Bytes, a.Opaque = a.Values+c.Values, a.Bytes+c.Bytes, a.Opaque+c.Opaque
		s.leaks(&a, c)
	}
	for _, c := range s.texts {
		s.leaks(&a, c)
	}
	slices.SortStableFunc(a.Leaks, func(x, y report.Leak) int { return cmp.Compare(x.Where, y.Where) })
	slices.SortStableFunc(a.Accepted, func(x, y report.Leak) int { return cmp.Compare(x.Where, y.Where) })
	add := func(n int64, what string) {
		if n > 0 {
			a.NotScanned = append(a.NotScanned, fmt.Sprintf("%s %s", report.Digits(n), what))
		}
	}
	add(int64(s.skipped), "columns: of numbers, dates, enums and the like, of UUIDs where none is masked, and those that a mask filled with one value, or was seen to fill, as "+
		"every value passed, with what nobody has (email, hash, uuid)")
	add(int64(s.views), "materialized views, which have no rows: they were never refreshed")
	add(int64(s.unread), "masked columns have no fingerprints: their values were never read (null, constant), or the source itself made others of them (sql)")
	add(a.Opaque, "binary values that are no text")
	add(g.Short, "values of masked columns have no fingerprint: too short, or numbers of less than ten digits, which others have by chance")
	add(g.Spared, "telephone numbers of masked columns have none: they are of ranges that regulators keep for fiction, and nobody's")
	add(g.Unchanged, "documents and texts of masked columns have none: their masks found nothing in them to change")
	if a.Sample < 1 {
		a.NotScanned = append(a.NotScanned, fmt.Sprintf("values of masked columns but for a sample of %.0f %%: there is memory for the fingerprints of so many", 100*a.Sample))
	}
	return a
}

// leaks adds what was found in one column.
func (s *auditor) leaks(a *report.Audit, c *scanned) {
	add := func(code, what string, n int64) {
		l := report.Leak{Code: code, Where: c.Name, What: what, Values: n}
		switch {
		case n == 0:
		case c.reason != "":
			l.Reason = c.reason
			a.Accepted = append(a.Accepted, l)
		case code == verdict.PersonalForm && c.schema: // told by a check of the rules; the text is not of a row
			l.Reason = "the schema itself says it, which a check of the masking rules judges"
			a.Accepted = append(a.Accepted, l)
		default:
			a.Leaks = append(a.Leaks, l)
		}
	}
	ids := map[string]int64{}
	for id, n := range c.Origins {
		ids[s.prints.Origin(id)] += n
	}
	for _, origin := range slices.Sorted(maps.Keys(ids)) {
		add(verdict.LeakedValue, "values of "+origin, ids[origin])
	}
	for id, n := range c.Rewritten() {
		add(verdict.LeakedValue, "telephone numbers of "+s.prints.Origin(id)+", written in another way", n)
	}
	if c.Names() {
		add(verdict.LeakedValue, "single words that masked columns have", c.Common)
	}
	for _, d := range audit.Detectors() {
		add(verdict.PersonalForm, d.Words(), c.Detects(d))
	}
}

// paste is the section of the rules that accepts leaks of columns.
func (s *auditor) paste(leaks []report.Leak) string {
	at := map[string]*scanned{}
	for _, c := range s.columns {
		at[c.Name] = c
	}
	var b strings.Builder
	table, column := "", ""
	for _, l := range leaks { // in order of their names
		c := at[l.Where]
		if c == nil || c.column == "" || c.root == table && c.column == column {
			continue
		}
		if b.Len() == 0 {
			b.WriteString("audit:\n  allow:")
		}
		if c.root != table {
			fmt.Fprintf(&b, "\n    %s:", yamlName(c.root))
		}
		table, column = c.root, c.column
		fmt.Fprintf(&b, "\n      %s: why that is no leak", yamlName(c.column))
	}
	return b.String()
}

// yamlName writes a name as a key of YAML.
func yamlName(name string) string {
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_.") == "" {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", "''") + "'"
}
