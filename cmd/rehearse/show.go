package main

import (
	"fmt"
	"io"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot/archive"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// showText prints a manifest for people.
func showText(w io.Writer, r *archive.Reader) {
	m := r.Manifest()
	line := func(what, format string, args ...any) {
		for i, arg := range args {
			if name, ok := arg.(string); ok {
				args[i] = oneLine(name)
			}
		}
		fmt.Fprintf(w, "%-10s %s\n", what, fmt.Sprintf(format, args...))
	}
	sealed := ""
	if r.Encrypted() {
		sealed = ", encrypted"
	}
	line("snapshot", "%s, %s%s", r.Name(), report.Bytes(r.Size()), sealed)
	line("of", "%s @ %sZ (LSN %s), PostgreSQL %s", m.Database, m.TakenAt.UTC().Format("2006-01-02 15:04"), m.LSN, m.ServerVersion)
	line("made", "%sZ by rehearse %s, run %s", m.CreatedAt.UTC().Format("2006-01-02 15:04"), m.Tool, m.ID)
	key := "key " + m.Masking.KeyID
	if m.Masking.Ephemeral {
		key = "with a key made for it and thrown away"
	}
	line("masked", "%d of %d columns; rules SHA-256 %.12s..., %s", m.Masking.Masked, m.Masking.Columns, m.Masking.RulesSHA256, key)
	line("holds", "%s in %s%s, %s before compression", count(m.Rows(), "row"), count(int64(len(m.Tables)), "table"), inPart(m), report.Bytes(m.Bytes()))
	for _, t := range m.Tables {
		name, part := catalog.Quote(t.Schema)+"."+catalog.Quote(t.Name), ""
		if of, ok := m.PartOf[name]; ok {
			part = ", a part of " + count(of, "row")
		}
		line("", "%-40s  %15s  %8s  %s%s", name, count(t.Rows, "row"), report.Bytes(t.Bytes), count(int64(len(t.Chunks)), "chunk"), part)
	}
	if t := m.LargeObjects; t != nil {
		line("", "%-40s  %15s  %8s  %s", t.Name, count(t.Rows, "piece"), report.Bytes(t.Bytes), count(int64(len(t.Chunks)), "chunk"))
	}
}

// inPart says how many of the tables hold a part of the source's rows; "" when each holds all.
func inPart(m *archive.Manifest) string {
	if len(m.PartOf) == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d of them in part)", len(m.PartOf))
}
