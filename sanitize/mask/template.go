package mask

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/template/parse"
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
	trees, err := parse.Parse("", text, "", "", templateNames())
	if err != nil {
		return nil, &ParamError{Param: "template", Text: "cannot be read: " + strings.TrimPrefix(err.Error(), "template: :")}
	}
	if trees[""] == nil || len(trees) > 1 {
		return nil, &ParamError{Param: "template", Text: "defines other templates, which it cannot have"}
	}
	k := &templateCompiler{compiler: c, ownPlaces: map[string]int{}}
	steps, err := k.list(trees[""].Root)
	if err != nil {
		return nil, &ParamError{Param: "template", Text: err.Error()}
	}
	m := &Mask{Keeps: KeepsNulls, Needs: k.needed.names}
	if len(m.Needs) == 0 {
		m.New = func() Func { return k.instance(steps) }
		return m, nil
	}
	m.NewRow = func() RowFunc { return rowTemplate{k.instance(steps)} }
	return m, nil
}

// templateFunc fills a template, for one goroutine. It allocates nothing once its slots have grown.
type templateFunc struct {
	target Target
	steps  []step
	masks  []Func
	own    []*ownMask
	slots  [][]byte // what calls make, each in one of its own
	args   [][]value
	src    []byte
	others [][]byte
	out    []byte
}

// instance makes what a template needs for one goroutine.
func (k *templateCompiler) instance(steps []step) *templateFunc {
	f := &templateFunc{target: k.target, steps: steps, slots: make([][]byte, len(k.slots))}
	for _, n := range k.slots {
		f.args = append(f.args, make([]value, n))
	}
	for _, m := range k.masks {
		f.masks = append(f.masks, m.New())
	}
	for _, o := range k.own {
		f.own = append(f.own, newOwnMask(o))
	}
	return f
}

// rowTemplate is a template that reads other columns.
type rowTemplate struct{ *templateFunc }

func (f rowTemplate) Append(dst, src []byte, others [][]byte) ([]byte, error) {
	f.others = others
	return f.templateFunc.Append(dst, src)
}

// Append fills a template that reads no other column.
func (f *templateFunc) Append(dst, src []byte) ([]byte, error) {
	f.src, f.out = src, f.out[:0]
	for _, m := range f.own {
		m.done = false
	}
	if err := f.run(f.steps); err != nil {
		var inner *ValueError
		if errors.As(err, &inner) {
			return dst, &ValueError{Mask: "template", Reason: inner.Reason}
		}
		return dst, &ValueError{Mask: "template", Reason: "made the template fail"}
	}
	if reason := unfit(f.out, f.target); reason != "" {
		return dst, &ValueError{Mask: "template", Reason: "has a result that " + reason}
	}
	return append(dst, f.out...), nil
}

// step is a part of a template: a text, a value to print, or a condition with what follows in either case.
type step struct {
	text      []byte
	print     *expr
	condition *expr
	then      []step
	otherwise []step
}

func (f *templateFunc) run(steps []step) error {
	for i := range steps {
		s := &steps[i]
		f.out = append(f.out, s.text...)
		if s.print != nil {
			v, err := s.print.eval(f)
			if err != nil {
				return err
			}
			f.out = v.append(f.out)
		}
		if s.condition == nil {
			continue
		}
		v, err := s.condition.eval(f)
		if err != nil {
			return err
		}
		branch := s.otherwise
		if v.true() {
			branch = s.then
		}
		if err := f.run(branch); err != nil {
			return err
		}
	}
	return nil
}

// refuse is an error with its line in the template.
func refuse(line int, format string, args ...any) error {
	if line > 1 {
		format = "in line " + strconv.Itoa(line) + ": " + format
	}
	return fmt.Errorf("is refused: "+format, args...)
}
