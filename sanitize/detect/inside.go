package detect

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

var (
	addressInside = regexp.MustCompile(`[\p{L}\p{N}._%+'-]*[\p{L}\p{N}][\p{L}\p{N}._%+-]*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}`)
	digitsInside  = regexp.MustCompile(`\d(?:[ -]?\d){12,18}`)
	ibanInside    = regexp.MustCompile(`\b[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?\b`)
	ipInside      = regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[0-9A-Fa-f]{1,4}:[0-9A-Fa-f:]*:[0-9A-Fa-f:]*\b`)
	tokenInside   = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*` + // JSON web token
		`|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{30,}|\bglpat-[A-Za-z0-9_-]{20,}` +
		`|\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bAIza[A-Za-z0-9_-]{35}|\bnpm_[A-Za-z0-9]{30,}` +
		`|-----BEGIN [A-Z ]*PRIVATE KEY-----|\b[a-z][a-z0-9+.-]*://[^\s/:@']+:[^\s/@']+@` + // a URL with a password
		`|\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}|\$argon2id?\$[^\s']{20,}`)
	// reservedDomain are the domains that belong to nobody (RFC 2606, 6761).
	reservedDomain = regexp.MustCompile(`(?i)[@.](example|test|invalid|localhost|example\.(com|net|org))$`)
)

// Inside finds contact data, numbers with valid check digits, addresses of machines and tokens in a text of any kind, such as the
// definition of a view. It returns how many of each kind there are, and none of them: "1 e-mail address", "2 phone numbers".
func Inside(text string) []string {
	kinds := []struct {
		pattern   *regexp.Regexp
		is        func(string) bool
		one, more string
	}{
		{tokenInside, func(string) bool { return true }, "token or key", "tokens or keys"},
		{addressInside, isSomebodys, "e-mail address", "e-mail addresses"},
		{ibanInside, isIBAN, "IBAN", "IBANs"},
		{digitsInside, isCard, "card number", "card numbers"},
		{phoneInside, isNumber, "phone number", "phone numbers"},
		{ipInside, isPublic, "IP address", "IP addresses"},
	}
	var found []string
	for _, k := range kinds {
		n := 0
		rest := k.pattern.ReplaceAllStringFunc(text, func(s string) string {
			if !k.is(s) {
				return s
			}
			n++
			return " " // so that no part of it counts as something else
		})
		if n == 1 {
			found = append(found, "1 "+k.one)
		} else if n > 1 {
			found = append(found, fmt.Sprintf("%d %s", n, k.more))
		}
		text = rest
	}
	return found
}

// isSomebodys tells whether an e-mail address can be somebody's.
func isSomebodys(address string) bool { return !reservedDomain.MatchString(address) }

// isNumber tells whether digits behind a plus can be a phone number of somebody.
func isNumber(s string) bool {
	n := countDigits(s)
	return n >= 8 && n <= 15 && s[1] != '0' && !strings.HasPrefix(strings.NewReplacer(" ", "", "-", "", "(", "", ")", "").Replace(s), "+155501")
}

// isPublic tells whether an address belongs to somebody: it is not private, local, reserved for documentation or a mask.
func isPublic(s string) bool {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Is6() && strings.Count(s, ":") < 3 { // 25:: is the end of a number and a cast
		return false
	}
	for _, reserved := range []string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "100.64.0.0/10", "198.18.0.0/15", "0.0.0.0/8", "2001:db8::/32", "255.0.0.0/8"} {
		if netip.MustParsePrefix(reserved).Contains(a) {
			return false
		}
	}
	if a.Is4() && a.As4()[2] == 0 && a.As4()[3] == 0 { // the version of a browser, as 120.0.0.0, or a large network
		return false
	}
	return a.IsGlobalUnicast() && !a.IsPrivate()
}
