package mask

import (
	"bytes"
	"fmt"
	"strings"
)

const (
	emailLetters  = 18 // 84 bits
	distinctAfter = 13 // letters that hold 61 bits
	emailHost     = "example.com"
	emailHostTiny = "x.test"
)

// keepsEmail is what an address keeps in the shortest column too.
const keepsEmail = keepsFolded | KeepsValidity

// emailFamily: an address at a host that can receive no mail.
func emailFamily() family {
	return family{
		Info: Info{
			Name: "email", Summary: "an address of random letters at a reserved host", Types: textTypes(),
			Params: []ParamInfo{
				{Name: "at", Type: "string", Default: emailHost, Meaning: "the host: example.com, .net or .org, or one under .example, .test or .invalid; keep leaves the value's own host, unmasked"},
			},
			Guarantees: []string{
				"nobody can receive mail at the default host",
				"distinct addresses stay distinct, but for a chance below 2^-60 a pair, in columns of 20 characters or more",
				"addresses equal under lower() stay so, except for mixed case that goes on beyond some 18 letters",
				"a value that is no address (empty, without @, with blanks) becomes no address: its letters and digits are replaced as by shape",
			},
			AtLeast: keepsEmail, AtBest: keepsEmail | keepsDistinct, Depends: "uniqueness is kept where there is room for 13 letters before the host",
		},
		compile: compileEmail,
	}
}

func compileEmail(c *compiler) (*Mask, error) {
	host := c.params.text("at", "")
	if host != "" && host != "keep" && !reservedHost(host) {
		c.params.fail("at", "must be keep or a host reserved by RFC 2606: example.com, .net or .org, or one under .example, .test or .invalid")
	}
	limit := c.target.MaxLength
	if host == "" {
		host = emailHost
		if limit > 0 && limit < distinctAfter+1+len(host) {
			host = emailHostTiny
		}
	}
	letters := emailLetters
	if limit > 0 && host != "keep" {
		letters = min(letters, limit-1-len(host))
	}
	if letters < 1 {
		return nil, &TypeError{Mask: "email", Type: c.target.narrow(), Want: []string{fmt.Sprintf("texts of %d characters or more", len(host)+2)}}
	}
	distinct := letters >= distinctAfter && (host != "keep" || limit == 0)
	key, scrambler := subkey(c.keys, c.domain, "email"), newScrambler(c.keys, c.domain)
	base := emailFunc{host: host, keepHost: host == "keep", letters: letters, limit: limit, citext: c.target.BaseType == "citext", trim: trimmer(c.target)}
	return &Mask{Keeps: keepsEmail | keepsDistinct.when(distinct), New: func() Func {
		f := base
		f.prf, f.scrambler = newPRF(key), scrambler()
		return &f
	}}, nil
}

func reservedHost(host string) bool {
	host = strings.ToLower(host)
	for i := range len(host) {
		if c := host[i]; c != '.' && c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	if strings.HasPrefix(host, ".") || strings.Contains(host, "..") {
		return false
	}
	for _, top := range []string{"example.com", "example.net", "example.org", "example", "test", "invalid"} {
		if host == top || strings.HasSuffix(host, "."+top) {
			return true
		}
	}
	return false
}

type emailFunc struct {
	host      string
	keepHost  bool
	letters   int
	limit     int
	citext    bool
	trim      func([]byte) []byte
	prf       *prf
	scrambler *scrambler
	casing    casing
}

func (f *emailFunc) Append(dst, src []byte) ([]byte, error) {
	src = f.trim(src)
	at := addressAt(src)
	if at < 0 {
		dst, ok := f.scrambler.append(dst, src)
		if !ok {
			return dst, &ValueError{Mask: "email", Reason: "is not valid UTF-8"}
		}
		return dst, nil
	}
	letters := f.letters
	if f.keepHost && f.limit > 0 {
		if letters = min(letters, f.limit-1-runeCount(src[at+1:])); letters < 1 {
			return dst, &ValueError{Mask: "email", Reason: "has a host too long to keep"}
		}
	}
	dst = f.local(dst, src, letters)
	dst = append(dst, '@')
	if f.keepHost {
		return append(dst, src[at+1:]...), nil
	}
	return append(dst, f.host...), nil
}

// local appends the part before the @.
func (f *emailFunc) local(dst, src []byte, letters int) []byte {
	return f.casing.pseudonym(dst, src, letters, f.citext, f.prf)
}

// addressAt gives the index of the @ of an address: one @ with something on both sides, no blanks or control characters. It is -1 for any other value.
func addressAt(src []byte) int {
	at := bytes.IndexByte(src, '@')
	if at <= 0 || at == len(src)-1 || bytes.IndexByte(src[at+1:], '@') >= 0 {
		return -1
	}
	for _, c := range src {
		if c <= ' ' || c == 0x7F {
			return -1
		}
	}
	return at
}
