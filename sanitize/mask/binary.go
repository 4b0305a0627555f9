package mask

import (
	"encoding/binary"
	"math"
	"strconv"
)

// Form leads between the two forms PostgreSQL has of a type's values: the binary one of COPY ... (FORMAT binary), as the type's send and
// receive functions have it, and the text form that masks work on, as it is under DateStyle ISO and TimeZone UTC.
//
// Both append to dst. False means that src is no value of the type, or none that the other form has.
type Form struct {
	Text   func(dst, src []byte) ([]byte, bool)
	Binary func(dst, src []byte) ([]byte, bool)
	// Same tells that the binary form is Prefix and then the text form; the functions are nil.
	Same   bool
	Prefix string
}

// FormOf gives the forms of a type of pg_catalog, by name; false for types it does not know.
func FormOf(baseType string) (Form, bool) {
	switch baseType {
	case "text", "varchar", "bpchar", "json":
		return Form{Same: true}, true
	case "jsonb":
		return Form{Same: true, Prefix: jsonbVersion}, true
	case "uuid":
		return Form{Text: textOfUUID, Binary: binaryOfUUID}, true
	case "int2", "int4", "int8":
		size := integerBits(baseType) / 8
		return Form{
			Text:   func(dst, src []byte) ([]byte, bool) { return textOfInteger(dst, src, size) },
			Binary: func(dst, src []byte) ([]byte, bool) { return binaryOfInteger(dst, src, size) },
		}, true
	case "date":
		return Form{Text: textOfDate, Binary: binaryOfDate}, true
	case "timestamp", "timestamptz":
		zone := ""
		if baseType == "timestamptz" {
			zone = "+00"
		}
		return Form{
			Text:   func(dst, src []byte) ([]byte, bool) { return textOfTimestamp(dst, src, zone) },
			Binary: func(dst, src []byte) ([]byte, bool) { return binaryOfTimestamp(dst, src, zone) },
		}, true
	}
	return Form{}, false
}

// jsonbVersion begins jsonb's binary form (jsonb_send); the text follows.
const jsonbVersion = "\x01"

func textOfUUID(dst, src []byte) ([]byte, bool) {
	if len(src) != 16 {
		return dst, false
	}
	const digits = "0123456789abcdef"
	for i, b := range src {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, digits[b>>4], digits[b&15])
	}
	return dst, true
}

func binaryOfUUID(dst, src []byte) ([]byte, bool) {
	id, ok := parseUUID(src)
	if !ok {
		return dst, false
	}
	return append(dst, id[:]...), true
}

func textOfInteger(dst, src []byte, size int) ([]byte, bool) {
	v, ok := integerOf(src, size)
	if !ok {
		return dst, false
	}
	return strconv.AppendInt(dst, v, 10), true
}

// integerOf reads a number of 2, 4 or 8 bytes in network order.
func integerOf(src []byte, size int) (int64, bool) {
	if len(src) != size {
		return 0, false
	}
	switch size {
	case 2:
		return int64(int16(binary.BigEndian.Uint16(src))), true //nolint:gosec // two's complement on purpose
	case 4:
		return int64(int32(binary.BigEndian.Uint32(src))), true //nolint:gosec // two's complement on purpose
	}
	return int64(binary.BigEndian.Uint64(src)), true //nolint:gosec // two's complement on purpose
}

func appendInteger(dst []byte, v int64, size int) []byte {
	for shift := 8 * (size - 1); shift >= 0; shift -= 8 {
		dst = append(dst, byte(v>>shift))
	}
	return dst
}

func binaryOfInteger(dst, src []byte, size int) ([]byte, bool) {
	digits, negative := src, false
	if len(src) > 0 && src[0] == '-' {
		digits, negative = src[1:], true
	}
	if len(digits) == 0 || len(digits) > 19 {
		return dst, false
	}
	var magnitude uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return dst, false
		}
		magnitude = magnitude*10 + uint64(c-'0')
	}
	limit := uint64(1) << (8*size - 1)
	if magnitude > limit || magnitude == limit && !negative {
		return dst, false
	}
	v := int64(magnitude) //nolint:gosec // the one number that overflows is its own negative
	if negative {
		v = -v
	}
	return appendInteger(dst, v, size), true
}

// Both kinds of time count from 2000-01-01: dates in days, timestamps in microseconds; the ends of the range mean infinity.
const (
	epoch     = 10957 // 2000-01-01 in days from 1970-01-01
	dayMicros = 24 * 60 * 60 * 1_000_000
	later     = "infinity"
	earlier   = "-infinity"
)

// endless tells and translates the two infinities of an integer of size bytes.
func endless(v int64, size int) string {
	switch {
	case size == 4 && v == math.MaxInt32, size == 8 && v == math.MaxInt64:
		return later
	case size == 4 && v == math.MinInt32, size == 8 && v == math.MinInt64:
		return earlier
	}
	return ""
}

// endlessOf is the inverse of endless.
func endlessOf(text []byte, size int) (v int64, ok bool) {
	switch string(text) {
	case later:
		return math.MaxInt64 >> (64 - 8*size), true
	case earlier:
		return math.MinInt64 >> (64 - 8*size), true
	}
	return 0, false
}

func textOfDate(dst, src []byte) ([]byte, bool) {
	v, ok := integerOf(src, 4)
	if !ok {
		return dst, false
	}
	if s := endless(v, 4); s != "" {
		return append(dst, s...), true
	}
	return appendDate(dst, v+epoch, nil), true
}

func binaryOfDate(dst, src []byte) ([]byte, bool) {
	if v, ok := endlessOf(src, 4); ok {
		return appendInteger(dst, v, 4), true
	}
	d, ok := parseDate(src)
	if !ok || len(d.rest) > 0 {
		return dst, false
	}
	return appendInteger(dst, daysOf(d.year, d.month, d.day)-epoch, 4), true
}

func textOfTimestamp(dst, src []byte, zone string) ([]byte, bool) {
	v, ok := integerOf(src, 8)
	if !ok {
		return dst, false
	}
	if s := endless(v, 8); s != "" {
		return append(dst, s...), true
	}
	day := floorDiv(v, dayMicros)
	var scratch [24]byte
	rest := append(appendTime(scratch[:0], v-day*dayMicros), zone...)
	return appendDate(dst, day+epoch, rest), true
}

// appendTime appends a blank and the time of day, with as many digits of a second as it needs.
func appendTime(dst []byte, micros int64) []byte {
	hours := micros / (3600 * 1_000_000)
	dst = append(dst, ' ', '0'+byte(hours/10), '0'+byte(hours%10))
	return appendMinutes(dst, micros%(3600*1_000_000))
}

// appendMinutes appends the minutes and seconds that follow hours.
func appendMinutes(dst []byte, micros int64) []byte {
	seconds, fraction := micros/1_000_000, micros%1_000_000
	for _, part := range [2]int64{seconds / 60, seconds % 60} {
		dst = append(dst, ':', '0'+byte(part/10), '0'+byte(part%10))
	}
	if fraction == 0 {
		return dst
	}
	dst = append(dst, '.')
	for unit := int64(100_000); fraction > 0; unit /= 10 {
		dst = append(dst, '0'+byte(fraction/unit))
		fraction %= unit
	}
	return dst
}

func binaryOfTimestamp(dst, src []byte, zone string) ([]byte, bool) {
	if v, ok := endlessOf(src, 8); ok {
		return appendInteger(dst, v, 8), true
	}
	d, ok := parseDate(src)
	if !ok {
		return dst, false
	}
	micros, ok := timeOf(d.rest, zone)
	if !ok {
		return dst, false
	}
	return appendInteger(dst, (daysOf(d.year, d.month, d.day)-epoch)*dayMicros+micros, 8), true
}

// timeOf reads what appendTime wrote, with the zone behind it.
func timeOf(rest []byte, zone string) (micros int64, ok bool) {
	n := len(rest) - len(zone)
	if n < 9 || string(rest[n:]) != zone || rest[0] != ' ' || rest[3] != ':' || rest[6] != ':' {
		return 0, false
	}
	hour, minute, second := decimal(rest[1:3]), decimal(rest[4:6]), decimal(rest[7:9])
	if hour < 0 || minute < 0 || second < 0 || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	micros = ((hour*60+minute)*60 + second) * 1_000_000
	if n == 9 {
		return micros, true
	}
	fraction := rest[10:n]
	if rest[9] != '.' || len(fraction) == 0 || len(fraction) > 6 || decimal(fraction) < 0 {
		return 0, false
	}
	part := decimal(fraction)
	for range 6 - len(fraction) {
		part *= 10
	}
	return micros + part, true
}
