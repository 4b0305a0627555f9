package mask

import (
	"slices"
	"text/template/parse"
)

// slot gives a call a buffer of its own, and room for its arguments.
func (k *templateCompiler) slot(args int) int {
	k.slots = append(k.slots, args)
	return len(k.slots) - 1
}

// calling compiles a call whose result is as clean as all of its arguments.
func (k *templateCompiler) calling(result kind, fn call, args []*expr) *expr {
	slot, e := k.slot(len(args)), &expr{kind: result, clean: true}
	for _, a := range args {
		e.clean = e.clean && a.clean
	}
	e.eval = func(f *templateFunc) (v value, err error) {
		got := f.args[slot]
		for i, a := range args {
			if got[i], err = a.eval(f); err != nil {
				return v, err
			}
		}
		v, f.slots[slot] = fn(f.slots[slot][:0], got)
		return v, nil
	}
	return e
}

// callVariadic compiles the functions that take arguments of several kinds.
func (k *templateCompiler) callVariadic(c *parse.CommandNode, name string, args []*expr) (*expr, error) {
	switch {
	case name == "print":
		return k.calling(isText, printAll, args), nil
	case name == "printf":
		return k.callPrintf(c, args)
	case name == "not" && len(args) == 1:
		return k.calling(isBool, func(out []byte, v []value) (value, []byte) { return truth(!v[0].true()), out }, args), nil
	case (name == "and" || name == "or") && len(args) > 0:
		return callLogic(name == "or", args), nil
	case name == "not", name == "and", name == "or", len(args) < 2, len(args) > 2 && name != "eq":
		return nil, refuse(0, "%s has too few or too many arguments", c)
	}
	for _, a := range args[1:] {
		if a.kind != args[0].kind || a.kind == isEither {
			return nil, refuse(0, "%s compares a %s with a %s; what stands in quotes is a text, and so is every column", c, args[0].kind, a.kind)
		}
	}
	holds := map[string]func(order int) bool{
		"eq": func(o int) bool { return o == 0 }, "ne": func(o int) bool { return o != 0 }, "lt": func(o int) bool { return o < 0 },
		"le": func(o int) bool { return o <= 0 }, "gt": func(o int) bool { return o > 0 }, "ge": func(o int) bool { return o >= 0 },
	}[name]
	return k.calling(isBool, func(out []byte, v []value) (value, []byte) {
		return truth(slices.ContainsFunc(v[1:], func(other value) bool { return holds(v[0].compare(other)) })), out
	}, args), nil
}

// callLogic compiles and, and or: the first argument that decides, or the last one. Those behind it are not looked at.
func callLogic(until bool, args []*expr) *expr {
	e := &expr{kind: args[0].kind, clean: true}
	for _, a := range args {
		if e.clean = e.clean && a.clean; a.kind != e.kind {
			e.kind = isEither
		}
	}
	e.eval = func(f *templateFunc) (v value, err error) {
		for _, a := range args {
			if v, err = a.eval(f); err != nil || v.true() == until {
				break
			}
		}
		return v, err
	}
	return e
}

// callPrintf compiles a format that stands in the template.
func (k *templateCompiler) callPrintf(c *parse.CommandNode, args []*expr) (*expr, error) {
	if len(args) == 0 || args[0].fixed == nil || args[0].kind != isText {
		return nil, refuse(0, "%s wants a format in quotes first", c)
	}
	verbs, ok := parseFormat(string(args[0].fixed.text))
	if !ok {
		return nil, refuse(0, "%s has a verb other than %%s, %%d, %%v, %%x and %%X, with -, 0, a width and a precision", c)
	}
	n := 0
	for _, v := range verbs {
		if v.verb == 0 {
			continue
		}
		if n++; n >= len(args) {
			return nil, refuse(0, "%s has fewer values than verbs", c)
		}
		if !v.fits(args[n].kind) {
			return nil, refuse(0, "%s writes a %s with %%%c", c, args[n].kind, v.verb)
		}
	}
	if n != len(args)-1 {
		return nil, refuse(0, "%s has more values than verbs", c)
	}
	return k.calling(isText, func(out []byte, values []value) (value, []byte) {
		for _, v := range verbs {
			if out = append(out, v.text...); v.verb != 0 {
				out, values = v.append(out, values[0]), values[1:]
			}
		}
		return value{text: out}, out
	}, args[1:]), nil
}

// ofColumn reads masked "name" and value "name".
func (k *templateCompiler) ofColumn(c *parse.CommandNode, function string, piped bool) (*expr, error) {
	if len(c.Args) != 2 || piped || c.Args[1].Type() != parse.NodeString {
		return nil, refuse(0, `%s wants the name of a column: %s "name"`, c, function)
	}
	name := c.Args[1].(*parse.StringNode).Text
	e, err := k.column(name)
	if err != nil || function == "value" {
		return e, err
	}
	m, err := k.target.Row.Mask(name)
	if err != nil {
		return nil, refuse(0, "%s: %q %w", c, name, err)
	}
	own, known := k.ownPlaces[name]
	if !known {
		o := ownColumn{mask: m, value: k.needed.place(name)}
		for _, other := range m.Needs {
			o.needs = append(o.needs, k.needed.place(other))
		}
		own = len(k.own)
		k.own, k.ownPlaces[name] = append(k.own, o), own
	}
	return &expr{clean: true, eval: func(f *templateFunc) (value, error) {
		m := f.own[own]
		if f.others[m.column.value] == nil {
			return value{}, nil
		}
		if err := m.apply(f.others); err != nil || m.null {
			return value{}, err
		}
		return value{text: m.result}, nil
	}}, nil
}

// callMask reads mask "name" value.
func (k *templateCompiler) callMask(c *parse.CommandNode, piped *expr) (*expr, error) {
	want := 3
	if piped != nil {
		want = 2
	}
	if len(c.Args) != want || c.Args[1].Type() != parse.NodeString {
		return nil, refuse(0, `%s wants the name of a mask and a value: mask "last_name" .family_name`, c)
	}
	name, target, arg := c.Args[1].(*parse.StringNode).Text, Target{BaseType: "text", TypeKind: 'b'}, piped
	if piped == nil {
		var err error
		if arg, err = k.argument(c.Args[2]); err != nil {
			return nil, err
		}
		if f, ok := c.Args[2].(*parse.FieldNode); ok {
			target = k.typeOf(f.Ident[0], name)
		}
	}
	return k.use(c, Rule{Name: name}, target, arg)
}

// typeOf is the type of a column where the mask works on it; else values are taken as text.
func (k *templateCompiler) typeOf(column, mask string) Target {
	s, _ := k.target.Row.Column(column)
	if f, ok := find(mask); ok && f.allows(s.Target) {
		return Target{BaseType: s.BaseType, TypeKind: s.TypeKind}
	}
	return Target{BaseType: "text", TypeKind: 'b'}
}

// callHash reads hash value, and hash value length.
func (k *templateCompiler) callHash(c *parse.CommandNode, piped bool) (*expr, error) {
	if len(c.Args) < 2 || len(c.Args) > 3 || piped {
		return nil, refuse(0, "%s wants a value and perhaps a length: hash .email 8", c)
	}
	arg, err := k.argument(c.Args[1])
	if err != nil {
		return nil, err
	}
	rule := Rule{Name: "hash"}
	if len(c.Args) == 3 {
		n, ok := c.Args[2].(*parse.NumberNode)
		if !ok || !n.IsInt {
			return nil, refuse(0, "%s wants a length that is a number", c)
		}
		rule.Params = map[string]any{"length": n.Int64}
	}
	return k.use(c, rule, Target{BaseType: "text", TypeKind: 'b'}, arg)
}

// use compiles a mask that a template calls. What is not there, NULL or empty, stays so.
func (k *templateCompiler) use(c *parse.CommandNode, r Rule, target Target, arg *expr) (*expr, error) {
	if k.rule.Domain != "" {
		r.Domain = k.rule.Domain
	}
	m, err := Compile(r, target, k.keys)
	switch {
	case err != nil:
		return nil, refuse(0, "%s: %w", c, err)
	case m.Keep() || m.Null():
		return nil, refuse(0, "%s masks nothing", c)
	case arg.kind != isText:
		return nil, refuse(0, "%s masks a %s, which is no value of a column", c, arg.kind)
	}
	place, slot := len(k.masks), k.slot(0)
	k.masks = append(k.masks, m)
	return &expr{clean: true, eval: func(f *templateFunc) (value, error) {
		v, err := arg.eval(f)
		if err != nil || len(v.text) == 0 {
			return value{}, err
		}
		f.slots[slot], err = f.masks[place].Append(f.slots[slot][:0], v.text)
		return value{text: f.slots[slot]}, err
	}}, nil
}
