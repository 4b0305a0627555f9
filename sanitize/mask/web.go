package mask

import (
	"bytes"
	"unicode/utf8"
)

// hostLetters is how many letters a made-up host has: 75 bits.
const hostLetters = 16

// domainFamily: names of hosts.
func domainFamily() family {
	return family{
		Info: Info{
			Name: "domain", Summary: "a host name of random letters under .example", Types: textTypes(),
			Guarantees: []string{
				"the result can never be registered (RFC 2606); distinct names stay distinct, but for a chance below 2^-60 a pair, in columns of 18 characters or more",
				"names equal under lower() stay so, except for mixed case that goes on beyond some 16 letters; the empty text stays empty",
				"a value that is no host name (without a dot, with blanks) is masked as by shape",
			},
			AtLeast: keepsFolded | KeepsValidity, AtBest: keepsFolded | keepsDistinct | KeepsValidity, Depends: "uniqueness is kept where there is room for 13 letters before .test",
		},
		compile: func(c *compiler) (*Mask, error) {
			top, letters := ".example", hostLetters
			if limit := c.target.MaxLength; limit > 0 && limit < letters+len(top) {
				top = ".test"
				letters = min(letters, limit-len(top))
			}
			if letters < 1 {
				return nil, &TypeError{Mask: "domain", Type: c.target.narrow(), Want: []string{"texts of 6 characters or more"}}
			}
			citext := c.target.BaseType == "citext"
			key, scrambler, trim := subkey(c.keys, c.domain, "domain"), newScrambler(c.keys, c.domain), trimmer(c.target)
			return &Mask{Keeps: keepsFolded | KeepsValidity | keepsDistinct.when(letters >= distinctAfter), New: func() Func {
				prf, scrambler := newPRF(key), scrambler()
				var casing casing
				return appender(func(dst, src []byte) ([]byte, error) {
					if src = trim(src); !isHost(src) {
						out, ok := scrambler.append(dst, src)
						if !ok {
							return dst, &ValueError{Mask: "domain", Reason: "is not valid UTF-8"}
						}
						return out, nil
					}
					return append(casing.pseudonym(dst, src, letters, citext, prf), top...), nil
				})
			}}, nil
		},
	}
}

// isHost tells a name with a dot within, made of letters, digits, hyphens and dots.
func isHost(src []byte) bool {
	dot := bytes.IndexByte(src, '.')
	if dot <= 0 || dot == len(src)-1 || !utf8.Valid(src) {
		return false
	}
	for _, c := range src {
		if !isDigit(c) && !isWordByte(c) && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// filenameFamily: names of files.
func filenameFamily() family {
	return family{
		Info: Info{
			Name: "filename", Summary: "other letters and digits for the name of a file, its extension kept", Types: textTypes(),
			Guarantees: []string{
				"what shape guarantees; the extension (up to five letters and digits behind the last dot) is kept", "names of directories are masked too, slashes and dots kept",
			},
			AtLeast: keepsDigits, AtBest: keepsDigits,
		},
		compile: func(c *compiler) (*Mask, error) {
			scrambler, trim := newScrambler(c.keys, c.domain), trimmer(c.target)
			return &Mask{Keeps: keepsDigits, New: func() Func {
				scrambler := scrambler()
				return appender(func(dst, src []byte) ([]byte, error) {
					src = trim(src)
					end := len(src) - extension(src)
					out, ok := scrambler.append(dst, src[:end])
					if !ok || !utf8.Valid(src) {
						return dst, &ValueError{Mask: "filename", Reason: "is not valid UTF-8"}
					}
					return append(out, src[end:]...), nil
				})
			}}, nil
		},
	}
}

// extension gives the length of the dot and the extension that a name ends with, 0 without.
func extension(src []byte) int {
	n := 0
	for i := len(src) - 1; i > 0 && n <= 5; i-- {
		c := src[i]
		if c == '.' && n > 0 && src[i-1] != '/' && src[i-1] != '\\' {
			return n + 1
		}
		if c >= utf8.RuneSelf || !isDigit(c) && !isWordByte(c) {
			return 0
		}
		n++
	}
	return 0
}

// urlFamily: addresses in the web.
func urlFamily() family {
	return family{
		Info: Info{
			Name: "url", Summary: "an address at a made-up host, of the same form", Types: textTypes(),
			Params: []ParamInfo{{Name: "keep_host", Type: "boolean", Default: "false", Meaning: "keep host and port, unmasked; without user and password"}},
			Guarantees: []string{
				"the scheme, the port, separators and the extension of a file are kept; the host becomes random letters under .example, path, query and fragment as by shape",
				"user and password before an @ are masked as by shape",
				"distinct addresses stay distinct, but for a chance below 2^-60 a pair, where the column has no limit",
				"where the result would be too long, the host is masked as by shape too, and may be one that exists",
				"a text without :// is masked as by shape",
			},
			AtLeast: keepsFolded | KeepsValidity, AtBest: keepsFolded | keepsDistinct | KeepsValidity, Depends: "uniqueness is kept in columns without a limit of length",
		},
		compile: func(c *compiler) (*Mask, error) {
			keepHost := c.params.boolean("keep_host", false)
			key, scrambler, trim, limit := subkey(c.keys, c.domain, "url"), newScrambler(c.keys, c.domain), trimmer(c.target), c.target.MaxLength
			return &Mask{Keeps: keepsFolded | KeepsValidity | keepsDistinct.when(limit == 0), New: func() Func {
				return &urlFunc{prf: newPRF(key), scrambler: scrambler(), trim: trim, keepHost: keepHost, limit: limit, citext: c.target.BaseType == "citext"}
			}}, nil
		},
	}
}

type urlFunc struct {
	prf       *prf
	scrambler *scrambler
	trim      func([]byte) []byte
	keepHost  bool
	limit     int
	citext    bool
	casing    casing
}

func (f *urlFunc) Append(dst, src []byte) ([]byte, error) {
	src = f.trim(src)
	if !utf8.Valid(src) {
		return dst, &ValueError{Mask: "url", Reason: "is not valid UTF-8"}
	}
	start := len(dst)
	dst = f.append(dst, src, false)
	if f.limit > 0 && runeCount(dst[start:]) > f.limit {
		dst = f.append(dst[:start], src, true)
	}
	return dst, nil
}

func (f *urlFunc) append(dst, src []byte, tight bool) []byte {
	host := bytes.Index(src, []byte("://")) + 3
	if host < 4 {
		dst, _ = f.scrambler.append(dst, src)
		return dst
	}
	end := len(src)
	if i := bytes.IndexAny(src[host:], "/?#"); i >= 0 {
		end = host + i
	}
	dst = append(dst, src[:host]...)
	if at := bytes.LastIndexByte(src[host:end], '@'); at >= 0 {
		dst, _ = f.scrambler.append(dst, src[host:host+at])
		dst = append(dst, '@')
		host += at + 1
	}
	port := end
	if i := bytes.LastIndexByte(src[host:end], ':'); i >= 0 && allDigits(src[host+i+1:end]) {
		port = host + i
	}
	switch name := src[host:port]; {
	case f.keepHost || len(name) == 0:
		dst = append(dst, name...)
	case tight:
		dst, _ = f.scrambler.append(dst, name)
	default:
		dst = append(f.casing.pseudonym(dst, name, hostLetters, f.citext, f.prf), ".example"...)
	}
	dst = append(dst, src[port:end]...)
	tail := src[end:]
	kept := 0
	if !bytes.ContainsAny(tail, "?#") {
		kept = extension(tail)
	}
	dst, _ = f.scrambler.append(dst, tail[:len(tail)-kept])
	return append(dst, tail[len(tail)-kept:]...)
}
