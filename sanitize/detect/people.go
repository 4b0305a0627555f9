package detect

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/rehearse-db/rehearse/sanitize/mask"
)

var (
	streetValue = regexp.MustCompile(`(?i)^\d+[a-z]?,? +\p{L}{3}|\p{L}{3,}\.? +\d+ ?[a-z]?$`)
	streetWord  = regexp.MustCompile(`(?i)(stra(ß|ss)e|str\.|weg|platz|allee|gasse|straat|laan|plein|gracht|gatan|vägen)\b|\b(street|st|road|rd|avenue|ave|lane|drive|blvd|boulevard|way|rue|chemin|place|via|viale|piazza|corso|calle|avenida|plaza|paseo|rua|travessa|praça|ulica|ul\.|aleja|al\.|os\.)(\W|$)`)
	isoDate     = regexp.MustCompile(`^(\d{4})-\d{2}-\d{2}`)
	codeValue   = regexp.MustCompile(`^[a-z][a-z0-9_.:/+-]{0,39}$`)
)

// classOfPeople tells classes that values hint at without proof: names that are in our own lists, streets. What the name of a column says
// is better.
func classOfPeople(values []string) (class, evidence string) {
	values = nonEmpty(values)
	if len(values) == 0 {
		return "", ""
	}
	first := countIf(values, func(v string) bool { w := nameWords(v); return len(w) == 1 && mask.KnownFirstName(w[0]) })
	last := countIf(values, func(v string) bool { w := nameWords(v); return len(w) == 1 && mask.KnownLastName(w[0]) })
	whole := countIf(values, isFullName)
	street := countIf(values, func(v string) bool { return streetValue.MatchString(v) && streetWord.MatchString(v) })
	switch n := len(values); {
	case 2*first >= n && first >= last:
		return classFirst, count(first, n, "are first names")
	case 2*last >= n:
		return classLast, count(last, n, "are last names")
	case 10*whole >= 4*n:
		return classPerson, count(whole, n, "have the form of a name and begin with a first name, or end with a last name")
	case 2*street >= n:
		return classAddress, count(street, n, "look like streets")
	}
	return "", ""
}

// isFullName tells whether a value is two to four words of letters, one at its end or beginning known as a name.
func isFullName(v string) bool {
	w := nameWords(v)
	if len(w) < 2 || len(w) > 4 {
		return false
	}
	return mask.KnownFirstName(w[0]) && unicode.IsUpper([]rune(w[0])[0]) || mask.KnownLastName(w[0]) && mask.KnownFirstName(w[len(w)-1])
}

// nameWords are the words of a value that holds nothing but letters and what stands between the words of a name; nil otherwise.
func nameWords(v string) []string {
	if len(v) > 60 {
		return nil
	}
	for _, r := range v {
		if !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) && !strings.ContainsRune(" .,'’-", r) {
			return nil
		}
	}
	return strings.FieldsFunc(v, func(r rune) bool { return r == ' ' || r == ',' })
}

// areBirths tells whether dates are spread over many years and lie long enough ago to be those of births.
func areBirths(values []string) (bool, string) {
	n, past := 0, 0
	earliest, latest := "9999", "0000"
	for _, v := range values {
		m := isoDate.FindStringSubmatch(v)
		if m == nil {
			continue
		}
		n++
		if m[1] >= "1900" && m[1] <= "2012" {
			past++
			earliest, latest = min(earliest, m[1]), max(latest, m[1])
		}
	}
	if n < 5 || 10*past < 8*n || years(latest)-years(earliest) < 20 {
		return false, ""
	}
	return true, count(past, n, "are dates as those of births are: spread over decades, none of late")
}

func years(v string) int {
	n := 0
	for _, c := range v {
		n = n*10 + int(c-'0')
	}
	return n
}

// fewCodes tells whether many values are few different codes, such as the names of states or actions.
func fewCodes(values []string) (bool, string) {
	distinct := make(map[string]bool)
	for _, v := range values {
		if !codeValue.MatchString(v) || mask.KnownFirstName(v) || mask.KnownLastName(v) {
			return false, ""
		}
		distinct[v] = true
	}
	if len(values) < 20 || len(distinct)*10 > len(values) {
		return false, ""
	}
	return true, count(len(values), len(values), "are few codes, each many times")
}
