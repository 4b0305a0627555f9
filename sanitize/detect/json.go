package detect

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

const (
	maxJSONDepth = 12
	maxJSONPaths = 100
)

// plainKey are the keys that a guess may name. Others could be data themselves, and are left to the default.
var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,62}$`)

// classifyJSON proposes to mask every scalar by its shape, and those that look like something known by what they are.
func classifyJSON(c Column, values []string) Guess {
	leaves := make(map[string]*jsonLeaf)
	read := 0
	for _, v := range values {
		if doc, ok := beginning(v); ok {
			read++
			collect(leaves, doc, "$", jsonLeaf{name: c.Name, parent: c.Table, plain: true}, 0)
		}
	}
	if n := countKeys(leaves); n > 0 {
		return Guess{
			Rules: []string{`{mask: constant, value: "{}"}`, "null", "keep"}, Doubtful: true,
			Evidence: fmt.Sprintf("keys hold contact data (%d paths), and keys are not masked", n),
		}
	}
	var paths []string
	for _, path := range slices.Sorted(maps.Keys(leaves)) {
		if rule := leaves[path].rule(); rule != "" && len(paths) < maxJSONPaths {
			paths = append(paths, fmt.Sprintf("%q: %s", path, rule))
		}
	}
	g := Guess{Class: "document", Rules: []string{"{mask: json, default: shape}", "null", "keep"}, Evidence: "type " + c.BaseType}
	if len(paths) > 0 {
		g.Rules[0] = "{mask: json, default: shape, paths: {" + strings.Join(paths, ", ") + "}}"
		g.Evidence = fmt.Sprintf("known kinds of data under %d of the paths in %d samples", len(paths), read)
	}
	return g
}

// beginning reads a document that may be cut off: what is there until then.
func beginning(text string) (any, bool) {
	var doc any
	if json.Unmarshal([]byte(text), &doc) == nil {
		return doc, true
	}
	d := json.NewDecoder(strings.NewReader(text))
	doc = readPart(d, 0)
	return doc, doc != nil
}

// readPart reads the next value, or as much of it as there is; nil when there is nothing.
func readPart(d *json.Decoder, depth int) any {
	token, err := d.Token()
	if err != nil || depth > 2*maxJSONDepth {
		return nil
	}
	switch token {
	case json.Delim('{'):
		m := make(map[string]any)
		for d.More() {
			key, err := d.Token()
			name, ok := key.(string)
			if err != nil || !ok {
				return m
			}
			value := readPart(d, depth+1)
			if value == nil {
				return m
			}
			m[name] = value
		}
		_, _ = d.Token()
		return m
	case json.Delim('['):
		list := []any{}
		for d.More() {
			value := readPart(d, depth+1)
			if value == nil {
				return list
			}
			list = append(list, value)
		}
		_, _ = d.Token()
		return list
	case nil:
		return json.Number("") // null, which is a value that is read
	}
	return token
}

// jsonLeaf gathers what is known of the strings at one path.
type jsonLeaf struct {
	name     string // the nearest key above, or the column
	parent   string // the key above that, or the column or table
	plain    bool   // every key above may be named
	personal bool   // a key above is one of contact data itself
	values   []string
}

// rule is the mask for the leaf, or "" when the default will do.
func (l *jsonLeaf) rule() string {
	if !l.plain {
		return ""
	}
	class, _ := classOfValues(l.values)
	if class == "" || class == classFree || class == classUUID {
		if class = l.classOfKeys(); class == "" {
			class, _ = classOfPeople(l.values)
		}
	}
	if rule := textRules(class)[0]; class != "" && rule != "shape" {
		return rule
	}
	return ""
}

// classOfKeys tells the class by the last key, or by the last two as in {"name": {"first": ...}}; "" when it is harmless.
func (l *jsonLeaf) classOfKeys() string {
	class := classOfName(l.parent, l.name)
	if class == "" || class == classHarmless {
		class = classOfName("", l.name+"_"+l.parent)
	}
	if class == classHarmless {
		return ""
	}
	return class
}

func countKeys(leaves map[string]*jsonLeaf) int {
	n := 0
	for _, l := range leaves {
		if l.personal {
			n++
		}
	}
	return n
}

// collect walks a document and files its strings under their paths.
func collect(leaves map[string]*jsonLeaf, doc any, path string, at jsonLeaf, depth int) {
	if depth > maxJSONDepth || len(leaves) > 10*maxJSONPaths {
		return
	}
	switch doc := doc.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(doc)) {
			below := jsonLeaf{name: key, parent: at.name, plain: at.plain && plainKey.MatchString(key), personal: at.personal || countEmbedded([]string{key}) > 0}
			collect(leaves, doc[key], path+step(key), below, depth+1)
		}
	case []any:
		for _, value := range doc {
			collect(leaves, value, path+"[*]", at, depth+1)
		}
	default:
		leaf := leaves[path]
		if leaf == nil {
			leaf = &at
			leaves[path] = leaf
		}
		if s, ok := doc.(string); ok {
			leaf.values = append(leaf.values, s)
		}
	}
}

// step is the path's step to a key: .key, or ["key"] when the key is not a word.
func step(key string) string {
	if plainKey.MatchString(key) && !strings.Contains(key, "-") {
		return "." + key
	}
	quoted, _ := json.Marshal(key) // a string always marshals
	return "[" + string(quoted) + "]"
}
