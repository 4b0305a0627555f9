package mask

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
)

// jsonFunc copies a document and masks the values in it on the way. It keeps no tree, only a stack of the open objects and arrays.
type jsonFunc struct {
	root   *pathNode
	leaves []leafFuncs
	stack  []jsonFrame
	src    []byte
	at     int // the reader's place in src
	from   int // up to here src is in dst, masked
	dst    []byte
	text   []byte // a decoded string
	masked []byte // a masked string before it is quoted
	digits []byte
	saw    func(mask string, was, is []byte)
}

// leafFuncs are the instances of one leaf.
type leafFuncs struct {
	text  Func
	whole Func
	digit *digitCipher
}

// jsonFrame is an open object or array.
type jsonFrame struct {
	node   *pathNode // nil where no path leads
	leaf   *jsonLeaf // what holds below it
	object bool
	drop   int // 1 + where dst ended before a container that a constant replaces; 0: copied
}

var errJSON = errors.New("malformed")

func newJSONFunc(root *pathNode, leaves []*jsonLeaf) *jsonFunc {
	f := &jsonFunc{root: root, leaves: make([]leafFuncs, len(leaves))}
	for i, l := range leaves {
		if l.newText != nil {
			f.leaves[i].text = l.newText()
		}
		if l.newInt != nil {
			f.leaves[i].whole = l.newInt()
		}
		if l.newDigit != nil {
			f.leaves[i].digit = l.newDigit()
		}
	}
	return f
}

func (f *jsonFunc) Append(dst, src []byte) ([]byte, error) {
	f.src, f.at, f.from, f.dst, f.stack = src, 0, 0, dst, f.stack[:0]
	err := f.document()
	out := f.dst
	f.src, f.dst = nil, nil
	if err == nil {
		return out, nil
	}
	if errors.Is(err, errJSON) {
		err = &ValueError{Mask: "json", Reason: "is not valid JSON"}
	}
	return out[:len(dst)], err
}

// document copies one value with all in it. Nesting is a stack of frames, not of calls: its depth is the reader's, not ours.
func (f *jsonFunc) document() error {
	f.blanks()
	if err := f.value(f.root, f.root.leaf); err != nil {
		return err
	}
	for len(f.stack) > 0 {
		if err := f.step(); err != nil {
			return err
		}
	}
	if f.blanks(); f.at < len(f.src) {
		return errJSON
	}
	f.flush()
	return nil
}

// value copies a scalar, or opens an object or array.
func (f *jsonFunc) value(node *pathNode, leaf *jsonLeaf) error {
	if node != nil && node.leaf != nil {
		leaf = node.leaf
	}
	switch c := f.peek(); c {
	case '{', '[':
		frame := jsonFrame{node: node, leaf: leaf, object: c == '{'}
		if leaf.constant != nil && node != nil && node.leaf == leaf && leaf.number > 0 { // 0: the default, for scalars only
			f.flush()
			frame.drop = 1 + len(f.dst)
		}
		f.stack = append(f.stack, frame)
		f.at++
		f.blanks()
		if f.peek() == c+2 { // ']' is '[' + 2, and so for braces
			f.close()
			return nil
		}
		return f.member()
	case '"':
		return f.stringValue(leaf)
	case 't':
		return f.literal("true", leaf)
	case 'f':
		return f.literal("false", leaf)
	case 'n':
		return f.word("null")
	}
	return f.number(leaf)
}

// step goes on after a value: to the next member, or out of the object or array.
func (f *jsonFunc) step() error {
	f.blanks()
	frame := &f.stack[len(f.stack)-1]
	switch c := f.peek(); {
	case c == ',':
		f.at++
		f.blanks()
		return f.member()
	case c == '}' && frame.object, c == ']' && !frame.object:
		f.close()
		return nil
	}
	return errJSON
}

func (f *jsonFunc) close() {
	f.at++
	frame := f.stack[len(f.stack)-1]
	f.stack = f.stack[:len(f.stack)-1]
	if frame.drop > 0 {
		f.dst, f.from = append(f.dst[:frame.drop-1], frame.leaf.constant...), f.at
	}
}

// member reads an item, or a key and its value.
func (f *jsonFunc) member() error {
	frame := &f.stack[len(f.stack)-1]
	node, leaf := frame.node, frame.leaf // the stack may move
	if !frame.object {
		var next *pathNode
		if node != nil {
			next = node.anyItem
		}
		return f.value(next, leaf)
	}
	if f.peek() != '"' {
		return errJSON
	}
	next, err := f.key(node)
	if err != nil {
		return err
	}
	if f.blanks(); f.peek() != ':' {
		return errJSON
	}
	f.at++
	f.blanks()
	return f.value(next, leaf)
}

// key copies a key and finds where it leads.
func (f *jsonFunc) key(node *pathNode) (*pathNode, error) {
	end, plain, err := f.stringEnd()
	if err != nil {
		return nil, err
	}
	name := f.src[f.at+1 : end-1]
	if node != nil && !plain {
		f.text = unquote(f.text[:0], name)
		name = f.text
	}
	f.at = end
	if node == nil {
		return nil, nil
	}
	return node.below(name), nil
}

func (f *jsonFunc) stringValue(leaf *jsonLeaf) error {
	end, plain, err := f.stringEnd()
	if err != nil {
		return err
	}
	if leaf.keep {
		f.at = end
		return nil
	}
	raw := f.src[f.at+1 : end-1]
	f.replace(end)
	switch {
	case !plain:
		f.text = unquote(slices.Grow(f.text[:0], len(raw)), raw)
		raw = f.text
	}
	if leaf.constant != nil {
		f.show(leaf, raw, leaf.constant)
		f.dst = append(f.dst, leaf.constant...)
		return nil
	}
	f.dst = append(f.dst, '"')
	start := len(f.dst)
	if f.dst, err = f.leaves[leaf.number].text.Append(f.dst, raw); err != nil {
		return err
	}
	f.show(leaf, raw, f.dst[start:])
	if needsQuote(f.dst[start:]) {
		f.masked = append(f.masked[:0], f.dst[start:]...)
		f.dst = quote(f.dst[:start], f.masked)
	}
	f.dst = append(f.dst, '"')
	return nil
}

// literal copies true or false.
func (f *jsonFunc) literal(word string, leaf *jsonLeaf) error {
	if leaf.constant == nil {
		return f.word(word)
	}
	f.flush()
	if err := f.word(word); err != nil {
		return err
	}
	f.from = f.at
	f.dst = append(f.dst, leaf.constant...)
	return nil
}

func (f *jsonFunc) word(word string) error {
	if len(f.src)-f.at < len(word) || string(f.src[f.at:f.at+len(word)]) != word {
		return errJSON
	}
	f.at += len(word)
	return nil
}

// number masks a number: an integer as int_permute does, any other digit by digit up to the exponent.
func (f *jsonFunc) number(leaf *jsonLeaf) error {
	size, mantissa := numberSize(f.src[f.at:])
	if size == 0 {
		return errJSON
	}
	raw := f.src[f.at : f.at+size]
	if leaf.keep {
		f.at += size
		return nil
	}
	f.replace(f.at + size)
	fn, start, err := &f.leaves[leaf.number], len(f.dst), error(nil)
	switch {
	case leaf.constant != nil:
		f.dst = append(f.dst, leaf.constant...)
	case fn.whole != nil:
		f.dst, err = fn.whole.Append(f.dst, raw)
	case leaf.phone && digitRun(raw) == len(raw):
		f.dst, err = fn.text.Append(f.dst, raw)
	default:
		f.digits = appendDigits(f.digits[:0], raw[:mantissa])
		fn.digit.permuteLead(f.digits)
		f.dst = replaceDigits(f.dst, raw[:mantissa], f.digits)
		f.dst = append(f.dst, raw[mantissa:]...)
	}
	if err == nil {
		f.show(leaf, raw, f.dst[start:])
	}
	return err
}

// show tells who watches of a part.
func (f *jsonFunc) show(leaf *jsonLeaf, was, is []byte) {
	if f.saw != nil {
		f.saw(leaf.mask, was, is)
	}
}

// ShowParts implements [Parts].
func (f *jsonFunc) ShowParts(saw func(mask string, was, is []byte)) { f.saw = saw }

// peek gives the next byte, 0 at the end.
func (f *jsonFunc) peek() byte {
	if f.at < len(f.src) {
		return f.src[f.at]
	}
	return 0
}

// flush copies what the reader has passed and nothing has replaced.
func (f *jsonFunc) flush() {
	f.dst = append(f.dst, f.src[f.from:f.at]...)
	f.from = f.at
}

// replace passes over the source up to end; the caller appends what stands for it.
func (f *jsonFunc) replace(end int) {
	f.flush()
	f.at, f.from = end, end
}

func (f *jsonFunc) blanks() {
	for f.at < len(f.src) {
		switch f.src[f.at] {
		case ' ', '\t', '\n', '\r':
			f.at++
		default:
			return
		}
	}
}

// stringEnd gives where the string at the reader ends, after its quote, and whether it has no escapes.
func (f *jsonFunc) stringEnd() (end int, plain bool, err error) {
	plain = true
	for i := f.at + 1; i < len(f.src); i++ {
		if i += plainRun(f.src[i:]); i == len(f.src) {
			break
		}
		switch c := f.src[i]; {
		case c == '"':
			return i + 1, plain, nil
		case c < ' ':
			return 0, false, errJSON
		case c == '\\':
			plain = false
			if i++; i == len(f.src) || !isEscape(f.src[i:]) {
				return 0, false, errJSON
			}
		}
	}
	return 0, false, errJSON
}

// plainRun gives how many bytes from the beginning of b on are no quote, no backslash and no control character, looking at eight at a time;
// it may stop early.
func plainRun(b []byte) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; len(b)-n >= 8; n += 8 {
		x := binary.LittleEndian.Uint64(b[n:])
		quote, slash := x^'"'*ones, x^'\\'*ones
		// A byte is nought, or below a blank, where subtracting borrows into its top bit (Bit Twiddling Hacks, "haszero" and "hasless").
		found := (quote-ones)&^quote | (slash-ones)&^slash | (x-' '*ones)&^x
		if found &= tops; found != 0 {
			return n + bits.TrailingZeros64(found)/8
		}
	}
	return n
}
