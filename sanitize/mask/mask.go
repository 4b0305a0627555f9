// Package mask is the catalogue of masking functions, one family a file.
//
// A mask replaces one value in PostgreSQL's text form. It is deterministic under its key: the same value in the same domain gives the
// same replacement everywhere, so joins survive. A value it cannot handle is an error that names neither the value nor a part of it.
package mask

import "errors"

// Func appends the replacement of src, a non-NULL value in PostgreSQL's text form, to dst. A Func has state (a keyed hash,
// scratch buffers) and belongs to one goroutine; it does not keep or change src and allocates nothing per value once warm.
type Func interface {
	Append(dst, src []byte) ([]byte, error)
}

// Parts is implemented by a Func that masks parts of a value and keeps the rest, as those of documents do. It shows each part that it
// replaces, as it was and as it is (nil for NULL), without quotes and escapes, with the name of the mask that did.
type Parts interface {
	ShowParts(saw func(mask string, was, is []byte))
}

// shower is who is shown a part by one mask; nil for nobody.
type shower func(was, is []byte)

// showing gives who is shown what fn replaces: its own parts, where it has such, are shown by itself.
func showing(fn Func, name string, saw func(mask string, was, is []byte)) shower {
	if parts, ok := fn.(Parts); ok {
		parts.ShowParts(saw)
		return nil
	}
	if name == "keep" {
		return nil
	}
	return func(was, is []byte) { saw(name, was, is) }
}

func (s shower) show(was, is []byte) {
	if s != nil {
		s(was, is)
	}
}

// ErrNull is what a Func's Append returns to make the result NULL. The row codec recognises it with errors.Is; dst is then
// returned as it was given. A mask that may do so is refused for a column that is NOT NULL.
var ErrNull = errors.New("the result is NULL")

// Target is what a mask must know of the column (or JSON leaf, where only BaseType "text" is set) it works on.
type Target struct {
	BaseType  string // see sanitize.Column.BaseType
	TypeKind  byte
	MaxLength int // characters; 0: no limit
	NotNull   bool
	Labels    []string // of an enum, or of the enum that an array is of
	Fields    []Field  // of a composite type, or of that which an array is of

	Row Row // of the column; nil for a value that stands in none, such as a JSON leaf
}

// Keys hands out the key of a domain. It is HKDF-SHA256 of the run's secret with the domain as info, 32 bytes.
type Keys interface {
	Domain(name string) []byte
}
