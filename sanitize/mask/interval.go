package mask

import (
	"bytes"
	"math"
	"strconv"
)

// interval is an interval as PostgreSQL holds it, with the digits behind the point that its seconds are written with.
type interval struct {
	months, days, micros part
	scale                int
}

// part is one of the three numbers of an interval.
type part struct {
	negative bool
	value    int64 // its magnitude
}

// parseInterval reads the style postgres: 1 year 2 mons -3 days +04:05:06.7. False is also for what has a part twice.
func parseInterval(src []byte) (v interval, ok bool) {
	for len(src) > 0 {
		var word, unit []byte
		word, src, _ = bytes.Cut(src, []byte{' '})
		if bytes.IndexByte(word, ':') >= 0 {
			v.micros, v.scale, ok = parseClock(word)
			return v, ok && len(src) == 0
		}
		unit, src, _ = bytes.Cut(src, []byte{' '})
		p, ok := parsePart(word)
		if !ok {
			return v, false
		}
		switch string(bytes.TrimSuffix(unit, []byte{'s'})) {
		case "year":
			p.value *= 12
			v.months = p
		case "mon":
			v.months.value += p.value // of the same sign
			v.months.negative = p.negative
		case "day":
			v.days = p
		default:
			return v, false
		}
	}
	return v, v != (interval{})
}

// parsePart reads a number with its sign.
func parsePart(word []byte) (p part, ok bool) {
	if len(word) > 0 && (word[0] == '-' || word[0] == '+') {
		p.negative, word = word[0] == '-', word[1:]
	}
	p.value = decimal(word)
	return p, len(word) > 0 && len(word) <= 10 && p.value >= 0
}

// parseClock reads hours of any count, minutes and seconds, with up to six digits behind the point.
func parseClock(word []byte) (p part, scale int, ok bool) {
	if word[0] == '-' || word[0] == '+' {
		p.negative, word = word[0] == '-', word[1:]
	}
	clock, fraction, _ := bytes.Cut(word, []byte{'.'})
	n := len(clock) - len(":00:00")
	if n < 1 || n > 10 || clock[n] != ':' || clock[n+3] != ':' || len(fraction) > 6 {
		return p, 0, false
	}
	hours, minutes, seconds, rest := decimal(clock[:n]), decimal(clock[n+1:n+3]), decimal(clock[n+4:]), decimal(fraction)
	if hours < 0 || minutes < 0 || seconds < 0 || rest < 0 {
		return p, 0, false
	}
	micros := (uint64(hours)*3600+uint64(minutes)*60+uint64(seconds))*1_000_000 + uint64(rest*pow10(6-len(fraction))) //nolint:gosec // none is negative
	p.value = int64(min(micros, math.MaxInt64))                                                                       //nolint:gosec // as said
	return p, len(fraction), true
}

// append writes the interval as PostgreSQL does (EncodeInterval, INTSTYLE_POSTGRES): what follows a negative part has its own sign.
func (v interval) append(dst []byte) []byte {
	first, after := true, false
	add := func(p part, unit string) {
		if p.value == 0 {
			return
		}
		if !first {
			dst = append(dst, ' ')
		}
		dst = strconv.AppendInt(p.sign(dst, after), p.value, 10)
		dst = append(append(dst, ' '), unit...)
		if p.value != 1 || p.negative {
			dst = append(dst, 's')
		}
		first, after = false, p.negative
	}
	add(part{v.months.negative, v.months.value / 12}, "year")
	add(part{v.months.negative, v.months.value % 12}, "mon")
	add(v.days, "day")
	if v.micros.value == 0 && !first {
		return dst
	}
	if !first {
		dst = append(dst, ' ')
	}
	dst = v.micros.sign(dst, after)
	const hour = 3600 * 1_000_000
	if v.micros.value < 10*hour {
		dst = append(dst, '0')
	}
	dst = strconv.AppendInt(dst, v.micros.value/hour, 10)
	return appendMinutes(dst, v.micros.value%hour)
}

// sign appends the part's sign, where it needs one.
func (p part) sign(dst []byte, after bool) []byte {
	switch {
	case p.value == 0:
	case p.negative:
		dst = append(dst, '-')
	case after:
		dst = append(dst, '+')
	}
	return dst
}
