package sanitize

import (
	"slices"

	yaml "go.yaml.in/yaml/v4"
)

// LargeObjects says what becomes of large objects, which belong to no column.
type LargeObjects string

// What becomes of large objects.
const (
	NoLargeObjects    LargeObjects = "none"  // left out, which is told; the default
	BlankLargeObjects LargeObjects = "blank" // each under its OID and in its size, all zeros: the content is never read
	KeepLargeObjects  LargeObjects = "keep"  // as they are
)

// largeObjects reads the rule at the top of a file.
func (p *parser) largeObjects(n *yaml.Node) LargeObjects {
	if rule := LargeObjects(n.Value); n.Kind == yaml.ScalarNode && slices.Contains([]LargeObjects{NoLargeObjects, BlankLargeObjects, KeepLargeObjects}, rule) {
		return rule
	}
	p.add(place(n), "large_objects is one of none, blank, keep")
	return NoLargeObjects
}

// LargeObjects is what becomes of large objects; none without a plan.
func (p *Plan) LargeObjects() LargeObjects {
	if p == nil {
		return NoLargeObjects
	}
	return p.largeObjects
}
