package mask

import (
	"fmt"
	"slices"
	"strings"
)

// params reads a rule's parameters. The first mistake is kept until err is asked, so that a compiler reads on without checks.
type params struct {
	known  []string
	values map[string]any
	failed *ParamError
}

func newParams(known []ParamInfo, values map[string]any) *params {
	p := &params{values: values}
	for _, k := range known {
		p.known = append(p.known, k.Name)
	}
	var unknown []string
	for name := range values {
		if !slices.Contains(p.known, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		p.fail(unknown[0], "is unknown; %s", p.knownText())
	}
	return p
}

func (p *params) knownText() string {
	if len(p.known) == 0 {
		return "the mask takes no parameters"
	}
	return "known are " + strings.Join(p.known, ", ")
}

// fail records a mistake; the first one stays.
func (p *params) fail(name, format string, args ...any) {
	if p.failed == nil {
		p.failed = &ParamError{Param: name, Text: fmt.Sprintf(format, args...)}
	}
}

func (p *params) err() error {
	if p.failed == nil {
		return nil
	}
	return p.failed
}

// has tells whether the rule gives the parameter.
func (p *params) has(name string) bool {
	_, ok := p.values[name]
	return ok
}

// integer gives a parameter between least and most, or def without it.
func (p *params) integer(name string, def, least, most int64) int64 {
	v, ok := p.values[name]
	if !ok {
		return def
	}
	n, ok := v.(int64)
	if i, isInt := v.(int); isInt {
		n, ok = int64(i), true
	}
	if !ok {
		p.fail(name, "must be an integer")
		return def
	}
	if n < least || n > most {
		p.fail(name, "must be from %d to %d", least, most)
		return def
	}
	return n
}

// boolean gives a parameter that is true or false, or def without it.
func (p *params) boolean(name string, def bool) bool {
	v, ok := p.values[name]
	if !ok {
		return def
	}
	b, ok := v.(bool)
	if !ok {
		p.fail(name, "must be true or false")
	}
	return b
}

// text gives a parameter that is a string, or def without it.
func (p *params) text(name, def string) string {
	v, ok := p.values[name]
	if !ok {
		return def
	}
	s, ok := v.(string)
	if !ok {
		p.fail(name, "must be a text")
	}
	return s
}

// number gives a parameter that is a number above least and up to most, or def without it.
func (p *params) number(name string, def, least, most float64) float64 {
	v, ok := p.values[name]
	if !ok {
		return def
	}
	var x float64
	switch v := v.(type) {
	case float64:
		x = v
	case int64:
		x = float64(v)
	case int:
		x = float64(v)
	default:
		p.fail(name, "must be a number")
		return def
	}
	if !(x > least && x <= most) {
		p.fail(name, "must be more than %v and at most %v", least, most)
		return def
	}
	return x
}

// rule gives a parameter that is a rule and must be there.
func (p *params) rule(name string) (Rule, bool) {
	r, ok := p.values[name].(Rule)
	switch {
	case !p.has(name):
		p.fail(name, "is missing: it is a rule")
	case !ok:
		p.fail(name, "must be a rule")
	}
	return r, ok
}

// choice gives a parameter that is one of the options, the first without it.
func (p *params) choice(name string, options ...string) string {
	s := p.text(name, options[0])
	if !slices.Contains(options, s) {
		p.fail(name, "must be one of %s", strings.Join(options, ", "))
		return options[0]
	}
	return s
}
