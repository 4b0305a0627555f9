package mask

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
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
				{Name: "at", Type: "value", Default: emailHost, Meaning: "the host: example.com, .net or .org, or one under .example, .test or .invalid; a list of such gives addresses of one host one of them; keep leaves the value's own host, unmasked"},
				{Name: "local", Type: "string", Default: "hash", Meaning: "what stands before the @: hash: random letters; shape: what the mask shape makes of it; name: a first and a last name"},
			},
			Guarantees: []string{
				"nobody can receive mail at the default host",
				"distinct addresses stay distinct, but for a chance below 2^-60 a pair, in columns of 20 characters or more, and with local: hash",
				"local: name and shape lose addresses that differ in their host alone, and names are few: distinct addresses become equal",
				"addresses equal under lower() stay so, except for mixed case that goes on beyond some 18 letters",
				"a value that is no address (empty, without @, with blanks) becomes no address: its letters and digits are replaced as by shape",
			},
			AtLeast: keepsEmail, AtBest: keepsEmail | keepsDistinct, Depends: "uniqueness is kept where there is room for 13 letters before the host, and with local: hash",
		},
		compile: compileEmail,
	}
}

func compileEmail(c *compiler) (*Mask, error) {
	hosts := c.hosts()
	local, limit := c.params.choice("local", "hash", "shape", "name"), c.target.MaxLength
	if len(hosts) == 0 {
		hosts = []string{emailHost}
		if limit > 0 && limit < distinctAfter+1+len(emailHost) {
			hosts[0] = emailHostTiny
		}
	}
	keep, letters := hosts[0] == "keep", emailLetters
	longest := slices.MaxFunc(hosts, func(a, b string) int { return len(a) - len(b) })
	if limit > 0 && !keep {
		letters = min(letters, limit-1-len(longest))
	}
	if letters < 1 {
		return nil, &TypeError{Mask: "email", Type: c.target.narrow(), Want: []string{fmt.Sprintf("texts of %d characters or more", len(longest)+2)}}
	}
	distinct := letters >= distinctAfter && (!keep || limit == 0) && local == "hash"
	key, scrambler := subkey(c.keys, c.domain, "email"), newScrambler(c.keys, c.domain)
	base := emailFunc{hosts: hosts, keepHost: keep, part: local, letters: letters, limit: limit, citext: c.target.BaseType == "citext", trim: trimmer(c.target)}
	return &Mask{Keeps: keepsEmail | keepsDistinct.when(distinct), New: func() Func {
		f := base
		f.prf, f.scrambler = newPRF(key), scrambler()
		return &f
	}}, nil
}

// hosts reads the parameter at: one host, a list of them, keep alone, or none.
func (c *compiler) hosts() []string {
	v, ok := c.params.values["at"]
	list, many := v.([]any)
	if !many {
		list = []any{v}
	}
	if !ok || v == "" {
		return nil
	}
	if len(list) == 0 {
		c.params.fail("at", "lists no host")
	}
	var hosts []string
	for _, item := range list {
		host, isText := item.(string)
		switch {
		case !isText:
			c.params.fail("at", "must be a text, or a list of texts")
		case !reservedHost(host) && (many || host != "keep"):
			c.params.fail("at", "must be keep or a host reserved by RFC 2606: example.com, .net or .org, or one under .example, .test or .invalid")
		}
		hosts = append(hosts, host)
	}
	return hosts
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
	hosts     []string
	keepHost  bool
	part      string // what stands before the @
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
	at, start := addressAt(src), len(dst)
	if at < 0 {
		dst, ok := f.scrambler.append(dst, src)
		if !ok {
			return dst, &ValueError{Mask: "email", Reason: "is not valid UTF-8"}
		}
		return dst, nil
	}
	letters, host := f.letters, f.host(src[at+1:])
	if f.keepHost && f.limit > 0 {
		if letters = min(letters, f.limit-1-runeCount(src[at+1:])); letters < 1 {
			return dst, &ValueError{Mask: "email", Reason: "has a host too long to keep"}
		}
	}
	room := f.limit - 1 - len(host)
	if f.keepHost {
		room = f.limit - 1 - runeCount(src[at+1:])
	}
	dst, ok := f.local(dst, src, at, letters, room)
	if !ok {
		return dst[:start], &ValueError{Mask: "email", Reason: "is not valid UTF-8"}
	}
	dst = append(dst, '@')
	if f.keepHost {
		return append(dst, src[at+1:]...), nil
	}
	return append(dst, host...), nil
}

// host picks one by the value's own, which counts in whatever case.
func (f *emailFunc) host(own []byte) string {
	if len(f.hosts) == 1 {
		return f.hosts[0]
	}
	f.casing.fold(own)
	return f.hosts[f.prf.number(f.casing.folded)%uint64(len(f.hosts))]
}

// local appends the part before the @; false for what is no text.
func (f *emailFunc) local(dst, src []byte, at, letters, room int) ([]byte, bool) {
	start := len(dst)
	switch f.part {
	case "shape":
		var ok bool
		if dst, ok = f.scrambler.append(dst, src[:at]); !ok {
			return dst, false
		}
	case "name":
		f.casing.fold(src)
		sum := f.prf.sum(f.casing.folded)
		dst = appendLower(dst, namesOf("en/first_names").pick(binary.LittleEndian.Uint64(sum[:8]), 0))
		dst = appendLower(append(dst, '.'), namesOf("en/last_names").pick(binary.LittleEndian.Uint64(sum[8:]), 0))
	default:
		return f.casing.pseudonym(dst, src, letters, f.citext, f.prf), true
	}
	if f.limit > 0 && runeCount(dst[start:]) > room { // too long for the column: letters after all
		return f.casing.pseudonym(dst[:start], src, letters, f.citext, f.prf), true
	}
	return dst, true
}

// appendLower appends the letters of a name of ASCII in small.
func appendLower(dst []byte, name string) []byte {
	for i := range len(name) {
		if c := lowerByte(name[i]); c >= 'a' && c <= 'z' {
			dst = append(dst, c)
		}
	}
	return dst
}

func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
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
