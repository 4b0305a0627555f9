package curve_test

import (
	"math"
	"strings"
	"testing"

	"github.com/rehearse-db/rehearse/rehearse/curve"
)

func points(of map[float64][]float64) (all []curve.Point) {
	for rows, times := range of {
		for _, s := range times {
			all = append(all, curve.Point{Rows: rows, Seconds: s})
		}
	}
	return all
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6*math.Max(1, math.Abs(b)) }

// TestIntervals holds intervals against figures worked out elsewhere, for eight times, so that t(0.975, 6) = 2.447:
//
//	t = 2.447; pts = [(250,.34),(250,.36),(250,.33),(500,.61),(500,.58),(500,.60),(1000,1.09),(1000,1.12)]
//	def pi(f, x0):                           # Python; f is lambda x: x, then lambda x: x*math.log2(x)
//	    xs = [f(x) for x,_ in pts]; ys = [y for _,y in pts]; n = len(xs)
//	    S = sum(x*x for x in xs) - sum(xs)**2/n; b = (sum(x*y for x,y in zip(xs,ys)) - sum(xs)*sum(ys)/n) / S
//	    a = (sum(ys) - b*sum(xs))/n; s = math.sqrt((sum(y*y for y in ys) - a*sum(ys) - b*sum(x*y for x,y in zip(xs,ys)))/(n-2))
//	    r = t*s*math.sqrt(1 + 1/n + (f(x0)-sum(xs)/n)**2/S); return a+b*f(x0)-r, a+b*f(x0)+r
//
// The line gives a = 0.0891954, b = 0.00101563, and at 1,000 rows 1.0601039 to 1.1495513, at 4,000 3.9904706 to 4.3129777, at 10,000 9.8168759 to
// 10.6741586; n log n gives 1.0580338 to 1.1608598, 4.5061736 to 4.9324864 and 12.1949459 to 13.4395980. An interval holds both.
func TestIntervals(t *testing.T) {
	t.Parallel()
	a := curve.Of(points(map[float64][]float64{250: {.34, .36, .33}, 500: {.61, .58, .60}, 1000: {1.09, 1.12}}))
	if a.Growth != curve.Linear || !near(a.Fixed, 0.08919540) || !near(a.Each, 0.00101563218) {
		t.Errorf("the line is %+v", a)
	}
	for rows, want := range map[float64][2]float64{1000: {1.0580337946, 1.1608598062}, 4000: {3.9904705882, 4.9324864453}, 10000: {9.8168758816, 13.4395980200}} {
		if least, most, ok := a.At(rows); !ok || !near(least, want[0]) || !near(most, want[1]) {
			t.Errorf("at %v rows it is %.10f to %.10f, %v; want %v", rows, least, most, ok, want)
		}
	}
	if _, _, ok := a.At(100_001); ok {
		t.Error("the curve is drawn out to more than a hundred times the rows seen")
	}
}

// TestSteady is a time that does not go by the rows. Unbound, its line falls by 6.4 µs a row: at 4,000 rows that one gives 0.3687127 to 0.6016322
// (as above), and what does not fall 0.1224 s more at both ends at most.
func TestSteady(t *testing.T) {
	t.Parallel()
	a := curve.Of(points(map[float64][]float64{250: {.50, .52, .51}, 500: {.51, .49, .52}, 1000: {.50, .51}}))
	least, most, ok := a.At(4000)
	if a.Growth != curve.Constant || a.Each != 0 || !ok {
		t.Fatalf("%+v", a)
	}
	// The mean is 0.5075, and half of the interval 0.1164598; n log n reaches a little farther, as its numbers lie farther out.
	if least > 0.3687127 || least < 0.33 || most < 0.6016322 || most < 0.5075+0.1164 || most > 0.68 {
		t.Errorf("at 4,000 rows it is %.7f to %.7f", least, most)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		points map[float64][]float64
		growth curve.Growth
		why    string
	}{
		"nothing":             {nil, curve.Unknown, "no time was taken"},
		"no rows":             {map[float64][]float64{0: {1, 1, 1}}, curve.Unknown, "no row to work on"},
		"one size":            {map[float64][]float64{100: {1, 1.1, 1}}, curve.Unknown, "one size only"},
		"two times":           {map[float64][]float64{50: {1}, 100: {2}}, curve.Unknown, "one size only"},
		"sizes alike":         {map[float64][]float64{90: {1, 1}, 100: {1.1, 1}}, curve.Unknown, "hardly differ"},
		"quick":               {map[float64][]float64{50: {.01, .02}, 100: {.04, .049}}, curve.Quick, ""},
		"once each":           {map[float64][]float64{25: {1}, 50: {2}, 100: {4}}, curve.Linear, ""},
		"two sizes":           {map[float64][]float64{50: {1, 1.01}, 100: {1.98, 2}}, curve.Linear, ""},
		"n log n":             {map[float64][]float64{1e6: {.997, .997}, 2e6: {2.093, 2.093}, 4e6: {4.386, 4.386}}, curve.Linear, ""},
		"square":              {map[float64][]float64{25: {.0625, .0626}, 50: {.25, .25}, 100: {1, 1.01}}, curve.Unknown, "faster than the rows: 4.0 times the rows took 16.1 times as long"},
		"a jump":              {map[float64][]float64{25: {.5, .5}, 50: {.5, .51}, 100: {4, 4.1}}, curve.Unknown, "faster than the rows"},
		"up and down":         {map[float64][]float64{25: {.2, .2}, 50: {2, 2.01}, 100: {.3, .3}}, curve.Unknown, "on no line"},
		"scattered":           {map[float64][]float64{25: {1, 9}, 50: {2, 8}, 100: {3, 7}}, curve.Unknown, "times of one size differ too much"},
		"may grow or may not": {map[float64][]float64{25: {.8, 1}, 50: {.9, 1.1}, 100: {.9, 1.2}}, curve.Undecided, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := curve.Of(points(c.points))
			if a.Growth != c.growth || !strings.Contains(a.Why, c.why) || (a.Why == "") != (c.growth != curve.Unknown) {
				t.Errorf("%s: %q", a.Growth, a.Why)
			}
			least, most, ok := a.At(200)
			if c.points[100] != nil && ok != (c.growth != curve.Unknown) || least < 0 || least > most {
				t.Errorf("at 200 rows: %v to %v, %v", least, most, ok)
			}
		})
	}
}

// TestQuickIsBound has a time below the floor grow with the rows at the most.
func TestQuickIsBound(t *testing.T) {
	t.Parallel()
	a := curve.Of(points(map[float64][]float64{50: {.01, .02}, 100: {.03, .04}}))
	if least, most, ok := a.At(1000); !ok || least != 0 || !near(most, .4) {
		t.Errorf("at ten times the rows it is %v to %v, %v", least, most, ok)
	}
	if _, most, _ := a.At(10); !near(most, .04) {
		t.Errorf("with fewer rows it is at most %v", most)
	}
}
