// Package profile keeps what can be said of a masked column's values without any of them: how many there are, how long, how many of them
// differ, what they look like. It does so twice, for the values as the source has them and for what the masks make of them, so that a
// reader sees where a mask hides what a migration would meet.
//
// What it keeps are counts, lengths and shapes. A shape has a letter for a run of letters and a digit for a run of digits; distinct values
// are counted by keyed hashes whose key is thrown away. No value, no smallest and no largest one is kept: of numbers, how many digits the
// longest has; of dates, that they are dates.
package profile

import (
	"cmp"
	"hash/maphash"
	"math/bits"
	"slices"
	"sync"
)

// Set is the profiles of the columns of a copy. Its methods may be called by several goroutines.
type Set struct {
	seed maphash.Seed
	mu   sync.Mutex
	all  map[name][]*Watcher
}

type name struct{ schema, table, column string }

// NewSet returns an empty set, with a key of its own.
func NewSet() *Set { return &Set{seed: maphash.MakeSeed(), all: map[name][]*Watcher{}} }

// Reset forgets everything that was seen, for a copy that begins anew.
func (s *Set) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.all)
}

// Watcher returns a new watcher of a column, for one goroutine. All watchers of a column are one profile.
func (s *Set) Watcher(schema, table, column string) *Watcher {
	w := &Watcher{}
	for _, v := range []*view{&w.before, &w.after} {
		v.seed = s.seed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := name{schema, table, column}
	s.all[n] = append(s.all[n], w)
	return w
}

// Columns gives the profiles in order of schema, table and column. No watcher may be at work meanwhile.
func (s *Set) Columns() []Column {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Column
	for n, watchers := range s.all {
		sum := &Watcher{}
		for _, w := range watchers {
			sum.before.add(&w.before)
			sum.after.add(&w.after)
		}
		all = append(all, Column{Schema: n.schema, Table: n.table, Name: n.column, Before: sum.before.profile(), After: sum.after.profile()})
	}
	slices.SortFunc(all, func(a, b Column) int {
		return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Table, b.Table), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// Column is the profile of a column as the source has it and as it is masked.
type Column struct {
	Schema, Table, Name string
	Before, After       Profile
}

// Profile is what is known of the values of a column.
type Profile struct {
	Rows     int64
	Nulls    int64
	Empty    int64 // values without a character
	Spaced   int64 // values that begin or end in white space
	NonASCII int64
	Integers int64 // what PostgreSQL's integer types read, their ranges aside
	Numbers  int64 // what numeric reads, integers among them
	Dates    int64 // what begins with a date in figures
	Digits   int   // most figures before the point of a number: its order of magnitude

	Chars, Bytes Lengths
	// Buckets count values by their length in characters: of none, of one, up to 3, up to 7, up to 15, and so on.
	Buckets []int64

	// Distinct counts distinct values, Folded those that stay distinct in lower case. They are exact where Exact says so, else estimates
	// with a standard error of 1.6 %.
	Distinct, Folded int64
	Exact            bool

	Shapes []Shape // the most frequent ones
}

// Lengths are those of the values that are not NULL; all are 0 without such.
type Lengths struct {
	Min, Max int
	Mean     float64
}

// Shape is what values look like: "Aa Aa", "a.a@a.a", "9-9".
type Shape struct {
	Text  string
	Count int64
}

// Watcher sees the values of a column in one goroutine. It is a sanitize.Watcher.
type Watcher struct{ before, after view }

// Saw implements the watcher of package sanitize.
func (w *Watcher) Saw(was, is []byte) {
	w.before.saw(was)
	w.after.saw(is)
}

// view is one side of a profile.
type view struct {
	seed    maphash.Seed
	counts  Profile // its plain counts; what is computed at the end is empty
	chars   lengths
	bytes   lengths
	buckets [33]int64
	values  counter
	folded  *counter // nil while every value is its own lower case
	shapes  shapes
	lower   []byte
}

type lengths struct{ min, max, sum int }

func (l *lengths) saw(n int, first bool) {
	if first || n < l.min {
		l.min = n
	}
	l.max = max(l.max, n)
	l.sum += n
}

func (l *lengths) of(values int64) Lengths {
	if values == 0 {
		return Lengths{}
	}
	return Lengths{Min: l.min, Max: l.max, Mean: float64(l.sum) / float64(values)}
}

func (v *view) saw(value []byte) {
	c := &v.counts
	c.Rows++
	if value == nil {
		c.Nulls++
		return
	}
	first := c.Rows-c.Nulls == 1
	look, chars := v.shapes.saw(value)
	v.chars.saw(chars, first)
	v.bytes.saw(len(value), first)
	v.buckets[min(bits.Len(uint(chars)), len(v.buckets)-1)]++
	if len(value) == 0 {
		c.Empty++
	} else if isSpace(value[0]) || isSpace(value[len(value)-1]) {
		c.Spaced++
	}
	if look&isHigh != 0 {
		c.NonASCII++
	}
	if look&isDigit != 0 {
		c.figures(value, look)
	}
	sum := maphash.Bytes(v.seed, value)
	if look&(isUpper|isHigh) != 0 && len(value) <= foldBytes {
		v.fold(value, sum)
	} else if v.folded != nil {
		v.folded.add(sum)
	}
	v.values.add(sum)
}

// foldBytes is the length up to which values are compared in lower case; longer ones count as they are.
const foldBytes = 256

// fold counts a value's lower case. Until one differs from its value, both counters would hold the same.
func (v *view) fold(value []byte, sum uint64) {
	v.lower = appendLower(v.lower[:0], value)
	lower := maphash.Bytes(v.seed, v.lower)
	if v.folded == nil && lower != sum {
		v.folded = v.values.clone()
	}
	if v.folded != nil {
		v.folded.add(lower)
	}
}

// figures looks for a number or a date.
func (p *Profile) figures(value []byte, look look) {
	if look&(isLower|isUpper) == 0 {
		whole, digits, ok := number(value)
		switch {
		case ok && whole:
			p.Integers++
			fallthrough
		case ok:
			p.Numbers++
			p.Digits = max(p.Digits, digits)
		}
	}
	if date(value) {
		p.Dates++
	}
}

// add takes over what another watcher of the column saw.
func (v *view) add(o *view) {
	before, theirs := v.counts.Rows-v.counts.Nulls, o.counts.Rows-o.counts.Nulls
	c, d := &v.counts, &o.counts
	c.Rows, c.Nulls, c.Empty, c.Spaced = c.Rows+d.Rows, c.Nulls+d.Nulls, c.Empty+d.Empty, c.Spaced+d.Spaced
	c.NonASCII, c.Integers, c.Numbers, c.Dates = c.NonASCII+d.NonASCII, c.Integers+d.Integers, c.Numbers+d.Numbers, c.Dates+d.Dates
	c.Digits = max(c.Digits, d.Digits)
	if theirs > 0 {
		v.chars.join(o.chars, before == 0)
		v.bytes.join(o.bytes, before == 0)
	}
	for i, n := range o.buckets {
		v.buckets[i] += n
	}
	if o.folded != nil && v.folded == nil {
		v.folded = v.values.clone()
	}
	if v.folded != nil {
		v.folded.join(cmp.Or(o.folded, &o.values))
	}
	v.values.join(&o.values)
	v.shapes.join(&o.shapes)
}

func (l *lengths) join(o lengths, first bool) {
	if first || o.min < l.min {
		l.min = o.min
	}
	l.max, l.sum = max(l.max, o.max), l.sum+o.sum
}

// profile is what is told of a side.
func (v *view) profile() Profile {
	p := v.counts
	values := p.Rows - p.Nulls
	p.Chars, p.Bytes = v.chars.of(values), v.bytes.of(values)
	last := len(v.buckets)
	for last > 0 && v.buckets[last-1] == 0 {
		last--
	}
	p.Buckets = slices.Clone(v.buckets[:last])
	p.Distinct, p.Exact = v.values.count(values)
	p.Folded = p.Distinct
	if v.folded != nil {
		p.Folded, _ = v.folded.count(p.Distinct)
	}
	p.Shapes = v.shapes.most(maxShapes)
	return p
}

// maxShapes is how many shapes of a column are told.
const maxShapes = 4
