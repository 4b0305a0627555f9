package detect

import (
	"regexp"
	"strings"
)

// nationalID is the identity number of a country.
type nationalID struct {
	country string // as mask national_id has it
	what    string // to follow "9 of 10 values"
	is      func(string) bool
}

// nationalIDs are those whose form or check digits tell them from other numbers. Longer ones come first.
var nationalIDs = []nationalID{
	{"it", "are Italian tax codes (codice fiscale) with the right check letter", isCodiceFiscale},
	{"fr", "are French identity numbers (NIR) with the right key", isNIR},
	{"br", "are Brazilian identity numbers (CPF) with right check digits", isCPF},
	{"pl", "are Polish identity numbers (PESEL) with the right check digit", isPESEL},
	{"de", "are German tax numbers (Steuer-ID) with the right check digit", isSteuerID},
	{"se", "are Swedish identity numbers (personnummer) with the right check digit", isPersonnummer},
	{"es", "are Spanish identity numbers (DNI, NIE) with the right letter", isDNI},
	{"gb", "have the form of British insurance numbers (NINO)", ninoValue.MatchString},
	{"us", "have the form of US social security numbers", isSSN},
	{"nl", "are Dutch identity numbers (BSN) with the right check digit", isBSN},
}

var (
	fiscalValue = regexp.MustCompile(`^(?i)[A-Z]{6}[0-9LMNP-V]{2}[A-EHLMPR-T][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]$`)
	dniValue    = regexp.MustCompile(`^(?i)([XYZ]-?\d{7}|\d{8})-?[A-Z]$`)
	ninoValue   = regexp.MustCompile(`^(?i)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]$`)
	ssnValue    = regexp.MustCompile(`^\d{3}-\d{2}-\d{4}$`)
	personValue = regexp.MustCompile(`^(\d{2})?\d{6}[-+]?\d{4}$`)
	nirValue    = regexp.MustCompile(`^[12378]\d{4}(\d{2}|2[ABab])\d{8}$`)
	dottedValue = regexp.MustCompile(`^[\d .-]+$`)
)

// digitsOf are the digits of a number that may be grouped; nil when there are not so many, or something else is there.
func digitsOf(v string, n int) []int {
	if !dottedValue.MatchString(v) || countDigits(v) != n {
		return nil
	}
	digits := make([]int, 0, n)
	for i := range len(v) {
		if '0' <= v[i] && v[i] <= '9' {
			digits = append(digits, int(v[i]-'0'))
		}
	}
	return digits
}

// weighted is the sum of the first digits, each times its weight.
func weighted(digits []int, weights ...int) int {
	sum := 0
	for i, w := range weights {
		sum += digits[i] * w
	}
	return sum
}

// same tells whether all digits are equal; such numbers fit many checks and are nobody's.
func same(digits []int) bool {
	for _, d := range digits {
		if d != digits[0] {
			return false
		}
	}
	return true
}

func isBSN(v string) bool {
	d := digitsOf(v, 9)
	return d != nil && !same(d) && !strings.Contains(v, "-") && weighted(d, 9, 8, 7, 6, 5, 4, 3, 2, -1)%11 == 0
}

func isPESEL(v string) bool {
	d := digitsOf(v, 11)
	if d == nil {
		return false
	}
	month, day := (10*d[2]+d[3])%20, 10*d[4]+d[5]
	return month >= 1 && month <= 12 && day >= 1 && day <= 31 && weighted(d, 1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)%10 == 0
}

// isSteuerID checks ISO 7064 MOD 11,10, and that one of the first ten digits is there more than once.
func isSteuerID(v string) bool {
	d := digitsOf(v, 11)
	if d == nil || d[0] == 0 {
		return false
	}
	product := 10
	seen, twice := [10]int{}, 0
	for _, digit := range d[:10] {
		if seen[digit]++; seen[digit] == 2 {
			twice++
		}
		sum := (digit + product) % 10
		if sum == 0 {
			sum = 10
		}
		product = sum * 2 % 11
	}
	return twice == 1 && (11-product)%10 == d[10]
}

func isCPF(v string) bool {
	d := digitsOf(v, 11)
	if d == nil || same(d) {
		return false
	}
	check := func(n int) int {
		sum := 0
		for i := range n {
			sum += d[i] * (n + 1 - i)
		}
		return sum * 10 % 11 % 10
	}
	return check(9) == d[9] && check(10) == d[10]
}

func isNIR(v string) bool {
	v = strings.NewReplacer(" ", "", ".", "").Replace(v)
	if !nirValue.MatchString(v) {
		return false
	}
	v = strings.NewReplacer("2A", "19", "2B", "18").Replace(strings.ToUpper(v))
	rest := 0
	for _, c := range v[:13] {
		rest = (rest*10 + int(c-'0')) % 97
	}
	return 97-rest == int(v[13]-'0')*10+int(v[14]-'0')
}

func isDNI(v string) bool {
	if !dniValue.MatchString(v) {
		return false
	}
	v = strings.NewReplacer("X", "0", "Y", "1", "Z", "2", "-", "").Replace(strings.ToUpper(v[:len(v)-1])) + strings.ToUpper(v[len(v)-1:])
	number := 0
	for _, c := range v[:len(v)-1] {
		number = number*10 + int(c-'0')
	}
	return "TRWAGMYFPDXBNJZSQVHLCKE"[number%23] == v[len(v)-1]
}

// isCodiceFiscale adds up what each character counts for on an odd and on an even place.
func isCodiceFiscale(v string) bool {
	if !fiscalValue.MatchString(v) {
		return false
	}
	odd := [...]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}
	sum := 0
	for i, c := range strings.ToUpper(v[:15]) {
		n := int(c - 'A')
		if c <= '9' {
			n = int(c - '0')
		}
		if i%2 == 0 {
			n = odd[n]
		}
		sum += n
	}
	return 'A'+byte(sum%26) == strings.ToUpper(v)[15]
}

func isPersonnummer(v string) bool {
	if !personValue.MatchString(v) {
		return false
	}
	v = strings.NewReplacer("-", "", "+", "").Replace(v)
	v = v[len(v)-10:]
	month, day := v[2:4], v[4:6]
	return month >= "01" && month <= "12" && day >= "01" && day <= "31" && luhn(v)
}

func isSSN(v string) bool {
	return ssnValue.MatchString(v) && v[:3] != "000" && v[:3] != "666" && v[0] != '9' && v[4:6] != "00" && v[7:] != "0000"
}
