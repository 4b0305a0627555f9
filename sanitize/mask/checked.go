package mask

// idForm is a form of identity number with a check: which of its places are permuted, and what makes it valid.
type idForm struct {
	size    int
	fixed   uint32              // bits of the places that stay, or that seal sets
	letters bool                // letters are permuted too, not only digits
	capital bool                // small letters make no number: the check is a letter for some and a digit for others
	fits    func(v []byte) bool // what must hold beside the check; nil for nothing
	seal    func(v []byte) bool // sets the check characters; false when there are none for the rest. Nil without a check
	replace func(v, sum []byte) // makes another one out of 16 random bytes, where the result must not be bijective; nil otherwise
}

// valid tells whether v, letters in capitals and digits, is a number of the form; work is room for a copy.
func (f *idForm) valid(v []byte, work *[32]byte) bool {
	if len(v) != f.size || f.fits != nil && !f.fits(v) {
		return false
	}
	if f.seal == nil {
		return true
	}
	n := copy(work[:], v)
	return f.seal(work[:n]) && string(work[:n]) == string(v)
}

// checkedFunc masks numbers of some forms: a valid number becomes another valid one of its form by a permutation of its free places, walked
// until the result is valid; any other value becomes one of its shape, walked until it is not valid. So distinct values stay distinct.
type checkedFunc struct {
	mask      string
	forms     []idForm
	cipher    *digitCipher
	scrambler *scrambler
	prf       *prf
	trim      func([]byte) []byte

	compact, part, work []byte
	sealed              [32]byte
}

// newChecked makes the masks of some forms, for instances.
func (c *compiler) newChecked(name string, forms []idForm) func() Func {
	key, cipher, scrambler, trim := subkey(c.keys, c.domain, name+" number"), newDigitCipher(c.keys, c.domain, name), newScrambler(c.keys, c.domain), trimmer(c.target)
	return func() Func {
		return &checkedFunc{mask: name, forms: forms, cipher: cipher(), scrambler: scrambler(), prf: newPRF(key), trim: trim}
	}
}

func (f *checkedFunc) Append(dst, src []byte) ([]byte, error) {
	src = f.trim(src)
	if form := f.form(src); form != nil {
		if form.replace != nil {
			form.replace(f.compact, f.prf.sum(f.compact)[:])
		} else {
			f.permute(form)
		}
		return f.spread(dst, src), nil
	}
	start := len(dst)
	dst, ok := f.scrambler.append(dst, src)
	for ok && f.form(dst[start:]) != nil {
		f.work = append(f.work[:0], dst[start:]...)
		dst, ok = f.scrambler.append(dst[:start], f.work)
	}
	if !ok {
		return dst[:start], &ValueError{Mask: f.mask, Reason: "is not valid UTF-8"}
	}
	return dst, nil
}

// form finds the form of which a value is a valid number, and leaves its letters and digits in compact. Blanks, dots, hyphens and slashes may
// stand between them.
func (f *checkedFunc) form(src []byte) *idForm {
	f.compact = f.compact[:0]
	small := false
	for _, c := range src {
		switch {
		case isDigit(c), c >= 'A' && c <= 'Z':
			f.compact = append(f.compact, c)
		case c >= 'a' && c <= 'z':
			small = true
			f.compact = append(f.compact, c-'a'+'A')
		case c != ' ' && c != '.' && c != '-' && c != '/':
			return nil
		}
		if len(f.compact) > 32 {
			return nil
		}
	}
	for i := range f.forms {
		if !(small && f.forms[i].capital) && f.forms[i].valid(f.compact, &f.sealed) {
			return &f.forms[i]
		}
	}
	return nil
}

// permute walks the permutation of the free places from one valid number to the next.
func (f *checkedFunc) permute(form *idForm) {
	f.part = f.part[:0]
	digits := true
	for i, c := range f.compact {
		if form.free(i, c) {
			f.part = append(f.part, c)
			digits = digits && isDigit(c)
		}
	}
	for {
		if digits {
			for i := range f.part {
				f.part[i] -= '0'
			}
			f.cipher.permute(f.part)
			for i := range f.part {
				f.part[i] += '0'
			}
		} else {
			f.work, _ = f.scrambler.append(f.work[:0], f.part)
			copy(f.part, f.work)
		}
		at := 0
		for i, c := range f.compact {
			if form.free(i, c) {
				f.compact[i] = f.part[at]
				at++
			}
		}
		if (form.seal == nil || form.seal(f.compact)) && (form.fits == nil || form.fits(f.compact)) {
			return
		}
	}
}

func (f *idForm) free(i int, c byte) bool { return f.fixed>>i&1 == 0 && (f.letters || isDigit(c)) }

// spread appends src with its letters and digits replaced by those of compact, in the case of src.
func (f *checkedFunc) spread(dst, src []byte) []byte {
	at := 0
	for _, c := range src {
		if !isDigit(c) && !isWordByte(c) {
			dst = append(dst, c)
			continue
		}
		out := f.compact[at]
		at++
		if c >= 'a' && c <= 'z' && out >= 'A' {
			out |= 0x20
		}
		dst = append(dst, out)
	}
	return dst
}

// places makes the bits of some places.
func places(list ...int) uint32 {
	bits := uint32(0)
	for _, i := range list {
		bits |= 1 << i
	}
	return bits
}

// weighted sums digits by weights, one for each; a letter gives -1.
func weighted(v []byte, weights string) int {
	sum := 0
	for i := range len(weights) {
		if !isDigit(v[i]) {
			return -1
		}
		sum += int(v[i]-'0') * (int(weights[i]) - '0')
	}
	return sum
}

func allDigits(v []byte) bool { return digitRun(v) == len(v) }

// keepsID is what masks of identity numbers keep.
const keepsID = keepsFolded | keepsDistinct | KeepsLength | KeepsBytes | KeepsCheckDigits | KeepsValidity

// keepsCode is what masks of codes keep whose check is a digit or X.
const keepsCode = keepsID &^ (KeepsCaseEquality | KeepsCaseUniqueness)
