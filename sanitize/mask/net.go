package mask

import (
	"bytes"
	"crypto/cipher"
	"net/netip"
)

// netFamilies are the masks of addresses of machines and what goes with them.
func netFamilies() []family {
	return []family{ipFamily(), macFamily(), urlFamily(), domainFamily(), filenameFamily()}
}

// ipFamily: internet addresses.
func ipFamily() family {
	least := keepsFolded | KeepsValidity
	return family{
		Info: Info{
			Name: "ip", Summary: "another internet address", Types: append([]string{"inet", "cidr"}, textTypes()...),
			Params: []ParamInfo{{Name: "to", Type: "string", Default: "same_prefix", Meaning: "same_prefix: addresses that share a prefix share one of the same length afterwards (Crypto-PAn); reserved: 10.0.0.0/8 and 2001:db8::/32, which belong to nobody"}},
			Guarantees: []string{
				"the family and the length of the netmask are kept; of a cidr, host bits stay nought",
				"same_prefix: distinct addresses stay distinct, and the result may be somebody's; reversible for the holder of the key",
				"reserved: distinct addresses of version 4 may become equal; of a netmask shorter than the reserved one nothing else is kept",
				"a text that is no address is masked as by shape, and so is one of version 6 whose result would be too long for the column",
			},
			AtLeast: least, AtBest: least | keepsDistinct, Depends: "same_prefix keeps uniqueness in inet and cidr columns; texts spell one address in several ways",
		},
		compile: func(c *compiler) (*Mask, error) {
			reserved := c.params.choice("to", "same_prefix", "reserved") == "reserved"
			text := textual(c.target)
			if limit := c.target.MaxLength; text && limit > 0 && limit < 15 {
				return nil, &TypeError{Mask: "ip", Type: c.target.narrow(), Want: []string{"texts of 15 characters or more, inet and cidr"}}
			}
			limit := c.target.MaxLength
			keeps := least | keepsDistinct.when(!reserved && !text)
			key, scrambler, trim := subkey(c.keys, c.domain, "ip"), newScrambler(c.keys, c.domain), trimmer(c.target)
			cidr := c.target.BaseType == "cidr"
			return &Mask{Keeps: keeps, New: func() Func {
				return &ipFunc{block: newAES(key), prf: newPRF(key), scrambler: scrambler(), trim: trim, reserved: reserved, cidr: cidr, text: text, limit: limit}
			}}, nil
		},
	}
}

type ipFunc struct {
	block                cipher.Block
	prf                  *prf
	scrambler            *scrambler
	trim                 func([]byte) []byte
	reserved, cidr, text bool
	limit                int
	addr, work           [16]byte
}

func (f *ipFunc) Append(dst, src []byte) ([]byte, error) {
	src = f.trim(src)
	host, mask := src, src[len(src):]
	if i := bytes.IndexByte(src, '/'); i >= 0 {
		host, mask = src[:i], src[i:]
	}
	size := f.parse(host)
	bits := int64(8 * size)
	if len(mask) > 0 {
		if b := decimal(mask[1:]); len(mask) > 1 && len(mask) < 5 && b >= 0 && b <= bits {
			bits = b
		} else {
			size = 0
		}
	}
	if size == 0 {
		return f.other(dst, src)
	}
	if f.reserved {
		f.reserve(size)
	} else {
		f.permute(8*size, size)
	}
	if f.cidr {
		for i := int(bits); i < 8*size; i++ {
			f.addr[i/8] &^= 0x80 >> (i % 8)
		}
	}
	start := len(dst)
	if size == 4 {
		dst = netip.AddrFrom4([4]byte(f.addr[:4])).AppendTo(dst)
	} else {
		dst = netip.AddrFrom16(f.addr).AppendTo(dst)
	}
	if dst = append(dst, mask...); f.text && f.limit > 0 && len(dst)-start > f.limit {
		return f.other(dst[:start], src)
	}
	return dst, nil
}

func (f *ipFunc) other(dst, src []byte) ([]byte, error) {
	if f.text {
		if dst, ok := f.scrambler.append(dst, src); ok {
			return dst, nil
		}
		return dst, &ValueError{Mask: "ip", Reason: "is not valid UTF-8"}
	}
	return dst, &ValueError{Mask: "ip", Reason: "is not an internet address"}
}

// permute replaces each bit by itself and a keyed bit of all before it (Xu, Fan, Ammar, Moon: "Prefix-Preserving IP Address Anonymization").
func (f *ipFunc) permute(bits, size int) {
	in := f.addr
	for i := range bits {
		f.work = [16]byte{}
		copy(f.work[:], in[:i/8])
		f.work[i/8] = in[i/8] &^ (0xFF >> (i % 8))
		f.work[i/8] |= 0x80 >> (i % 8) // marks where the prefix ends
		if size == 4 {
			f.work[15] = 4
		}
		f.block.Encrypt(f.work[:], f.work[:])
		f.addr[i/8] ^= f.work[0] & 0x80 >> (i % 8)
	}
}

// reserve makes an address that is reserved.
func (f *ipFunc) reserve(size int) {
	sum := *f.prf.sum(f.addr[:size])
	if size == 4 {
		f.addr = [16]byte{10, sum[0], sum[1], sum[2]}
		return
	}
	f.addr = sum
	copy(f.addr[:], "\x20\x01\x0d\xb8")
}

// parse reads an address into addr: 4 or 16 bytes, 0 for what is none.
func (f *ipFunc) parse(src []byte) int {
	f.addr = [16]byte{}
	if n := ipv4Size(src); n > 0 && n == len(src) {
		readIPv4(f.addr[:4], src)
		return 4
	}
	if bytes.IndexByte(src, ':') < 0 || len(src) > 45 {
		return 0
	}
	at, gap := 0, -1 // bytes read, where :: stands
	for i := 0; i < len(src); {
		switch {
		case src[i] == ':' && byteAt(src, i+1) == ':' && gap < 0:
			gap = at
			i += 2
			continue
		case src[i] == ':' && i > 0 && i+1 < len(src) && src[i+1] != ':' && src[i-1] != ':':
			i++
			continue
		}
		if at == 16 {
			return 0
		}
		if n := ipv4Size(src[i:]); n > 0 && i+n == len(src) && at <= 12 {
			readIPv4(f.addr[at:at+4], src[i:])
			at, i = at+4, i+n
			continue
		}
		group, n := 0, 0
		for ; i+n < len(src) && n < 5 && hexValue(src[i+n]) >= 0; n++ {
			group = group<<4 | hexValue(src[i+n])
		}
		if n == 0 || n > 4 {
			return 0
		}
		f.addr[at], f.addr[at+1] = byte(group>>8), byte(group)
		at, i = at+2, i+n
		if i < len(src) && src[i] != ':' {
			return 0
		}
	}
	if gap >= 0 && at < 16 {
		tail := at - gap
		copy(f.addr[16-tail:], f.addr[gap:at])
		clear(f.addr[gap : 16-tail])
		at = 16
	}
	if at != 16 {
		return 0
	}
	return 16
}

func readIPv4(to, src []byte) {
	at, v := 0, 0
	for _, c := range src {
		if c == '.' {
			to[at] = byte(v)
			at, v = at+1, 0
			continue
		}
		v = v*10 + int(c-'0')
	}
	to[at] = byte(v)
}

// macFamily: hardware addresses.
func macFamily() family {
	keeps := keepsFolded | keepsDistinct | KeepsLength | KeepsBytes | KeepsValidity
	return family{
		Info: Info{
			Name: "mac", Summary: "another hardware address", Types: append([]string{"macaddr", "macaddr8"}, textTypes()...),
			Guarantees: []string{
				"distinct addresses stay distinct; the bits that tell group and local addresses are kept, the maker is not; reversible for the holder of the key",
				"separators are kept; in text columns a spelling in mixed case counts as one in small letters, and a text that is no address is masked as by shape",
			},
			AtLeast: keeps &^ keepsDistinct, AtBest: keeps, Depends: "in text columns, which hold one address in several spellings, uniqueness is not kept",
		},
		compile: func(c *compiler) (*Mask, error) {
			key, scrambler, trim, text := subkey(c.keys, c.domain, "mac"), newScrambler(c.keys, c.domain), trimmer(c.target), textual(c.target)
			return &Mask{Keeps: keeps &^ keepsDistinct.when(text), New: func() Func {
				ints, scrambler := &intFunc{block: newAES(key)}, scrambler()
				return appender(func(dst, src []byte) ([]byte, error) {
					src = trim(src)
					x, digits, ok := uint64(0), 0, true
					for _, c := range src {
						if v := hexValue(c); v >= 0 {
							x, digits = x<<4|uint64(v), digits+1
						} else {
							ok = ok && (c == ':' || c == '-' || c == '.')
						}
					}
					if !ok || digits != 12 && digits != 16 {
						if out, valid := scrambler.append(dst, src); valid && text {
							return out, nil
						}
						return dst, &ValueError{Mask: "mac", Reason: "is not a hardware address"}
					}
					bits := 4*digits - 8 // of the first byte, the two flags stay: they are put aside
					first, rest := x>>bits, x&(1<<bits-1)
					mixed := ints.feistel(first>>2<<bits|rest, bits+6, 3)
					x = (mixed>>bits<<2|first&3)<<bits | mixed&(1<<bits-1)
					return replaceHex(dst, src, x, digits), nil
				})
			}}, nil
		},
	}
}

// replaceHex appends src with its hexadecimal digits replaced by those of x.
func replaceHex(dst, src []byte, x uint64, digits int) []byte {
	table := "0123456789abcdef"
	if capitals(src) {
		table = "0123456789ABCDEF"
	}
	for _, c := range src {
		if hexValue(c) >= 0 {
			digits--
			c = table[x>>(4*digits)&15]
		}
		dst = append(dst, c)
	}
	return dst
}
