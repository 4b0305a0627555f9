package audit

import (
	"bytes"
	"hash/maphash"
	"sync"
)

// Collector gathers the fingerprints of a copy's masked columns.
type Collector struct {
	prints *Prints

	mu       sync.Mutex
	watchers []*Watcher
	origin   map[string]uint64
}

// NewCollector returns an empty collector with a key of its own.
func NewCollector() *Collector { return newCollector(usual()) }

func newCollector(l limits) *Collector {
	return &Collector{origin: map[string]uint64{}, prints: &Prints{
		words: maphash.MakeSeed(), confirm: maphash.MakeSeed(), same: maphash.MakeSeed(), seen: make(seen, l.blocks/8), filter: make(bitmap, l.blocks), outputs: make(bitmap, l.blocks), limits: l,
	}}
}

// Seal ends the gathering, when no watcher is used any more, and tells what was seen.
func (c *Collector) Seal() (*Prints, Gathered) {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := Gathered{}
	for _, w := range c.watchers {
		w.flush()
		sum.add(w.gathered)
	}
	sum.Columns = len(c.origin)
	return c.prints, sum
}

// Gathered counts the values of masked columns that passed, NULL aside.
type Gathered struct {
	Columns   int   // that were seen
	Values    int64 // that have a fingerprint, or parts of which have one
	Short     int64 // that are too short, or numbers of too few digits, to tell anybody apart
	Spared    int64 // that are telephone numbers nobody has
	Unchanged int64 // of free text and JSON: the mask found nothing in them to change
}

func (g *Gathered) add(o Gathered) {
	g.Values += o.Values
	g.Short += o.Short
	g.Spared += o.Spared
	g.Unchanged += o.Unchanged
}

// Form is what a masked column's values are.
type Form int

// The forms of values.
const (
	Plain    Form = iota
	Document      // JSON, of which masks change some texts and keep others
	Prose         // text of which a mask changes what is personal and keeps the rest
	Shown         // values of which the mask shows the parts that it replaces: see [Watcher.SawPart]
)

// Watcher sees the values of one masked column. It belongs to one goroutine; what it is shown it neither keeps nor changes.
type Watcher struct {
	prints    *Prints
	origin    uint64
	form      Form
	holds     Holds
	nobodys   func(number []byte) bool
	unguessed bool
	was, is   words
	recent    recent
	digits    []byte
	wasTexts  []span
	isTexts   []span
	gathered  Gathered

	// What is to be added goes many at a time.
	marks, outputs []mark
	entries        []entry
	touched        uint64 // of no meaning
}

// entry is a value to be added.
type entry struct {
	segment *segment
	tag     uint64
	kind    kind
}

const atOnce = 64

// flush adds what has gathered.
func (w *Watcher) flush() {
	w.prints.filter.set(w.marks)
	w.prints.outputs.set(w.outputs)
	for _, e := range w.entries {
		w.touched ^= e.segment.touch(e.tag)
	}
	for _, e := range w.entries {
		e.segment.add(e.tag, e.kind, w.origin, w.prints.limits.slots)
	}
	w.marks, w.outputs, w.entries = w.marks[:0], w.outputs[:0], w.entries[:0]
}

// Watcher returns a watcher of a column, by its name as SQL writes it. Unguessed says that its mask makes values that nobody has: addresses of
// random letters, UUIDs. What other masks make may be what somebody has, and is remembered, so that it is not taken for a leak.
func (c *Collector) Watcher(column string, form Form, unguessed bool) *Watcher {
	c.mu.Lock()
	defer c.mu.Unlock()
	id, ok := c.origin[column]
	if !ok {
		c.prints.origins = append(c.prints.origins, column)
		id = min(uint64(len(c.prints.origins)), mostOrigin)
		c.origin[column] = id
	}
	w := &Watcher{prints: c.prints, origin: id, form: form, unguessed: unguessed}
	w.was.seed, w.is.seed = c.prints.words, c.prints.words
	c.watchers = append(c.watchers, w)
	return w
}

// Saw takes a value and its mask, nil for NULL.
func (w *Watcher) Saw(was, is []byte) {
	if was == nil {
		return
	}
	if len(w.entries) >= atOnce || len(w.outputs) >= 4*atOnce {
		w.flush()
	}
	switch w.form {
	case Shown: // part by part
	case Document:
		w.document(was, is)
	case Prose:
		w.prose(was, is)
	default:
		w.whole(was, is, w.holds)
	}
}

// whole adds a value, unless it is one that tells of nobody.
func (w *Watcher) whole(was, is []byte, h Holds) {
	if !w.spares(was, is, h) {
		w.count(w.value(was, is, h))
	}
}

// SawPart takes a part of a value, what the mask made of that, nil for NULL, and what such parts are.
func (w *Watcher) SawPart(was, is []byte, h Holds) {
	if w.form != Shown {
		return
	}
	if len(w.entries) >= atOnce || len(w.outputs) >= 4*atOnce {
		w.flush()
	}
	w.expects(h)
	w.whole(was, is, h)
}

// escapes tells whether a backslash in a part of a value begins an escape.
func (w *Watcher) escapes() bool { return w.form == Document }

func (w *Watcher) count(any bool) {
	if any {
		w.gathered.Values++
	} else {
		w.gathered.Short++
	}
}

// value adds a whole value, and what the mask made of it. A value that was seen often enough for what is kept of it is not taken apart again.
func (w *Watcher) value(was, is []byte, h Holds) bool {
	sum := maphash.Bytes(w.prints.same, was)
	if w.unguessed && w.prints.seen.has(sum) {
		return true
	}
	known := w.recent.at(sum)
	if known != nil && known.sum == sum && known.times >= Recurs {
		return known.any
	}
	k, any := w.fresh(was, is, h)
	if w.unguessed && k == strong {
		w.prints.seen.add(sum)
	} else {
		w.recent.add(sum, any)
	}
	return any
}

// fresh adds a value that may be new.
func (w *Watcher) fresh(was, is []byte, h Holds) (k kind, any bool) {
	w.was.split(was, w.escapes())
	k = w.was.kind(was)
	any = w.addForms(was, k, h)
	if is == nil || w.unguessed {
		return k, any
	}
	if k == strong && bytes.Equal(was, is) {
		return k, any // no mask makes a number of itself: this one did not work
	}
	w.yields(is, h)
	return k, any
}

// yields remembers what a mask made.
func (w *Watcher) yields(is []byte, h Holds) {
	if is == nil || w.unguessed {
		return
	}
	w.is.split(is, w.escapes())
	w.output(&w.is)
	if h == Numbers {
		if digits := w.national(&w.is, is); digits != nil {
			one := w.is.nationalSum(digits)
			w.outputs = append(w.outputs, mark{one, made(one)})
		}
	}
}

// addForms adds the value that was taken apart, in the forms that its column's values are looked for in.
func (w *Watcher) addForms(was []byte, k kind, h Holds) bool {
	switch {
	case h == People && k == recurring && w.addTurned(&w.was):
		return true
	case h == Numbers && k == strong:
		if digits := w.national(&w.was, was); digits != nil {
			w.enter(w.was.nationalSum(digits), digits, strong)
		}
	}
	return w.add(&w.was, k)
}

// add adds the words as a value of a kind, and a number as its digits too.
func (w *Watcher) add(t *words, k kind) bool {
	n := min(len(t.list), mostWords)
	if k == nothing || n == 0 {
		return false
	}
	sum := uint64(0)
	for i := range n {
		if sum = fold(sum, t.list[i].hash); i < min(n-1, mostOpen) {
			w.marks = append(w.marks, mark{sum, opens(sum)})
		}
	}
	w.enter(sum, t.row(0, n-1), k)
	if k == strong && n > 1 {
		var last int
		if w.digits, last = t.number(w.digits[:0], 0); last == len(t.list)-1 && len(w.digits) >= leastDigits {
			w.enter(fold(0, maphash.Bytes(t.seed, w.digits)), w.digits, strong)
		}
	}
	return true
}

func (w *Watcher) enter(sum uint64, plain []byte, k kind) {
	p := w.prints
	w.marks = append(w.marks, mark{sum, whole(sum)})
	w.entries = append(w.entries, entry{p.segment(sum), tagOf(maphash.Bytes(p.confirm, plain)), k})
}

// output remembers what a mask made: the value, its number, and words of letters, which others may be put together from.
func (w *Watcher) output(t *words) {
	sum := uint64(0)
	for i := range min(len(t.list), mostWords) {
		sum = fold(sum, t.list[i].hash)
		if one := fold(0, t.list[i].hash); t.list[i].digits == 0 && i > 0 {
			w.outputs = append(w.outputs, mark{one, made(one)})
		}
		if i == 0 && t.list[i].digits == 0 || i == min(len(t.list), mostWords)-1 {
			w.outputs = append(w.outputs, mark{sum, made(sum)})
		}
	}
	var last int
	if w.digits, last = t.number(w.digits[:0], 0); last > 0 && len(w.digits) >= leastDigits {
		one := fold(0, maphash.Bytes(t.seed, w.digits))
		w.outputs = append(w.outputs, mark{one, made(one)})
	}
}

// leastDigits is how long a number is that tells somebody apart, and leastMixed and leastLetters the same of other values.
const (
	leastDigits  = 10
	leastMixed   = 8
	leastLetters = 8
	longWord     = 12
	leastCommon  = 3
)

// blank tells of a value that is one digit, or f, over and over: the nil UUID, the one of all ones, a number that stands for none.
func blank(src []byte) bool {
	var only byte
	for _, b := range src {
		switch c := b | 0x20; {
		case b >= '0' && b <= '9' && (only == 0 || only == b):
			only = b
		case c == 'f' && (only == 0 || only == c):
			only = c
		case b != ' ' && b != '-':
			return false
		}
	}
	return only != 0
}

// kind tells how much a value tells by itself.
func (t *words) kind(src []byte) kind {
	letters, digits := int32(0), int32(0)
	for i := range t.list {
		digits += t.list[i].digits
		letters += t.list[i].size() - t.list[i].digits
	}
	switch n := len(t.list); {
	case n == 0, blank(src):
		return nothing
	case letters >= 3 && n > 1 && bytes.IndexByte(src, '@') > 0:
		return strong
	case letters == 0 && digits >= leastDigits, letters > 0 && digits > 0 && letters+digits >= leastMixed:
		return strong
	case digits > 0 && letters == 0 && n > 2 && digits >= 9: // 078-05-1120 is more than nine digits
		return strong
	case digits > 0:
		return nothing
	case n > 1 && letters >= leastLetters, letters >= longWord:
		return recurring
	case n == 1 && letters >= leastCommon:
		return common
	}
	return nothing
}
