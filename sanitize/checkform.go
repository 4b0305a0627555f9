package sanitize

import (
	"math"
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rehearse-db/rehearse/sanitize/mask"
)

// This file decides on checks by what all results of a mask look like, whatever the value: integers of a range, hashes of one length.

// mostWithin is how many results of a mask of integers are tried one by one.
const mostWithin = 4096

// within reports whether no result of a mask that stays between two numbers makes the condition false.
func (j *checking) within(cond condition) bool {
	least, largest, ok := j.m.Bounds()
	if !ok || !isNumber(j.c.column) || uint64(largest)-uint64(least) >= mostWithin {
		return false
	}
	for n := least; ; n++ {
		if j.evaluate(cond, strconv.AppendInt(nil, n, 10))&isFalse != 0 {
			return false
		}
		if n == largest {
			return true
		}
	}
}

// bound reports whether an atom is the same for all integers between which a mask stays, so that it cannot change: it is asked at both ends,
// and around all numbers that it compares with.
func (j *checking) bound(a atom) bool {
	least, largest, ok := j.m.Bounds()
	if !ok || len(a.term.calls) > 0 {
		return false
	}
	points := []int64{least, largest}
	for _, with := range a.with {
		w, err := strconv.ParseFloat(with, 64)
		if err != nil || math.Abs(w) >= 1<<53 {
			return false
		}
		for n := int64(math.Floor(w)) - 1; n <= int64(math.Floor(w))+2; n++ {
			if least <= n && n <= largest {
				points = append(points, n)
			}
		}
	}
	first := a.evaluate(j.c.column, strconv.AppendInt(nil, least, 10))
	return first != anything && !slices.ContainsFunc(points, func(n int64) bool {
		return a.evaluate(j.c.column, strconv.AppendInt(nil, n, 10)) != first
	})
}

// sized reports whether a test of a length holds of all results, which have one length. Where the value is the empty text the result is too.
func (j *checking) sized(a atom, negated bool, size func(string) int) bool {
	look, ok := j.m.Look()
	if !ok {
		return false
	}
	is := a.evaluateNumber(strconv.Itoa(size(look.Prefix) + look.Length))
	return is == isTrue && !negated || is == isFalse && negated
}

// formed reports whether all results of one form match a pattern that names whole classes only, behind the form's own prefix. The mask is
// tried on texts that match it: what was in small letters alone stays so.
func (j *checking) formed(a atom) bool {
	look, ok := j.m.Look()
	if !ok || strings.HasPrefix(a.op, "!") || a.pattern() == nil {
		return false
	}
	bare := a
	if rest, ok := strings.CutPrefix(a.with[0], "^"+regexp.QuoteMeta(look.Prefix)); ok {
		bare.with = []string{"^" + rest}
	}
	return bare.classesOnly(formClasses) && j.tried(a, examples(a.pattern(), 100))
}

// formClasses are hexClasses and the digits of base32.
var formClasses = regexp.MustCompile(`2-7|` + hexClasses.String())

// examples are texts that match a pattern, the same ones whenever they are asked for; fewer than n where that is hard to meet.
func examples(p *regexp.Regexp, n int) []string {
	tree, err := syntax.Parse(p.String(), syntax.Perl)
	if err != nil {
		return nil
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // nothing is secret about them
	var all []string
	for range n {
		var b strings.Builder
		if generate(&b, tree, random); p.MatchString(b.String()) {
			all = append(all, b.String())
		}
	}
	return all
}

// generate writes a text that a pattern describes, as far as it can without looking around.
func generate(b *strings.Builder, re *syntax.Regexp, random *rand.Rand) {
	times := func(least, most int) {
		if most < 0 || most > least+8 {
			most = least + 8
		}
		for range least + random.IntN(most-least+1) {
			generate(b, re.Sub[0], random)
		}
	}
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			if re.Flags&syntax.FoldCase != 0 && random.IntN(2) == 0 {
				r = unicode.SimpleFold(r)
			}
			b.WriteRune(r)
		}
	case syntax.OpCharClass:
		b.WriteRune(oneOf(re.Rune, random))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteRune(rune('!' + random.IntN('~'-'!')))
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range re.Sub {
			generate(b, sub, random)
		}
	case syntax.OpAlternate:
		generate(b, re.Sub[random.IntN(len(re.Sub))], random)
	case syntax.OpStar:
		times(0, -1)
	case syntax.OpPlus:
		times(1, -1)
	case syntax.OpQuest:
		times(0, 1)
	case syntax.OpRepeat:
		times(re.Min, re.Max)
	}
}

// oneOf picks a character of a class, which is pairs of first and last ones: of ASCII where it has such.
func oneOf(pairs []rune, random *rand.Rand) rune {
	if len(pairs) == 0 {
		return '?'
	}
	within := len(pairs) / 2
	for within > 1 && pairs[2*within-2] >= utf8.RuneSelf {
		within--
	}
	at := 2 * random.IntN(within)
	low, high := pairs[at], min(pairs[at+1], max(pairs[at], utf8.RuneSelf-1))
	return low + rune(random.IntN(int(high-low)+1))
}

// furtherRules are masks with the parameters that a check itself tells, to be named where they would do: a hash of the length it asks for,
// integers within the numbers it allows.
func furtherRules(cond condition, k Check, c *cell) []mask.Rule {
	var rules []mask.Rule
	least, largest := int64(math.MinInt64), int64(math.MaxInt64)
	cond.atoms(func(a atom, negated bool) {
		if checkedColumn(k, a.term.column) != c.column.Name || len(a.with) != 1 || negated {
			return
		}
		n, err := strconv.ParseInt(a.with[0], 10, 64)
		switch {
		case isText(c.column) && err == nil && a.op == "=" && (a.counts() || len(a.term.calls) == 1 && a.term.calls[0] == "octet_length"):
			rules = append(rules, mask.Rule{Name: "hash", Params: map[string]any{"length": n}})
		case isText(c.column) && err != nil:
			if m := exactly.FindStringSubmatch(a.with[0]); m != nil {
				length, _ := strconv.ParseInt(m[1], 10, 64)
				rules = append(rules, mask.Rule{Name: "hash", Params: map[string]any{"length": length}})
			}
		case err != nil || !isNumber(c.column) || len(a.term.calls) > 0 || n == math.MinInt64 || n == math.MaxInt64:
		case a.op == ">=":
			least = max(least, n)
		case a.op == ">":
			least = max(least, n+1)
		case a.op == "<=":
			largest = min(largest, n)
		case a.op == "<":
			largest = min(largest, n-1)
		}
	})
	if least > math.MinInt64 && largest < math.MaxInt64 {
		rules = append(rules, mask.Rule{Name: "int_permute", Params: map[string]any{"min": least, "max": largest}})
	}
	return rules
}

// exactly finds how many characters a pattern of one class asks for.
var exactly = regexp.MustCompile(`\]\{([0-9]{1,2})\}\$$`)
