package mask

import (
	"bytes"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// shortest is how many characters a word of another column must have to be looked for in a text.
const shortest = 3

// ownColumn is a column whose values are looked for in a text of the same row, and its mask.
type ownColumn struct {
	mask  *Mask
	needs []int // places of the mask's own needs among the text's
	value int   // place of the column's value
	trim  func([]byte) []byte
}

// withColumns reads the parameter that names columns whose values are to be found.
func (c *compiler) withColumns() ([]ownColumn, []string, error) {
	var all []ownColumn
	var needed needs
	for _, name := range c.columns("with") {
		m, err := c.target.Row.Mask(name)
		if err == nil && m.Keep() {
			err = errors.New("is kept: what is in it need not be found")
		}
		if err != nil {
			return nil, nil, &ParamError{Param: "with", Text: fmt.Sprintf("names %q, which %v", name, err)}
		}
		sibling, _ := c.target.Row.Column(name)
		o := ownColumn{mask: m, value: needed.place(name), trim: trimmer(sibling.Target)}
		for _, other := range m.Needs {
			o.needs = append(o.needs, needed.place(other))
		}
		all = append(all, o)
	}
	return all, needed.names, nil
}

// redactRowFunc looks for the row's own values as well.
type redactRowFunc struct{ *redactFunc }

func newRedactRow(f *redactFunc, columns []ownColumn) *redactRowFunc {
	f.own = &ownWords{columns: columns}
	for _, c := range columns {
		f.own.masks = append(f.own.masks, newOwnMask(c))
	}
	return &redactRowFunc{f}
}

func newOwnMask(c ownColumn) *ownMask {
	if c.mask.NewRow != nil {
		return &ownMask{column: c, row: c.mask.NewRow(), others: make([][]byte, len(c.needs))}
	}
	return &ownMask{column: c, fn: c.mask.New()}
}

func (f *redactRowFunc) Append(dst, src []byte, others [][]byte) ([]byte, error) {
	f.own.gather(others)
	return f.redactFunc.Append(dst, src)
}

// ownWords are the words to look for in a text: the values of other columns of its row.
type ownWords struct {
	columns []ownColumn
	masks   []*ownMask
	others  [][]byte
	folded  []byte
	words   []ownWord
	found   int // of words, by match
}

// ownWord is a value, or one word of it.
type ownWord struct {
	from, to int // in folded
	mask     int
	part     int // which word of the value, -1 for all of it
}

// ownMask applies another column's mask to its value of the row, once, when it is wanted.
type ownMask struct {
	column ownColumn
	fn     Func
	row    RowFunc
	others [][]byte
	done   bool
	null   bool
	result []byte
	single []byte
}

// gather notes the words of a row.
func (o *ownWords) gather(others [][]byte) {
	o.folded, o.words, o.others = o.folded[:0], o.words[:0], others
	for i, c := range o.columns {
		o.masks[i].done = false
		value := others[c.value]
		if value == nil {
			continue
		}
		value = c.trim(value)
		o.add(value, i, -1)
		part := 0
		for rest := value; ; part++ {
			word, after := nextWord(rest)
			if len(word) == 0 {
				break
			}
			if rest = after; part > 0 || len(rest) > 0 { // not all of it again
				o.add(word, i, part)
			}
		}
	}
}

// add notes a word, folded, without what is neither letter nor digit at its ends.
func (o *ownWords) add(word []byte, mask, part int) {
	word = bytes.TrimFunc(word, notInWord)
	if utf8.RuneCount(word) < shortest {
		return
	}
	from := len(o.folded)
	for i := 0; i < len(word); {
		r, n := utf8.DecodeRune(word[i:])
		if r == utf8.RuneError { // a byte of some other encoding
			o.folded = append(o.folded, word[i:i+n]...)
		} else {
			o.folded = utf8.AppendRune(o.folded, unicode.ToLower(r))
		}
		i += n
	}
	o.words = append(o.words, ownWord{from, len(o.folded), mask, part})
}

func notInWord(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.N) }

// nextWord takes the first word off, as masks of names part them.
func nextWord(src []byte) (word, rest []byte) {
	for len(src) > 0 && wordLength(src) == 0 {
		src = src[1:]
	}
	n := wordLength(src)
	return src[:n], src[n:]
}

// match gives the length of the longest word that stands at src[at:], whole and in whatever case; 0 for none.
func (o *ownWords) match(src []byte, at int) int {
	if before, _ := utf8.DecodeLastRune(src[:at]); at > 0 && !notInWord(before) {
		return 0
	}
	longest := 0
	for i, w := range o.words {
		if n := foldedPrefix(src[at:], o.folded[w.from:w.to]); n > longest {
			longest, o.found = n, i
		}
	}
	return longest
}

// foldedPrefix is the length of the word that src begins with, 0 when it does not or the word goes on.
func foldedPrefix(src, folded []byte) int {
	i := 0
	for j := 0; j < len(folded); {
		if i >= len(src) {
			return 0
		}
		r, n := utf8.DecodeRune(src[i:])
		want, width := utf8.DecodeRune(folded[j:])
		if unicode.ToLower(r) != want || r == utf8.RuneError && src[i] != folded[j] {
			return 0
		}
		i, j = i+n, j+width
	}
	if next, _ := utf8.DecodeRune(src[i:]); i < len(src) && !notInWord(next) {
		return 0
	}
	return i
}

// maskOwn replaces a word that was found by what its column's mask makes of it: word by word where the mask keeps their number, and a word by
// itself elsewhere. What the mask makes NULL is masked as by shape.
func maskOwn(f *redactFunc, dst, v []byte) ([]byte, error) {
	w := f.own.words[f.own.found]
	m := f.own.masks[w.mask]
	if err := m.apply(f.own.others); err != nil {
		return dst, err
	}
	if m.null || f.tight {
		return maskShape(f, dst, v)
	}
	result := bytes.TrimFunc(m.result, notInWord)
	if w.part >= 0 {
		word, same := partOf(m.column.trim(f.own.others[m.column.value]), m.result, w.part)
		if result = bytes.TrimFunc(word, notInWord); !same {
			if m.fn == nil || m.isConst() {
				return maskShape(f, dst, v)
			}
			var err error
			if m.single, err = m.fn.Append(m.single[:0], v); err != nil {
				return maskShape(f, dst, v)
			}
			result = m.single
		}
	}
	return appendLike(dst, result, v), nil
}

func (m *ownMask) isConst() bool {
	_, is := m.column.mask.Const()
	return is
}

// apply makes the mask of the row's value.
func (m *ownMask) apply(others [][]byte) (err error) {
	if m.done {
		return nil
	}
	value := others[m.column.value]
	if m.row != nil {
		for i, place := range m.column.needs {
			m.others[i] = others[place]
		}
		m.result, err = m.row.Append(m.result[:0], value, m.others)
	} else {
		m.result, err = m.fn.Append(m.result[:0], value)
	}
	m.null = errors.Is(err, ErrNull)
	if m.null {
		err = nil
	}
	m.done = err == nil
	return err
}

// partOf is the word of a result that stands where the value has its n-th; false when they have not the same number of words.
func partOf(value, result []byte, n int) (word []byte, same bool) {
	for i := 0; ; i++ {
		var a, b []byte
		a, value = nextWord(value)
		b, result = nextWord(result)
		if i == n {
			word = b
		}
		if len(a) == 0 || len(b) == 0 {
			return word, len(a) == len(b)
		}
	}
}

// appendLike appends a replacement, in capitals or small letters when what it replaces is.
func appendLike(dst, text, like []byte) []byte {
	upper, lower := true, true
	for i := 0; i < len(like); {
		r, n := utf8.DecodeRune(like[i:])
		upper, lower = upper && !unicode.IsLower(r), lower && !unicode.IsUpper(r)
		i += n
	}
	if upper == lower {
		return append(dst, text...)
	}
	to := unicode.ToUpper
	if lower {
		to = unicode.ToLower
	}
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		dst = utf8.AppendRune(dst, to(r))
		i += n
	}
	return dst
}
