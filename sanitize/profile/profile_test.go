package profile

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// watched is the profile of pairs of values, of which "NULL" is none.
func watched(pairs ...[2]string) Column {
	s := NewSet()
	w := s.Watcher("shop", "customers", "email")
	for _, p := range pairs {
		w.Saw(value(p[0]), value(p[1]))
	}
	return s.Columns()[0]
}

func value(s string) []byte {
	if s == "NULL" {
		return nil
	}
	return []byte(s)
}

func TestCountsWhatMatters(t *testing.T) {
	t.Parallel()
	got := watched(
		[2]string{"Ann@Example.org", "a1"}, [2]string{"ann@example.org", "a2"}, [2]string{" 42 ", "a3"}, [2]string{"-7.5", "a4"},
		[2]string{"", "a5"}, [2]string{"NULL", "NULL"}, [2]string{"Ärger", "NULL"}, [2]string{"2024-01-31", "a6"},
	)
	want := Profile{
		Rows: 8, Nulls: 1, Empty: 1, Spaced: 1, NonASCII: 1, Integers: 1, Numbers: 2, Dates: 1, Digits: 2,
		Chars: Lengths{0, 15, 53.0 / 7}, Bytes: Lengths{0, 15, 54.0 / 7}, Buckets: []int64{1, 0, 0, 3, 3},
		Distinct: 7, Folded: 6, Exact: true,
		Shapes: []Shape{{" 9 ", 1}, {"-9.9", 1}, {"9-9-9", 1}, {"Aa@Aa.a", 1}},
	}
	want.Buckets = []int64{1, 0, 0, 3, 3}
	if d := cmp.Diff(want, got.Before); d != "" {
		t.Errorf("before (-want +got):\n%s", d)
	}
	if a := got.After; a.Nulls != 2 || a.Rows != 8 || a.Distinct != 6 || a.Folded != 6 || a.Chars.Max != 2 || a.Shapes[0] != (Shape{"a9", 6}) {
		t.Errorf("after: %+v", a)
	}
}

// TestShapesAreNoValues feeds what could be its own shape.
func TestShapesAreNoValues(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]string{
		"p$$w%!rd": "a#a#a", "%&$": "#", "Zoë 2": "Aa~ 9", strings.Repeat("x1", 40): "a9a9a9a9a9a9a9a9…", "+49 (30) 12": "+9 (9) 9",
	} {
		if got := watched([2]string{v, v}).Before.Shapes[0].Text; got != want {
			t.Errorf("the shape of %q is %q, want %q", v, got, want)
		}
	}
}

func TestNumbersAndDates(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]string{
		"12": "integer", "\t-12 ": "integer", "+0": "integer", ".5": "number", "5.": "number", "-1.25": "number", "1 2": "", "-": "", ".": "", "1.2.3": "",
		"12-34": "", "0x1f": "", "2024-01-31": "date", "31.01.2024": "date", "01/31/2024": "date", "2024-01-31T10:00:00": "date",
		"2024-01-31 10:00:00+01": "date", "2024-1-31x": "", "12345-2024": "", "2024-01.31": "", "20-24-01-3": "",
	} {
		p := watched([2]string{v, v}).Before
		got := ""
		switch {
		case p.Integers == 1 && p.Numbers == 1:
			got = "integer"
		case p.Numbers == 1:
			got = "number"
		case p.Dates == 1:
			got = "date"
		}
		if got != want {
			t.Errorf("%q is taken for %q, want %q", v, got, want)
		}
	}
}

// TestEstimates counts as many values as there are, some of which differ in case alone, by one watcher and by several.
func TestEstimates(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 500, 513, 5000, 200_000} {
		for _, watchers := range []int{1, 3} {
			s := NewSet()
			var all []*Watcher
			for range watchers {
				all = append(all, s.Watcher("s", "t", "c"))
			}
			for i := range 2 * n {
				all[i%watchers].Saw(fmt.Appendf(nil, "user-%d", i%n), fmt.Appendf(nil, "%c%d", "uU"[i%2], i/2))
			}
			got := s.Columns()[0]
			for what, c := range map[string][2]int64{
				"distinct before": {got.Before.Distinct, int64(n)}, "folded before": {got.Before.Folded, int64(n)},
				"distinct after": {got.After.Distinct, int64(2 * n)}, "folded after": {got.After.Folded, int64(n)},
			} {
				off := math.Abs(float64(c[0]-c[1])) / float64(c[1])
				if c[1] <= most && got.Before.Exact && strings.HasSuffix(what, "before") && off > 0 || off > 0.065 {
					t.Errorf("%d values, %d watchers: %s is %d, want %d", n, watchers, what, c[0], c[1])
				}
			}
			if got.Before.Rows != int64(2*n) || got.Before.Exact != (n <= most) {
				t.Errorf("%d values, %d watchers: %d rows, exact %v", n, watchers, got.Before.Rows, got.Before.Exact)
			}
		}
	}
}

// TestManyShapes has more shapes than are told apart; the first ones are still counted.
func TestManyShapes(t *testing.T) {
	t.Parallel()
	var pairs [][2]string
	for i := range 1 << 7 {
		text := "a9"
		for bit := range 7 {
			text += []string{".", "-"}[i>>bit&1] + "a"
		}
		pairs = append(pairs, [2]string{text, "x"}, [2]string{"a9", "x"})
	}
	got := watched(pairs...).Before
	if len(got.Shapes) != maxShapes || got.Shapes[0] != (Shape{"a9", 128}) {
		t.Errorf("shapes %v", got.Shapes)
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	s := NewSet()
	s.Watcher("s", "t", "c").Saw([]byte("x"), []byte("y"))
	s.Reset()
	s.Watcher("s", "t", "c").Saw(nil, nil)
	if got := s.Columns()[0].Before; got.Rows != 1 || got.Nulls != 1 || got.Distinct != 0 {
		t.Errorf("after a reset: %+v", got)
	}
}

func TestAllocatesNothing(t *testing.T) {
	w := NewSet().Watcher("s", "t", "c")
	values := make([][]byte, 4096)
	for i := range values {
		values[i] = fmt.Appendf(nil, "User.%d@Example.org", i)
		w.Saw(values[i], values[i])
	}
	i := 0
	if n := testing.AllocsPerRun(1000, func() { w.Saw(values[i%4096], values[i%4096]); i++ }); n > 0 {
		t.Errorf("%v allocations a value", n)
	}
}

// TestCharacters counts as the standard library does, and no value makes it allocate.
func TestCharacters(t *testing.T) {
	for _, v := range []string{"", "a", "é", "日本語", "Käthe Müller, 東京都 🙂", strings.Repeat("ascii ", 9), strings.Repeat("é", 100), "1234567é", "12345678é"} {
		if got, want := characters([]byte(v)), utf8.RuneCountInString(v); got != want {
			t.Errorf("%q: %d characters, want %d", v, got, want)
		}
	}
	w, long := NewSet().Watcher("s", "t", "c"), []byte(strings.Repeat("Käthe ", 100))
	w.Saw(long, long)
	if n := testing.AllocsPerRun(100, func() { w.Saw(long, long) }); n > 0 {
		t.Errorf("%v allocations a long value", n)
	}
}

func BenchmarkSaw(b *testing.B) {
	for _, form := range []string{"mira.kovac%d@example.org", "Mira Kovač %d", "+49 30 %d", strings.Repeat(`{"name": "Mira", "n": 12} `, 10) + "%d"} {
		b.Run(fmt.Sprint(len(form)), func(b *testing.B) {
			w := NewSet().Watcher("s", "t", "c")
			var values [1024][]byte
			for i := range values {
				values[i] = fmt.Appendf(nil, form, 7919*i)
			}
			i := 0
			for b.Loop() {
				w.Saw(values[i%1024], values[i%1024])
				i++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(2*b.N), "ns/value")
		})
	}
}
