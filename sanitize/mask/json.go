package mask

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
)

// jsonFamily: masks for the values inside a JSON document.
func jsonFamily() family {
	return family{
		Info: Info{
			Name: "json", Summary: "masks for the values inside a document, by path", Types: []string{"json", "jsonb"},
			Params: []ParamInfo{
				{Name: "paths", Type: "rules", Meaning: `rules by path: $.a.b, $["odd key"], $.* for any key, $.a[*] for any item; a path to an object or array holds for all below it`},
				{Name: "default", Type: "rule", Meaning: "the rule for all values that no path names; required"},
			},
			Guarantees: []string{
				"white space, the order of keys and the kind of every value are kept, except where null or constant replace it",
				"keys are not masked",
				"strings are masked by their text; numbers by int_permute, whole ones by phone as texts are, else digit by digit as numbers of the same form; true, false and null are kept unless null or constant replace them",
				"distinct documents may become equal",
			},
			AtLeast: keepsSame | KeepsValidity, AtBest: keepsSame | KeepsValidity,
		},
		compile: compileJSON,
	}
}

// jsonLeaf is what becomes of values: kept, replaced by a constant, or masked.
type jsonLeaf struct {
	mask     string
	keep     bool
	constant []byte // JSON, nil without
	newText  func() Func
	newInt   func() Func // of numbers; nil: digit by digit
	phone    bool        // numbers without sign and fraction are telephone numbers, as texts are
	newDigit func() *digitCipher
	number   int // of the leaf, for its instance in a jsonFunc
}

func compileJSON(c *compiler) (*Mask, error) {
	def, ok := c.params.values["default"].(Rule)
	if !ok {
		text := "is missing: say what becomes of values that no path names, keep or shape for example"
		if c.params.has("default") {
			text = "must be a rule"
		}
		return nil, &ParamError{Param: "default", Text: text}
	}
	paths, ok := c.params.values["paths"].(map[string]Rule)
	if !ok && c.params.has("paths") {
		return nil, &ParamError{Param: "paths", Text: "must be rules by path"}
	}
	leaf, err := c.leaf(def, func(inner string) string { return strings.TrimSuffix("default."+inner, ".") })
	if err != nil {
		return nil, err
	}
	root, leaves := &pathNode{}, []*jsonLeaf{leaf}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		steps, problem := parsePath(path)
		if problem != "" {
			return nil, &ParamError{Param: pathParam(path, ""), Text: problem}
		}
		l, err := c.leaf(paths[path], func(inner string) string { return pathParam(path, inner) })
		if err != nil {
			return nil, err
		}
		l.number = len(leaves)
		if leaves = append(leaves, l); !root.add(steps, l) {
			return nil, &ParamError{Param: pathParam(path, ""), Text: "is there twice, spelled in two ways"}
		}
	}
	if root.leaf == nil {
		root.leaf = leaf
	}
	root = root.settle()
	return &Mask{Keeps: keepsSame | KeepsValidity, rest: leaf.keep, New: func() Func { return newJSONFunc(root, leaves) }}, nil
}

// leaf compiles the rule of a path.
func (c *compiler) leaf(r Rule, param func(inner string) string) (*jsonLeaf, error) {
	if r.Name == "constant" {
		text, err := json.Marshal(r.Params["value"])
		if err != nil || r.Params["value"] == nil {
			return nil, &ParamError{Param: param("value"), Text: "is missing or cannot be written as JSON"}
		}
		return &jsonLeaf{mask: r.Name, constant: text}, nil
	}
	target := Target{BaseType: "text", TypeKind: 'b'}
	switch r.Name {
	case "int_permute":
		target.BaseType = "int8"
	case "date_shift":
		target.BaseType = "timestamptz"
	case "json":
		return nil, &ParamError{Param: param(""), Text: "must not be json itself: write the longer paths"}
	}
	m, err := Compile(r, target, c.keys)
	var inner *ParamError
	if errors.As(err, &inner) {
		return nil, &ParamError{Param: param(inner.Param), Text: inner.Text}
	}
	if err != nil {
		return nil, err
	}
	l := &jsonLeaf{mask: r.Name, keep: m.keep, newText: m.New, phone: r.Name == "phone"}
	if m.null {
		l.constant = []byte("null")
	}
	if r.Name == "int_permute" {
		l.newInt = m.New
	} else {
		l.newDigit = newDigitCipher(c.keys, m.Domain, "json number")
	}
	return l, nil
}
