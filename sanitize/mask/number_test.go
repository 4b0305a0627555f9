package mask

import (
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestIntPermuteWholeInt2(t *testing.T) {
	t.Parallel()
	m := newMask(t, Rule{Name: "int_permute"}, Target{BaseType: "int2"})
	f, seen, same := m.New(), map[string]int{}, 0
	for i := math.MinInt16; i <= math.MaxInt16; i++ {
		got := apply(t, f, strconv.Itoa(i))
		n, err := strconv.ParseInt(got, 10, 16)
		if err != nil || (n < 0) != (i < 0) {
			t.Fatalf("%d became %s", i, got)
		}
		if old, ok := seen[got]; ok {
			t.Fatalf("%d and %d became %s", old, i, got)
		}
		if seen[got] = i; int(n) == i {
			same++
		}
		if i >= 0 && n > m.SequenceFloor(int64(i)) {
			t.Fatalf("%d became %d, above the floor %d", i, n, m.SequenceFloor(int64(i)))
		}
	}
	if same > 64 {
		t.Errorf("%d numbers map to themselves", same)
	}
}

func TestIntPermuteSampled(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"int4", "int8"} {
		size := integerBits(base)
		f := newMask(t, Rule{Name: "int_permute"}, Target{BaseType: base}).New()
		seen := map[string]string{}
		for n := range size - 1 {
			edge := int64(1) << n
			for _, v := range []int64{edge - 1, edge, -edge, -edge - 1, edge + edge/3, math.MaxInt64 >> (64 - size), math.MinInt64 >> (64 - size)} {
				value := strconv.FormatInt(v, 10)
				got := apply(t, f, value)
				if old, ok := seen[got]; ok && old != value {
					t.Fatalf("%s: %s and %s became %s", base, old, value, got)
				}
				seen[got] = value
				if _, err := strconv.ParseInt(got, 10, size); err != nil {
					t.Fatalf("%s: %s became %s", base, value, got)
				}
			}
		}
		for _, bad := range []string{"", "-", "x", "1.5", "99999999999999999999", "-9223372036854775809", " 1", "+1"} {
			wantValueError(t, f, bad)
		}
	}
	small, large := newMask(t, Rule{Name: "int_permute"}, Target{BaseType: "int4"}).New(), newMask(t, Rule{Name: "int_permute"}, Target{BaseType: "int8"}).New()
	for i := range 100_000 {
		v := strconv.Itoa(i*21474 - 1<<30)
		if a, b := apply(t, small, v), apply(t, large, v); a != b {
			t.Fatalf("%s: int4 %s, int8 %s", v, a, b)
		}
	}
}

func TestIntPermuteRange(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]int64{{0, 1}, {1, 3}, {-5, 5}, {100, 1099}, {math.MinInt64, math.MaxInt64}, {math.MaxInt64 - 9, math.MaxInt64}} {
		m := newMask(t, Rule{Name: "int_permute", Params: map[string]any{"min": c[0], "max": c[1]}}, Target{BaseType: "int8"})
		f, seen := m.New(), map[string]bool{}
		for i := range int64(1000) {
			if uint64(i) > uint64(c[1])-uint64(c[0]) {
				break
			}
			got := apply(t, f, strconv.FormatInt(c[0]+i, 10))
			if n, err := strconv.ParseInt(got, 10, 64); err != nil || n < c[0] || n > c[1] || seen[got] {
				t.Fatalf("%v: %d became %s", c, c[0]+i, got)
			}
			seen[got] = true
		}
		if m.SequenceFloor(c[0]) != c[1] {
			t.Errorf("%v: floor %d", c, m.SequenceFloor(c[0]))
		}
		if c[0] > math.MinInt64 {
			wantValueError(t, f, strconv.FormatInt(c[0]-1, 10))
		}
	}
}

func TestSequenceFloor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		base       string
		last, want int64
	}{
		{"int2", 1, 1023},
		{"int2", 1024, 2047},
		{"int2", 32767, 32767},
		{"int4", 0, 1<<20 - 1},
		{"int4", 1<<20 - 1, 1<<20 - 1},
		{"int4", 1 << 20, 1<<21 - 1},
		{"int4", math.MaxInt32, math.MaxInt32},
		{"int8", -5, 1<<20 - 1},
		{"int8", math.MaxInt64, math.MaxInt64},
	} {
		if got := newMask(t, Rule{Name: "int_permute"}, Target{BaseType: c.base}).SequenceFloor(c.last); got != c.want {
			t.Errorf("%s, last %d: floor %d, want %d", c.base, c.last, got, c.want)
		}
	}
}

func TestDigits(t *testing.T) {
	t.Parallel()
	f := newMask(t, Rule{Name: "digits", Params: map[string]any{"short": "permute"}}, textTarget()).New()
	for _, v := range []string{"7", "12", "123-45-6789", "DE 123 456 789", strings.Repeat("9", 38), strings.Repeat("9", 39), strings.Repeat("1234567890", 50)} {
		got := apply(t, f, v)
		if len(got) != len(v) || strings.Map(noDigit, got) != strings.Map(noDigit, v) {
			t.Errorf("%q became %q", v, got)
		}
	}
	if a, b := apply(t, f, "123-45-6789"), apply(t, f, "123456789"); strings.ReplaceAll(a, "-", "") != b {
		t.Errorf("written otherwise, other digits: %s, %s", a, b)
	}
	for _, params := range []map[string]any{{}, {"luhn": true}, {"keep_suffix": 1}, {"keep_prefix": 9}} {
		params["short"] = "permute"
		f := newMask(t, Rule{Name: "digits", Params: params}, textTarget()).New()
		for digits, count := 1, 10; digits <= 4; digits, count = digits+1, count*10 {
			seen := map[string]bool{}
			for i := range count {
				seen[apply(t, f, fmt.Sprintf("%0*d", digits, i))] = true
			}
			if len(seen) != count {
				t.Errorf("%v: %d numbers of %d digits became %d", params, count, digits, len(seen))
			}
		}
	}
}

func noDigit(r rune) rune {
	if r >= '0' && r <= '9' {
		return '#'
	}
	return r
}

// luhnValid is written from the end of the number, unlike the product's.
func luhnValid(s string) bool {
	sum, double := 0, false
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] < '0' || s[i] > '9' {
			continue
		}
		d := int(s[i] - '0')
		if double {
			d = d*2/10 + d*2%10
		}
		sum, double = sum+d, !double
	}
	return sum%10 == 0
}

func TestDigitsLuhn(t *testing.T) {
	t.Parallel()
	for _, params := range []map[string]any{{"luhn": true}, {"luhn": true, "keep_prefix": 6, "keep_suffix": 4, "short": "permute"}} {
		f := newMask(t, Rule{Name: "digits", Params: params}, textTarget()).New()
		for _, v := range []string{"4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005", "4111 1111 1111 1112", "6304000000000000"} {
			got := apply(t, f, v)
			if luhnValid(got) != luhnValid(v) || got == v {
				t.Errorf("%v: %s became %s", params, v, got)
			}
			if params["keep_prefix"] != nil && (got[:4] != v[:4] || got[len(got)-4:] != v[len(v)-4:]) {
				t.Errorf("%v: %s became %s", params, v, got)
			}
		}
	}
}

func TestPhone(t *testing.T) {
	t.Parallel()
	f := newMask(t, Rule{Name: "phone", Params: p("to", "same_form")}, textTarget()).New()
	for _, c := range []struct{ value, want string }{
		{"+49 151 2345678", `^\+49 [1-9]\d\d \d{7}$`},
		{"+1 (212) 555-0123", `^\+1 \([1-9]\d\d\) \d{3}-\d{4}$`},
		{"+353 1 234 5678", `^\+353 [1-9] \d{3} \d{4}$`},
		{"0049 151 2345678", `^0049 [1-9]\d\d \d{7}$`},
		{"0151/2345678", `^0[1-9]\d\d/\d{7}$`},
		{"+44 (0)20 7946 0018", `^\+44 \(0\)\d\d \d{4} \d{4}$`},
		{"212.555.0123", `^[1-9]\d\d\.\d{3}\.\d{4}$`},
		{"112", `^[1-9]\d\d$`},
		{"0", `^0$`},
		{"0000", `^000\d$`},
		{"ext. 12", `^[a-z]{3}\. \d\d$`},
		{"call Bob", `^[a-z]{4} [A-Z][a-z]{2}$`},
	} {
		if got := apply(t, f, c.value); !regexp.MustCompile(c.want).MatchString(got) {
			t.Errorf("%q became %q", c.value, got)
		}
	}
	a, b, c := apply(t, f, "+491512345678"), apply(t, f, "00491512345678"), apply(t, f, "+49 (151) 234-5678")
	if "00"+a[1:] != b || "+"+strings.Map(onlyDigits, c) != a {
		t.Errorf("one number became %s, %s, %s", a, b, c)
	}
	open := newMask(t, Rule{Name: "phone", Params: p("to", "same_form", "keep_country", false)}, textTarget()).New()
	if got := apply(t, open, "+49 151 2345678"); strings.HasPrefix(got, "+49 ") || got[0] != '+' {
		t.Errorf("got %q", got)
	}
	for _, lead := range []string{"", "0", "00", "+", "+4"} {
		seen := map[string]bool{}
		for i := range 10_000 {
			got := apply(t, f, lead+fmt.Sprintf("%04d", i))
			if seen[got] {
				t.Fatalf("%s%04d: %s is met twice", lead, i, got)
			}
			seen[got] = true
		}
	}
}

func onlyDigits(r rune) rune {
	if r >= '0' && r <= '9' {
		return r
	}
	return -1
}

func TestDateShift(t *testing.T) {
	t.Parallel()
	f := newMask(t, Rule{Name: "date_shift", Params: map[string]any{"days": 3}}, Target{BaseType: "timestamptz"}).New()
	offsets := map[int]int{}
	for day := time.Date(1896, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2105; day = day.AddDate(0, 0, 1) {
		got := apply(t, f, day.Format("2006-01-02 15:04:05.999999")+".25+05:30")
		shifted, err := time.Parse("2006-01-02 15:04:05.99", strings.TrimSuffix(got, "+05:30"))
		if err != nil {
			t.Fatalf("%v became %s", day, got)
		}
		offsets[int(shifted.Add(-250*time.Millisecond).Sub(day)/(24*time.Hour))]++
	}
	for _, n := range []int{-3, -2, -1, 1, 2, 3} {
		if offsets[n] < 10_000 {
			t.Errorf("shift by %d: %d times", n, offsets[n])
		}
	}
	if len(offsets) != 6 {
		t.Errorf("shifts: %v", offsets)
	}
	for _, v := range []string{"infinity", "-infinity"} {
		if got := apply(t, f, v); got != v {
			t.Errorf("%s became %s", v, got)
		}
	}
	for _, bad := range []string{"", "x", "2024-13-01", "2023-02-29", "01/02/2024", "2024-01-31 John", "2024-1-31", "20240131", "2024-01-00", "99999999-01-01", "2024-01-31 ", "epoch"} {
		wantValueError(t, f, bad)
	}
}

func TestDateShiftEdges(t *testing.T) {
	t.Parallel()
	f := newMask(t, Rule{Name: "date_shift", Params: map[string]any{"days": 36500}}, Target{BaseType: "date"}).New()
	for _, c := range []struct{ value, want string }{
		{"5874897-12-31", `^5874\d{3}-\d\d-\d\d$`}, {"4713-11-24 BC", `^4[67]\d\d-\d\d-\d\d BC$`}, {"0001-01-01", `^\d{4}-\d\d-\d\d( BC)?$`}, {"0001-12-31 BC", `^\d{4}-\d\d-\d\d( BC)?$`}, {"9999-12-31", `^\d{4,5}-\d\d-\d\d$`},
	} {
		if got := apply(t, f, c.value); !regexp.MustCompile(c.want).MatchString(got) || got == c.value {
			t.Errorf("%s became %s", c.value, got)
		}
	}
	f = newMask(t, Rule{Name: "date_shift"}, Target{BaseType: "timestamp"}).New()
	if got := apply(t, f, "0044-03-15 12:00:00 BC"); !regexp.MustCompile(`^004[345]-\d\d-\d\d 12:00:00 BC$`).MatchString(got) {
		t.Errorf("got %s", got)
	}
	for range 10_000 {
		day := rand.Int64N(2_000_000_000) - 2_500_000
		if y, m, d := dateOf(day); daysOf(y, m, d) != day || d < 1 || d > daysIn(y, m) {
			t.Fatalf("day %d is %d-%d-%d", day, y, m, d)
		}
	}
}

func TestUUID(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"uuid", "text"} {
		f := newMask(t, Rule{Name: "uuid"}, Target{BaseType: base}).New()
		const v4, v7 = "3f2b8c1e-9d4a-4e6b-8f70-1a2b3c4d5e6f", "018fa2b0-9d4a-7e6b-bf70-1a2b3c4d5e6f"
		a, b := apply(t, f, v4), apply(t, f, v7)
		if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(a) || a == v4 {
			t.Errorf("%s became %s", v4, a)
		}
		if b[14] != '7' || b[:8] == v7[:8] {
			t.Errorf("%s became %s", v7, b)
		}
		if got := apply(t, f, strings.ToUpper(v4)); got != strings.ToUpper(a) {
			t.Errorf("in capitals: %s, in small letters %s", got, a)
		}
		if got := apply(t, f, strings.ReplaceAll(v4, "-", "")); got != strings.ReplaceAll(a, "-", "") {
			t.Errorf("without hyphens: %s", got)
		}
		for _, v := range []string{"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", ""} {
			if got := apply(t, f, v); got != v {
				t.Errorf("%q became %q", v, got)
			}
		}
		for _, bad := range []string{"x", v4 + "0", strings.ReplaceAll(v4, "-", "_"), "{" + v4 + "}", strings.Repeat("g", 32)} {
			wantValueError(t, f, bad)
		}
	}
}
