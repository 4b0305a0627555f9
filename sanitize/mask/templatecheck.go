package mask

import (
	"errors"
	"slices"
	"text/template/parse"
)

// templateCompiler makes steps of a template, and reads it for what it would print: nothing raw. It knows few kinds of nodes and refuses all others.
type templateCompiler struct {
	*compiler
	needed    needs
	masks     []*Mask     // of mask and hash
	own       []ownColumn // of masked
	ownPlaces map[string]int
	slots     []int // how many arguments each call has
}

// expr is an expression of a template. Clean tells that it may be printed: it is masked, constant, or of a column that is kept.
type expr struct {
	kind  kind
	clean bool
	fixed *value // of a constant
	eval  func(f *templateFunc) (value, error)
}

func constantExpr(v value) *expr {
	return &expr{kind: v.kind, clean: true, fixed: &v, eval: func(*templateFunc) (value, error) { return v, nil }}
}

// templateNames are the functions of a template, for its parser.
func templateNames() map[string]any {
	all := map[string]any{}
	for name := range signatures() {
		all[name] = name
	}
	for _, name := range []string{"mask", "masked", "hash", "value", "html", "index", "slice", "js", "urlquery", "println", "call"} {
		all[name] = name // those that cannot be used are refused by name
	}
	for _, name := range variadic {
		all[name] = name
	}
	return all
}

// variadic are the functions whose arguments are of several kinds or numbers.
var variadic = []string{"print", "printf", "eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not"}

func (k *templateCompiler) list(l *parse.ListNode) (steps []step, err error) {
	if l == nil {
		return nil, nil
	}
	for _, node := range l.Nodes {
		s, err := k.node(node)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	return steps, nil
}

func (k *templateCompiler) node(n parse.Node) (s step, err error) {
	switch n := n.(type) {
	case *parse.TextNode:
		return step{text: n.Text}, nil
	case *parse.CommentNode:
		return step{}, nil
	case *parse.ActionNode:
		e, err := k.pipe(n.Pipe)
		if err == nil && !e.clean {
			err = refuse(n.Line, "%s would print a raw value; let it go through mask, masked or hash", n.Pipe)
		}
		return step{print: e}, err
	case *parse.IfNode:
		if s.condition, err = k.condition(n.Pipe); err != nil {
			return s, err
		}
		var first, second error
		s.then, first = k.list(n.List)
		s.otherwise, second = k.list(n.ElseList)
		return s, errors.Join(first, second)
	}
	return step{}, refuse(0, "%s is none of text, values, calls and if", n)
}

// condition lets conditions look at what may be printed, and at whether a value is there.
func (k *templateCompiler) condition(p *parse.PipeNode) (*expr, error) {
	if len(p.Decl) == 0 && len(p.Cmds) == 1 && len(p.Cmds[0].Args) == 1 {
		if f, ok := p.Cmds[0].Args[0].(*parse.FieldNode); ok {
			return k.field(f)
		}
	}
	e, err := k.pipe(p)
	if err == nil && !e.clean {
		err = refuse(p.Line, "the condition %s looks into a raw value; it can ask whether the value is there, or look at what mask, masked or hash make of it", p)
	}
	return e, err
}

func (k *templateCompiler) pipe(p *parse.PipeNode) (e *expr, err error) {
	if len(p.Decl) > 0 {
		return nil, refuse(p.Line, "%s: variables cannot be used", p)
	}
	for _, command := range p.Cmds {
		if e, err = k.command(command, e); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// command compiles one call, or one value. What is piped into it is its last argument; nil without.
func (k *templateCompiler) command(c *parse.CommandNode, piped *expr) (*expr, error) {
	name, isCall := c.Args[0].(*parse.IdentifierNode)
	if !isCall {
		if len(c.Args) > 1 || piped != nil {
			return nil, refuse(0, "%s calls what is no function", c)
		}
		return k.argument(c.Args[0])
	}
	switch name.Ident {
	case "masked", "value":
		return k.ofColumn(c, name.Ident, piped != nil)
	case "mask":
		return k.callMask(c, piped)
	case "hash":
		return k.callHash(c, piped != nil)
	}
	known, plain := signatures()[name.Ident]
	if !plain && !slices.Contains(variadic, name.Ident) {
		return nil, refuse(0, "function %s cannot be used", name.Ident)
	}
	var args []*expr
	for _, arg := range c.Args[1:] {
		e, err := k.argument(arg)
		if err != nil {
			return nil, err
		}
		args = append(args, e)
	}
	if piped != nil {
		args = append(args, piped)
	}
	if !plain {
		return k.callVariadic(c, name.Ident, args)
	}
	if len(args) != len(known.args) {
		return nil, refuse(0, "%s wants %d arguments, not %d", c, len(known.args), len(args))
	}
	for i, a := range args {
		if a.kind != known.args[i] {
			return nil, refuse(0, "%s wants a %s in place %d, not a %s", c, known.args[i], i+1, a.kind)
		}
	}
	return k.calling(known.kind, known.call, args), nil
}

func (k *templateCompiler) argument(n parse.Node) (*expr, error) {
	switch n := n.(type) {
	case *parse.StringNode:
		return constantExpr(value{text: []byte(n.Text)}), nil
	case *parse.BoolNode:
		return constantExpr(truth(n.True)), nil
	case *parse.NumberNode:
		if !n.IsInt {
			return nil, refuse(0, "%s is no whole number", n)
		}
		return constantExpr(value{kind: isNumber, number: n.Int64}), nil
	case *parse.FieldNode:
		return k.field(n)
	case *parse.PipeNode:
		return k.pipe(n)
	case *parse.IdentifierNode: // a function without arguments, such as those of print
		return nil, refuse(0, "function %s needs brackets around it here", n.Ident)
	}
	return nil, refuse(0, "%s is no column, text, number or call", n)
}

func (k *templateCompiler) field(n *parse.FieldNode) (*expr, error) {
	if len(n.Ident) != 1 {
		return nil, refuse(0, "%s goes into a value; a column is .name", n)
	}
	return k.column(n.Ident[0])
}

// column takes note that a column is read; it is clean if it is kept.
func (k *templateCompiler) column(name string) (*expr, error) {
	s, known := k.target.Row.Column(name)
	switch {
	case !known:
		return nil, refuse(0, "the table has no column %q", name)
	case s.Generated:
		return nil, refuse(0, "%q is generated by the server and not read", name)
	case s.Own:
		return &expr{eval: func(f *templateFunc) (value, error) { return value{text: f.src}, nil }}, nil
	}
	place := k.needed.place(name)
	m, err := k.target.Row.Mask(name)
	return &expr{clean: err == nil && m.Keep(), eval: func(f *templateFunc) (value, error) { return value{text: f.others[place]}, nil }}, nil
}
