package mask

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestDigitsOfSmallNumbers masks every smallint, and every number of three digits with a point anywhere: each becomes another one's.
func TestDigitsOfSmallNumbers(t *testing.T) {
	t.Parallel()
	for _, params := range []map[string]any{{}, {"luhn": true}, {"keep_prefix": 1, "keep_suffix": 1}} {
		params["short"] = "permute"
		m := newMask(t, Rule{Name: "digits", Params: params}, typed("int2"))
		f, seen := m.New(), map[string]int{}
		for i := math.MinInt16; i <= math.MaxInt16; i++ {
			value := strconv.Itoa(i)
			got := apply(t, f, value)
			n, err := strconv.ParseInt(got, 10, 16)
			if old, ok := seen[got]; ok || err != nil || len(got) != len(value) || (n < 0) != (i < 0) || (n == 0) != (i == 0) {
				t.Fatalf("%v: %d became %s, as %d did: %v", params, i, got, old, err)
			}
			if seen[got] = i; i >= 0 && n > m.SequenceFloor(int64(i)) {
				t.Fatalf("%v: %d became %s, above the floor %d", params, i, got, m.SequenceFloor(int64(i)))
			}
		}
	}
	f, seen := newMask(t, Rule{Name: "digits", Params: p("short", "permute")}, typed("numeric")).New(), map[string]string{}
	for _, scale := range []int{0, 1, 2, 3, 5} {
		for i := range 1000 {
			r := new(big.Rat).SetFrac64(int64(i), pow10(scale))
			value := r.FloatString(scale)
			got := apply(t, f, value)
			was, is := r.RatString(), rat(t, got).RatString()
			if old, ok := seen[is]; ok && old != was || len(got) != len(value) {
				t.Fatalf("%s became %s, which %s became too", value, got, old)
			}
			seen[is] = was
		}
	}
}

func rat(t *testing.T, s string) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		t.Fatalf("%q is no number", s)
	}
	return r
}

// TestDigitsAgree: a number has one result in all types that hold it, however many noughts its fraction ends in.
func TestDigitsAgree(t *testing.T) {
	t.Parallel()
	of := func(base string) Func {
		return newMask(t, Rule{Name: "digits", Params: p("short", "permute")}, typed(base)).New()
	}
	small, medium, large, numeric := of("int2"), of("int4"), of("int8"), of("numeric")
	for _, v := range []int64{1, 9999, 10000, 32767, 32768, 99999, 1000000000, 2147483647, 2147483648, 9999999999, 1000000000000000000, math.MaxInt64} {
		for _, n := range []int64{v, -v, -v - 1} {
			value := strconv.FormatInt(n, 10)
			want := apply(t, numeric, value)
			if got := apply(t, numeric, value+".000"); got != want+".000" {
				t.Errorf("%s.000 became %s, %s %s", value, got, value, want)
			}
			if got := apply(t, large, value); got != want {
				t.Errorf("%s: int8 %s, numeric %s", value, got, want)
			}
			if got := medium; n >= math.MinInt32 && n <= math.MaxInt32 && apply(t, got, value) != want {
				t.Errorf("%s: int4 %s, numeric %s", value, apply(t, got, value), want)
			}
			if got := small; n >= math.MinInt16 && n <= math.MaxInt16 && apply(t, got, value) != want {
				t.Errorf("%s: int2 %s, numeric %s", value, apply(t, got, value), want)
			}
		}
	}
}

func TestDigitsOfNumbers(t *testing.T) {
	t.Parallel()
	f := newMask(t, Rule{Name: "digits"}, typed("numeric")).New()
	for _, v := range []string{"0", "0.00", "NaN", "Infinity", "-Infinity"} {
		if got := apply(t, f, v); got != v {
			t.Errorf("%s became %s", v, got)
		}
	}
	for _, v := range []string{"-123456.70", "0.000123456", "4111111111111111", strings.Repeat("98", 60) + ".5", "0." + strings.Repeat("7", 200)} {
		got := apply(t, f, v)
		if len(got) != len(v) || got == v || strings.Map(noDigit, got) != strings.Map(noDigit, v) || strings.HasSuffix(v, "0") != strings.HasSuffix(got, "0") {
			t.Errorf("%s became %s", v, got)
		}
		if noughts := len(v) - len(strings.TrimLeft(v, "-0.")); got[:noughts] != v[:noughts] || got[noughts] == '0' {
			t.Errorf("%s became %s: the noughts that lead", v, got)
		}
	}
	for _, bad := range []string{"", "-", ".", "1e5", "12.3.4", "12a456", "99999", "0.00012345", " 123456"} {
		wantValueError(t, f, bad)
	}
	cards := newMask(t, Rule{Name: "digits", Params: p("luhn", true)}, typed("int8")).New()
	for _, v := range []string{"4111111111111111", "5500000000000004", "378282246310005", "4111111111111112"} {
		if got := apply(t, cards, v); luhnValid(got) != luhnValid(v) || got == v || len(got) != len(v) {
			t.Errorf("%s became %s", v, got)
		}
	}
}

func TestNoiseOfMoneyAndIntervals(t *testing.T) {
	t.Parallel()
	money := newMask(t, Rule{Name: "noise", Params: p("ratio", 0.5)}, typed("money")).New()
	number := newMask(t, Rule{Name: "noise", Params: p("ratio", 0.5)}, typed("int8")).New()
	for _, v := range []string{"$0.00", "$0.05", "-$0.40", "$1,234,567.89", "-$1,000.00", "$92,233,720,368,547,758.07", "-$92,233,720,368,547,758.08"} {
		plain := strings.NewReplacer("$", "", ",", "", ".", "").Replace(v)
		cents, err := strconv.ParseInt(plain, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		got := apply(t, money, v)
		if want := apply(t, number, strconv.FormatInt(cents, 10)); strconv.FormatInt(mustInt(t, strings.NewReplacer("$", "", ",", "", ".", "").Replace(got)), 10) != want {
			t.Errorf("%s became %s, the cents %s", v, got, want)
		}
	}
	for _, bad := range []string{"", "1.00", "1,00 €", "($1.00)", "$", "$1x", "USD$1"} {
		wantValueError(t, money, bad)
	}
	f := newMask(t, Rule{Name: "noise", Params: p("ratio", 1.0)}, typed("interval")).New()
	for _, v := range []string{"00:00:00", "infinity", "-infinity"} {
		if got := apply(t, f, v); got != v {
			t.Errorf("%s became %s", v, got)
		}
	}
	days := map[string]bool{}
	for n := 100; n < 200; n++ {
		got := apply(t, f, strconv.Itoa(n)+" days")
		d, ok := strings.CutSuffix(strings.TrimSuffix(got, "s"), " day")
		if days[d] = true; !ok && got != "00:00:00" {
			t.Errorf("%d days became %s", n, got)
		}
	}
	if len(days) < 50 {
		t.Errorf("a hundred counts of days became %d", len(days))
	}
	for _, bad := range []string{"", "1", "1 week", "P1Y", "@ 1 day", "1 day 04:05", "1-2", "04:05:06 1 day", "1 day 1", "x days", "04:05:06.1234567"} {
		wantValueError(t, f, bad)
	}
}

func mustInt(t *testing.T, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestHashOfUUID(t *testing.T) {
	t.Parallel()
	f := newMask(t, Rule{Name: "hash"}, typed("uuid")).New()
	const v4 = "3f2b8c1e-9d4a-4e6b-8f70-1a2b3c4d5e6f"
	for _, v := range []string{v4, "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"} {
		if got := apply(t, f, v); got == v || got[14] != '8' || !strings.ContainsRune("89ab", rune(got[19])) || len(got) != 36 {
			t.Errorf("%s became %s", v, got)
		}
	}
	if apply(t, f, v4) != apply(t, f, strings.ToUpper(v4)) {
		t.Error("another spelling, another result")
	}
	wantValueError(t, f, "no uuid")
}

// TestBirthdateMinAge: nobody is younger than asked for, whatever the value; whoever is old enough anyway keeps the year.
func TestBirthdateMinAge(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC()
	for _, years := range []int{0, 20} {
		f := newMask(t, Rule{Name: "birthdate", Params: p("min_age", 18, "years", years)}, typed("date")).New()
		for back := -5; back < 100; back++ {
			born := now.AddDate(-back, 0, -3)
			got, err := time.Parse(time.DateOnly, apply(t, f, born.Format(time.DateOnly)))
			if err != nil || got.AddDate(18, 0, 0).After(now) {
				t.Errorf("born %v, masked %v, %v", born, got, err)
			}
			if years == 0 && back > 19 && got.Year() != born.Year() {
				t.Errorf("born %v, masked %v", born, got)
			}
		}
		if got := apply(t, f, "infinity"); got != "infinity" {
			t.Errorf("infinity became %s", got)
		}
	}
}

// TestGendersOfNames: the lists of each language have the names of thirty men, then those of thirty women.
func TestGendersOfNames(t *testing.T) {
	t.Parallel()
	border := map[string][2]string{
		"de": {"Klaus", "Emma"}, "en": {"Elliot", "Olivia"}, "es": {"Andrés", "Lucía"}, "fr": {"Étienne", "Jade"}, "it": {"Enrico", "Sofia"}, "ja": {"博", "陽葵"},
		"nl": {"Wouter", "Emma"}, "pl": {"Zbigniew", "Zuzanna"}, "pt": {"Vasco", "Maria"}, "sv": {"Åke", "Alice"},
	}
	for _, l := range locales() {
		all := namesOf(l + "/first_names")
		if len(all.names) != 2*men || all.names[all.shuffled[men-1]] != border[l][0] || all.names[all.shuffled[men]] != border[l][1] {
			t.Errorf("%s: the border is elsewhere", l)
		}
	}
}
