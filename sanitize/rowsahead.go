package sanitize

import "bytes"

// Batch is how many rows it is best to tell [Row.Expect] of before they are masked; 1 where every value is masked by itself.
func (r *Row) Batch() int { return r.batch }

// Expect tells the masks of a row that Append will be given, after those that Expect was given before: masks that ask a program ask for several
// values at once then. Its errors are Append's.
func (r *Row) Expect(line []byte) error {
	rest := bytes.TrimSuffix(line, []byte{'\n'})
	if err := r.gather(rest); err != nil {
		return err
	}
	at := 0 // index of the field in which rest begins
	for i := range r.fields {
		f := &r.fields[i]
		if f.ahead == nil {
			continue
		}
		skip := fieldsLen(rest, f.index-at)
		if skip < 0 {
			return widthError(r.table, r.width)
		}
		rest, at = rest[skip:], f.index
		field, _, _ := bytes.Cut(rest, []byte{'\t'})
		if string(field) == `\N` {
			continue
		}
		value, err := r.value(field, f)
		if err != nil {
			return err
		}
		if err := f.ahead.Expect(value, f.apply.read(&r.near)); err != nil {
			return r.valueError(f, reasonOf(err))
		}
	}
	return nil
}
