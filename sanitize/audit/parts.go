package audit

import "bytes"

// span is a part of a text.
type span struct{ from, to int }

// document adds the texts of a JSON value that the mask changed. Masks keep a value's structure: texts agree one by one; where one was left
// out, those count that are not among the masked ones.
func (w *Watcher) document(was, is []byte) {
	if bytes.Equal(was, is) {
		w.gathered.Unchanged++
		return
	}
	w.wasTexts, w.isTexts = texts(w.wasTexts[:0], was), texts(w.isTexts[:0], is)
	any := false
	for i, s := range w.wasTexts {
		text := was[s.from:s.to]
		if len(w.wasTexts) == len(w.isTexts) {
			o := w.isTexts[i]
			if masked := is[o.from:o.to]; !bytes.Equal(text, masked) {
				any = w.value(text, masked, Anything) || any
			}
		} else if !among(text, is, w.isTexts) {
			any = w.value(text, nil, Anything) || any
		}
	}
	w.count(any)
}

func among(text, src []byte, spans []span) bool {
	for _, s := range spans {
		if bytes.Equal(text, src[s.from:s.to]) {
			return true
		}
	}
	return false
}

// texts appends what stands in quotes, and the numbers, of a JSON value.
func texts(dst []span, src []byte) []span {
	for i := 0; i < len(src); i++ {
		switch c := src[i]; {
		case c == '"':
			from := i + 1
			for i = from; i < len(src) && src[i] != '"'; i++ {
				if src[i] == '\\' {
					i++
				}
			}
			dst = append(dst, span{from, min(i, len(src))})
		case '0' <= c && c <= '9':
			from := i
			for i < len(src) && (lower[src[i]] != 0 || src[i] == '.') {
				i++
			}
			dst = append(dst, span{from, i})
			i--
		}
	}
	return dst
}

// prose adds the addresses and numbers that the mask took out of a text, and the text itself by its first words.
func (w *Watcher) prose(was, is []byte) {
	if bytes.Equal(was, is) {
		w.gathered.Unchanged++
		return
	}
	w.was.split(was, false)
	if len(w.was.list) <= mostWords {
		w.count(w.value(was, is, Anything))
		return
	}
	any := false
	for at := 0; at < len(was); {
		i := bytes.IndexByte(was[at:], '@')
		if i < 0 {
			break
		}
		s := address(was, at+i)
		if text := was[s.from:s.to]; s.to > s.from && !bytes.Contains(is, text) {
			any = w.part(text) || any
		}
		at += i + 1
	}
	w.was.split(was, false)
	for i := 0; i < len(w.was.list); i++ {
		var last int
		w.digits, last = w.was.number(w.digits[:0], i)
		if from, to := w.was.list[i].from, w.was.list[last].to; len(w.digits) >= leastDigits && !bytes.Contains(is, was[from:to]) {
			any = w.number(was, int(from), int(to)) || any
			w.was.split(was, false)
		}
		i = last
	}
	if begin := was[:w.was.list[mostWords-1].to]; !bytes.HasPrefix(is, begin) {
		any = w.part(begin) || any
	}
	w.count(any)
	w.made(is)
}

// made remembers the numbers of a text that a mask made, and its first words: the addresses it makes nobody has.
func (w *Watcher) made(is []byte) {
	w.is.split(is, false)
	var numbers [][2]int32
	for last, k := -1, 0; k < len(w.is.with); k++ {
		i := w.is.with[k]
		if i <= last || !w.is.list[i].isNumber() {
			continue
		}
		if w.digits, last = w.is.number(w.digits[:0], i); len(w.digits) >= leastDigits {
			numbers = append(numbers, [2]int32{w.is.list[i].from, w.is.list[last].to})
		}
	}
	w.output(&w.is)
	for _, n := range numbers {
		from := n[0]
		if from > 0 && is[from-1] == '+' {
			from--
		}
		w.yields(is[from:n[1]], Numbers)
	}
}

// number adds a number of a text: as one of a telephone too, where it begins as such do.
func (w *Watcher) number(was []byte, from, to int) bool {
	h := Anything
	if from > 0 && was[from-1] == '+' {
		from--
	}
	if was[from] == '+' || was[from] == '0' {
		h = Numbers
	}
	text := was[from:to]
	if w.spares(text, nil, h) {
		return true
	}
	w.expects(h)
	w.was.split(text, false)
	return w.addForms(text, w.was.kind(text), h)
}

// part adds a part of a text.
func (w *Watcher) part(text []byte) bool {
	w.was.split(text, false)
	return w.add(&w.was, w.was.kind(text))
}

// address is what belongs to the e-mail address around an @; nothing where there is none.
func address(src []byte, at int) span {
	from, to := at, at+1
	for from > 0 && (lower[src[from-1]] != 0 || bytes.IndexByte([]byte("._%+-'"), src[from-1]) >= 0) {
		from--
	}
	for to < len(src) && (lower[src[to]] != 0 || src[to] == '.' || src[to] == '-') {
		to++
	}
	for to > at+1 && (src[to-1] == '.' || src[to-1] == '-') {
		to--
	}
	for from < at && lower[src[from]] == 0 {
		from++
	}
	if from == at || to == at+1 {
		return span{}
	}
	return span{from, to}
}
