package sanitize

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rehearse-db/rehearse/sanitize/mask"
)

// Lock is what a person has reviewed: the decision on every column, one a line. It is written from a [Plan] and compared with a later one.
type Lock struct {
	file  string
	lines map[string]lockLine // by table.column
}

// lockLine is what stands behind the name of a column.
type lockLine struct {
	typ, decision, from string
	byDefault           bool // in a plan: a default decided
	free                bool // in a plan: the table is verbatim, which says all there is to say
}

func (l lockLine) String() string {
	return fmt.Sprintf("%s -> %s (%s)", l.typ, l.decision, l.from)
}

const lockHeader = `# What becomes of every column, from the masking rules beside this file: table.column type -> class/mask (where that comes from).
# Review a change of it as you review one of the rules. Written by: rehearse sanitize check --write-lock
`

// ParseLock reads a lock file. The file's name is for messages only. Mistakes are a *[RulesError].
func ParseLock(file string, src []byte) (*Lock, error) {
	l := &Lock{file: file, lines: make(map[string]lockLine)}
	var issues []Issue
	scanner := bufio.NewScanner(bytes.NewReader(src))
	scanner.Buffer(nil, max(1<<16, len(src)+1))
	for n := 1; scanner.Scan(); n++ {
		text := strings.TrimSpace(scanner.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		name, line, ok := parseLockLine(text)
		if _, twice := l.lines[name]; !ok || twice {
			reason := "not a line such as shop.customers.email text -> email (rule)"
			if twice {
				reason = name + " stands here twice"
			}
			issues = append(issues, Issue{File: file, Line: n, Column: 1, Text: reason})
			continue
		}
		l.lines[name] = line
	}
	if len(issues) > 0 {
		return nil, &RulesError{File: file, Issues: issues}
	}
	return l, nil
}

func parseLockLine(text string) (name string, line lockLine, ok bool) {
	rest := text
	for i := range 3 {
		if i > 0 {
			if !strings.HasPrefix(rest, ".") {
				return "", line, false
			}
			rest = rest[1:]
		}
		if rest, ok = afterIdent(rest); !ok {
			return "", line, false
		}
	}
	name = text[:len(text)-len(rest)]
	typ, decided, ok := strings.Cut(rest, " -> ")
	decision, from, ok2 := strings.Cut(decided, " (")
	if !ok || !ok2 || !strings.HasPrefix(typ, " ") || !strings.HasSuffix(from, ")") {
		return "", line, false
	}
	return name, lockLine{typ: typ[1:], decision: decision, from: strings.TrimSuffix(from, ")")}, true
}

// afterIdent is what follows the name that s begins with.
func afterIdent(s string) (rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ". ")
		return s[max(end, 0):], end > 0
	}
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			continue
		}
		if i+1 == len(s) || s[i+1] != '"' {
			return s[i+1:], true
		}
		i++
	}
	return "", false
}

// oneLine keeps names that hold line ends, or other characters that do not print, on one line and distinct.
func oneLine(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
	}
	return b.String()
}

// Lock is the plan as a lock: a line for each column of each table that has rules.
func (p *Plan) Lock() *Lock {
	l := &Lock{lines: make(map[string]lockLine)}
	for _, t := range p.tables {
		if t.Verbatim {
			continue
		}
		for _, c := range t.Columns {
			line := lockLine{typ: oneLine(c.typ), decision: c.decision, from: "rule", free: c.verbatim}
			switch {
			case c.verbatim:
				line.from = "data: verbatim"
			case c.Follows != "":
				line.from = "follows " + oneLine(c.Follows)
			case c.Default > 0:
				line.from, line.byDefault = fmt.Sprintf("default %d", c.Default), true
			}
			l.lines[oneLine(Relation{t.Schema, t.Name}.column(c.Name))] = line
		}
	}
	return l
}

// Text is the lock file, sorted.
func (l *Lock) Text() []byte {
	var b bytes.Buffer
	b.WriteString(lockHeader)
	for _, name := range slices.Sorted(maps.Keys(l.lines)) {
		fmt.Fprintf(&b, "%s %s\n", name, l.lines[name])
	}
	return b.Bytes()
}

// LockError says that the plan holds what the lock does not: nothing may be copied until a person has looked at it.
type LockError struct {
	File    string
	Missing bool     // there is no lock although the rules decide by name or type
	Added   []string // columns that only a default decides, and the lock does not have, as SQL writes them
	Changed []string // columns whose decision is another one, each with both: shop.customers.email: was email, is keep
	Lines   []string // the lines of Added and Changed for the lock
}

// Error names the columns.
func (e *LockError) Error() string {
	if e.Missing {
		return fmt.Sprintf("there is no %s: the masking rules have defaults, which may decide only for columns that stand there", e.File)
	}
	var parts []string
	if len(e.Added) > 0 {
		parts = append(parts, fmt.Sprintf("only a default decides, and %s has no line yet, for: %s", e.File, strings.Join(e.Added, ", ")))
	}
	if len(e.Changed) > 0 {
		parts = append(parts, fmt.Sprintf("%s says otherwise: %s", e.File, strings.Join(e.Changed, "; ")))
	}
	return strings.Join(parts, "\n")
}

// Check compares a plan with the lock. What stops a copy is a *[LockError]: a column that only a default decides and that is new, and a
// decision that is another one. The rest is told as notes: new columns with a line of their own, other types, and lines for columns that
// are gone. A nil lock is no lock.
func (l *Lock) Check(p *Plan) (notes []string, err error) {
	now := p.Lock()
	if l == nil {
		return nil, nil
	}
	e := &LockError{File: l.file}
	for _, name := range slices.Sorted(maps.Keys(now.lines)) {
		is := now.lines[name]
		was, known := l.lines[name]
		switch {
		case is.free:
		case !known && is.byDefault:
			e.Added = append(e.Added, name)
			e.Lines = append(e.Lines, name+" "+is.String())
		case !known:
			notes = append(notes, fmt.Sprintf("%s has a rule and no line in %s yet", name, l.file))
		case was.decision != is.decision:
			e.Changed = append(e.Changed, fmt.Sprintf("%s was %s and is %s (%s)", name, was.decision, is.decision, is.from))
			e.Lines = append(e.Lines, name+" "+is.String())
		case was.typ != is.typ:
			notes = append(notes, fmt.Sprintf("%s was %s and is %s", name, was.typ, is.typ))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.lines)) {
		if _, there := now.lines[name]; !there {
			notes = append(notes, fmt.Sprintf("%s stands in %s and is not there", name, l.file))
		}
	}
	if len(e.Lines) > 0 {
		return notes, e
	}
	return notes, nil
}

// decision is what the rule makes of a column, in one line: class and mask, the mask with its parameters.
func (r *rule) decision() string {
	text := describeRule(r.Rule)
	if r.class == "" {
		return text
	}
	if plainKey.MatchString(r.class) {
		return r.class + "/" + text
	}
	return strings.NewReplacer(" -> ", "->", " (", "(").Replace(strconv.Quote(r.class)) + "/" + text
}

func describeRule(r mask.Rule) string {
	params := maps.Clone(r.Params)
	if r.Domain != "" {
		if params == nil {
			params = make(map[string]any)
		}
		params["domain"] = r.Domain
	}
	if len(params) == 0 {
		return r.Name
	}
	return r.Name + describeValue(params)
}

func describeValue(v any) string {
	switch v := v.(type) {
	case mask.Rule:
		return describeRule(v)
	case map[string]mask.Rule:
		return describeMap(v)
	case map[string]any:
		return describeMap(v)
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = describeValue(item)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case string:
		if !plainKey.MatchString(v) {
			return strings.NewReplacer(" -> ", `\u0020-> `, " (", `\u0020(`).Replace(strconv.QuoteToASCII(v))
		}
		return v
	}
	return fmt.Sprint(v)
}

func describeMap[V any](m map[string]V) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, describeValue(key)+": "+describeValue(m[key]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
