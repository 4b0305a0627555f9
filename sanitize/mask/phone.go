package mask

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// phoneFamily: other digits for a telephone number, as it is written.
func phoneFamily() family {
	least := keepsFolded | keepsForm
	return family{
		Info: Info{
			Name: "phone", Summary: "other digits for a telephone number, written the same way", Types: textTypes(),
			Params: []ParamInfo{
				{Name: "keep_country", Type: "boolean", Default: "true", Meaning: "keep the country code after + or 00"},
				{Name: "to", Type: "string", Default: "reserved", Meaning: "reserved: a number that nobody has, of the ranges that regulators keep for fiction; same_form: any digits, one to one, for columns that must stay unique"},
				{Name: "country", Type: "string", Meaning: "with reserved, the country of numbers without a country code: " + strings.Join(plannedCountries(), ", ") + "; us is all of North America"},
			},
			Guarantees: []string{
				"length, separators, + and the count of digits are kept, so checks of the format hold; one number gets the same digits however it is written, with + or 00 or with other separators",
				"reserved: a number after + or 00 stays in its country if that is one of those under country (there, mobile numbers stay mobile where it has a range for them), else it comes under country code 999, which is nobody's; distinct numbers may become equal, as a country has from thirty (Australian mobile ones) to a hundred thousand",
				"reserved: a number without a country code becomes one of country's; without country, or without its area, it ends in 555-01xx, which nobody has in North America only",
				"reserved: what has fewer than seven digits, an extension or a short code, gets any digits; a comma, semicolon, + or letter begins another number",
				"same_form: distinct values stay distinct, and a leading 0 stays a leading 0; the result may be a number that somebody has: nothing may call it or write to it",
				"same_form: reversible for the holder of the key; numbers with fewer than six digits to mask can be guessed",
				"letters are replaced as by shape, with same_form the digits beside them too; the empty text stays empty",
			},
			AtLeast: least, AtBest: keepsDigits, Depends: "to: same_form keeps uniqueness",
			Variants: []map[string]any{{"to": "same_form"}},
		},
		compile: func(c *compiler) (*Mask, error) {
			country, reserve := c.params.boolean("keep_country", true), newPhoneReserve(c)
			cipher, scrambler, trim := newDigitCipher(c.keys, c.domain, "phone"), newScrambler(c.keys, c.domain), trimmer(c.target)
			return &Mask{Keeps: least | keepsDistinct.when(reserve() == nil), country: c.params.text("country", ""), New: func() Func {
				return &phoneFunc{cipher: cipher(), scrambler: scrambler(), trim: trim, country: country, reserve: reserve()}
			}}, nil
		},
	}
}

type phoneFunc struct {
	cipher    *digitCipher
	scrambler *scrambler
	trim      func([]byte) []byte
	country   bool
	reserve   *phoneReserve // nil for same_form
	digits    []byte
}

func (f *phoneFunc) Append(dst, src []byte) ([]byte, error) {
	src = f.trim(src)
	words := slices.ContainsFunc(src, isWordByte)
	f.digits = appendDigits(f.digits[:0], src)
	switch {
	case f.reserve != nil:
		f.reserveAll(src)
	case !words:
		f.cipher.permuteLead(f.digits[f.prefix(src, f.digits):])
	}
	if !words {
		return replaceDigits(dst, src, f.digits), nil
	}
	start := len(dst)
	dst, ok := f.scrambler.append(dst, src)
	switch {
	case !ok:
		return dst, &ValueError{Mask: "phone", Reason: "is not valid UTF-8"}
	case f.reserve != nil:
		setDigits(dst[start:], f.digits)
	}
	return dst, nil
}

// setDigits replaces the digits of a text in place.
func setDigits(text, digits []byte) {
	for i, c := range text {
		if c >= '0' && c <= '9' {
			text[i], digits = '0'+digits[0], digits[1:]
		}
	}
}

// prefix gives how many digits stay: the country code with a 00 before it, or the 0 that leads a national number. It is the same for the result.
func (f *phoneFunc) prefix(src, d []byte) int {
	switch {
	case len(d) < 4:
		return 0
	case slices.Contains(src, '+'):
		return f.code(d)
	case d[0] == 0 && d[1] == 0:
		return 2 + f.code(d[2:])
	case d[0] == 0:
		return 1
	}
	return 0
}

// code gives the length of the country code that d begins with (ITU-T E.164), 0 when it is not to be kept.
func (f *phoneFunc) code(d []byte) int {
	if !f.country || len(d) < 4 {
		return 0
	}
	if d[0] == 1 || d[0] == 7 {
		return 1
	}
	switch d[0]*10 + d[1] {
	case 20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58,
		60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98:
		return 2
	}
	return 3
}

// isWordByte tells letters, and bytes beyond ASCII, from digits and punctuation.
func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}
