package mask

import "unicode/utf8"

// shapeFamily: other letters for letters, other digits for digits.
func shapeFamily() family {
	return family{
		Info: Info{
			Name: "shape", Summary: "other letters for the letters and other digits for the digits, everything else as it is", Types: textTypes(),
			Params: []ParamInfo{
				{Name: "keep_prefix", Type: "integer", Default: "0", Meaning: "characters kept at the start"},
				{Name: "keep_suffix", Type: "integer", Default: "0", Meaning: "characters kept at the end"},
			},
			Guarantees: []string{
				"length in characters and bytes, case, blanks, punctuation, line breaks and symbols are kept, so is the empty text",
				"a letter stays a letter of its script; capitals stay capitals",
				"distinct values stay distinct, and values equal under lower() stay so",
				"reversible for the holder of the key; short values have few others of their shape, so they can be guessed and may map to themselves",
			},
			AtLeast: keepsDigits, AtBest: keepsDigits,
		},
		compile: func(c *compiler) (*Mask, error) {
			prefix, suffix := int(c.params.integer("keep_prefix", 0, 0, 1<<20)), int(c.params.integer("keep_suffix", 0, 0, 1<<20))
			scrambler, trim := newScrambler(c.keys, c.domain), trimmer(c.target)
			return &Mask{Keeps: keepsDigits, New: func() Func {
				return &shapeFunc{scrambler: scrambler(), trim: trim, prefix: prefix, suffix: suffix}
			}}, nil
		},
	}
}

type shapeFunc struct {
	scrambler      *scrambler
	trim           func([]byte) []byte
	prefix, suffix int
}

func (f *shapeFunc) Append(dst, src []byte) ([]byte, error) {
	src = f.trim(src)
	from, to := kept(src, f.prefix, f.suffix)
	start := len(dst)
	dst = append(dst, src[:from]...)
	dst, ok := f.scrambler.append(dst, src[from:to])
	if !ok {
		return dst[:start], &ValueError{Mask: "shape", Reason: "is not valid UTF-8"}
	}
	return append(dst, src[to:]...), nil
}

// kept gives the part of src between the characters that are kept. A value that is no longer than both is masked whole: keeping all of it would be keep.
func kept(src []byte, prefix, suffix int) (from, to int) {
	to = len(src)
	if prefix == 0 && suffix == 0 {
		return 0, to
	}
	for range prefix {
		_, n := utf8.DecodeRune(src[from:])
		from += n
	}
	for range suffix {
		_, n := utf8.DecodeLastRune(src[:to])
		to -= n
	}
	if from >= to {
		return 0, len(src)
	}
	return from, to
}

// runeCount counts characters, as utf8.RuneCount does, which copies texts of more than 32 bytes to do so.
func runeCount(b []byte) int {
	n := 0
	for i := 0; i < len(b); n++ {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, size := utf8.DecodeRune(b[i:])
		i += size
	}
	return n
}
