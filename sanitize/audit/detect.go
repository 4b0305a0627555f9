package audit

import (
	"bytes"
	"net/netip"
	"strings"
)

// Detector names a form that personal or secret values have.
type Detector int

// The detectors.
const (
	Email Detector = iota // an e-mail address, but at a host that RFC 2606 reserves
	IBAN                  // an account number of a country, in its length, with right check digits
	Card                  // numbers of cards, by beginning, length and check digit
	Phone                 // a telephone number with + and the country before it
	IP                    // a public IP address
	Token                 // a JSON Web Token, a private key, a key of a known service
	detectors
)

// Detectors lists all of them.
func Detectors() []Detector { return []Detector{Email, IBAN, Card, Phone, IP, Token} }

// Words is the form in words.
func (d Detector) Words() string {
	return [...]string{"an e-mail address", "an IBAN", "a card number", "a telephone number", "an IP address", "a token or key"}[d]
}

// Name is the form in a word that does not change.
func (d Detector) Name() string {
	return [...]string{"email", "iban", "card", "phone", "ip", "token"}[d]
}

// Detects tells how many values hold the form. Numbers of cards are so when at least half of what could be one has the check digit, which one in
// ten has by chance.
func (c *Column) Detects(d Detector) int64 {
	if d == Card && 2*c.Detected[Card] < c.numbers {
		return 0
	}
	return c.Detected[d]
}

// detect looks for the forms in the value that was taken apart last: for all of them where it is kept, else for those that masks do not make.
func (s *Scanner) detect(c *Column, value []byte, kept bool) bool {
	var has [detectors]bool
	has[Email] = hasEmail(value)
	has[Phone] = s.hasPhone(value)
	has[Token] = bytes.Contains(value, []byte("-----BEGIN ")) && bytes.Contains(value, []byte("PRIVATE KEY-----"))
	number, last, list := false, -1, s.words.list
	for _, i := range s.words.with {
		switch w := list[i]; {
		case i <= last: // a group of the number before
		case w.isNumber():
			has[IP] = has[IP] || s.isIP(value, i)
			s.digits, last = s.words.number(s.digits[:0], i)
			if couldBeCard(s.digits) {
				number = true
				has[Card] = has[Card] || luhn(s.digits)
			}
		case w.size() >= 4:
			has[IBAN] = has[IBAN] || w.digits >= 2 && class[value[w.from]] == large && s.isIBAN(i)
			has[Token] = has[Token] || w.size() >= 10 && s.isToken(value, i)
		}
	}
	if !kept { // masks make numbers and addresses of machines that look like somebody's
		has, number = [detectors]bool{Email: has[Email], Token: has[Token]}, false
	}
	if number {
		c.numbers++
	}
	any := false
	for i, h := range has {
		if h {
			c.Detected[i]++
			any = true
		}
	}
	return any || number
}

// hasEmail looks for addresses; in URLs their @ is %40.
func hasEmail(value []byte) bool {
	if bytes.Contains(value, []byte("%40")) {
		value = bytes.ReplaceAll(value, []byte("%40"), []byte("@"))
	}
	for at := 0; ; at++ {
		i := bytes.IndexByte(value[at:], '@')
		if i < 0 {
			return false
		}
		at += i
		s := address(value, at)
		if s.to == 0 || (s.from >= 2 && value[s.from-1] == '/') || string(value[s.from:at]) == "git" { // https://host/@name, git@host:repository
			continue
		}
		host := strings.ToLower(string(value[at+1 : s.to]))
		dot := strings.LastIndexByte(host, '.')
		if dot > 0 && len(host)-dot > 2 && host[dot+1] > '9' && !reserved(host) && !isScale(host) {
			return true
		}
	}
}

// isScale tells that what looks like a host is the end of the name of a picture, as in logo@2x.png.
func isScale(host string) bool {
	return len(host) > 3 && '1' <= host[0] && host[0] <= '9' && host[1:3] == "x." && strings.Count(host, ".") == 1
}

// reserved tells that nobody can have an address at the host.
func reserved(host string) bool {
	for _, top := range []string{"example.com", "example.net", "example.org", "example", "test", "invalid", "localhost"} {
		if rest, ok := strings.CutSuffix(host, top); ok && (rest == "" || rest[len(rest)-1] == '.') {
			return true
		}
	}
	return false
}

// hasPhone looks for + and 8 to 15 digits.
func (s *Scanner) hasPhone(value []byte) bool {
	if bytes.IndexByte(value, '+') < 0 {
		return false
	}
	for i, w := range s.words.list {
		if w.isNumber() && w.from > 0 && value[w.from-1] == '+' && value[w.from] != '0' && (w.from == 1 || lower[value[w.from-2]] == 0) {
			s.digits, _ = s.words.number(s.digits[:0], i)
			if n := len(s.digits); n >= 8 && n <= 15 {
				return true
			}
		}
	}
	return false
}

// isIP looks for four numbers with dots between, of a public address; small ones are those of versions.
func (s *Scanner) isIP(value []byte, i int) bool {
	list := s.words.list
	if i+4 > len(list) || list[i].size() > 3 {
		return false
	}
	large := false
	for k := i; k < i+4; k++ {
		if !list[k].isNumber() || list[k].size() > 3 || k > i && (list[k].from-list[k-1].to != 1 || value[list[k-1].to] != '.') {
			return false
		}
		large = large || list[k].size() == 3
	}
	from, to := list[i].from, list[i+3].to
	if from > 0 && value[from-1] == '.' || i+4 < len(list) && list[i+4].from-to == 1 && value[to] == '.' {
		return false
	}
	addr, err := netip.ParseAddr(string(value[from:to]))
	return err == nil && large && public(addr)
}

// public tells that an address can be somebody's.
func public(a netip.Addr) bool {
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range []string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "100.64.0.0/10", "240.0.0.0/4", "192.0.0.0/24"} {
		if netip.MustParsePrefix(p).Contains(a) {
			return false
		}
	}
	four := a.As4()
	return four[0] != 0 && (four[2] != 0 || four[3] != 0) // a browser is Chrome/120.0.0.0, and no host has the address of so large a network
}

// couldBeCard tells by beginning and length whether digits can be the number of a card.
func couldBeCard(d []byte) bool {
	n := len(d)
	if n < 13 || n > 19 {
		return false
	}
	two := int(d[0]-'0')*10 + int(d[1]-'0')
	switch {
	case d[0] == '4':
		return n == 13 || n == 16 || n == 19
	case two >= 51 && two <= 55, two >= 22 && two <= 27:
		return n == 16
	case two == 34, two == 37:
		return n == 15
	case two == 60, two == 62, two == 64, two == 65:
		return n >= 16
	}
	return false
}

func luhn(d []byte) bool {
	sum := 0
	for i := range d {
		v := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}

// ibanLengths are those of the countries that have many (ISO 13616 registry).
const ibanLengths = "ad24ae23at20be16bg22ch21cy28cz24de22dk18ee20es24fi18fr27gb22gr27hr21hu28ie22is26it27li21lt20lu20lv21mc27mt31nl18no15pl28pt25ro24sa24se24si19sk24sm27tr26ua29"

// isIBAN tells whether a word, or the groups of four that it begins, is an IBAN with right check digits.
func (s *Scanner) isIBAN(i int) bool {
	list, text := s.words.list, s.words.text(i)
	if text[0] <= '9' || text[1] <= '9' || text[2] > '9' || text[3] > '9' {
		return false
	}
	at := -1
	for k := 0; k < len(ibanLengths); k += 4 {
		if ibanLengths[k:k+2] == string(text[:2]) {
			at = k
		}
	}
	if at < 0 {
		return false
	}
	length := int(ibanLengths[at+2]-'0')*10 + int(ibanLengths[at+3]-'0')
	s.digits = append(s.digits[:0], text...)
	for k := i + 1; k < len(list) && len(s.digits) < length && list[k-1].size() == 4 && list[k].from-list[k-1].to == 1; k++ {
		s.digits = append(s.digits, s.words.text(k)...)
	}
	return len(s.digits) == length && remainder(s.digits) == 1
}

// remainder is that of ISO 7064 mod 97-10, the first four characters last.
func remainder(iban []byte) int {
	rest := 0
	for i := range iban {
		switch c := iban[(i+4)%len(iban)]; {
		case c <= '9':
			rest = (rest*10 + int(c-'0')) % 97
		case c <= 'z':
			rest = (rest*100 + int(c-'a') + 10) % 97
		default:
			return 0
		}
	}
	return rest
}

// tokens are beginnings of the keys of services, up to their first sign that is no letter or digit, and how long what follows is at least.
var tokens = map[string]int32{"ghp": 36, "gho": 36, "ghu": 36, "ghs": 36, "glpat": 20, "xoxb": 10, "xoxp": 10, "sk": 20, "rk": 20}

// isToken tells whether a word is a part of a secret: of a JSON Web Token, whose parts begin with {" in base64, or the key of a service.
func (s *Scanner) isToken(value []byte, i int) bool {
	list := s.words.list
	w := list[i]
	begin := value[w.from:min(int(w.from)+4, len(value))]
	switch {
	case bytes.HasPrefix(begin, []byte("eyJ")):
		return i+1 < len(list) && list[i+1].from-w.to == 1 && value[w.to] == '.' && bytes.HasPrefix(value[list[i+1].from:], []byte("eyJ"))
	case w.size() == 20 && (string(begin) == "AKIA" || string(begin) == "ASIA"):
		return true
	}
	for k := i - 1; k >= 0 && k > i-4; k-- {
		if between := value[list[k].to]; list[k+1].from-list[k].to != 1 || between != '_' && between != '-' {
			return false
		}
		if least, ok := tokens[string(s.words.text(k))]; ok {
			return w.size() >= least && w.hasLetter()
		}
	}
	return false
}
