package sanitize

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/rehearse-db/rehearse/sanitize/mask"
)

// Row masks the rows of one table, one after another, for one goroutine. It allocates nothing per row once its buffers have
// grown to the longest value.
type Row struct {
	table  Relation
	fields []rowField // the masked ones, in table order
	width  int        // fields a row has
	plain  []byte     // one value, unescaped, and then its mask before it is escaped
	near   neighbours
	batch  int // see Batch
}

type rowField struct {
	index int
	name  string
	mask  string
	apply applier
	ahead mask.Expecting // the mask, where it is faster when it knows the values to come
	fixed bool           // whatever the value is
	watch Watcher        // nil for nobody
}

// Watcher sees the values of one masked column as they pass, in PostgreSQL's text form: as the source has it, and as it is masked; nil for
// NULL. It belongs to the goroutine of its [Row] or [Tuples], and neither keeps nor changes what it is shown. Values of columns that are
// masked by a constant, NULL or an expression at the source are not shown.
type Watcher interface {
	Saw(was, is []byte)
}

// Row returns a new masker of rows, for one goroutine. Of a table without masks it checks the number of fields and copies.
func (t *TablePlan) Row() *Row {
	r := &Row{table: Relation{t.Schema, t.Name}, width: len(t.Columns), near: newNeighbours(t), batch: 1}
	for i, c := range t.Columns {
		if c.Mask.Keep() || c.Mask.Expression != "" {
			continue
		}
		_, fixed := c.Mask.Const()
		f := rowField{index: i, name: c.Name, mask: c.Mask.Name, apply: r.near.applier(t, c.Mask), fixed: fixed}
		if f.ahead = f.apply.expecting(); f.ahead != nil && (r.batch == 1 || f.ahead.Batch() < r.batch) {
			r.batch = f.ahead.Batch()
		}
		r.fields = append(r.fields, f)
	}
	return r
}

// Watch lets a column be watched from now on; watcher gives its watcher by its place in [TablePlan.Columns], nil for none.
func (r *Row) Watch(watcher func(column int) Watcher) {
	for i := range r.fields {
		if f := &r.fields[i]; !f.fixed {
			f.watch = watcher(f.index)
			watchParts(f.apply.fn, f.watch)
		}
	}
}

// PartWatcher is a Watcher that is also shown each part of a value that a mask replaces, where it masks parts: see [mask.Parts].
type PartWatcher interface {
	Watcher
	SawPart(mask string, was, is []byte)
}

func watchParts(fn mask.Func, w Watcher) {
	if parts, ok := fn.(mask.Parts); ok {
		if w, ok := w.(PartWatcher); ok {
			parts.ShowParts(w.SawPart)
		}
	}
}

// saw tells the watcher, if there is one.
func saw(w Watcher, was, is []byte) {
	if w != nil {
		w.Saw(was, is)
	}
}

// Append appends line, masked, to dst and returns the extended buffer.
//
// The line is one row as COPY ... TO STDOUT (format text) sends it, of the plan's columns in the plan's order, with or without
// the newline at its end; what is appended has one exactly when line has. NULL stays NULL, and fields that are kept are
// copied byte for byte. A row with another number of fields, or a value that a mask cannot handle, is a *[ValueError], and dst is
// returned as it came. Line is neither kept nor changed; it must not overlap the free space of dst.
func (r *Row) Append(dst, line []byte) ([]byte, error) {
	start := len(dst)
	rest, end := line, []byte(nil)
	if n := len(line); n > 0 && line[n-1] == '\n' {
		rest, end = line[:n-1], line[n-1:]
	}
	if err := r.gather(rest); err != nil {
		return dst, err
	}
	at := 0 // index of the field in which rest begins
	for i := range r.fields {
		f := &r.fields[i]
		skip := fieldsLen(rest, f.index-at)
		if skip < 0 {
			return dst[:start], widthError(r.table, r.width)
		}
		dst = append(dst, rest[:skip]...)
		rest, at = rest[skip:], f.index
		size := bytes.IndexByte(rest, '\t')
		if size < 0 {
			size = len(rest)
		}
		var err error
		if dst, err = r.appendField(dst, rest[:size], f); err != nil {
			return dst[:start], err
		}
		rest = rest[size:] // begins with the tab: an empty rest of this field
	}
	if !r.complete(at, rest) {
		return dst[:start], widthError(r.table, r.width)
	}
	dst = append(dst, rest...)
	return append(dst, end...), nil
}

// gather takes note of the values that masks of other columns read.
func (r *Row) gather(rest []byte) error {
	r.near.text = r.near.text[:0]
	at := 0
	for i, column := range r.near.columns {
		skip := fieldsLen(rest, column-at)
		if skip < 0 {
			return widthError(r.table, r.width)
		}
		rest, at = rest[skip:], column
		field := rest
		if tab := bytes.IndexByte(rest, '\t'); tab >= 0 {
			field = rest[:tab]
		}
		switch {
		case len(field) == 2 && field[0] == '\\' && field[1] == 'N':
			r.near.values[i] = nil
		case bytes.IndexByte(field, '\\') < 0:
			r.near.values[i] = field[:len(field):len(field)]
		default:
			start, ok := len(r.near.text), false
			if r.near.text, ok = appendUnescaped(r.near.text, field); !ok {
				return &ValueError{Table: r.table, Reason: "has a value that ends in the middle of an escape"}
			}
			r.near.values[i] = r.near.text[start:]
		}
	}
	return nil
}

// fieldsLen is the length of the first n fields of a row, each with the tab behind it, or -1 when there are no n tabs.
func fieldsLen(row []byte, n int) int {
	size := 0
	for ; n > 0; n-- {
		tab := bytes.IndexByte(row[size:], '\t')
		if tab < 0 {
			return -1
		}
		size += tab + 1
	}
	return size
}

// complete reports whether a row has as many fields as it should when rest begins in field at.
func (r *Row) complete(at int, rest []byte) bool {
	if r.width == 0 {
		return len(rest) == 0
	}
	return at+bytes.Count(rest, []byte{'\t'}) == r.width-1
}

// appendField appends one masked field. It masks straight into dst and copies only what needs an escape.
func (r *Row) appendField(dst, field []byte, f *rowField) ([]byte, error) {
	if len(field) == 2 && field[0] == '\\' && field[1] == 'N' {
		saw(f.watch, nil, nil)
		return append(dst, field...), nil
	}
	value, err := r.value(field, f)
	if err != nil {
		return dst, err
	}
	start := len(dst)
	dst, err = f.apply.append(dst, value, &r.near)
	switch {
	case err == nil:
	case errors.Is(err, mask.ErrNull):
		saw(f.watch, value, nil)
		return append(dst[:start], '\\', 'N'), nil
	default:
		return dst, r.valueError(f, reasonOf(err))
	}
	saw(f.watch, value, dst[start:])
	if !needsEscape(dst[start:]) {
		return dst, nil
	}
	r.plain = append(r.plain[:0], dst[start:]...)
	return appendEscaped(dst[:start], r.plain), nil
}

// value gives a field without its escapes, until the next call.
func (r *Row) value(field []byte, f *rowField) ([]byte, error) {
	if bytes.IndexByte(field, '\\') < 0 {
		return field, nil
	}
	var ok bool
	if r.plain, ok = appendUnescaped(slices.Grow(r.plain[:0], len(field)), field); !ok {
		return nil, r.valueError(f, "ends in the middle of an escape")
	}
	return r.plain, nil
}

// reasonOf takes the reason of a mask that promises not to quote the value; what any other error says is not trusted.
func reasonOf(err error) string {
	var v *mask.ValueError
	if errors.As(err, &v) {
		return v.Reason
	}
	return "made the mask fail"
}

func (r *Row) valueError(f *rowField, reason string) error {
	return &ValueError{Table: r.table, Column: f.name, Mask: f.mask, Reason: reason}
}

func widthError(table Relation, width int) error {
	return &ValueError{Table: table, Reason: fmt.Sprintf("does not have the plan's %d fields", width)}
}
