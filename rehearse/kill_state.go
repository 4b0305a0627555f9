package rehearse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/compare"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// state is what a clone holds at one moment, as far as two clones are compared.
type state struct {
	schema    catalog.Schema
	leftovers []report.Leftover
	entries   []string          // of the version table, or of all in which tools keep their books
	counts    map[string]int64  // rows by table
	values    map[column]string // digests; nil where they were not read
}

// column is one column of a table, both quoted as SQL has them.
type column struct{ table, name string }

func (c column) String() string { return c.table + "." + c.name }

// look reads a clone: its schema, what is half done, what the version table says, and how many rows the tables have that are named. Of those in
// values it reads the values as well.
func (p *passing) look(ctx context.Context, at staging.Server, tables, values map[string]bool) (s *state, err error) {
	conn, err := pgx.ConnectConfig(ctx, inUTF8(at.Config()))
	if err != nil {
		return nil, fmt.Errorf("connect to staging: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }() // who is connected keeps the clone from being cloned
	s = &state{counts: map[string]int64{}}
	var errs [4]error
	s.schema, errs[0] = catalog.Read(ctx, conn)
	s.leftovers, errs[1] = compare.Leftovers(ctx, conn)
	all, err := catalog.Tables(ctx, conn)
	errs[2] = err
	s.entries, errs[3] = p.work.entries(ctx, conn, all)
	if errors.Join(errs[:]...) != nil {
		return nil, errors.Join(errs[:]...)
	}
	if err := s.count(ctx, conn, all, tables); err != nil {
		return nil, err
	}
	if len(values) > 0 {
		s.values, err = s.digest(ctx, conn, all, values)
	}
	return s, err
}

// count counts rows, of a partitioned table those of its partitions.
func (s *state) count(ctx context.Context, conn *pgx.Conn, all []catalog.Table, tables map[string]bool) error {
	only, roots := map[uint32]bool{}, map[uint32]bool{}
	for _, t := range all {
		roots[t.OID] = t.Kind == 'p' && tables[t.String()]
	}
	for _, t := range all {
		only[t.OID] = t.Bookkeeping() == "" && (tables[t.String()] || roots[t.Root])
	}
	counts, err := compare.CountRows(ctx, conn, all, only)
	if err != nil {
		return err
	}
	for _, t := range all {
		if n, ok := counts[t.OID]; ok {
			s.counts[t.String()] = n
		}
	}
	return nil
}

// digest sums up hashes of the values of each column, whatever the order of the rows. What a sequence numbers has no meaning of its own: a
// run that was killed has used numbers up.
func (s *state) digest(ctx context.Context, conn *pgx.Conn, all []catalog.Table, tables map[string]bool) (map[column]string, error) {
	numbered := map[string]bool{}
	for _, o := range s.schema {
		if o.Kind == "column" && (strings.Contains(o.Attrs["default"], "nextval(") || o.Attrs["identity"] != "") {
			numbered[o.Name] = true
		}
	}
	digests := map[column]string{}
	for _, t := range all {
		if !tables[t.String()] || t.Bookkeeping() != "" || t.Kind != 'r' && t.Kind != 'p' {
			continue
		}
		var names []column
		var sums []string
		for _, c := range t.Columns {
			if name := (column{t.String(), catalog.Quote(c.Name)}); !numbered[name.String()] {
				names = append(names, name)
				sums = append(sums, fmt.Sprintf(`coalesce(sum(hashtextextended(coalesce(%s::text, 'null') COLLATE "C", 0)), 0)::text`, catalog.Quote(c.Name)))
			}
		}
		if len(names) == 0 {
			continue
		}
		found := make([]string, len(names))
		into := make([]any, len(names))
		for i := range found {
			into[i] = &found[i]
		}
		if err := conn.QueryRow(ctx, "SELECT "+strings.Join(sums, ", ")+" FROM "+t.String(), pgx.QueryExecModeExec).Scan(into...); err != nil {
			return nil, fmt.Errorf("read the values of %s: %w", t, err)
		}
		for i, name := range names {
			digests[name] = found[i]
		}
	}
	return digests, nil
}

// deviation is how a clone is otherwise than another one, in words.
type deviation struct {
	words []string
	data  bool // rows or values are
}

func (d deviation) none() bool { return len(d.words) == 0 }

// deviates compares a clone with one that is as it should be. Columns in spare are not compared.
func (s *state) deviates(want *state, spare map[column]bool) deviation {
	var d deviation
	for _, c := range withoutServer(compare.ByName(want.schema, s.schema)) {
		d.words = append(d.words, otherwise(c)...)
	}
	for _, table := range slices.Sorted(maps.Keys(want.counts)) {
		if is, was := s.counts[table], want.counts[table]; is != was {
			d.words, d.data = append(d.words, fmt.Sprintf("%s has %s, not %s", table, report.Count(is, "row"), report.Digits(was))), true
		}
	}
	for _, c := range s.valuesOtherwise(want) {
		if !spare[c] {
			d.words, d.data = append(d.words, "values of "+c.String()), true
		}
	}
	if !slices.Equal(want.entries, s.entries) {
		d.words = append(d.words, "the version table")
	}
	return d
}

// valuesOtherwise are the columns of both whose values differ, where their tables have the same number of rows.
func (s *state) valuesOtherwise(want *state) []column {
	var columns []column
	for c, digest := range want.values {
		if is, both := s.values[c]; both && is != digest && s.counts[c.table] == want.counts[c.table] {
			columns = append(columns, c)
		}
	}
	slices.SortFunc(columns, func(a, b column) int { return strings.Compare(a.String(), b.String()) })
	return columns
}

// otherwise are the words for one change of what should be to what is.
func otherwise(c report.Change) []string {
	name := c.Kind + " " + c.Name
	switch c.Action {
	case compare.Added:
		return []string{name + " is there, and should not be"}
	case compare.Dropped:
		return []string{name + " is not there"}
	}
	var words, attributes []string
	for _, a := range c.Attributes {
		attributes = append(attributes, a.Name)
	}
	switch {
	case slices.Contains(attributes, "invalid"):
		words = append(words, name+" is invalid")
	case len(attributes) > 0:
		words = append(words, name+" has another "+strings.Join(attributes, ", "))
	}
	for _, child := range c.Children {
		words = append(words, otherwise(child)...)
	}
	return words
}

// stayed is what of a migration a clone has, in words: objects, rows and values.
func (s *state) stayed(before *state) []string {
	var words []string
	for _, c := range withoutServer(compare.ByName(before.schema, s.schema)) {
		words = append(words, stays(c)...)
	}
	for _, table := range slices.Sorted(maps.Keys(s.counts)) {
		was, is := before.counts[table], s.counts[table]
		if _, there := before.counts[table]; there && is != was {
			words = append(words, fmt.Sprintf("%s rows of %s", signed(is-was), table))
		}
	}
	for _, c := range s.valuesOtherwise(before) {
		words = append(words, "values of "+c.String())
	}
	if !slices.Equal(before.entries, s.entries) {
		words = append(words, "the entry in the version table"+dirty(s.entries))
	}
	return words
}

// dirty says which of the entries golang-migrate stops at.
func dirty(entries []string) string {
	for _, e := range entries {
		if strings.HasSuffix(e, "dirty") {
			return " (" + e + ")"
		}
	}
	return ""
}

func signed(n int64) string {
	if n < 0 {
		return report.Digits(n)
	}
	return "+" + report.Digits(n)
}

func stays(c report.Change) []string {
	name := c.Kind + " " + c.Name
	switch {
	case c.Action == compare.Dropped:
		return []string{"no " + name + " any more"}
	case slices.ContainsFunc(c.Attributes, func(a report.AttributeChange) bool { return a.Name == "invalid" && a.After != "" }):
		return []string{name + " (invalid)"}
	case c.Action == compare.Added:
		return []string{name}
	}
	var words []string
	if len(c.Attributes) > 0 {
		words = append(words, name+" ("+c.Action+")")
	}
	for _, child := range c.Children {
		words = append(words, stays(child)...)
	}
	return words
}

// withoutServer leaves out what belongs to the whole server, or is another one in every clone.
func withoutServer(changes []report.Change) []report.Change {
	return slices.DeleteFunc(slices.Clone(changes), func(c report.Change) bool {
		return slices.Contains([]string{"role", "tablespace", "setting", "parameter", "database"}, c.Kind)
	})
}

// asFirst tells how what a migration did on a session of its own differs from what it did in the first rehearsal, where it shared one with
// those before it. Rows are compared where those left something in the session.
func (s *state) asFirst(before *state, m *report.Migration, rows bool) deviation {
	var d deviation
	did, first := withoutServer(compare.Schema(before.schema, s.schema)), withoutServer(m.Schema)
	if len(did)+len(first) > 0 && !reflect.DeepEqual(did, first) {
		d.words = append(d.words, "the schema it makes")
	}
	if !rows {
		return d
	}
	for _, r := range m.Rows {
		if is, known := s.counts[r.Table]; known && r.After != nil && is != *r.After {
			d.words, d.data = append(d.words, fmt.Sprintf("%s has %s, not %s", r.Table, report.Count(is, "row"), report.Digits(*r.After))), true
		}
	}
	return d
}
