package sanitize

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"github.com/rehearse-db/rehearse/sanitize/mask"
)

// declareClasses takes note of the classes; each is read when something uses it.
func (p *parser) declareClasses(n *yaml.Node) {
	entries, _ := p.optionalMapping(n, "classes")
	for _, e := range entries {
		if slices.Contains(p.maskNames(), e.key) {
			p.add(e.at, "class %q has the name of a mask", e.key)
			continue
		}
		p.classes[e.key] = &class{node: e.value}
	}
}

// class reads a class, once. It returns nil when there is none of that name or it is broken; the latter is told only once.
func (p *parser) class(name string) *rule {
	c := p.classes[name]
	if c == nil || c.done {
		if c == nil {
			return nil
		}
		return c.rule
	}
	if c.reading {
		p.add(place(c.node), "class %q is made of itself", name)
		return nil
	}
	c.reading = true
	c.rule = p.rule(c.node, fmt.Sprintf("class %q", name))
	c.reading, c.done = false, true
	return c.rule
}

// rule reads the name of a mask or class, or a mapping with mask: and parameters. It returns nil after an issue.
func (p *parser) rule(n *yaml.Node, what string) *rule {
	switch {
	case !p.allowed(n):
		return nil
	case n.Kind == yaml.ScalarNode:
		return p.named(n, what)
	case n.Kind == yaml.MappingNode:
		return p.detailed(n, what)
	}
	p.add(place(n), "the rule of %s must be a mask, a class, or a mapping with mask: in it, not %s", what, kindName(n))
	return nil
}

// named resolves the name of a mask or a class. The null mask may be written as YAML writes null.
func (p *parser) named(n *yaml.Node, what string) *rule {
	name := n.Value
	if n.Tag == "!!null" && name != "null" {
		p.add(place(n), "%s has no mask; write keep to copy it as it is", what)
		return nil
	}
	if _, ok := p.classes[name]; ok {
		c := p.class(name)
		if c == nil {
			return nil
		}
		return &rule{Rule: c.clone(), class: name, reason: c.reason, at: place(n), params: maps.Clone(c.params), checked: c.checked}
	}
	known := p.maskNames()
	if !slices.Contains(known, name) {
		p.add(place(n), "no mask or class is called %q%s", name, didYouMean(name, append(known, p.classNames()...)))
		return nil
	}
	return &rule{Rule: mask.Rule{Name: name, Params: map[string]any{}}, at: place(n), params: map[string]position{}}
}

func (r *rule) clone() mask.Rule {
	return mask.Rule{Name: r.Name, Domain: r.Domain, Params: maps.Clone(r.Params)}
}

// detailed reads a mapping: mask: names a mask or a class, domain: and reason: are for every mask, all else is the mask's.
func (p *parser) detailed(n *yaml.Node, what string) *rule {
	entries, _ := p.mapping(n, what)
	at := slices.IndexFunc(entries, func(e entry) bool { return e.key == "mask" })
	if at < 0 {
		keys := make([]string, len(entries))
		for i, e := range entries {
			keys[i] = e.key
		}
		hint := ""
		if near := closest("mask", keys); near != "" {
			hint = fmt.Sprintf("; is %q meant to be it?", near)
		}
		p.add(place(n), "the rule of %s lacks the key \"mask\"%s", what, hint)
		return nil
	}
	if entries[at].value.Kind != yaml.ScalarNode {
		p.add(place(entries[at].value), "mask: must be the name of a mask or class, not %s", kindName(entries[at].value))
		return nil
	}
	r := p.named(entries[at].value, what)
	if r == nil {
		return nil
	}
	before := len(p.issues)
	for _, e := range slices.Delete(slices.Clone(entries), at, at+1) {
		p.attribute(r, e, what)
	}
	r.at = place(n)
	if len(p.issues) > before {
		return nil
	}
	return r
}

// attribute reads one key of a detailed rule beside mask:.
func (p *parser) attribute(r *rule, e entry, what string) {
	switch e.key {
	case "domain":
		if e.value.Kind != yaml.ScalarNode || e.value.Value == "" {
			p.add(place(e.value), "domain must be a name")
		}
		r.Domain = e.value.Value
		return
	case "checked":
		if e.value.Kind != yaml.ScalarNode || e.value.Tag != "!!bool" || e.value.Decode(&r.checked) != nil {
			p.add(place(e.value), "checked must be true or false")
		}
		return
	case "reason":
		if e.value.Kind != yaml.ScalarNode || strings.TrimSpace(e.value.Value) == "" {
			p.add(place(e.value), "reason must be a text")
		}
		r.reason = e.value.Value
		return
	}
	info := p.param(r.Name, e.key)
	if info == nil {
		p.add(e.at, "mask %s has no parameter %q%s", r.Name, e.key, p.paramsHint(r.Name, e.key))
		return
	}
	r.params[e.key] = e.at
	switch info.Type {
	case "rule":
		if inner := p.rule(e.value, e.key+" of "+what); inner != nil {
			r.Params[e.key] = inner.Rule
			r.adopt(inner, e.key, e.at)
		}
	case "rules":
		r.Params[e.key] = p.rules(r, e, what)
	default:
		r.Params[e.key] = p.value(e.value)
	}
}

// rules reads a mapping of rules, such as the paths of a document.
func (p *parser) rules(r *rule, e entry, what string) map[string]mask.Rule {
	all := make(map[string]mask.Rule)
	entries, _ := p.optionalMapping(e.value, e.key+" of "+what)
	for _, inner := range entries {
		if read := p.rule(inner.value, inner.key+" of "+what); read != nil {
			all[inner.key] = read.Rule
			r.adopt(read, fmt.Sprintf("%s[%q]", e.key, inner.key), inner.at)
		}
	}
	return all
}

// adopt takes over the places of a rule inside a rule, under the name that errors will give them.
func (r *rule) adopt(inner *rule, name string, at position) {
	r.params[name] = at
	for param, place := range inner.params {
		r.params[name+"."+param] = place
	}
}

// placeOf finds the parameter that an error names, or the nearest thing around it.
func (r *rule) placeOf(param string) position {
	best, at := -1, r.at
	for name, place := range r.params {
		if strings.HasPrefix(param, name) && len(name) > best {
			best, at = len(name), place
		}
	}
	return at
}

func (p *parser) param(maskName, param string) *mask.ParamInfo {
	for _, m := range p.masks {
		if m.Name != maskName {
			continue
		}
		if i := slices.IndexFunc(m.Params, func(i mask.ParamInfo) bool { return i.Name == param }); i >= 0 {
			return &m.Params[i]
		}
	}
	return nil
}

func (p *parser) paramsHint(maskName, param string) string {
	known := []string{"domain", "reason", "checked"}
	for _, m := range p.masks {
		if m.Name == maskName {
			for _, i := range m.Params {
				known = append(known, i.Name)
			}
		}
	}
	if near := didYouMean(param, known); near != "" {
		return near
	}
	slices.Sort(known)
	return "; it has " + strings.Join(known, ", ")
}

// value turns a node into the Go value that masks expect. Numbers that would not survive, such as 007, stay text.
func (p *parser) value(n *yaml.Node) any {
	if !p.allowed(n) {
		return nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		m := make(map[string]any)
		entries, _ := p.mapping(n, "the value")
		for _, e := range entries {
			m[e.key] = p.value(e.value)
		}
		return m
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			list[i] = p.value(item)
		}
		return list
	}
	return p.scalar(n)
}

func (p *parser) scalar(n *yaml.Node) any {
	switch n.Tag {
	case "!!int":
		var i int64
		if n.Decode(&i) == nil && fmt.Sprint(i) == n.Value {
			return i
		}
	case "!!float":
		var f float64
		if n.Decode(&f) == nil {
			return f
		}
	case "!!bool":
		var b bool
		if n.Decode(&b) == nil {
			return b
		}
	case "!!null":
		p.add(place(n), "the value is missing; the null mask makes NULL, and an empty text is \"\"")
		return nil
	}
	return n.Value
}
