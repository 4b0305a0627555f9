package compare

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// DiffSizes lists the tables and indexes whose size changed, that came or went, ordered by name.
// Storage is matched by OID, then by kind and name: an index that was built anew under its name is one entry.
func DiffSizes(before, after []catalog.Size) []report.Size {
	type key struct{ kind, name string }
	byOID := make(map[uint32]catalog.Size, len(before))
	for _, s := range before {
		byOID[s.OID] = s
	}
	still := make(map[uint32]bool, len(after))
	for _, s := range after {
		still[s.OID] = true
	}
	gone := map[key]catalog.Size{}
	for _, s := range before {
		if !still[s.OID] {
			gone[key{s.Kind, s.Name}] = s
		}
	}
	var out []report.Size
	add := func(s catalog.Size, was, is int64) {
		if was != is {
			out = append(out, report.Size{Relation: s.Name, Kind: s.Kind, Table: s.TableName, Before: was, After: is})
		}
	}
	for _, s := range after {
		old, ok := byOID[s.OID]
		if !ok {
			old = gone[key{s.Kind, s.Name}]
			delete(gone, key{s.Kind, s.Name})
		}
		add(s, old.Bytes, s.Bytes)
	}
	for _, s := range gone {
		add(s, s.Bytes, 0)
	}
	slices.SortFunc(out, func(a, b report.Size) int {
		return cmp.Or(cmp.Compare(a.Relation, b.Relation), cmp.Compare(a.Kind, b.Kind))
	})
	return out
}

// Leftovers lists what is there but does not work, or not yet (see [catalog.HalfDones]), with the statement that cleans it up.
func Leftovers(ctx context.Context, q catalog.Querier) ([]report.Leftover, error) {
	found, err := catalog.HalfDones(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("look for things half done: %w", err)
	}
	return LeftoversOf(found), nil
}

// LeftoversOf tells things half done as a report does.
func LeftoversOf(found []catalog.HalfDone) []report.Leftover {
	var out []report.Leftover
	for _, h := range found {
		out = append(out, report.Leftover{Kind: h.Kind, Object: h.Object, Table: h.Table, SQL: h.SQL})
	}
	return out
}

// DiffLeftovers lists what is left over after and was not before.
func DiffLeftovers(before, after []report.Leftover) []report.Leftover {
	return slices.DeleteFunc(slices.Clone(after), func(l report.Leftover) bool { return slices.Contains(before, l) })
}

// StillInvalid lists the invalid indexes that were left over before and are after.
func StillInvalid(before, after []report.Leftover) []report.Leftover {
	return slices.DeleteFunc(slices.Clone(after), func(l report.Leftover) bool { return l.Kind != "invalid index" || !slices.Contains(before, l) })
}
