package mask

import "strings"

// NobodysNumber tells whether a text is a whole telephone number of a range that regulators keep for fiction, or of country code 999: one that nobody
// can have. One without a country code is of the country given, as the parameter country of the mask phone names it; without that, it is somebody's.
func NobodysNumber(text []byte, country string) bool {
	var room [24]byte
	digits := room[:0]
	abroad := false
	for _, c := range text {
		switch {
		case isDigit(c) && len(digits) < len(room):
			digits = append(digits, c-'0')
		case isDigit(c), isWordByte(c), c == ',', c == ';', c == '+' && len(digits) > 0:
			return false
		}
		abroad = abroad || c == '+'
	}
	if !abroad && beginsWith(digits, "00") {
		digits, abroad = digits[2:], true
	}
	plan := planOf(country)
	switch {
	case abroad && beginsWith(digits, "999"):
		return len(digits) >= leastNumber
	case abroad:
		if plan = planByCode(digits); plan == nil {
			return false
		}
		digits = digits[len(plan.code):]
		if plan.trunk == 0 && len(digits) > 0 && digits[0] == 0 { // +44 (0)20
			digits = digits[1:]
		}
	case plan == nil || len(digits) == 0:
		return false
	case digits[0] == plan.trunk:
		digits = digits[1:]
	case plan.trunk == 0: // a number within its area
		return false
	}
	for _, r := range plan.ranges {
		n, shortest := len(digits), min(len(strings.TrimRight(r, "x"))+1, len(r)) // shorter than the range, they begin as no other number does
		if n >= shortest && n <= len(r) && isOfRange(digits, r) {
			return true
		}
	}
	return false
}

// isOfRange tells whether digits are of a range, or begin one of it: see [numberPlan].
func isOfRange(digits []byte, r string) bool {
	for i, d := range digits {
		fits := true
		switch r[i] {
		case 'x':
		case 'n':
			fits = d > 0
		case 'N':
			fits = d == 2 || d == 3 || d == 6 || d == 9
		case 'y':
			fits = d != digits[i-1]
		default:
			fits = d == r[i]-'0'
		}
		if !fits {
			return false
		}
	}
	return true
}
