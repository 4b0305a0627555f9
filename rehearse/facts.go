package rehearse

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/sanitize/mask"
	"github.com/rehearse-db/rehearse/snapshot"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

func sourceFacts(s snapshot.Server) report.Server {
	return report.Server{
		Database: s.Database, Version: s.Version, VersionNum: s.VersionNum, Standby: s.Standby, SizeBytes: s.SizeBytes, Encoding: s.Encoding,
	}
}

// describeSource adds what the catalog says of the source.
func (r *rehearsal) describeSource(d *snapshot.Description) {
	s := &r.result.Source
	s.Encoding, s.Collate, s.CType = d.Database.Encoding, d.Database.Collate, d.Database.CType
	s.Settings, s.Extensions = settingFacts(d.Settings), extensionFacts(d.Extensions)
}

func settingFacts(settings []catalog.Setting) map[string]string {
	m := map[string]string{}
	for _, s := range settings {
		m[s.Name] = s.Value
	}
	return m
}

func extensionFacts(extensions []catalog.Extension) map[string]string {
	m := map[string]string{}
	for _, e := range extensions {
		m[e.Name] = e.Version
	}
	return m
}

func maskingFacts(cfg Config, plan *sanitize.Plan) report.Masking {
	c := plan.Counts()
	m := report.Masking{
		RulesHash: cfg.Rules.Hash(), KeyID: cfg.Key.ID(), Ephemeral: cfg.Ephemeral,
		Columns: c.Columns, Masked: c.Masked, Kept: c.Kept, ByMask: c.ByMask,
	}
	for _, t := range plan.Tables() {
		for _, c := range t.Columns {
			if !c.Mask.Keep() {
				m.ColumnMasks = append(m.ColumnMasks, report.ColumnMask{
					Table: qualified(t.Schema, t.Name), Column: c.Name, Mask: c.Mask.Name, Distinct: c.Mask.Keeps.Has(mask.KeepsUniqueness),
				})
			}
			if c.Mask.Outside() {
				m.Programs = append(m.Programs, report.MaskProgram{Table: qualified(t.Schema, t.Name), Column: c.Name, Program: c.Mask.Command()[0]})
			}
		}
	}
	return m
}

func qualified(schema, name string) string { return catalog.Quote(schema) + "." + catalog.Quote(name) }

// copyFacts records what was copied and what could not be.
func (r *rehearsal) copyFacts(w *work, c *snapshot.Result) {
	s := report.Snapshot{TakenAt: c.TakenAt.UTC(), LSN: c.LSN, HeldFor: report.Duration(c.HeldFor), Retried: c.Retried, Archive: r.result.Snapshot.Archive}
	for _, t := range c.Tables {
		s.Tables = append(s.Tables, tableFacts(w, t))
		s.Rows += t.Rows
		s.Bytes += t.Bytes
		if t.Rerouted {
			w.rerouted = append(w.rerouted, t)
		}
	}
	for _, b := range c.Broken {
		s.BrokenKeys = append(s.BrokenKeys, report.BrokenKey{Table: qualified(b.Schema, b.Table), Columns: b.Columns, Rows: b.Rows})
	}
	r.result.Snapshot = s
	r.partial(s)
	for _, p := range c.Phases {
		r.result.Phases = append(r.result.Phases, report.Phase{Name: "copy: " + p.Name, Duration: report.Duration(p.Duration)})
	}
	for _, e := range c.RestoreErrors {
		r.result.Snapshot.SchemaErrors = append(r.result.Snapshot.SchemaErrors, report.SchemaError{Object: e.Object, Reason: e.Reason})
	}
	for _, what := range c.LeftOut {
		r.differ(report.Difference{What: what, Source: "present", Staging: "left out"})
	}
	for _, table := range c.Computed {
		r.differ(report.Difference{
			What: "generated columns of " + table, Source: "as functions computed them when rows were written", Staging: "computed anew from the copied rows",
		})
	}
	if slices.ContainsFunc(w.desc.MatViews, func(v catalog.MatView) bool { return v.Populated }) {
		r.differ(report.Difference{What: "rows of materialized views", Source: "as last refreshed", Staging: "refreshed from the copied rows"})
	}
}

// maskedColumns are those of a table that was copied, be it by a plan or out of an archive.
func (w *work) maskedColumns(schema, name string) []string {
	if w.plan == nil {
		return w.masked[qualified(schema, name)]
	}
	return maskedColumns(w.plan.Table(schema, name))
}

// tableFacts is what is told of a table that was copied.
func tableFacts(w *work, t snapshot.Table) report.TableCopy {
	f := report.TableCopy{
		Table: qualified(t.Schema, t.Name), Rows: t.Rows, Bytes: t.Bytes, Duration: report.Duration(t.Duration), Masked: w.maskedColumns(t.Schema, t.Name),
	}
	if t.Part.Whole() {
		return f
	}
	f.Part, f.SourceRows, f.SourceRowsMethod = string(t.Part.Share), t.SourceRows, report.Estimated
	if t.SourceRowsExact {
		f.SourceRowsMethod = report.Exact
	}
	if root := rootOf(w.desc.Tables, t.Schema, t.Name); root != f.Table {
		f.Root = root
	}
	return f
}

// rootOf is the topmost partitioned table of a table, or the table itself.
func rootOf(tables []catalog.Table, schema, name string) string {
	for _, t := range tables {
		if t.Schema != schema || t.Name != name || t.Root == 0 {
			continue
		}
		for _, root := range tables {
			if root.OID == t.Root {
				return root.String()
			}
		}
	}
	return qualified(schema, name)
}

// partial tells what cannot be seen with a part of the rows.
func (r *rehearsal) partial(s report.Snapshot) {
	var tables []string
	for _, t := range s.Tables {
		if t.Part != "" {
			tables = append(tables, t.Table)
		}
	}
	if len(tables) == 0 {
		return
	}
	why := fmt.Sprintf("staging has a part of their rows: %s", list(tables))
	for _, what := range []string{
		"times, locks' durations, sizes and counts of rows that migrations have on all rows of " + count(len(tables), "table"),
		"whether the rows left out allow what the migrations do, such as a new constraint or unique index",
	} {
		r.result.NotMeasured = append(r.result.NotMeasured, report.NotMeasured{What: what, Why: why})
	}
}

func maskedColumns(t *sanitize.TablePlan) []string {
	if t == nil {
		return nil
	}
	return t.Masked()
}

func (r *rehearsal) differ(d ...report.Difference) {
	r.result.Differences = append(r.result.Differences, d...)
}

// copying turns the copier's progress into ours, at most ten times a second.
func (r *rehearsal) copying() func(snapshot.Event) {
	started, last, phase := time.Now(), time.Time{}, ""
	return func(e snapshot.Event) {
		now := time.Now()
		if now.Sub(last) < 100*time.Millisecond && e.Phase == phase {
			return
		}
		last, phase = now, e.Phase
		r.cfg.Progress(Event{
			Phase: "copy", State: PhaseRunning, Unit: UnitBytes, Done: e.Bytes, Total: max(e.TotalBytes, e.Bytes),
			Tables: e.Tables, TablesTotal: e.TotalTables, Steps: e.Steps, StepsTotal: e.TotalSteps, Elapsed: now.Sub(started), Note: e.Phase,
		})
	}
}

// compareServers tells where staging in measure mode differs from production in what matters to a migration.
func (r *rehearsal) compareServers() {
	src, stg := r.result.Source, r.result.Staging
	if src.VersionNum != stg.VersionNum {
		r.differ(report.Difference{What: "server version", Source: src.Version, Staging: stg.Version, Effect: "the same major version: bug fixes may differ"})
	}
	for _, name := range slices.Sorted(maps.Keys(src.Settings)) {
		if there, here := src.Settings[name], stg.Settings[name]; there != here && !ownSettings[name] {
			r.differ(report.Difference{What: "setting " + name, Source: there, Staging: here, Effect: catalog.Mattering[name]})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(src.Extensions)) {
		if there, here := src.Extensions[name], stg.Extensions[name]; there != here {
			r.differ(report.Difference{What: "extension " + name, Source: there, Staging: here, Effect: "its functions may behave differently"})
		}
	}
	for _, p := range [][3]string{{"encoding", src.Encoding, stg.Encoding}, {"collation", src.Collate, stg.Collate}, {"character type", src.CType, stg.CType}} {
		if p[1] != p[2] {
			r.differ(report.Difference{What: p[0], Source: p[1], Staging: p[2], Effect: "order and uniqueness of text may differ"})
		}
	}
	r.differ(report.Difference{What: "load", Source: "other sessions", Staging: "none", Effect: "no lock had to be waited for; in production every one may be, and what queues behind it waits too"})
	r.differ(report.Difference{What: "storage", Source: "as it has grown; its processors and disks cannot be seen through SQL", Staging: "a fresh copy, without bloat, on another machine", Effect: "seconds differ in production; which locks, rewrites and scans there are does not"})
}

// ownSettings are the source's settings of sessions of ours, or say nothing about a migration.
var ownSettings = map[string]bool{
	"client_encoding": true, "row_security": true, "search_path": true, "lock_timeout": true, "statement_timeout": true,
	"idle_in_transaction_session_timeout": true, "extra_float_digits": true,
}

func size(n int64) string { return report.Bytes(max(n, 0)) }

// count is a number with its noun: "1 table", "3 tables".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// list names the first few.
func list(names []string) string {
	if len(names) > 20 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:20], ", "), len(names)-20)
	}
	return strings.Join(names, ", ")
}

// splitList splits a setting that is a list of names.
func splitList(value string) []string {
	var names []string
	for name := range strings.SplitSeq(value, ",") {
		if name = strings.Trim(strings.TrimSpace(name), `"`); name != "" {
			names = append(names, name)
		}
	}
	return names
}
