package mask

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/template"
	"unicode/utf8"
)

// templateFamily: text put together from masked values.
func templateFamily() family {
	return family{
		Info: Info{
			Name: "template", Summary: "a text put together from masked values of the row, by a Go template", Types: []string{"any"},
			Params: []ParamInfo{{
				Name: "template", Type: "string", Row: true,
				Meaning: `a text/template over the row's raw values: {{masked "email"}} is what the column's own mask makes of it, {{mask "last_name" .family_name}} and {{hash .email 8}} mask a value, upper, lower, trim, left, right, replace, print and printf shape it; required`,
			}},
			Guarantees: []string{
				"only values that went through masked, mask or hash are printed, and columns that are kept themselves; a template that would print others is refused",
				"conditions may look at those, and at whether any other value is there (neither NULL nor empty)",
				"NULL stays NULL, NULLs in other columns are empty texts; distinct values may become equal",
				"a result that is too long for the column, or no value of an integer, number, boolean, date, uuid or enum column, ends the copy",
			},
			AtLeast: KeepsNulls, AtBest: KeepsNulls,
		},
		compile: compileTemplate,
	}
}

func compileTemplate(c *compiler) (*Mask, error) {
	text := c.params.text("template", "")
	switch {
	case c.params.failed != nil:
		return nil, c.params.err()
	case text == "":
		return nil, &ParamError{Param: "template", Text: "is missing"}
	case c.target.Row == nil:
		return nil, &ParamError{Param: "template", Text: "reads a row, and there is none here; only the rule of a whole column can have it"}
	}
	parsed, err := template.New("").Funcs(unbound()).Parse(text)
	if err != nil {
		return nil, &ParamError{Param: "template", Text: "cannot be read: " + strings.TrimPrefix(err.Error(), "template: :")}
	}
	if parsed.Tree == nil || len(parsed.Templates()) > 1 {
		return nil, &ParamError{Param: "template", Text: "defines other templates, which it cannot have"}
	}
	k := &templateChecker{compiler: c, masks: map[string]*Mask{}, own: map[string]ownColumn{}}
	if err := k.list(parsed.Root); err != nil {
		return nil, &ParamError{Param: "template", Text: err.Error()}
	}
	m := &Mask{Keeps: KeepsNulls, Needs: k.needed.names}
	newTemplate := func() *templateFunc { return newTemplateFunc(parsed, k) }
	if len(m.Needs) == 0 {
		m.New = func() Func { return newTemplate() }
		return m, nil
	}
	m.NewRow = func() RowFunc { return rowTemplate{newTemplate()} }
	return m, nil
}

// helpers are the functions of a template that leave a value what it was: raw or not.
func helpers() template.FuncMap {
	return template.FuncMap{
		"upper": strings.ToUpper, "lower": strings.ToLower, "trim": strings.TrimSpace,
		"left":    func(n int, s string) string { return firstRunes(s, max(n, 0)) },
		"right":   func(n int, s string) string { return lastRunes(s, max(n, 0)) },
		"replace": func(old, text, s string) string { return strings.ReplaceAll(s, old, text) },
	}
}

// builtin are those of text/template's own functions that are let through.
var builtin = []string{"print", "printf", "len", "eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not"}

func lastRunes(s string, n int) string {
	return s[len(firstRunes(s, max(utf8.RuneCountInString(s)-n, 0))):]
}

// unbound are all functions of a template by name, to read it with.
func unbound() template.FuncMap {
	all := helpers()
	for _, name := range []string{"mask", "masked", "hash", "value"} {
		all[name] = func(...any) (string, error) { return "", errors.New("is not bound") }
	}
	return all
}

// templateFunc fills a template, for one goroutine.
type templateFunc struct {
	checked *templateChecker
	parsed  *template.Template
	data    map[string]string
	out     bytes.Buffer
	scratch []byte
	others  [][]byte
}

func newTemplateFunc(parsed *template.Template, k *templateChecker) *templateFunc {
	f := &templateFunc{checked: k, data: map[string]string{}}
	funcs, own := map[string]Func{}, map[string]*ownMask{}
	for name, m := range k.masks {
		funcs[name] = m.New()
	}
	for name, column := range k.own {
		own[name] = newOwnMask(column)
	}
	apply := func(fn Func, value string) (string, error) {
		if value == "" { // or NULL
			return "", nil
		}
		var err error
		f.scratch, err = fn.Append(f.scratch[:0], []byte(value))
		return string(f.scratch), err
	}
	clone := template.Must(parsed.Clone())
	f.parsed = clone.Funcs(template.FuncMap{
		"mask":  func(name, value string) (string, error) { return apply(funcs[name], value) },
		"hash":  func(name, value string, _ ...int) (string, error) { return apply(funcs[name], value) },
		"value": func(name string) string { return f.data[name] },
		"masked": func(name string) (string, error) {
			m := own[name]
			if f.others[m.column.value] == nil {
				return "", nil
			}
			m.done = false
			if err := m.apply(f.others); err != nil || m.null {
				return "", err
			}
			return string(m.result), nil
		},
	})
	return f
}

// rowTemplate is a template that reads other columns.
type rowTemplate struct{ *templateFunc }

func (f rowTemplate) Append(dst, src []byte, others [][]byte) ([]byte, error) {
	f.others = others
	for i, name := range f.checked.needed.names {
		f.data[name] = string(others[i])
	}
	return f.fill(dst, src)
}

// Append fills a template that reads no other column.
func (f *templateFunc) Append(dst, src []byte) ([]byte, error) { return f.fill(dst, src) }

func (f *templateFunc) fill(dst, src []byte) ([]byte, error) {
	f.data[f.checked.name] = string(src)
	f.out.Reset()
	if err := f.parsed.Execute(&f.out, f.data); err != nil {
		var inner *ValueError
		if errors.As(err, &inner) {
			return dst, &ValueError{Mask: "template", Reason: inner.Reason}
		}
		return dst, &ValueError{Mask: "template", Reason: "made the template fail"}
	}
	if reason := unfit(f.out.String(), f.checked.target); reason != "" {
		return dst, &ValueError{Mask: "template", Reason: "has a result that " + reason}
	}
	return append(dst, f.out.Bytes()...), nil
}

// refuse is an error with its line in the template.
func refuse(line int, format string, args ...any) error {
	if line > 1 {
		format = "in line " + strconv.Itoa(line) + ": " + format
	}
	return fmt.Errorf("is refused: "+format, args...)
}
