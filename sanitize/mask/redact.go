package mask

// redactFamily: masks for what identifies a person within a text.
func redactFamily() family {
	return family{
		Info: Info{
			Name: "redact_text", Summary: "masks for e-mail addresses, telephone and card numbers, IBANs, IP addresses and long numbers within a text", Types: append(textTypes(), "xml"),
			Params: []ParamInfo{
				{Name: "min_digits", Type: "integer", Default: "7", Meaning: "how many digits make a number that is masked, from 4 to 20"},
				{Name: "with", Type: "columns", Meaning: "columns of the same row whose values, and words of theirs, are found too: each becomes what that column's own mask makes of it"},
			},
			Guarantees: []string{
				"an address or number in a text becomes what the masks email, phone and digits (luhn: true for cards) make of it in a column",
				"IP addresses become others of 10.0.0.0/8 or 2001:db8::/32, an IBAN another valid one of its country",
				"where a result would be too long for the column, addresses in it keep their length instead, as by shape",
				"the rest of the text is kept byte for byte: names, postal addresses, dates and short numbers are not found; where that is not enough, shape masks all of it",
				"with columns named under with, their values in the row are found: whole words of three characters or more, in whatever case, and whole values; not other spellings, nor words joined by a hyphen when they stand alone",
				"distinct texts may become equal",
			},
			AtLeast: KeepsNulls, AtBest: keepsSame, Depends: "without with, equal texts stay equal",
		},
		compile: compileRedact,
	}
}

func compileRedact(c *compiler) (*Mask, error) {
	least := int(c.params.integer("min_digits", 7, 4, 20))
	part := func(name string, params map[string]any) (*Mask, error) {
		r := Rule{Name: name, Params: params}
		if c.domain != c.rule.Name {
			r.Domain = c.domain
		}
		return Compile(r, Target{BaseType: "text", TypeKind: 'b'}, c.keys)
	}
	email, err := part("email", nil)
	if err != nil {
		return nil, err
	}
	phone, err := part("phone", nil)
	if err != nil {
		return nil, err
	}
	digits, err := part("digits", map[string]any{"short": "permute"})
	if err != nil {
		return nil, err
	}
	card, err := part("digits", map[string]any{"luhn": true, "short": "permute"})
	if err != nil {
		return nil, err
	}
	ipKey, iban, trim := subkey(c.keys, c.domain, "ip"), newScrambler(c.keys, c.domain), trimmer(c.target)
	limit := c.target.MaxLength
	if c.target.BaseType == "xml" && c.params.has("with") {
		return nil, &ParamError{Param: "with", Text: "cannot be had in xml, where what columns' masks make may be no character data"}
	}
	columns, needed, err := c.withColumns()
	if err != nil {
		return nil, err
	}
	newRedact := func() *redactFunc {
		return &redactFunc{
			trim: trim, least: least, limit: limit,
			email: email.New(), phone: phone.New(), digits: digits.New(), card: card.New(), ip: newPRF(ipKey), iban: iban(),
		}
	}
	if len(columns) == 0 {
		return &Mask{Keeps: keepsSame, New: func() Func { return newRedact() }}, nil
	}
	return &Mask{Keeps: KeepsNulls, Needs: needed, NewRow: func() RowFunc { return newRedactRow(newRedact(), columns) }}, nil
}

// redactFunc copies a text and masks what it finds on the way.
type redactFunc struct {
	trim                       func([]byte) []byte
	least, limit               int
	email, phone, digits, card Func
	ip                         *prf
	iban                       *scrambler
	work                       []byte
	noMail                     int       // no e-mail address begins before this place
	tight                      bool      // replacements must be as long as what they replace
	own                        *ownWords // of the row; nil without
}

// hit is something to mask: its length, 0 for none, and how.
type hit struct {
	size int
	mask func(f *redactFunc, dst, value []byte) ([]byte, error)
}

func (f *redactFunc) Append(dst, src []byte) ([]byte, error) {
	src = f.trim(src)
	f.tight = false
	out, err := f.redact(dst, src)
	if err == nil && f.limit > 0 && runeCount(out[len(dst):]) > f.limit {
		f.tight = true
		out, err = f.redact(out[:len(dst)], src)
	}
	return out, err
}

func (f *redactFunc) redact(dst, src []byte) ([]byte, error) {
	start, from := len(dst), 0
	f.noMail = 0
	for at := 0; at < len(src); {
		if !beginsWord[src[at]] {
			at++
			continue
		}
		h := f.find(src, at)
		if f.own != nil {
			if n := f.own.match(src, at); n > 0 && n >= h.size {
				h = hit{n, maskOwn}
			}
		}
		if h.size == 0 {
			at += wordSize(src[at:])
			continue
		}
		dst = append(dst, src[from:at]...)
		var err error
		if dst, err = h.mask(f, dst, src[at:at+h.size]); err != nil {
			return dst[:start], err
		}
		at += h.size
		from = at
	}
	return append(dst, src[from:]...), nil
}

func maskEmail(f *redactFunc, dst, v []byte) ([]byte, error) {
	if f.tight {
		return maskShape(f, dst, v)
	}
	return f.email.Append(dst, v)
}

// maskShape keeps the length.
func maskShape(f *redactFunc, dst, v []byte) ([]byte, error) {
	dst, ok := f.iban.append(dst, v)
	if !ok {
		return dst, &ValueError{Mask: "redact_text", Reason: "is not valid UTF-8"}
	}
	return dst, nil
}

func keepDate(_ *redactFunc, dst, v []byte) ([]byte, error)   { return append(dst, v...), nil }
func maskPhone(f *redactFunc, dst, v []byte) ([]byte, error)  { return f.phone.Append(dst, v) }
func maskDigits(f *redactFunc, dst, v []byte) ([]byte, error) { return f.digits.Append(dst, v) }
func maskCard(f *redactFunc, dst, v []byte) ([]byte, error)   { return f.card.Append(dst, v) }

// maskIBAN replaces letters and digits after the fourth character, and sets the two check digits.
func maskIBAN(f *redactFunc, dst, v []byte) ([]byte, error) {
	start := len(dst)
	dst = append(dst, v[:4]...)
	dst, _ = f.iban.append(dst, v[4:])
	account := dst[start:]
	account[2], account[3] = '0', '0'
	check := byte(98 - ibanRemainder(account))
	account[2], account[3] = '0'+check/10, '0'+check%10
	return dst, nil
}

// maskIPv4 gives an address of 10.0.0.0/8.
func maskIPv4(f *redactFunc, dst, v []byte) ([]byte, error) {
	if f.tight {
		return maskShape(f, dst, v)
	}
	sum := f.ip.sum(v)
	dst = append(dst, "10"...)
	for _, b := range sum[:3] {
		dst = append(dst, '.')
		dst = appendPadded(dst, int64(b), 1)
	}
	return dst, nil
}

// maskIPv6 gives an address of 2001:db8::/32, which is reserved for documentation.
func maskIPv6(f *redactFunc, dst, v []byte) ([]byte, error) {
	if f.tight {
		return maskShape(f, dst, v)
	}
	f.work = f.work[:0]
	for _, c := range v {
		if c >= 'A' && c <= 'F' {
			c |= 0x20
		}
		f.work = append(f.work, c)
	}
	sum := f.ip.sum(f.work)
	dst = append(dst, "2001:db8"...)
	for i := range 6 {
		const digits = "0123456789abcdef"
		hi, lo := sum[2*i], sum[2*i+1]
		dst = append(dst, ':', digits[hi>>4|1], digits[hi&15], digits[lo>>4], digits[lo&15])
	}
	return dst, nil
}

// ibanRemainder gives what ISO 13616 has as remainder by 97: 1 for a valid IBAN. Anything but letters and digits is passed over.
func ibanRemainder(v []byte) int {
	sum := 0
	add := func(c byte) {
		switch {
		case c >= '0' && c <= '9':
			sum = (sum*10 + int(c-'0')) % 97
		case isWordByte(c) && c < 0x80:
			sum = (sum*100 + int(c|0x20-'a') + 10) % 97
		}
	}
	for _, c := range v[4:] {
		add(c)
	}
	for _, c := range v[:4] {
		add(c)
	}
	return sum
}
