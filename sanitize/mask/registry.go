package mask

import (
	"slices"
	"strings"
)

// Rule is a mask by name with its parameters, as the rules file has it, classes resolved.
//
// Values of Params are string, int64, float64, bool, []any and map[string]any, and for the json mask rules:
// Params["paths"] is a map[string]Rule and Params["default"] a Rule.
type Rule struct {
	Name   string
	Domain string // key domain of the pseudonyms; "": the mask's own name. Same value, mask and domain: same result everywhere
	Params map[string]any
}

// Mask is a rule compiled for one column.
type Mask struct {
	Name   string
	Domain string // never empty
	Keeps  Keeps  // what it guarantees for this column
	// New makes an instance for one goroutine.
	New func() Func
	// SequenceFloor gives a number that no result of a value from 0 to last exceeds; a sequence behind the column goes on from it.
	// It may be the largest of the type. Nil where a sequence makes no sense.
	SequenceFloor func(last int64) int64
	// Needs names other columns of the row whose raw values NewRow's functions are given. Without any NewRow is nil; with them New is of no use.
	Needs  []string
	NewRow func() RowFunc
	// Expression is what the source is asked for in the place of the column: an expression in SQL over the row. The mask then passes on
	// what comes. Empty for masks that are made here.
	Expression string

	keep, null bool
	rest       bool
	elements   bool // each is masked in its place
	constant   []byte
	picks      [][]byte
	bounds     *[2]int64
	look       *Look
	command    []string
	outside    bool
	country    string // of telephone numbers without its code
}

// Keep tells whether the mask leaves every value as it is.
func (m *Mask) Keep() bool { return m.keep }

// KeepsRest tells whether the mask keeps what its rule does not name: the rest of a document, the other keys of an hstore.
func (m *Mask) KeepsRest() bool { return m.rest }

// Null tells whether the mask makes every value NULL.
func (m *Mask) Null() bool { return m.null }

// Const gives the result when it does not depend on the value; nil and true for NULL.
func (m *Mask) Const() ([]byte, bool) { return m.constant, m.null || m.constant != nil }

// Picks gives all results that the mask can have of values that are not NULL, where those are few and known; nil otherwise.
func (m *Mask) Picks() [][]byte { return m.picks }

// Bounds gives the least and the largest result of a mask of integers that its parameters bind; false for others.
func (m *Mask) Bounds() (least, largest int64, ok bool) {
	if m.bounds == nil {
		return 0, 0, false
	}
	return m.bounds[0], m.bounds[1], true
}

// Nobodys tells whether a value is a telephone number that nobody can have: see [NobodysNumber].
func (m *Mask) Nobodys(value []byte) bool { return NobodysNumber(value, m.country) }

// Look is what all results of a mask look like but that of the empty text, which stays empty: a prefix and so many letters and digits of
// ASCII.
type Look struct {
	Prefix string
	Length int // characters behind the prefix
}

// Look gives the look of all results, where they have one.
func (m *Mask) Look() (Look, bool) {
	if m.look == nil {
		return Look{}, false
	}
	return *m.look, true
}

// KeepsElements tells whether an array keeps its elements' count and places, each being masked by itself.
func (m *Mask) KeepsElements() bool { return m.elements }

// Info describes one mask to people.
type Info struct {
	Name       string
	Summary    string
	Types      []string // base types it works on, and arrays, composite types, enums; any for all
	Params     []ParamInfo
	Guarantees []string // what holds of results, and what does not
	AtLeast    Keeps    // kept whatever parameters and type
	AtBest     Keeps    // kept with the parameters and types that keep most
	Depends    string   // what decides about those that are not in both; "" where they are the same
	// Variants are parameters under which the mask promises what it does not by itself, to be named where that is asked for.
	Variants []map[string]any
}

// ParamInfo describes one parameter of a mask.
type ParamInfo struct {
	Name    string
	Type    string // string, integer, boolean, value, rule, rules, column, columns
	Default string // "" when it is required or has no default
	Meaning string
	Row     bool // it is text that names columns of the row
}

// family is a kind of mask: its description and its compiler. The compiler sees a type that Info.Types allows.
type family struct {
	Info
	compile func(c *compiler) (*Mask, error)
}

// compiler is what a family has to make a mask of.
type compiler struct {
	rule   Rule
	target Target
	keys   Keys
	params *params
	domain string
}

// Compile makes the mask of a rule for a column of type t.
//
// Errors are *UnknownError, *ParamError and *TypeError. Compile takes the keys of the domains it needs from k at once.
func Compile(r Rule, t Target, k Keys) (*Mask, error) {
	f, ok := find(r.Name)
	if !ok {
		return nil, &UnknownError{Name: r.Name, DidYouMean: nearest(r.Name)}
	}
	if !f.allows(t) {
		return nil, &TypeError{Mask: r.Name, Type: t.BaseType, Want: f.Types}
	}
	c := &compiler{rule: r, target: t, keys: k, params: newParams(f.Params, r.Params), domain: r.Domain}
	if c.domain == "" {
		c.domain = r.Name
	}
	m, err := f.compile(c)
	if err == nil {
		err = c.params.err()
	}
	if err != nil {
		return nil, err
	}
	m.Name, m.Domain = r.Name, c.domain
	if m.New == nil {
		m.New = func() Func { return rowless(r.Name) }
	}
	remember(m)
	return m, nil
}

// Catalogue describes every mask, sorted by name.
func Catalogue() []Info {
	var list []Info
	for _, f := range families() {
		list = append(list, f.Info)
	}
	slices.SortFunc(list, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// families lists all kinds of masks. It is a function because json compiles others, which a table could not hold.
func families() []family {
	all := slices.Concat(nameFamilies(), placeFamilies(), wordFamilies(), numberFamilies(), timeFamilies(), netFamilies(), fixedFamilies(), checkedFamilies())
	return append(all,
		arrayFamily(), compositeFamily(), hstoreFamily(), rangeFamily(), choiceFamily(), enumFamily(), boolFamily(), latlonFamily(),
		keepFamily(), nullFamily(), constantFamily(), hashFamily(), tokenFamily(), emailFamily(), phoneFamily(), digitsFamily(),
		shapeFamily(), dateShiftFamily(), intPermuteFamily(), uuidFamily(), jsonFamily(), redactFamily(), sqlFamily(), templateFamily(), execFamily(), tsvectorFamily(),
	)
}

func find(name string) (family, bool) {
	for _, f := range families() {
		if f.Name == name {
			return f, true
		}
	}
	return family{}, false
}

// Kinds of types that Info.Types names beside base types.
const (
	typeAny       = "any"
	typeArray     = "arrays"
	typeComposite = "composite types"
	typeEnum      = "enums"
)

// allows tells whether the family works on the type.
func (f family) allows(t Target) bool {
	kind := t.BaseType
	switch {
	case t.isArray():
		kind = typeArray
	case t.isEnum():
		kind = typeEnum
	case t.isComposite():
		kind = typeComposite
	}
	return slices.Contains(f.Types, typeAny) || slices.Contains(f.Types, kind)
}

// nearest gives the known name fewest edits away from name, "" when that is more than a third of it.
func nearest(name string) string {
	best, at := "", 1+len(name)/3
	for _, f := range families() {
		if d := edits(name, f.Name); d < at || d == at && best == "" {
			best, at = f.Name, d
		}
	}
	return best
}

// edits is the Levenshtein distance in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
