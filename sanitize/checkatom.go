package sanitize

import (
	"bytes"
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rehearse-db/rehearse/sanitize/mask"
)

// atoms calls f for every atom that was understood.
func (n condition) atoms(f func(a atom, negated bool)) { n.walk(f, false) }

func (n condition) walk(f func(a atom, negated bool), negated bool) {
	for _, part := range n.parts {
		part.walk(f, negated != (n.op == "not"))
	}
	if n.op == "" && n.atom.op != "" {
		f(n.atom, negated)
	}
}

func isText(c *Column) bool {
	return slices.Contains([]string{"text", "varchar", "bpchar", "citext"}, c.BaseType) && c.TypeKind != 'e'
}

func isNumber(c *Column) bool {
	return slices.Contains([]string{"int2", "int4", "int8", "numeric", "float4", "float8"}, c.BaseType)
}

// counts reports whether the atom is about the length in characters of the column itself.
func (a atom) counts() bool {
	return len(a.term.calls) == 1 && slices.Contains([]string{"length", "char_length", "character_length"}, a.term.calls[0])
}

// mostCharacters is how many characters the atom allows at most, 0 when it does not say.
func (a atom) mostCharacters() int {
	if !a.counts() || len(a.with) != 1 {
		return 0
	}
	n, err := strconv.Atoi(a.with[0])
	switch {
	case err != nil:
	case a.op == "<=":
		return n
	case a.op == "<":
		return n - 1
	}
	return 0
}

// ensured reports whether an atom that was true stays so under the mask, and one that was not stays that where it is negated.
func (j *checking) ensured(a atom, negated bool) bool {
	keeps := j.m.Keeps
	const form = mask.KeepsShape | mask.KeepsBytes | mask.KeepsLength
	switch {
	case a.ofArray():
		return j.m.KeepsElements() && !a.same
	case a.op == "null" || a.op == "not null":
		return keeps.Has(mask.KeepsNulls)
	case a.isDocument():
		return !negated && keeps.Has(mask.KeepsValidity) && (j.c.column.BaseType == "json" || j.c.column.BaseType == "jsonb")
	case isNumber(j.c.column):
		return j.bound(a) || !negated && (a.signOnly() || a.nought() && j.keepsNought()) && j.tried(a, numberTrials)
	case !isText(j.c.column):
		return false
	case a.mostCharacters() > 0 && !negated:
		return true // the mask was made for it
	case a.notEmpty():
		return !negated && j.tried(a, textTrials)
	case a.counts() && !a.same:
		return keeps.Has(mask.KeepsLength) || j.sized(a, negated, utf8.RuneCountInString)
	case len(a.term.calls) == 1 && a.term.calls[0] == "octet_length" && !a.same:
		return keeps.Has(mask.KeepsBytes) || j.sized(a, negated, func(s string) int { return len(s) })
	case (a.classesOnly(classes) || a.casing()) && keeps.Has(form):
		return true
	case a.casing(), a.classesOnly(hexClasses) && keeps.Has(mask.KeepsValidity):
		return !negated && j.tried(a, textTrials)
	}
	return !negated && j.formed(a)
}

// isDocument is a test of what a JSON document is at its top.
func (a atom) isDocument() bool {
	return len(a.term.calls) == 1 && strings.HasSuffix(a.term.calls[0], "_typeof") && a.op == "=" && !a.same
}

// nought is a comparison with nought.
func (a atom) nought() bool {
	return len(a.term.calls) == 0 && len(a.with) == 1 && a.with[0] == "0" && slices.Contains([]string{"<", "<=", "=", "<>", ">=", ">"}, a.op)
}

// keepsNought reports whether the mask makes nought of nought, and of nothing else.
func (j *checking) keepsNought() bool {
	is, err := j.m.New().Append(nil, []byte("0"))
	return err == nil && string(is) == "0" && j.m.Keeps.Has(mask.KeepsUniqueness)
}

// signOnly is a comparison with nought that leaves nought on the side of the positive numbers: what keeps sign and nought's side keeps it.
func (a atom) signOnly() bool {
	return a.nought() && (a.op == ">=" || a.op == "<")
}

// notEmpty is a test that a text is not empty, or not blank.
func (a atom) notEmpty() bool {
	if len(a.with) != 1 || a.same {
		return false
	}
	counted := len(a.term.calls) > 0 && strings.HasSuffix(a.term.calls[0], "length")
	if counted {
		return a.op == ">" && a.with[0] == "0" || a.op == ">=" && a.with[0] == "1" || a.op == "<>" && a.with[0] == "0"
	}
	return a.op == "<>" && a.with[0] == ""
}

// casing is a test that a text has small letters only, or capitals.
func (a atom) casing() bool {
	return a.same && a.op == "=" && (a.term.calls[0] == "lower" || a.term.calls[0] == "upper")
}

// pattern gives the atom's pattern as one of Go's; nil when it has none, or one that Go does not read alike.
func (a atom) pattern() *regexp.Regexp {
	if len(a.with) != 1 {
		return nil
	}
	text, flags := a.with[0], "(?s)"
	switch strings.TrimPrefix(a.op, "!") {
	case "~~", "~~*":
		text = likePattern(text)
	case "~", "~*":
		if strings.ContainsAny(text, "\n") || strings.HasPrefix(text, "***") || strings.Contains(text, "(?") || unlikeGo.MatchString(text) {
			return nil
		}
	default:
		return nil
	}
	if strings.HasSuffix(a.op, "*") {
		flags = "(?si)"
	}
	p, err := regexp.Compile(flags + text)
	if err != nil {
		return nil
	}
	return p
}

// unlikeGo finds escapes that mean something else in PostgreSQL's patterns, or nothing in Go's.
var unlikeGo = regexp.MustCompile(`\\[^dDwWsSnrt.+*?()|{}\[\]^$@\-\\/_:,;#%&!"'<>=~ ]`)

// likePattern translates a pattern of LIKE.
func likePattern(text string) string {
	var b strings.Builder
	b.WriteString("^")
	runes := []rune(text)
	for i := 0; i < len(runes); i++ {
		switch r := runes[i]; {
		case r == '%':
			b.WriteString(".*")
		case r == '_':
			b.WriteString(".")
		case r == '\\' && i+1 < len(runes):
			i++
			b.WriteString(regexp.QuoteMeta(string(runes[i])))
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	return b.String() + "$"
}

// Whole classes of letters and digits, which a mask that keeps the shape does not leave, and repetitions; and with those of hexadecimal digits,
// which only a mask keeps whose results are such numbers.
var (
	classes    = regexp.MustCompile(`\[:(?:alpha|digit|alnum|space|upper|lower|blank|punct|word):\]|A-Z|a-z|0-9|\\[dDwWsSnrt]|\{[0-9]+(?:,[0-9]*)?\}`)
	hexClasses = regexp.MustCompile(`a-f|A-F|\[:(?:alpha|digit|alnum|space|upper|lower|blank|punct|word):\]|A-Z|a-z|0-9|\\[dDwWsSnrt]|\{[0-9]+(?:,[0-9]*)?\}`)
)

// classesOnly is a pattern that names no letter or digit by itself: only the classes given, and other characters.
func (a atom) classesOnly(known *regexp.Regexp) bool {
	if len(a.term.calls) > 0 || a.pattern() == nil {
		return false
	}
	rest := a.with[0]
	if strings.HasPrefix(strings.TrimPrefix(a.op, "!"), "~~") {
		return !hasWord.MatchString(rest)
	}
	return !hasWord.MatchString(known.ReplaceAllString(rest, ""))
}

var hasWord = regexp.MustCompile(`[\pL\pN]`)

// Values on which masks are tried.
var (
	textTrials = []string{
		"", " ", "  ", "a", "Z", "7", "-", "@", "ab", "Anna", "ANNA", "anna", "anna maria", "Anna-Maria Müller", "ÄÖÜ", "anna.berg@firma.de", "A.Berg@Firma.DE",
		"x@y", "a+b@sub.host.co.uk", "a@b@c", "+49 30 1234567", "(030) 123-4567", "0123456789", "4111111111111111", "12345", "AB-1234", "2020-01-31",
		"123e4567-e89b-12d3-a456-426614174000", "https://host.de/path?q=1", "10.0.0.1", "one\ntwo", "\t", "{}", "Hauptstr. 5", "DE89370400440532013000", "NULL",
		strings.Repeat("long ", 60),
	}
	numberTrials = []string{"0", "1", "2", "10", "99", "1000", "32767", "-1", "-2", "-1000", "-32768", "1234567", "-1234567"}
)

// tried reports whether the atom stays true for every value tried for which it is, of which there must be some.
func (j *checking) tried(a atom, values []string) bool {
	f, some := j.m.New(), false
	for _, value := range values {
		if n := j.c.maxLength(); n > 0 && utf8.RuneCountInString(value) > n || a.evaluate(j.c.column, []byte(value)) != isTrue {
			continue
		}
		is, err := f.Append(nil, []byte(value))
		if errors.Is(err, mask.ErrNull) {
			return false
		}
		if err != nil {
			continue // no value of this kind can be in a column with this mask
		}
		if some = true; a.evaluate(j.c.column, append([]byte{}, is...)) != isTrue {
			return false
		}
	}
	return some
}

// evaluate gives what an atom is for a value of its column; nil is NULL.
func (a atom) evaluate(c *Column, value []byte) answer {
	switch {
	case a.ofArray():
		return anything
	case a.op == "null" || a.op == "not null":
		return truth((value == nil) == (a.op == "null"))
	case value == nil:
		return isNull
	case isNumber(c):
		return a.evaluateNumber(string(value))
	case !isText(c):
		return anything
	case c.BaseType == "citext":
		a = a.ignoringCase()
	case c.BaseType == "bpchar": // the blanks that fill it up mean nothing
		value = bytes.TrimRight(value, " ")
	}
	text, number, ok := a.term.apply(string(value))
	if !ok {
		return anything
	}
	if number {
		return a.evaluateNumber(text)
	}
	return a.evaluateText(text, string(value))
}

// ignoringCase is the atom as citext has it; a comparison with a text that has letters is not understood then.
func (a atom) ignoringCase() atom {
	switch {
	case strings.Contains(a.op, "~") && !strings.HasSuffix(a.op, "*"):
		a.op += "*"
	case !a.counts() && (a.same || slices.ContainsFunc(a.with, hasWord.MatchString)):
		a.op = "citext"
	}
	return a
}

// apply calls the functions around a column, from the inside out, and tells whether the result is a number.
func (t term) apply(value string) (result string, number, ok bool) {
	for _, call := range slices.Backward(t.calls) {
		if number {
			return "", false, false
		}
		switch call {
		case "length", "char_length", "character_length":
			value, number = strconv.Itoa(utf8.RuneCountInString(value)), true
		case "octet_length":
			value, number = strconv.Itoa(len(value)), true
		case "lower":
			value = strings.ToLower(value)
		case "upper":
			value = strings.ToUpper(value)
		case "btrim":
			value = strings.Trim(value, " ")
		case "ltrim":
			value = strings.TrimLeft(value, " ")
		case "rtrim":
			value = strings.TrimRight(value, " ")
		default:
			return "", false, false
		}
	}
	return value, number, true
}

func (a atom) evaluateText(text, value string) answer {
	if p := a.pattern(); p != nil {
		return truth(p.MatchString(text) != strings.HasPrefix(a.op, "!"))
	}
	with := a.with
	if a.same {
		with = []string{value}
	}
	switch {
	case a.op == "any", a.op == "=" && len(with) == 1:
		return truth(slices.Contains(with, text))
	case a.op == "none", a.op == "<>" && len(with) == 1:
		return truth(!slices.Contains(with, text))
	}
	return anything // an order of texts is the collation's
}

func (a atom) evaluateNumber(text string) answer {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || a.same {
		return anything
	}
	var signs []int
	for _, with := range a.with {
		w, err := strconv.ParseFloat(with, 64)
		if err != nil {
			return anything
		}
		signs = append(signs, cmp.Compare(n, w))
	}
	switch a.op {
	case "any":
		return truth(slices.Contains(signs, 0))
	case "none":
		return truth(!slices.Contains(signs, 0))
	case "=":
		return truth(signs[0] == 0)
	case "<>":
		return truth(signs[0] != 0)
	case "<":
		return truth(signs[0] < 0)
	case "<=":
		return truth(signs[0] <= 0)
	case ">":
		return truth(signs[0] > 0)
	case ">=":
		return truth(signs[0] >= 0)
	}
	return anything
}

func truth(is bool) answer {
	if is {
		return isTrue
	}
	return isFalse
}
