package mask

import (
	"embed"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// The lists are frozen: a change would change all pseudonyms. New ones go to a directory v2.

//go:embed lists/v1
var lists embed.FS

// NamesVersion names the lists that first_name, last_name and full_name pick from; it changes when their results do.
const NamesVersion = "v1"

// locales are the languages that have lists of names of their own.
func locales() []string { return []string{"de", "en", "es", "fr", "it", "ja", "nl", "pl", "pt", "sv"} }

var (
	listsLock sync.Mutex
	listsRead = map[string]*nameList{} // by file
)

// namesOf reads a list, once: first_names, or de/first_names of a locale.
func namesOf(file string) *nameList {
	listsLock.Lock()
	defer listsLock.Unlock()
	if l := listsRead[file]; l != nil {
		return l
	}
	text, err := lists.ReadFile("lists/" + NamesVersion + "/" + file + ".txt")
	if err != nil {
		panic("mask: " + err.Error()) // compiled in
	}
	l := newNameList(string(text))
	listsRead[file] = l
	return l
}

func firstNames() *nameList { return namesOf("first_names") }
func lastNames() *nameList  { return namesOf("last_names") }

// particles go with a last name and tell nobody from another.
var particles = []string{"van", "der", "den", "de", "la", "du", "di", "da", "dos", "das", "do", "del", "della", "von", "zu", "zum", "bin", "ibn", "al", "el", "y", "e", "ter", "ten", "af", "av"}

// nameList is a list to pick from by a number, whole or no longer than a limit.
type nameList struct {
	names    []string // by length in characters, and within that as in the file
	shuffled []int    // places in names, in the order of the file
	upTo     []int    // upTo[n] names have n characters or fewer
}

func newNameList(file string) *nameList {
	lines := strings.Split(strings.TrimSuffix(file, "\n"), "\n")
	l := &nameList{shuffled: make([]int, len(lines))}
	order := make([]int, len(lines))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return utf8.RuneCountInString(lines[a]) - utf8.RuneCountInString(lines[b]) })
	for place, line := range order {
		l.names = append(l.names, lines[line])
		l.shuffled[line] = place
		for n := utf8.RuneCountInString(lines[line]); len(l.upTo) <= n; {
			l.upTo = append(l.upTo, place)
		}
		l.upTo[len(l.upTo)-1] = place + 1
	}
	return l
}

// pick gives the name that x falls on; with a limit, among those of so many characters, and below the shortest its first characters.
func (l *nameList) pick(x uint64, limit int) string {
	if limit <= 0 {
		return l.names[l.shuffled[x%uint64(len(l.names))]]
	}
	if fit := l.upTo[min(limit, len(l.upTo)-1)]; fit > 0 {
		return l.names[x%uint64(fit)]
	}
	return firstRunes(l.names[x%uint64(len(l.names))], limit)
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

func nameFamilies() []family {
	guarantees := []string{
		"distinct names may become equal: the lists (" + NamesVersion + ") have some hundred names, those of a locale some sixty",
		"the count of words, blanks, commas, initials, particles such as van or de, and names all in capitals or all in small letters are kept",
		"names that differ only in case become names that differ at most in case",
		"words with digits or without letters are masked as by shape; the empty text stays empty",
	}
	info := func(name, summary string, more ...string) Info {
		return Info{
			Name: name, Summary: summary, Types: textTypes(), Params: []ParamInfo{{Name: "locale", Type: "string", Meaning: "names of one language instead of several: " + strings.Join(locales(), ", ")}},
			Guarantees: append(slices.Clone(guarantees), more...), AtLeast: keepsFolded, AtBest: keepsFolded,
		}
	}
	return []family{
		{Info: gendered(info("first_name", "a first name of several languages")), compile: func(c *compiler) (*Mask, error) { return compileNames(c, "first_name", "") }},
		{Info: info("last_name", "a last name of several languages"), compile: func(c *compiler) (*Mask, error) { return compileNames(c, "", "last_name") }},
		{
			Info: gendered(info("full_name", "first names and a last name",
				"agrees word by word with columns under first_name (of the same locale and gender_from) and last_name, unless domain is set: the last word, or the words before a comma, are the last name")),
			compile: func(c *compiler) (*Mask, error) {
				return compileNames(c, "first_name", "last_name")
			},
		},
	}
}

// compileNames makes a mask of words by the domains given, "" for a part that does not occur. An own domain of the rule stands for all.
func compileNames(c *compiler, first, last string) (*Mask, error) {
	type part struct {
		list *nameList
		key  []byte
	}
	newPart := func(use string, list *nameList) part {
		domain := use
		if c.domain != c.rule.Name {
			domain = c.domain
		}
		return part{list, subkey(c.keys, domain, use)}
	}
	folder := ""
	if c.params.has("locale") {
		folder = c.params.choice("locale", locales()...) + "/"
	}
	var parts [2]part
	for i, use := range []string{first, last} {
		if use != "" {
			parts[i] = newPart(use, namesOf(folder+[]string{"first_names", "last_names"}[i]))
		}
	}
	scrambler, trim := newScrambler(c.keys, c.domain), trimmer(c.target)
	newNames := func() *nameFunc {
		f := &nameFunc{mask: c.rule.Name, limit: c.target.MaxLength, trim: trim, scrambler: scrambler()}
		for i, p := range parts {
			if p.list != nil {
				f.lists[i], f.prfs[i] = p.list, newPRF(p.key)
			}
		}
		return f
	}
	if first != "" && c.params.has("gender_from") {
		return c.genderedNames(parts[0].list, newNames)
	}
	return &Mask{Keeps: keepsFolded, New: func() Func { return newNames() }}, nil
}

type nameFunc struct {
	mask      string
	limit     int
	trim      func([]byte) []byte
	scrambler *scrambler
	lists     [2]*nameList // first, last; nil where the mask has no such part
	prfs      [2]*prf
	casing    casing
}

func (f *nameFunc) Append(dst, src []byte) ([]byte, error) {
	src = f.trim(src)
	start := len(dst)
	if !utf8.Valid(src) {
		return dst, &ValueError{Mask: f.mask, Reason: "is not valid UTF-8"}
	}
	dst = f.appendWords(dst, src, false)
	if f.limit > 0 && runeCount(dst[start:]) > f.limit {
		dst = f.appendWords(dst[:start], src, true)
	}
	return dst, nil
}

// appendWords masks src word by word, each to a word no longer than itself when tight.
func (f *nameFunc) appendWords(dst, src []byte, tight bool) []byte {
	lastFrom, lastTo := f.lastName(src)
	for i := 0; i < len(src); {
		n := wordLength(src[i:])
		if n == 0 {
			dst = append(dst, src[i])
			i++
			continue
		}
		part := 0
		if i >= lastFrom && i < lastTo {
			part = 1
		}
		dst = f.appendWord(dst, src[i:i+n], part, tight, i > 0 || f.lists[0] == nil, i+n < lastTo)
		i += n
	}
	return dst
}

// lastName gives the bytes of src that are the last name: what is before a comma, else the last word.
func (f *nameFunc) lastName(src []byte) (from, to int) {
	switch {
	case f.lists[1] == nil:
		return len(src), len(src)
	case f.lists[0] == nil:
		return 0, len(src)
	}
	if comma := slices.Index(src, ','); comma > 0 && comma < len(src)-1 {
		return 0, comma
	}
	to = len(src)
	for to > 0 && src[to-1] == ' ' {
		to--
	}
	from = to
	for from > 0 && src[from-1] != ' ' {
		from--
	}
	if from == 0 { // one word is a first name
		return len(src), len(src)
	}
	return from, to
}

// wordLength gives the bytes up to a blank, comma, semicolon or slash.
func wordLength(src []byte) int {
	for i, c := range src {
		if c <= ' ' || c == ',' || c == ';' || c == '/' {
			return i
		}
	}
	return len(src)
}

// appendWord masks one word. A particle is kept where one can stand.
func (f *nameFunc) appendWord(dst, word []byte, part int, tight, mayLead, more bool) []byte {
	f.casing.fold(word)
	folded := f.casing.folded
	if mayLead && more && f.lists[1] != nil && len(folded) < 8 && slices.Contains(particles, string(folded)) {
		return append(dst, word...)
	}
	dots := 0
	for dots < len(folded) && folded[len(folded)-1-dots] == '.' {
		dots++
	}
	folded = folded[:len(folded)-dots]
	if !isName(folded) {
		dst, _ = f.scrambler.append(dst, word)
		return dst
	}
	length := runeCount(word[:len(word)-dots])
	limit := 0
	if tight {
		limit = length
	}
	name := f.lists[part].pick(f.prfs[part].number(folded), limit)
	if length == 1 {
		name = firstRunes(name, 1)
	}
	dst = f.appendCased(dst, name, length)
	return append(dst, word[len(word)-dots:]...)
}

// appendCased appends a name in the case of the word that was folded last.
func (f *nameFunc) appendCased(dst []byte, name string, length int) []byte {
	switch {
	case f.casing.isUpper() && length > 1:
		for _, r := range name {
			if up := unicode.ToUpper(r); unicode.ToLower(up) == unicode.ToLower(r) { // not so for a final sigma, or an i without a dot
				r = up
			}
			dst = utf8.AppendRune(dst, r)
		}
	case f.casing.isLower() && f.casing.letters > 0:
		for _, r := range name {
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
		}
	default:
		dst = append(dst, name...)
	}
	return dst
}

// isName tells that a word has letters and no digits.
func isName(word []byte) bool {
	letters := false
	for i := 0; i < len(word); {
		if c := word[i]; c < utf8.RuneSelf {
			if c >= '0' && c <= '9' {
				return false
			}
			letters = letters || isWordByte(c)
			i++
			continue
		}
		r, n := utf8.DecodeRune(word[i:])
		letters = letters || unicode.IsLetter(r)
		i += n
	}
	return letters
}
