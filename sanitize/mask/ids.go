package mask

import (
	"maps"
	"slices"
	"strings"
)

// nationalForms are the identity numbers by country (ISO 3166). The rules are those that the authorities publish.
func nationalForms() map[string][]idForm {
	return map[string][]idForm{
		"nl": {{size: 9, fixed: places(8), fits: notAllSame, seal: sealBSN}},
		"de": {{size: 11, fixed: places(10), fits: fitsSteuerID, seal: sealSteuerID}},
		"fr": {{size: 15, fixed: places(0, 13, 14), fits: fitsNIR, seal: sealNIR}},
		"es": {{size: 9, fixed: places(8), fits: fitsDNI, seal: sealDNI}},
		"it": {{size: 16, fixed: places(15), letters: true, fits: fitsFiscalCode, seal: sealFiscalCode}},
		"us": {{size: 9, fits: fitsSSN, replace: neverIssuedSSN}},
		"gb": {{size: 9, letters: true, fits: fitsNINO}},
		"pl": {{size: 11, fixed: places(10), fits: fitsPESEL, seal: sealPESEL}},
		"br": {{size: 11, fixed: places(9, 10), fits: notAllSame, seal: sealCPF}},
		"se": {
			{size: 10, fixed: places(9), fits: func(v []byte) bool { return allDigits(v) && fitsSwedish(v) }, seal: func(v []byte) bool { return sealLuhn(v) }},
			{size: 12, fixed: places(0, 1, 11), fits: func(v []byte) bool {
				return allDigits(v) && decimal(v[:2]) >= 18 && decimal(v[:2]) <= 20 && fitsSwedish(v[2:])
			}, seal: func(v []byte) bool { return sealLuhn(v[2:]) }},
		},
	}
}

// nationalFamily: identity numbers of countries.
func nationalFamily() family {
	least := keepsFolded | KeepsLength | KeepsBytes | KeepsShape
	return family{
		Info: Info{
			Name: "national_id", Summary: "another identity number of the country, with right check digits", Types: textTypes(),
			Params: []ParamInfo{{Name: "country", Type: "string", Meaning: "br (CPF), de (Steuer-ID), es (DNI, NIE), fr (NIR), gb (NINO), it (codice fiscale), nl (BSN), pl (PESEL), se (personnummer) or us (SSN); required"}},
			Guarantees: []string{
				"a valid number becomes another valid one, written the same way; any other value one of the same shape that is not valid either",
				"distinct values stay distinct; reversible for the holder of the key",
				"us: a number becomes one of the ranges that are never issued (900-00 to 999-49), so distinct ones may become equal and none is valid",
				"fr keeps the first digit, which tells the sex, and se the century",
				"the result may be the number of somebody, but for us",
			},
			AtLeast: least, AtBest: keepsID | KeepsShape,
			Depends: "us keeps neither uniqueness nor validity",
		},
		compile: func(c *compiler) (*Mask, error) {
			forms, country := nationalForms(), c.params.text("country", "")
			if forms[country] == nil {
				return nil, &ParamError{Param: "country", Text: "must be one of " + strings.Join(slices.Sorted(maps.Keys(forms)), ", ")}
			}
			keeps := keepsID | KeepsShape
			if country == "us" {
				keeps = least
			}
			return &Mask{Keeps: keeps, New: c.newChecked("national_id", forms[country])}, nil
		},
	}
}

func notAllSame(v []byte) bool {
	return allDigits(v) && strings.Count(string(v), string(v[:1])) < len(v)
}

// sealBSN sets the check of a burgerservicenummer: the eleven test.
func sealBSN(v []byte) bool {
	check := weighted(v, "98765432") % 11
	if check < 0 || check > 9 {
		return false
	}
	v[8] = '0' + byte(check)
	return true
}

// fitsSteuerID: of the first ten digits one is there twice or thrice, all others at most once, and the first is not 0.
func fitsSteuerID(v []byte) bool {
	if !allDigits(v) || v[0] == '0' {
		return false
	}
	var count [10]int
	repeated := 0
	for i, c := range v[:10] {
		if i > 1 && c == v[i-1] && c == v[i-2] {
			return false
		}
		switch count[c-'0']++; count[c-'0'] {
		case 2:
			repeated++
		case 4:
			return false
		}
	}
	return repeated == 1
}

// sealSteuerID sets the check digit of ISO 7064, MOD 11,10.
func sealSteuerID(v []byte) bool {
	product := 10
	for _, c := range v[:10] {
		if !isDigit(c) {
			return false
		}
		sum := (int(c-'0') + product) % 10
		if sum == 0 {
			sum = 10
		}
		product = sum * 2 % 11
	}
	v[10] = '0' + byte((11-product)%10)
	return true
}

// fitsNIR: sex, year, month, department (2A and 2B for Corsica), commune and order.
func fitsNIR(v []byte) bool {
	if v[0] != '1' && v[0] != '2' || !allDigits(v[1:6]) || !allDigits(v[7:]) {
		return false
	}
	month := decimal(v[3:5])
	corsica := v[5] == '2' && (v[6] == 'A' || v[6] == 'B')
	return month >= 1 && month <= 12 && (corsica || isDigit(v[6]) && string(v[5:7]) != "00" && string(v[5:7]) != "20")
}

func sealNIR(v []byte) bool {
	var digits [13]byte
	copy(digits[:], v)
	switch digits[6] {
	case 'A':
		digits[5], digits[6] = '1', '9'
	case 'B':
		digits[5], digits[6] = '1', '8'
	}
	n := decimal(digits[:])
	if n < 0 {
		return false
	}
	key := 97 - n%97
	v[13], v[14] = '0'+byte(key/10), '0'+byte(key%10)
	return true
}

// fitsDNI: eight digits, or X, Y or Z and seven digits, and a letter.
func fitsDNI(v []byte) bool {
	return (isDigit(v[0]) || v[0] >= 'X' && v[0] <= 'Z') && allDigits(v[1:8])
}

func sealDNI(v []byte) bool {
	first := int64(v[0] - '0')
	if v[0] >= 'X' {
		first = int64(v[0] - 'X')
	}
	rest := decimal(v[1:8])
	if first > 9 || rest < 0 {
		return false
	}
	v[8] = "TRWAGMYFPDXBNJZSQVHLCKE"[(first*10_000_000+rest)%23]
	return true
}

// fitsFiscalCode: six letters, year, letter of the month, day (of women 40 more), a letter and three digits of the place.
func fitsFiscalCode(v []byte) bool {
	for i, kind := range "LLLLLLDDLDDLDDD" {
		if isDigit(v[i]) != (kind == 'D') {
			return false
		}
	}
	day := decimal(v[9:11])
	return strings.IndexByte("ABCDEHLMPRST", v[8]) >= 0 && (day >= 1 && day <= 31 || day >= 41 && day <= 71) && (v[11] <= 'M' || v[11] == 'Z')
}

func sealFiscalCode(v []byte) bool {
	sum := 0
	for i, c := range v[:15] {
		at := int(c - '0')
		if !isDigit(c) {
			at = int(c - 'A')
		}
		if i%2 == 0 {
			at = fiscalOdd[at]
		}
		sum += at
	}
	v[15] = 'A' + byte(sum%26)
	return true
}

// fiscalOdd are the values of letters at odd places, counted from one; a digit counts as the letter of its number.
var fiscalOdd = [26]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}

// fitsSSN takes any nine digits for a number: those never issued stay recognisable as such.
func fitsSSN(v []byte) bool { return allDigits(v) }

// neverIssuedSSN makes a number with area 900 to 999, which are not given, and group 00 to 49, which taxpayer numbers (ITIN) leave free.
func neverIssuedSSN(v, sum []byte) {
	x := uint64(0)
	for _, b := range sum[:8] {
		x = x<<8 | uint64(b)
	}
	v[0] = '9'
	for i := 1; i < 9; i++ {
		v[i] = '0' + byte(x%10)
		x /= 10
	}
	v[3] = '0' + (v[3]-'0')%5
}

// fitsNINO: a prefix that may be given, six digits and a letter A to D.
func fitsNINO(v []byte) bool {
	if !allDigits(v[2:8]) || v[8] < 'A' || v[8] > 'D' || isDigit(v[0]) || isDigit(v[1]) {
		return false
	}
	if strings.IndexByte("DFIQUV", v[0]) >= 0 || strings.IndexByte("DFIOQUV", v[1]) >= 0 {
		return false
	}
	return !slices.Contains([]string{"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}, string(v[:2]))
}

// fitsPESEL: a date of birth whose month tells the century.
func fitsPESEL(v []byte) bool {
	if !allDigits(v) {
		return false
	}
	year, month, day := decimal(v[:2]), decimal(v[2:4]), decimal(v[4:6])
	century := [5]int64{1900, 2000, 2100, 2200, 1800}[month/20]
	month %= 20
	return month >= 1 && month <= 12 && day >= 1 && day <= daysIn(century+year, month)
}

func sealPESEL(v []byte) bool {
	sum := weighted(v, "1379137913")
	v[10] = '0' + byte((10-sum%10)%10)
	return sum >= 0
}

// sealCPF sets both check digits.
func sealCPF(v []byte) bool {
	first := weighted(v, ":98765432") // ':' is 10
	if first < 0 {
		return false
	}
	v[9] = '0' + byte((first*10%11)%10)
	second := weighted(v, ";:98765432")
	v[10] = '0' + byte((second*10%11)%10)
	return true
}

// fitsSwedish: a date of birth, of coordination numbers with 60 more as day.
func fitsSwedish(v []byte) bool {
	month, day := decimal(v[2:4]), decimal(v[4:6])
	if day > 60 {
		day -= 60
	}
	return month >= 1 && month <= 12 && day >= 1 && day <= daysIn(2000+decimal(v[:2]), month)
}

// sealLuhn sets the last digit to the check of the others.
func sealLuhn(v []byte) bool {
	last := len(v) - 1
	sum := 0
	for i, c := range v[:last] {
		d := int(c - '0')
		if (last-i)%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	v[last] = '0' + byte((10-sum%10)%10)
	return true
}
