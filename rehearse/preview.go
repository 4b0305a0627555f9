package rehearse

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/sanitize"
)

// Preview is what a rehearsal would do: nothing was moved or started to find it out.
type Preview struct {
	SchemaVersion int             `json:"schema_version"`
	Source        report.Server   `json:"source"`
	Session       PreviewSession  `json:"session"`
	Masking       report.Masking  `json:"masking"`
	Pending       []PreviewStep   `json:"pending"`
	Drift         *report.Drift   `json:"drift,omitempty"`
	Policy        report.Policy   `json:"policy"` // the budgets that Run would judge by
	Tables        []PreviewTable  `json:"tables"` // largest first
	Bytes         int64           `json:"bytes"`  // on the source's disk, with TOAST, without indexes
	Estimate      report.Duration `json:"estimate"`
	EstimateHow   string          `json:"estimate_how"`
	LeftOut       []string        `json:"left_out"`
}

// PreviewSession is how the migrations would be applied, as far as the source's catalogs tell.
type PreviewSession struct {
	Role         string `json:"role"`
	RoleReason   string `json:"role_reason"`
	Boundaries   string `json:"boundaries"`
	VersionTable string `json:"version_table"` // "" for plain files
	Migrator     string `json:"migrator"`      // goose, golang-migrate or plain; "" for a command
}

// PreviewStep is a pending migration.
type PreviewStep struct {
	Version     int64  `json:"version"`
	File        string `json:"file"`
	Statements  int    `json:"statements"`
	Transaction bool   `json:"transaction"`
	HasDown     bool   `json:"has_down"`
	Command     string `json:"command,omitempty"` // what --migrate-command runs; its statements are not known before
}

// PreviewTable is a table to copy.
type PreviewTable struct {
	Table  string   `json:"table"`
	Bytes  int64    `json:"bytes"`
	Rows   int64    `json:"rows_estimate"` // pg_class.reltuples; -1 when never analysed
	Masked []string `json:"masked"`
	// Part says which rows would be copied where it is not all of them, as report.TableCopy.Part does; Percent is what a root of a subset asks for.
	Part    string  `json:"part,omitempty"`
	Percent float64 `json:"percent,omitempty"`
}

// copyRate is what two jobs copied, masked and indexed a second on two cores, in bytes of the source's tables; measured with `make bench`.
const copyRate = 30 << 20

// Plan finds out what Run would do, from the catalogs alone: no row of the source is read but goose's version table, and nothing is started.
func Plan(ctx context.Context, cfg Config) (_ *Preview, err error) {
	r := begin(cfg)
	src, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	defer closing(ctx, &err, "close the source", src.Close)
	w, err := r.plan(ctx, src)
	if err != nil {
		return nil, err
	}
	s := r.result.Session
	p := &Preview{
		SchemaVersion: report.SchemaVersion, Source: r.result.Source, Masking: r.result.Masking,
		Session: PreviewSession{Role: s.Role, RoleReason: s.RoleReason, Boundaries: s.Boundaries, VersionTable: s.VersionTable, Migrator: string(w.by)},
		Drift:   w.todo.Drift, Policy: cfg.Policy.Facts(), Pending: []PreviewStep{}, Tables: previewTables(w), LeftOut: leftOut(w),
	}
	for _, m := range w.todo.Pending {
		p.Pending = append(p.Pending, PreviewStep{m.Version, m.File, len(m.Statements), m.Transaction, m.HasDown, m.Command})
	}
	for _, t := range p.Tables {
		p.Bytes += t.Bytes
	}
	p.Estimate = report.Duration(float64(p.Bytes) / copyRate * 1e9)
	p.EstimateHow = fmt.Sprintf("at %s/s, as measured once on two cores; the network and the indexes decide", size(copyRate))
	if !w.plan.Selection().Whole() {
		p.EstimateHow += "; for all rows, of which a part is copied"
	}
	return p, nil
}

// previewTables are the tables that hold rows, largest first.
func previewTables(w *work) []PreviewTable {
	tables := []PreviewTable{}
	for _, t := range w.desc.Tables {
		if t.Kind == 'r' {
			p := PreviewTable{
				Table: t.String(), Bytes: t.Bytes + t.ToastBytes, Rows: int64(t.Rows),
				Masked: append([]string{}, maskedColumns(w.plan.Table(t.Schema, t.Name))...),
			}
			if part := w.plan.Selection().Part(t.Schema, t.Name); !part.Whole() {
				p.Part, p.Percent = string(part.Share), part.Percent
			}
			tables = append(tables, p)
		}
	}
	slices.SortStableFunc(tables, func(a, b PreviewTable) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return tables
}

// leftOut names what a copy does not carry along.
func leftOut(w *work) []string {
	all, o := []string{}, w.desc.Outside
	if o.LargeObjects > 0 && w.plan.LargeObjects() != sanitize.KeepLargeObjects {
		all = append(all, "content of "+count(int(o.LargeObjects), "large object"))
	}
	for _, name := range o.Subscriptions {
		all = append(all, "subscription "+name)
	}
	for _, name := range o.UserMappings {
		all = append(all, "user mapping of "+name)
	}
	return all
}
