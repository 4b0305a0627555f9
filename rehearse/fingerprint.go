package rehearse

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// ofTheServer are kinds that belong to the whole server: its other databases change them too, and roles come and go by themselves where
// something hands out credentials.
var ofTheServer = map[string]bool{"role": true, "tablespace": true, "parameter": true}

// fingerprint is a schema as digests; nil for none. Partitions come and go by the night: of those that hold rows only the forms that there are count,
// and what is another than its siblings is a form of its own.
func fingerprint(objects catalog.Schema) *report.Fingerprint {
	if len(objects) == 0 {
		return nil
	}
	at := make(map[catalog.ID]catalog.Object, len(objects))
	for _, o := range objects {
		if o.ID != (catalog.ID{}) {
			at[o.ID] = o
		}
	}
	p := prints{parts: map[[2]string][]byte{}, leaves: map[string]*leaf{}}
	for _, o := range objects {
		if ofTheServer[o.Kind] || copied(at, o) {
			continue
		}
		top := topmost(at, o)
		if isLeaf(top) {
			p.ofLeaf(top, o)
			continue
		}
		p.add([2]string{top.Kind, top.Name}, row(o.Kind, o.Name, o.Attrs))
	}
	return p.sum()
}

// prints are what a fingerprint is made of.
type prints struct {
	whole  []byte
	parts  map[[2]string][]byte // by the kind and name of what is at the top
	leaves map[string]*leaf
}

// leaf is a partition that holds rows, as it is and as its siblings may be.
type leaf struct {
	of   string
	own  []byte
	form [][]byte
}

func (p *prints) add(key [2]string, row []byte) {
	p.whole = append(p.whole, row...)
	p.parts[key] = append(p.parts[key], row...)
}

func (p *prints) ofLeaf(top, o catalog.Object) {
	l := p.leaves[top.Name]
	if l == nil {
		l = &leaf{of: top.Attrs["partition of"]}
		p.leaves[top.Name] = l
	}
	l.own = append(l.own, row(o.Kind, o.Name, o.Attrs)...)
	l.form = append(l.form, formOf(top, o))
}

// sum adds the forms of leaves, and makes digests of all.
func (p *prints) sum() *report.Fingerprint {
	f := &report.Fingerprint{Objects: map[string]map[string]string{}}
	forms := map[string][]string{}
	for name, l := range p.leaves {
		slices.SortFunc(l.form, func(a, b []byte) int { return strings.Compare(string(a), string(b)) })
		forms[l.of] = append(forms[l.of], sum(slices.Concat(l.form...)))
		if f.Leaves == nil {
			f.Leaves = map[string]string{}
		}
		f.Leaves[name] = sum(l.own)[:16]
	}
	var tables []string
	for of := range forms {
		tables = append(tables, of)
	}
	slices.Sort(tables)
	for _, of := range tables {
		slices.Sort(forms[of])
		for _, form := range slices.Compact(forms[of]) {
			p.add([2]string{"partitions", of}, row("partitions", of, map[string]string{"form": form}))
		}
	}
	whole := sha256.Sum256(p.whole)
	f.SHA256 = hex.EncodeToString(whole[:])
	for key, rows := range p.parts {
		if f.Objects[key[0]] == nil {
			f.Objects[key[0]] = map[string]string{}
		}
		f.Objects[key[0]][key[1]] = sum(rows)[:16]
	}
	return f
}

// row is an object as text. The keys of a map are sorted, and texts in a map can always be written.
func row(kind, name string, attrs map[string]string) []byte {
	text, _ := json.Marshal([]any{kind, name, attrs})
	return append(text, '\n')
}

// isLeaf tells a partition that holds rows itself.
func isLeaf(o catalog.Object) bool {
	return o.Kind == "table" && o.Attrs["partition of"] != "" && o.Attrs["partition key"] == ""
}

// formOf is what an object of a leaf would be for any of its siblings: without its bound, unless it is the default partition, and without the names
// that PostgreSQL makes out of the leaf's.
func formOf(top, o catalog.Object) []byte {
	attrs := make(map[string]string, len(o.Attrs))
	for name, text := range o.Attrs {
		if name == "definition" {
			text = strings.Replace(text, " INDEX "+o.Label+" ON ", " INDEX ON ", 1)
			text = strings.Replace(text, " ON "+top.Name+" ", " ON ", 1)
		}
		attrs[name] = text
	}
	name := o.Label
	switch {
	case o.ID == top.ID:
		name = strings.TrimSuffix(o.Name, o.Label)
		if attrs["bound"] != "DEFAULT" {
			delete(attrs, "bound")
		}
	case o.Kind == "index" || o.Kind == "constraint" && !strings.HasPrefix(attrs["definition"], "CHECK ") && !strings.HasPrefix(attrs["definition"], "FOREIGN "):
		name = ""
	case o.Kind != "column" && o.Kind != "trigger" && o.Kind != "policy" && o.Kind != "constraint":
		name = o.Name
	}
	return row(o.Kind, name, attrs)
}

// copied tells a constraint that PostgreSQL keeps beside one of the same table, for each partition of the table that this references.
func copied(at map[catalog.ID]catalog.Object, o catalog.Object) bool {
	origin, ok := at[o.Origin]
	return ok && o.Kind == "constraint" && o.Origin != (catalog.ID{}) && origin.Parent == o.Parent
}

// topmost is the object under which another is folded in the end: the table of a column's sequence.
func topmost(at map[catalog.ID]catalog.Object, o catalog.Object) catalog.Object {
	for range 8 { // deep enough for what PostgreSQL has, and an end for a circle
		above, ok := at[o.Parent]
		if !ok || o.Parent == (catalog.ID{}) {
			break
		}
		o = above
	}
	return o
}

// namedLeaves are those partitions of two fingerprints that statements name: whether these apply depends on them. Of Go code nobody knows what it
// names.
func namedLeaves(pending []migrate.Migration, was, is *report.Fingerprint) map[string]bool {
	words, unknown := map[string]bool{}, false
	for _, m := range pending {
		unknown = unknown || m.Go
		for _, s := range m.Statements {
			for _, w := range verdict.Words(s.SQL) {
				words[w] = true
			}
		}
	}
	named := map[string]bool{}
	for _, f := range []*report.Fingerprint{was, is} {
		if f == nil {
			continue
		}
		for leaf := range f.Leaves {
			parts := verdict.Words(leaf)
			named[leaf] = unknown || words[parts[len(parts)-1]]
		}
	}
	return named
}
