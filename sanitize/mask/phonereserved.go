package mask

import "slices"

// leastNumber is how many digits a number has at least that could be dialled from anywhere; what has fewer is an extension, or a short code.
const leastNumber = 7

// phoneReserve puts telephone numbers into ranges that nobody has, digit for digit.
type phoneReserve struct {
	country *numberPlan // of numbers without a country code; nil when it is not known
	pickers []*picker   // as numberPlans has the countries; nil before the first number
	prf     *prf
	random  stream
	text    []byte
}

// newPhoneReserve reads the parameters to and country; the result gives nil for to: same_form.
func newPhoneReserve(c *compiler) func() *phoneReserve {
	reserved := c.params.choice("to", "reserved", "same_form") == "reserved"
	var country *numberPlan
	if c.params.has("country") {
		country = planOf(c.params.choice("country", plannedCountries()...))
		if !reserved {
			c.params.fail("country", "is of use with to: reserved only")
		}
	}
	key, blocks := subkey(c.keys, c.domain, "phone reserved"), subkey(c.keys, c.domain, "phone reserved digits")
	return func() *phoneReserve {
		if !reserved {
			return nil
		}
		return &phoneReserve{country: country, pickers: make([]*picker, len(numberPlans)), prf: newPRF(key), random: stream{block: newAES(blocks)}}
	}
}

// reserveAll replaces the digits of every number in src: a comma, a semicolon or a + begins another one, and so does a letter behind
// enough digits for a number.
func (f *phoneFunc) reserveAll(src []byte) {
	digits := f.digits
	for len(src) > 0 {
		size, count := oneNumber(src)
		if d := digits[:count]; !f.reserve.replace(src[:size], d, f.country) {
			f.cipher.permuteLead(d[f.prefix(src[:size], d):])
		}
		src, digits = src[size:], digits[count:]
	}
}

// oneNumber gives the size of the first number in src with what surrounds it, and how many digits it has.
func oneNumber(src []byte) (size, digits int) {
	for i, c := range src {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case digits > 0 && (c == '+' || c == ',' || c == ';'), digits >= leastNumber && isWordByte(c):
			return i, digits
		}
	}
	return len(src), digits
}

// replace replaces the digits of one number; it reports false for one that is too short.
func (r *phoneReserve) replace(src, digits []byte, keepCountry bool) bool {
	lead, abroad := 0, slices.Contains(src, '+')
	if !abroad && len(digits) > 1 && digits[0] == 0 && digits[1] == 0 {
		lead, abroad = 2, true
	}
	switch {
	case len(digits)-lead < leastNumber:
		return false
	case abroad:
		r.abroad(digits[lead:], keepCountry)
	default:
		r.national(digits)
	}
	return true
}

// abroad replaces a number that begins with its country code: by one of the country, else by one under 999, which is no country's.
func (r *phoneReserve) abroad(digits []byte, keepCountry bool) {
	if plan := planByCode(digits); plan != nil && keepCountry {
		rest := digits[len(plan.code):]
		if plan.trunk == 0 && rest[0] == 0 { // +44 (0)20
			rest = rest[1:]
		}
		if r.within(plan, rest, true) {
			return
		}
	}
	r.start("", digits)
	digits[0], digits[1], digits[2] = 9, 9, 9
	r.fill(digits[3:], "")
}

// national replaces a number without a country code. Ten digits without a 0 or 1 before them are taken for North America's.
func (r *phoneReserve) national(digits []byte) {
	plan, n := r.country, len(digits)
	if plan == nil && (n == 10 && digits[0] > 1 || n == 11 && digits[0] == 1) {
		plan = planOf("us")
	}
	if plan != nil {
		rest, whole := digits, digits[0] == plan.trunk
		if whole {
			rest = digits[1:]
		}
		if r.within(plan, rest, whole) {
			return
		}
	}
	r.start("", digits)
	before := digits[:n-7]
	if len(before) > 0 && before[0] == 0 {
		before = before[1:]
	}
	r.fill(before, "n") // no 0, which would make 00
	r.fill(digits[n-7:], "55501xx")
}

// within replaces a national number, without its trunk digit, by one of a country's ranges; it reports false when none has room.
func (r *phoneReserve) within(plan *numberPlan, digits []byte, whole bool) bool {
	r.start(plan.code, digits)
	form := r.picker(plan).pick(digits, whole, &r.random)
	if form != "" {
		r.fill(digits, form)
	}
	return form != ""
}

func (r *phoneReserve) picker(plan *numberPlan) *picker {
	at := 0
	for &numberPlans[at] != plan {
		at++
	}
	if r.pickers[at] == nil {
		r.pickers[at] = &picker{plan: plan}
	}
	return r.pickers[at]
}

// start makes what follows depend on a number, and on nothing else.
func (r *phoneReserve) start(code string, digits []byte) {
	r.text = append(append(append(r.text[:0], code...), ' '), digits...)
	r.random.start(*r.prf.sum(r.text))
}

// fill writes digits of a form, as numberPlan has it, and any digits after it.
func (r *phoneReserve) fill(digits []byte, form string) {
	for i := range digits {
		kind := byte('x')
		if i < len(form) {
			kind = form[i]
		}
		switch kind {
		case 'x':
			digits[i] = byte(r.random.below(10))
		case 'n':
			digits[i] = byte(1 + r.random.below(9))
		case 'N':
			digits[i] = "\x02\x03\x06\x09"[r.random.below(4)]
		case 'y':
			if digits[i] = byte(r.random.below(9)); digits[i] >= digits[i-1] {
				digits[i]++
			}
		default:
			digits[i] = kind - '0'
		}
	}
}
