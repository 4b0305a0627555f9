package detect

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

var (
	emailValue    = regexp.MustCompile(`^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$`)
	emailInside   = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+`)
	phoneInside   = regexp.MustCompile(`\+\d[\d ()./-]{7,}\d`)
	phoneValue    = regexp.MustCompile(`^\+?[\d ()./-]{7,24}(\s*(x|ext\.?)\s*\d+)?$`)
	dateValue     = regexp.MustCompile(`^\d{1,4}[-./]\d{1,2}[-./]\d{1,4}([ T].*)?$`)
	decimalValue  = regexp.MustCompile(`^[+-]?\d+(\.\d*)?$`)
	uuidValue     = regexp.MustCompile(`^(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	ibanValue     = regexp.MustCompile(`^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$`)
	macValue      = regexp.MustCompile(`^(?i)[0-9a-f]{2}([:-][0-9a-f]{2}){5}$`)
	separatorless = strings.NewReplacer(" ", "", "-", "")
)

// enough is the share of values, in tenths, that must be of a kind for the column to be of it.
const enough = 6

// strongTests are those whose values are hardly something else.
var strongTests = []struct {
	class, what string
	is          func(string) bool
}{
	{classEmail, "are e-mail addresses", emailValue.MatchString},
	{classIBAN, "are IBANs with a valid checksum", isIBAN},
	{classCard, "are card numbers with a valid checksum", isCard},
	{classNet, "are IP addresses", isIP},
	{classNet, "are hardware addresses", macValue.MatchString},
	{classUUID, "are UUIDs", uuidValue.MatchString},
	{classSecret, "are tokens, keys or hashes of passwords", func(v string) bool { return tokenInside.MatchString(v) }},
}

// nationalOf is the country whose identity numbers most values are, and how many; nil for none.
func nationalOf(values []string) (*nationalID, int) {
	for i := range nationalIDs {
		if n := countIf(values, nationalIDs[i].is); 10*n >= enough*len(values) {
			return &nationalIDs[i], n
		}
	}
	return nil, 0
}

// classOfValues tells the class that most values have, or classFree when some hold contact data among other text or are long.
func classOfValues(values []string) (class, evidence string) {
	values = nonEmpty(values)
	if len(values) == 0 {
		return "", ""
	}
	for _, t := range strongTests {
		if n := countIf(values, t.is); 10*n >= enough*len(values) {
			return t.class, count(n, len(values), t.what)
		}
	}
	if id, n := nationalOf(values); id != nil {
		return classNational, count(n, len(values), id.what)
	}
	if n := countIf(values, isPhone); 10*n >= enough*len(values) {
		return classPhone, count(n, len(values), "look like phone numbers")
	}
	if n := countEmbedded(values); n > 0 {
		return classFree, count(n, len(values), "hold contact data")
	}
	if n := countIf(values, isProse); 10*n >= enough*len(values) {
		return classFree, count(n, len(values), "are prose")
	}
	return "", ""
}

func count(n, of int, what string) string { return fmt.Sprintf("%d of %d values %s", n, of, what) }

func countIf(values []string, is func(string) bool) int {
	n := 0
	for _, v := range values {
		if is(v) {
			n++
		}
	}
	return n
}

// countEmbedded counts the values that hold an e-mail address, phone number, IBAN or card number anywhere.
func countEmbedded(values []string) int {
	return countIf(values, func(v string) bool {
		return emailInside.MatchString(v) || phoneInside.MatchString(v) || isIBAN(v) || isCard(v)
	})
}

func nonEmpty(values []string) []string {
	var out []string
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}

// isProse reports whether a value is long, or is of many words.
func isProse(v string) bool { return len(v) > 80 || strings.Count(v, " ") >= 5 }

// shortWords reports whether all values are codes or single words; it holds of no values at all.
func shortWords(values []string) bool {
	return countIf(values, func(v string) bool { return len(v) <= 40 && strings.Count(v, " ") <= 2 }) == len(values)
}

func isIP(v string) bool {
	if prefix, err := netip.ParsePrefix(v); err == nil {
		return prefix.IsValid()
	}
	_, err := netip.ParseAddr(v)
	return err == nil
}

// isPhone takes 7 to 15 digits with a plus or with separators; bare digits could be anything.
func isPhone(v string) bool {
	digits := countDigits(v)
	return phoneValue.MatchString(v) && digits >= 7 && digits <= 15 && !dateValue.MatchString(v) && !isIP(v) &&
		(strings.HasPrefix(v, "+") || !decimalValue.MatchString(v))
}

func countDigits(v string) int {
	n := 0
	for i := range len(v) {
		if '0' <= v[i] && v[i] <= '9' {
			n++
		}
	}
	return n
}

// isCard takes 13 to 19 digits, grouped by spaces or hyphens or not at all, whose Luhn checksum holds.
func isCard(v string) bool {
	v = separatorless.Replace(v)
	if len(v) < 13 || len(v) > 19 || countDigits(v) != len(v) || strings.Count(v, "0") == len(v) {
		return false
	}
	return luhn(v)
}

// luhn checks the last of the digits by the others.
func luhn(v string) bool {
	sum := 0
	for i := range len(v) {
		d := int(v[len(v)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// isIBAN checks form and checksum of ISO 13616: letters count from 10, the first four characters go last, the rest modulo 97 is 1.
func isIBAN(v string) bool {
	v = strings.ToUpper(separatorless.Replace(v))
	if !ibanValue.MatchString(v) {
		return false
	}
	rest := 0
	for _, c := range v[4:] + v[:4] {
		if c >= 'A' {
			rest = (rest*100 + int(c-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	return rest == 1
}
