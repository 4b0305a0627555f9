package mask

import (
	"errors"
	"strings"
)

// appender is a Func made of one function, which holds its state.
type appender func(dst, src []byte) ([]byte, error)

// Append implements [Func].
func (f appender) Append(dst, src []byte) ([]byte, error) { return f(dst, src) }

// Field is a part of a composite type.
type Field struct {
	Name string
	Target
}

// inner compiles the rule of a part of a value: an element, a field. Errors name the parameter as param makes it of the part's own.
func (c *compiler) inner(r Rule, t Target, param func(inner string) string) (*Mask, error) {
	m, err := Compile(r, t, c.keys)
	var bad *ParamError
	if errors.As(err, &bad) {
		return nil, &ParamError{Param: param(bad.Param), Text: bad.Text}
	}
	if err != nil {
		return nil, &ParamError{Param: param(""), Text: "does not fit: " + err.Error()}
	}
	return m, nil
}

// ruleParam is how an error of a rule in a parameter names it.
func ruleParam(name string) func(inner string) string {
	return func(inner string) string { return strings.TrimSuffix(name+"."+inner, ".") }
}

// element is what is known of the elements of an array type.
func (t Target) element() Target {
	e := Target{BaseType: strings.TrimPrefix(t.BaseType, "_"), TypeKind: 'b', MaxLength: t.MaxLength, Labels: t.Labels, Fields: t.Fields}
	switch {
	case len(t.Labels) > 0:
		e.TypeKind = 'e'
	case len(t.Fields) > 0:
		e.TypeKind = 'c'
	}
	return e
}

// isArray, isEnum and isComposite see below domains.
func (t Target) isArray() bool { return strings.HasPrefix(t.BaseType, "_") }

func (t Target) isEnum() bool {
	return t.TypeKind == 'e' || t.TypeKind == 'd' && len(t.Labels) > 0 && !t.isArray()
}

func (t Target) isComposite() bool {
	return t.TypeKind == 'c' || len(t.Fields) > 0 && !t.isArray()
}

// isSpace tells the bytes that PostgreSQL's input functions take for blanks.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }
