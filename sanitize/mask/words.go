package mask

import (
	"unicode"
	"unicode/utf8"
)

// wordFamilies are masks that pick from lists, beside names of persons.
func wordFamilies() []family {
	pick := func(name, summary, list string, more ...string) family {
		return family{
			Info: Info{
				Name: name, Summary: summary, Types: textTypes(),
				Guarantees: append([]string{"distinct values may become equal; values equal under lower() become equal; the empty text stays empty", "no longer than the column allows"}, more...),
				AtLeast:    keepsFolded, AtBest: keepsFolded,
			},
			compile: func(c *compiler) (*Mask, error) {
				key, trim, limit := subkey(c.keys, c.domain, name), trimmer(c.target), c.target.MaxLength
				return &Mask{Keeps: keepsFolded, New: func() Func {
					names, prf := namesOf(list), newPRF(key)
					var casing casing
					return appender(func(dst, src []byte) ([]byte, error) {
						if src = trim(src); len(src) == 0 {
							return dst, nil
						}
						casing.fold(src)
						return append(dst, names.pick(prf.number(casing.folded), limit)...), nil
					})
				}}, nil
			},
		}
	}
	return []family{
		pick("company", "the name of a made-up company", "companies", "the list has 1200 names; there may be a company of that name"),
		pick("job_title", "the title of a job", "job_titles"),
		pick("user_agent", "what a common browser or tool calls itself", "user_agents"),
		usernameFamily(), loremFamily(),
	}
}

// usernameFamily: a name to log in with.
func usernameFamily() family {
	return family{
		Info: Info{
			Name: "username", Summary: "a name to log in with, of random letters", Types: textTypes(),
			Guarantees: []string{
				"distinct values stay distinct, but for a chance below 2^-60 a pair, in columns of 13 characters or more",
				"values equal under lower() stay so, except for mixed case that goes on beyond some 14 letters; the empty text stays empty",
			},
			AtLeast: keepsFolded, AtBest: keepsFolded | keepsDistinct, Depends: "uniqueness is kept in columns of 13 characters or more",
		},
		compile: func(c *compiler) (*Mask, error) {
			letters := distinctAfter + 1
			if limit := c.target.MaxLength; limit > 0 {
				letters = min(letters, limit)
			}
			key, trim, citext := subkey(c.keys, c.domain, "username"), trimmer(c.target), c.target.BaseType == "citext"
			return &Mask{Keeps: keepsFolded | keepsDistinct.when(letters >= distinctAfter), New: func() Func {
				prf := newPRF(key)
				var casing casing
				return appender(func(dst, src []byte) ([]byte, error) {
					if src = trim(src); len(src) == 0 {
						return dst, nil
					}
					return casing.pseudonym(dst, src, letters, citext, prf), nil
				})
			}}, nil
		},
	}
}

// loremFamily: filler as long as the text.
func loremFamily() family {
	keeps := keepsFolded | KeepsLength
	return family{
		Info: Info{
			Name: "lorem", Summary: "filler text of the same length, with the same line breaks and punctuation", Types: textTypes(),
			Guarantees: []string{
				"the length in characters, blanks, line breaks and punctuation are kept; the length in bytes only of ASCII",
				"letters become letters of filler words, capitals capitals; digits become other digits",
				"equal values stay equal, and so do values equal under lower(); distinct ones may become equal",
			},
			AtLeast: keeps, AtBest: keeps,
		},
		compile: func(c *compiler) (*Mask, error) {
			key, trim := subkey(c.keys, c.domain, "lorem"), trimmer(c.target)
			return &Mask{Keeps: keeps, New: func() Func {
				f := &loremFunc{words: namesOf("lorem"), prf: newPRF(key), trim: trim}
				f.stream.block = newAES(key)
				return f
			}}, nil
		},
	}
}

type loremFunc struct {
	words  *nameList
	prf    *prf
	stream stream
	trim   func([]byte) []byte
	casing casing
}

func (f *loremFunc) Append(dst, src []byte) ([]byte, error) {
	src = f.trim(src)
	if !utf8.Valid(src) {
		return dst, &ValueError{Mask: "lorem", Reason: "is not valid UTF-8"}
	}
	f.casing.fold(src)
	f.stream.start(*f.prf.sum(f.casing.folded))
	word, at := "", 0
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		switch {
		case r >= '0' && r <= '9':
			dst = append(dst, '0'+byte(f.stream.below(10)))
		case unicode.IsDigit(r):
			dst = append(dst, '0'+byte(f.stream.below(10)))
		case unicode.In(r, unicode.L, unicode.M, unicode.N):
			if at == len(word) {
				word, at = f.words.names[f.stream.below(uint32(len(f.words.names)))], 0
			}
			c := word[at]
			if at++; unicode.IsUpper(r) {
				c -= 'a' - 'A'
			}
			dst = append(dst, c)
		default:
			dst = append(dst, src[i:i+n]...)
			word, at = "", 0
		}
		i += n
	}
	return dst, nil
}
