package mask

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// pathNode is a place in JSON documents that paths lead to or through.
type pathNode struct {
	keys    map[string]*pathNode
	few     []namedNode // the same, where they are so few that looking at each is faster
	anyKey  *pathNode
	anyItem *pathNode
	leaf    *jsonLeaf // nil where no path ends
}

type namedNode struct {
	name string
	node *pathNode
}

const fewKeys = 6

// below is where a key leads, nil when no path goes there.
func (n *pathNode) below(key []byte) *pathNode {
	if n.few != nil {
		for i := range n.few {
			if n.few[i].name == string(key) {
				return n.few[i].node
			}
		}
		return n.anyKey
	}
	if next := n.keys[string(key)]; next != nil {
		return next
	}
	return n.anyKey
}

// pathStep is one step of a path: a key, any key, or any item of an array.
type pathStep struct {
	key    string
	anyKey bool
	item   bool
}

// parsePath reads $, .key, ["key"], ['key'], .* and [*]. It tells what is wrong as a text to follow the path.
func parsePath(path string) (steps []pathStep, problem string) {
	rest, ok := strings.CutPrefix(path, "$")
	if !ok {
		return nil, "must begin with $"
	}
	for rest != "" {
		var step pathStep
		switch {
		case strings.HasPrefix(rest, "[*]"):
			step, rest = pathStep{item: true}, rest[3:]
		case strings.HasPrefix(rest, ".*"):
			step, rest = pathStep{anyKey: true}, rest[2:]
		case strings.HasPrefix(rest, ".."):
			return nil, "must name every step: .. is not supported"
		case strings.HasPrefix(rest, `["`), strings.HasPrefix(rest, `['`):
			step.key, rest, problem = quotedKey(rest)
		case rest[0] == '[':
			return nil, `may have [*], ["key"] and no other brackets`
		case rest[0] == '.':
			step.key, rest, problem = plainKey(rest[1:])
		default:
			return nil, "must go on with . or [ after a step"
		}
		if problem != "" {
			return nil, problem
		}
		steps = append(steps, step)
	}
	return steps, ""
}

// quotedKey reads ["key"] or ['key'], in which \ takes the next character as it is.
func quotedKey(s string) (key, rest, problem string) {
	var b strings.Builder
	for i := 2; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == s[1]:
			if i+1 == len(s) || s[i+1] != ']' {
				return "", "", "lacks ] after a quoted key"
			}
			return b.String(), s[i+2:], ""
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", "has a quoted key without an end"
}

func plainKey(s string) (key, rest, problem string) {
	end := strings.IndexAny(s, ".[")
	if end < 0 {
		end = len(s)
	}
	if end == 0 {
		return "", "", "has an empty step"
	}
	if !utf8.ValidString(s) || strings.ContainsAny(s[:end], "*\"'] ") {
		return "", "", "has a key that must be written " + `["` + s[:end] + `"]`
	}
	return s[:end], s[end:], ""
}

// add puts a leaf at the end of steps; false when another is there.
func (n *pathNode) add(steps []pathStep, leaf *jsonLeaf) bool {
	for _, s := range steps {
		next := n.keys[s.key]
		switch {
		case s.item:
			next = n.anyItem
		case s.anyKey:
			next = n.anyKey
		}
		if next == nil {
			next = &pathNode{}
			n.attach(s, next)
		}
		n = next
	}
	if n.leaf != nil {
		return false
	}
	n.leaf = leaf
	return true
}

func (n *pathNode) attach(s pathStep, next *pathNode) {
	switch {
	case s.item:
		n.anyItem = next
	case s.anyKey:
		n.anyKey = next
	default:
		if n.keys == nil {
			n.keys = map[string]*pathNode{}
		}
		n.keys[s.key] = next
	}
}

// settle copies what holds below any key to below each named key, where the name's own paths come first, so that a reader of
// documents follows one node at a time.
func (n *pathNode) settle() *pathNode {
	if n == nil {
		return nil
	}
	m := &pathNode{leaf: n.leaf, anyKey: n.anyKey.settle(), anyItem: n.anyItem.settle()}
	for key, child := range n.keys {
		m.attach(pathStep{key: key}, merge(child, n.anyKey).settle())
	}
	if len(m.keys) <= fewKeys {
		m.few = []namedNode{}
		for _, key := range slices.Sorted(maps.Keys(m.keys)) {
			m.few = append(m.few, namedNode{key, m.keys[key]})
		}
	}
	return m
}

// merge gives the paths of both; a takes precedence where both end.
func merge(a, b *pathNode) *pathNode {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	m := &pathNode{leaf: a.leaf, keys: maps.Clone(a.keys), anyKey: merge(a.anyKey, b.anyKey), anyItem: merge(a.anyItem, b.anyItem)}
	if m.leaf == nil {
		m.leaf = b.leaf
	}
	for key, child := range b.keys {
		m.attach(pathStep{key: key}, merge(m.keys[key], child))
	}
	return m
}

// pathParam is how an error of a path's rule names the parameter.
func pathParam(path, inner string) string {
	name := "paths[" + strconv.Quote(path) + "]"
	if inner != "" {
		name += "." + inner
	}
	return name
}
