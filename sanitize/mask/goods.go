package mask

// checkedFamilies are the masks of numbers with check digits.
func checkedFamilies() []family {
	return []family{nationalFamily(), ibanFamily(), cardFamily(), vinFamily(), isbnFamily()}
}

// cardFamily: card numbers.
func cardFamily() family {
	keeps := keepsDigits | KeepsCheckDigits | KeepsValidity
	return family{
		Info: Info{
			Name: "card", Summary: "another card number, with the same check (Luhn)", Types: textTypes(),
			Params: []ParamInfo{
				{Name: "keep_bin", Type: "boolean", Default: "false", Meaning: "keep the first six digits, which tell the bank; otherwise the first one is kept"},
			},
			Guarantees: []string{
				"a valid number stays valid, an invalid one invalid; length and separators are kept",
				"distinct values stay distinct; by FF1, reversible for the holder of the key",
				"letters are kept; a value with one to seven digits behind those kept is refused, because it could be guessed",
				"the result may be the number of a card that exists",
			},
			AtLeast: keeps, AtBest: keeps,
		},
		compile: func(c *compiler) (*Mask, error) {
			prefix := 1
			if c.params.boolean("keep_bin", false) {
				prefix = 6
			}
			cipher, trim := newDigitCipher(c.keys, c.domain, "card"), trimmer(c.target)
			return &Mask{Keeps: keeps, New: func() Func {
				return &digitsFunc{mask: "card", cipher: cipher(), trim: trim, prefix: prefix, luhn: true}
			}}, nil
		},
	}
}

// vinFamily: vehicle identification numbers.
func vinFamily() family {
	return family{
		Info: Info{
			Name: "vin", Summary: "another vehicle identification number of the same maker", Types: textTypes(),
			Guarantees: []string{
				"the first three characters, which tell the maker, are kept; letters stay letters and digits digits, but for the check at the ninth place",
				"a number with a right check digit (as North America has it) gets another one, any other number or text has none afterwards",
				"distinct values stay distinct; reversible for the holder of the key",
			},
			AtLeast: keepsCode, AtBest: keepsCode,
		},
		compile: func(c *compiler) (*Mask, error) {
			forms := []idForm{{size: 17, fixed: places(0, 1, 2, 8), letters: true, capital: true, fits: fitsVIN, seal: sealVIN}}
			return &Mask{Keeps: keepsCode, New: c.newChecked("vin", forms)}, nil
		},
	}
}

// fitsVIN: no I, O or Q.
func fitsVIN(v []byte) bool {
	for _, c := range v {
		if c == 'I' || c == 'O' || c == 'Q' {
			return false
		}
	}
	return true
}

func sealVIN(v []byte) bool {
	sum := 0
	for i, c := range v {
		if i == 8 {
			continue
		}
		d := int(c - '0')
		if !isDigit(c) {
			d = int(vinValues[c-'A'] - '0')
		}
		sum += d * vinWeights[i]
	}
	if v[8] = '0' + byte(sum%11); sum%11 == 10 {
		v[8] = 'X'
	}
	return true
}

// vinWeights are the weights of the places; vinValues what letters count, I, O and Q nothing.
var vinWeights = [17]int{8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2}

const vinValues = "12345678012345070923456789"

// isbnFamily: book numbers.
func isbnFamily() family {
	return family{
		Info: Info{
			Name: "isbn", Summary: "another ISBN, of ten or thirteen digits", Types: textTypes(),
			Guarantees: []string{
				"a valid number becomes another valid one, written the same way; any other value one of the same shape that is not valid either",
				"978 and 979 are kept; the groups that hyphens part mean nothing afterwards",
				"distinct values stay distinct; reversible for the holder of the key",
			},
			AtLeast: keepsCode, AtBest: keepsCode,
		},
		compile: func(c *compiler) (*Mask, error) {
			forms := []idForm{
				{size: 13, fixed: places(0, 1, 2, 12), fits: fitsISBN, seal: sealISBN},
				{size: 10, fixed: places(9), capital: true, seal: sealISBN10},
			}
			return &Mask{Keeps: keepsCode, New: c.newChecked("isbn", forms)}, nil
		},
	}
}

func fitsISBN(v []byte) bool {
	return allDigits(v) && v[0] == '9' && v[1] == '7' && (v[2] == '8' || v[2] == '9')
}

func sealISBN(v []byte) bool {
	sum := weighted(v, "131313131313")
	v[12] = '0' + byte((10-sum%10)%10)
	return sum >= 0
}

func sealISBN10(v []byte) bool {
	sum := weighted(v, "123456789")
	if sum < 0 {
		return false
	}
	if v[9] = '0' + byte(sum%11); sum%11 == 10 {
		v[9] = 'X'
	}
	return true
}

// ibanFamily: bank accounts.
func ibanFamily() family {
	return family{
		Info: Info{
			Name: "iban", Summary: "another IBAN of the country, with right check digits", Types: textTypes(),
			Guarantees: []string{
				"the country is kept, letters stay letters and digits digits; a valid IBAN becomes a valid one, any other value one of the same shape that is not valid",
				"check digits that a country has within the account number are not right afterwards",
				"distinct values stay distinct, but for a chance below 2^-60 a pair; reversible for the holder of the key",
				"the result may be an account that exists",
			},
			AtLeast: keepsID | KeepsShape, AtBest: keepsID | KeepsShape,
		},
		compile: func(c *compiler) (*Mask, error) {
			scrambler, trim := newScrambler(c.keys, c.domain), trimmer(c.target)
			return &Mask{Keeps: keepsID | KeepsShape, New: func() Func { return &ibanFunc{scrambler: scrambler(), trim: trim} }}, nil
		},
	}
}

type ibanFunc struct {
	scrambler     *scrambler
	trim          func([]byte) []byte
	compact, work []byte
}

// valid tells whether src is an IBAN, and leaves it without blanks in compact.
func (f *ibanFunc) valid(src []byte) bool {
	f.compact = f.compact[:0]
	for _, c := range src {
		if c == ' ' || c == '-' {
			continue
		}
		if !isDigit(c) && (!isWordByte(c) || c >= 0x80) || len(f.compact) == 34 {
			return false
		}
		f.compact = append(f.compact, c)
	}
	v := f.compact
	if len(v) < 15 || isDigit(v[0]) || isDigit(v[1]) || !isDigit(v[2]) || !isDigit(v[3]) || decimal(v[2:4]) < 2 || decimal(v[2:4]) > 98 {
		return false
	}
	return ibanRemainder(v) == 1
}

func (f *ibanFunc) Append(dst, src []byte) ([]byte, error) {
	src = f.trim(src)
	start, ok := len(dst), true
	if f.valid(src) {
		f.work = append(f.work[:0], f.compact...)
		v := f.work[:4]
		v, _ = f.scrambler.append(v, f.compact[4:])
		v[2], v[3] = '0', '0'
		check := byte(98 - ibanRemainder(v))
		v[2], v[3] = '0'+check/10, '0'+check%10
		f.work = v
		at := 0
		for _, c := range src {
			if c != ' ' && c != '-' {
				c = v[at]
				at++
			}
			dst = append(dst, c)
		}
		return dst, nil
	}
	if dst, ok = f.scrambler.append(dst, src); ok {
		for f.valid(dst[start:]) {
			f.work = append(f.work[:0], dst[start:]...)
			dst, _ = f.scrambler.append(dst[:start], f.work)
		}
		return dst, nil
	}
	return dst[:start], &ValueError{Mask: "iban", Reason: "is not valid UTF-8"}
}
