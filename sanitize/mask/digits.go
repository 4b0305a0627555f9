package mask

// keepsDigits is what replacing digits by digits keeps.
const keepsDigits = keepsFolded | keepsDistinct | keepsForm

// digitsFamily: other digits for the digits.
func digitsFamily() family {
	return family{
		Info: Info{
			Name: "digits", Summary: "other digits for the digits, by the format-preserving cipher FF1 (NIST SP 800-38G)", Types: append(textTypes(), "int2", "int4", "int8", "numeric"),
			Params: []ParamInfo{
				{Name: "keep_prefix", Type: "integer", Default: "0", Meaning: "digits kept at the start"},
				{Name: "keep_suffix", Type: "integer", Default: "0", Meaning: "digits kept at the end"},
				{Name: "short", Type: "string", Default: "refuse", Meaning: "what becomes of values with one to five digits to mask, of which there are fewer than a million: refuse stops the copy, permute masks them although they can be guessed"},
				{Name: "luhn", Type: "boolean", Default: "false", Meaning: "keep the check of card numbers: a valid number stays valid, an invalid one invalid"},
			},
			Guarantees: []string{
				"length, separators and the count of digits are kept; the same digits give the same digits whatever separates them",
				"distinct values stay distinct",
				"letters and everything else that is no digit 0-9 are kept unmasked: use shape where letters tell something",
				"of a number, sign and point are kept too, and digits count from its first that is not 0 to its last, less the noughts that end a fraction; nought, NaN and infinity stay",
				"a number has the same result in every type of numbers that holds it, and no larger one is needed for the result",
				"reversible for the holder of the key; fewer than six digits to mask (after those kept; with luhn seven) can be guessed and are refused unless short says otherwise",
			},
			AtLeast: keepsDigits, AtBest: keepsDigits | KeepsCheckDigits | KeepsValidity, Depends: "check digits and validity are kept with luhn: true",
		},
		compile: compileDigits,
	}
}

func compileDigits(c *compiler) (*Mask, error) {
	prefix, suffix := int(c.params.integer("keep_prefix", 0, 0, 1<<20)), int(c.params.integer("keep_suffix", 0, 0, 1<<20))
	luhn, cipher, trim := c.params.boolean("luhn", false), newDigitCipher(c.keys, c.domain, "digits"), trimmer(c.target)
	short := c.params.choice("short", "refuse", "permute") == "permute"
	size, number := integerBits(c.target.BaseType), c.target.isNumeric()
	switch limit := c.target.MaxLength; {
	case short:
	case !number && limit > 0 && limit-prefix-suffix < leastDigits:
		return nil, &TypeError{Mask: "digits", Type: c.target.narrow(), Want: []string{"texts with room for six digits to mask (short: permute masks fewer)"}}
	case size > 0 && digitsOf(size)-prefix-suffix < leastDigits:
		return nil, &TypeError{Mask: "digits", Type: c.target.BaseType, Want: []string{"integers with room for six digits to mask (short: permute masks fewer)"}}
	}
	newDigits := func() *digitsFunc {
		return &digitsFunc{mask: "digits", short: short, cipher: cipher(), trim: trim, prefix: prefix, suffix: suffix, luhn: luhn}
	}
	m := &Mask{Keeps: keepsDigits | (KeepsCheckDigits | KeepsValidity).when(luhn), New: func() Func { return newDigits() }}
	if number {
		m.SequenceFloor, m.New = digitsFloor, func() Func { return numberDigits{newDigits()} }
	}
	return m, nil
}

// leastDigits is how many digits the standard wants at least: a million sequences.
const leastDigits = 6

type digitsFunc struct {
	mask           string
	short          bool // fewer are permuted too
	cipher         *digitCipher
	trim           func([]byte) []byte
	prefix, suffix int
	luhn           bool
	digits         []byte
}

func (f *digitsFunc) Append(dst, src []byte) ([]byte, error) {
	src = f.trim(src)
	f.digits = appendDigits(f.digits[:0], src)
	part, err := f.part()
	if err != nil {
		return dst, err
	}
	f.permute(part)
	return replaceDigits(dst, src, f.digits), nil
}

// part gives the digits between those that are kept.
func (f *digitsFunc) part() ([]byte, error) {
	part := f.digits
	if f.prefix+f.suffix < len(part) { // else nothing would be masked
		part = part[f.prefix : len(part)-f.suffix]
	}
	least := leastDigits
	if f.luhn {
		least++
	}
	if n := len(part); n > 0 && n < least && !f.short {
		return nil, &ValueError{Mask: f.mask, Reason: "has too few digits to mask, they could be guessed"}
	}
	return part, nil
}

// permute replaces a part of the digits in place.
func (f *digitsFunc) permute(part []byte) {
	if f.luhn {
		f.permuteLuhn(part)
	} else {
		f.cipher.permute(part)
	}
}

// permuteLuhn permutes all digits of part but the last, and sets that so that the check sum of all digits stays as it was. Both the
// sum and the rest can be read off the result, so distinct numbers stay distinct.
func (f *digitsFunc) permuteLuhn(part []byte) {
	if len(part) < 2 { // the sum would fix it
		f.cipher.permute(part)
		return
	}
	before := luhnSum(f.digits)
	last := &part[len(part)-1]
	f.cipher.permute(part[:len(part)-1])
	for *last = 0; luhnSum(f.digits) != before; *last++ {
	}
}

// luhnSum gives the check sum of a card number modulo 10: 0 when it is valid.
func luhnSum(digits []byte) int {
	sum := 0
	for i, d := range digits {
		v := int(d)
		if (len(digits)-i)%2 == 0 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum % 10
}

// appendDigits appends the values of the digits of src.
func appendDigits(dst, src []byte) []byte {
	for _, c := range src {
		if c >= '0' && c <= '9' {
			dst = append(dst, c-'0')
		}
	}
	return dst
}

// replaceDigits appends src with its digits replaced one by one.
func replaceDigits(dst, src, digits []byte) []byte {
	for _, c := range src {
		if c >= '0' && c <= '9' {
			c, digits = '0'+digits[0], digits[1:]
		}
		dst = append(dst, c)
	}
	return dst
}

// digitCipher permutes the digit sequences of every length: FF1 from 2 to 38 digits, a shuffled row of ten for one digit, the scrambler beyond.
type digitCipher struct {
	ff1       *ff1
	single    [10]byte
	scrambler *scrambler
	text      []byte
	out       []byte
}

func newDigitCipher(k Keys, domain, use string) func() *digitCipher {
	key := subkey(k, domain, use)
	long := newScrambler(k, domain)
	return func() *digitCipher {
		c := &digitCipher{ff1: newFF1(newAES(key), 10), scrambler: long()}
		for i := range c.single {
			c.single[i] = byte(i)
		}
		random := stream{block: c.ff1.block}
		random.start([16]byte{15: 1})
		for i := 9; i > 0; i-- {
			j := random.below(uint32(i + 1))
			c.single[i], c.single[j] = c.single[j], c.single[i]
		}
		return c
	}
}

// permute replaces digits, values 0 to 9, in place.
func (c *digitCipher) permute(digits []byte) {
	switch n := len(digits); {
	case n == 0:
	case n == 1:
		digits[0] = c.single[digits[0]]
	case n <= maxDecimals:
		c.ff1.encrypt(digits, nil)
	default:
		c.text = c.text[:0]
		for _, d := range digits {
			c.text = append(c.text, '0'+d)
		}
		c.out, _ = c.scrambler.append(c.out[:0], c.text)
		for i, d := range c.out {
			digits[i] = d - '0'
		}
	}
}

// permuteLead permutes so that the first digit is 0 exactly if it was: it walks the permutation until that holds.
func (c *digitCipher) permuteLead(digits []byte) {
	if len(digits) == 0 || len(digits) == 1 && digits[0] == 0 {
		return
	}
	zero := digits[0] == 0
	for {
		c.permute(digits)
		if (digits[0] == 0) == zero {
			return
		}
	}
}
