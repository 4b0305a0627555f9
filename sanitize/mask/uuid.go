package mask

// allOnes is the uuid that RFC 9562 calls Max.
var allOnes = [16]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}

// keepsUUID is what a uuid keeps.
const keepsUUID = keepsFolded | keepsDistinct | KeepsLength | KeepsBytes | KeepsValidity

// uuidFamily: another uuid of the same version.
func uuidFamily() family {
	return family{
		Info: Info{
			Name: "uuid", Summary: "another uuid of the same version and variant", Types: append([]string{"uuid"}, textTypes()...),
			Guarantees: []string{
				"distinct values stay distinct, but for a chance below 2^-60 a pair; in text columns a uuid spelled in mixed case counts as one in small letters",
				"hyphens and the case of letters are kept, so are the nil uuid, the uuid of all ones, and the empty text",
				"the time and the order in a uuid of version 1, 6 or 7 are not kept",
				"a text that is no uuid is an error",
			},
			AtLeast: keepsUUID, AtBest: keepsUUID,
		},
		compile: func(c *compiler) (*Mask, error) {
			key, trim := subkey(c.keys, c.domain, "uuid"), trimmer(c.target)
			return &Mask{Keeps: keepsUUID, New: func() Func {
				return &uuidFunc{prf: newPRF(key), trim: trim}
			}}, nil
		},
	}
}

type uuidFunc struct {
	prf  *prf
	trim func([]byte) []byte
	id   [16]byte
}

func (f *uuidFunc) Append(dst, src []byte) ([]byte, error) {
	src = f.trim(src)
	var ok bool
	switch f.id, ok = parseUUID(src); {
	case len(src) == 0:
		return dst, nil
	case !ok:
		return dst, &ValueError{Mask: "uuid", Reason: "is not a uuid"}
	case f.id == [16]byte{} || f.id == allOnes:
		return append(dst, src...), nil
	}
	sum := f.prf.sum(f.id[:])
	sum[6] = f.id[6]&0xF0 | sum[6]&0x0F
	variant := variantBits(f.id[8])
	sum[8] = f.id[8]&variant | sum[8]&^variant
	return appendUUID(dst, sum[:16], len(src) == 36, capitals(src)), nil
}

// variantBits masks the bits of the ninth byte that tell the variant.
func variantBits(b byte) byte {
	switch {
	case b < 0x80:
		return 0x80
	case b < 0xC0:
		return 0xC0
	}
	return 0xE0
}

// capitals tells whether src has letters and all are upper case.
func capitals(src []byte) bool {
	upper := false
	for _, c := range src {
		if c >= 'a' && c <= 'z' {
			return false
		}
		upper = upper || c >= 'A' && c <= 'Z'
	}
	return upper
}

func appendUUID(dst, id []byte, hyphens, upper bool) []byte {
	digits := "0123456789abcdef"
	if upper {
		digits = "0123456789ABCDEF"
	}
	for i, b := range id {
		if hyphens && (i == 4 || i == 6 || i == 8 || i == 10) {
			dst = append(dst, '-')
		}
		dst = append(dst, digits[b>>4], digits[b&15])
	}
	return dst
}

// parseUUID reads the form 8-4-4-4-12 of hexadecimal digits in any case, or the 32 digits alone.
func parseUUID(src []byte) (id [16]byte, ok bool) {
	if len(src) != 36 && len(src) != 32 {
		return id, false
	}
	n := 0
	for i, c := range src {
		if len(src) == 36 && (i == 8 || i == 13 || i == 18 || i == 23) {
			if c != '-' {
				return id, false
			}
			continue
		}
		v := hexValue(c)
		if v < 0 {
			return id, false
		}
		id[n/2] = id[n/2]<<4 | byte(v)
		n++
	}
	return id, true
}

// hexValue gives the value of a hexadecimal digit, -1 for any other byte.
func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
