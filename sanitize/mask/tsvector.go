package mask

import (
	"errors"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// Limits of the type: what a word may have of bytes, and the last place that is told.
const (
	lexemeBytes = 2046
	lastPlace   = 16383
)

// tsvectorFamily: the words of other columns' masked values.
func tsvectorFamily() family {
	return family{
		Info: Info{
			Name: "tsvector", Summary: "the words of what other columns of the row hold after their masks", Types: []string{"tsvector"},
			Params: []ParamInfo{{Name: "from", Type: "columns", Meaning: "columns of the row that hold text, in the order of the words; required"}},
			Guarantees: []string{
				"nothing of the value is left, but for whether there is one: what is found in the copy is what stands in the copy",
				"words are in small letters, each with its places, as the configuration simple has them: neither stemmed nor without stop words, and of weight D",
				"NULL stays NULL and the empty value empty; a column that the server generates, or a trigger fills afterwards, needs no mask at all",
			},
			AtLeast: KeepsNulls, AtBest: KeepsNulls,
		},
		compile: compileTSVector,
	}
}

func compileTSVector(c *compiler) (*Mask, error) {
	if !c.params.has("from") {
		return nil, &ParamError{Param: "from", Text: "is missing: it names the columns that the words come from; empty leaves no words"}
	}
	names := c.columns("from")
	if c.params.failed != nil {
		return nil, c.params.err()
	}
	var all []ownColumn
	var needed needs
	for _, name := range names {
		s, _ := c.target.Row.Column(name)
		m, err := c.target.Row.Mask(name)
		switch {
		case s.Own || !textual(s.Target):
			err = errors.New("holds no text")
		case err == nil:
			o := ownColumn{mask: m, value: needed.place(name), trim: trimmer(s.Target)}
			for _, other := range m.Needs {
				o.needs = append(o.needs, needed.place(other))
			}
			all = append(all, o)
		}
		if err != nil {
			return nil, &ParamError{Param: "from", Text: "names " + strconv.Quote(name) + ", which " + err.Error()}
		}
	}
	return &Mask{Keeps: KeepsNulls, Needs: needed.names, NewRow: func() RowFunc {
		f := &tsvectorFunc{}
		for _, o := range all {
			f.columns = append(f.columns, newOwnMask(o))
		}
		return f
	}}, nil
}

type tsvectorFunc struct {
	columns []*ownMask
	word    []byte
}

func (f *tsvectorFunc) Append(dst, src []byte, others [][]byte) ([]byte, error) {
	if len(src) == 0 {
		return dst, nil
	}
	start, place := len(dst), 0
	for _, m := range f.columns {
		if others[m.column.value] == nil {
			continue
		}
		m.done = false
		if err := m.apply(others); err != nil {
			return dst[:start], err
		}
		if m.null {
			continue
		}
		for rest := m.result; ; {
			if rest = f.next(rest); len(f.word) == 0 {
				break
			}
			if place = min(place+1, lastPlace); len(f.word) > lexemeBytes {
				continue
			}
			if len(dst) > start {
				dst = append(dst, ' ')
			}
			dst = append(append(append(dst, '\''), f.word...), '\'', ':')
			dst = strconv.AppendInt(dst, int64(place), 10)
		}
	}
	return dst, nil
}

// next reads the next word, letters and digits, in small letters; none at the end.
func (f *tsvectorFunc) next(src []byte) (rest []byte) {
	f.word = f.word[:0]
	for len(src) > 0 {
		r, n := utf8.DecodeRune(src)
		inside := (r != utf8.RuneError || n > 1) && !notInWord(r)
		if !inside && len(f.word) > 0 {
			break
		}
		if src = src[n:]; inside {
			f.word = utf8.AppendRune(f.word, unicode.ToLower(r))
		}
	}
	return src
}
