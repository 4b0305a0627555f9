package sanitize

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/rehearse-db/rehearse/sanitize/mask"
)

// Tuples masks the rows of one table in COPY's binary format, one after another, for one goroutine. It gives every value the mask that
// [Row] gives its text form, and allocates nothing per row once its buffers have grown to the longest value.
type Tuples struct {
	table  Relation
	fields []tupleField // one for each column
	plain  []byte       // one value in text form
	masked []byte       // its mask, in text form
	near   neighbours
	forms  []mask.Form // of the neighbours
}

type tupleField struct {
	name   string
	mask   string
	masked bool // by what apply has; else it is kept, constant, or as the source was asked for it
	apply  applier
	form   mask.Form
	// all is what every value becomes, with the length before it; nil where that depends on the value.
	all   []byte
	watch Watcher // nil for nobody
}

// Constants names the columns whose mask gives one and the same value, which [TablePlan.Tuples] must be given in binary form, with that
// value in text form.
func (t *TablePlan) Constants() map[string]string {
	constants := map[string]string{}
	for _, c := range t.Columns {
		if text, ok := c.Mask.Const(); ok && !c.Mask.Null() {
			constants[c.Name] = string(text)
		}
	}
	return constants
}

// Tuples returns a new masker of rows in COPY's binary format, for one goroutine; nil when a masked column has a type that cannot be
// masked in its binary form, one that a mask reads has such a type, or a mask asks a program. Columns that are masked or read must have their types from pg_catalog, but for constants.
func (t *TablePlan) Tuples(constants map[string][]byte) *Tuples {
	r := &Tuples{table: Relation{t.Schema, t.Name}, near: newNeighbours(t)}
	for _, column := range r.near.columns {
		form, ok := mask.FormOf(t.Columns[column].BaseType)
		if !ok || t.Columns[column].kind == 'e' { // whose name may be that of another type
			return nil
		}
		r.forms = append(r.forms, form)
	}
	for _, c := range t.Columns {
		f := tupleField{name: c.Name, mask: c.Mask.Name}
		_, constant := c.Mask.Const()
		switch {
		case c.Mask.Outside(): // Row alone tells masks of the values to come
			return nil
		case c.Mask.Keep(), c.Mask.Expression != "":
		case c.Mask.Null():
			f.all = []byte{0xff, 0xff, 0xff, 0xff}
		case constant:
			value, ok := constants[c.Name]
			if !ok {
				return nil
			}
			f.all = append(binary.BigEndian.AppendUint32(nil, uint32(len(value))), value...) //nolint:gosec // below 1 GB
		default:
			form, ok := mask.FormOf(c.BaseType)
			if !ok {
				return nil
			}
			f.form, f.masked, f.apply = form, true, r.near.applier(t, c.Mask)
		}
		r.fields = append(r.fields, f)
	}
	return r
}

// Watch lets a column be watched from now on; watcher gives its watcher by its place in [TablePlan.Columns], nil for none.
func (r *Tuples) Watch(watcher func(column int) Watcher) {
	for i := range r.fields {
		if f := &r.fields[i]; f.masked {
			f.watch = watcher(i)
			watchParts(f.apply.fn, f.watch)
		}
	}
}

// Append appends the tuple that data begin with, masked, to dst, and tells its length in data, which is 0 while data do not hold all of it.
//
// A tuple is the number of its fields in two bytes and, for each, its length in four, -1 for NULL, and its value; -1 instead of a number
// of fields ends the data (PostgreSQL's documentation, COPY, "Binary Format"). NULL stays NULL, and fields that are kept are copied byte
// for byte. A tuple of another number of fields, or a value that a mask cannot handle, is a *[ValueError], and dst is returned as it came.
// Data are neither kept nor changed; they must not overlap the free space of dst.
func (r *Tuples) Append(dst, data []byte) (extended []byte, size int, err error) {
	if len(data) < 2 {
		return dst, 0, nil
	}
	switch int16(binary.BigEndian.Uint16(data)) { //nolint:gosec // -1 on purpose
	case -1:
		return append(dst, data[:2]...), 2, nil
	case int16(len(r.fields)): //nolint:gosec // a table has at most 1,600 columns
	default:
		return dst, 0, widthError(r.table, len(r.fields))
	}
	end := r.measure(data)
	if end == 0 {
		return dst, 0, nil
	}
	if err := r.gather(data); err != nil {
		return dst, 0, err
	}
	start, kept, at := len(dst), 0, 2 // data from kept to at are to be copied as they are
	for i := range r.fields {
		f := &r.fields[i]
		n := fieldLength(data[at:])
		next := at + 4 + max(n, 0)
		if n >= 0 && (f.masked || f.all != nil) {
			dst = append(dst, data[kept:at]...)
			if dst, err = r.appendField(dst, data[at+4:next], f); err != nil {
				return dst[:start], 0, err
			}
			kept = next
		} else if n < 0 {
			saw(f.watch, nil, nil)
		}
		at = next
	}
	return append(dst, data[kept:end]...), end, nil
}

// measure is the length of the tuple that data begin with, 0 when they do not hold all of it.
func (r *Tuples) measure(data []byte) int {
	at := 2
	for range r.fields {
		if len(data) < at+4 {
			return 0
		}
		at += 4 + max(fieldLength(data[at:]), 0)
	}
	if len(data) < at {
		return 0
	}
	return at
}

// gather takes note of the values that masks of other columns read; data hold all of the tuple.
func (r *Tuples) gather(data []byte) error {
	r.near.text = r.near.text[:0]
	at, field := 2, 0
	for i, column := range r.near.columns {
		for ; field < column; field++ {
			at += 4 + max(fieldLength(data[at:]), 0)
		}
		n := fieldLength(data[at:])
		if n < 0 {
			r.near.values[i] = nil
			continue
		}
		value, form, ok := data[at+4:at+4+n:at+4+n], &r.forms[i], true
		if prefix := len(form.Prefix); form.Same {
			if ok = n >= prefix && string(value[:prefix]) == form.Prefix; ok {
				value = value[prefix:]
			}
		} else {
			start := len(r.near.text)
			r.near.text, ok = form.Text(r.near.text, value)
			value = r.near.text[start:]
		}
		if !ok {
			return &ValueError{Table: r.table, Reason: "has a value without a text form that a mask reads"}
		}
		r.near.values[i] = value
	}
	return nil
}

func fieldLength(field []byte) int { return int(int32(binary.BigEndian.Uint32(field))) } //nolint:gosec // -1 on purpose

// appendField appends the length and the value of one masked field.
func (r *Tuples) appendField(dst, field []byte, f *tupleField) ([]byte, error) {
	if f.all != nil {
		return append(dst, f.all...), nil
	}
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	var err error
	if f.form.Same {
		dst, err = r.direct(dst, field, f)
	} else {
		dst, err = r.convert(dst, field, f)
	}
	switch {
	case err == nil:
	case errors.Is(err, mask.ErrNull):
		saw(f.watch, r.seen(field, f), nil)
		return append(dst[:start], 0xff, 0xff, 0xff, 0xff), nil
	default:
		return dst, &ValueError{Table: r.table, Column: f.name, Mask: f.mask, Reason: reasonOf(err)}
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4)) //nolint:gosec // a value is below 1 GB
	return dst, nil
}

// direct masks a value whose text form stands in its binary one.
func (r *Tuples) direct(dst, field []byte, f *tupleField) ([]byte, error) {
	prefix := len(f.form.Prefix)
	if len(field) < prefix || string(field[:prefix]) != f.form.Prefix {
		return dst, &mask.ValueError{Mask: f.mask, Reason: "has no text form"}
	}
	dst = append(dst, f.form.Prefix...)
	start := len(dst)
	dst, err := f.apply.append(dst, field[prefix:], &r.near)
	if err == nil {
		saw(f.watch, field[prefix:], dst[start:])
	}
	return dst, err
}

// seen is the text form of a value that was masked.
func (r *Tuples) seen(field []byte, f *tupleField) []byte {
	if f.form.Same {
		return field[len(f.form.Prefix):]
	}
	return r.plain
}

// convert masks a value by way of its text form.
func (r *Tuples) convert(dst, field []byte, f *tupleField) ([]byte, error) {
	var ok bool
	if r.plain, ok = f.form.Text(slices.Grow(r.plain[:0], len(field)), field); !ok {
		return dst, &mask.ValueError{Mask: f.mask, Reason: "has no text form"}
	}
	var err error
	if r.masked, err = f.apply.append(r.masked[:0], r.plain, &r.near); err != nil {
		return dst, err
	}
	saw(f.watch, r.plain, r.masked)
	if dst, ok = f.form.Binary(dst, r.masked); !ok {
		return dst, &mask.ValueError{Mask: f.mask, Reason: "has a mask that its type does not hold"}
	}
	return dst, nil
}
