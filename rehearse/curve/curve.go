// Package curve tells how a time grows with the number of rows, from times that were taken at several numbers of rows, and between which
// times it would lie at another number. It is pure: points in, an [Answer] out.
//
// Two forms are fitted by least squares, t = a + b·rows and t = a + b·rows·log2(rows), neither a nor b below nought: work that is there whatever
// the rows, and work for each of them. From a quarter of the rows to all of them the two hardly differ, ten times beyond they do, so that
// an interval holds what both of them say. Where the points are on neither, nothing is said.
package curve

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Point is one time that was taken.
type Point struct{ Rows, Seconds float64 }

// Growth is how a time grows.
type Growth string

// The ways to grow.
const (
	Linear    Growth = "linear"    // with the rows, or a logarithm faster: the two cannot be told apart
	Constant  Growth = "constant"  // it does not, or by little
	Undecided Growth = "undecided" // times of one size differ too much to tell
	Quick     Growth = "quick"     // below the floor at every size: whether it grows was not seen
	Unknown   Growth = "unknown"   // nothing can be said
)

// What is asked of points.
const (
	Floor      = 0.05 // seconds: below it a time says more of the machine than of the rows
	leastRange = 1.5  // between the fewest and the most rows
	mostOff    = 0.25 // how far points may be off the curve, against the longest time
	mostPower  = 1.3  // of the rows; n log n has 1.25 at a thousand rows, and less beyond
	leastGrown = 0.05 // of the longest time: what grows by less over the sizes seen does not grow
	mostGrown  = 0.25 // and what may have grown by so much may not be said not to
	// Beyond is how far from the most rows seen the curve is drawn out, in multiples of them.
	Beyond = 100
)

// Answer is what a set of points says.
type Answer struct {
	Growth Growth
	Why    string // of Unknown: why nothing can be said, in words
	// Fixed are the seconds whatever the rows and Each those for each row, by the line; of Linear only.
	Fixed, Each float64

	most    Point // the most rows and the longest time seen
	fits    []fit
	degrees int
}

// Of says how times grow with the rows.
func Of(points []Point) Answer {
	a := Answer{Growth: Unknown}
	if len(points) == 0 {
		a.Why = "no time was taken"
		return a
	}
	least := slices.MinFunc(points, func(p, q Point) int { return cmp.Compare(p.Rows, q.Rows) }).Rows
	for _, p := range points {
		a.most = Point{max(a.most.Rows, p.Rows), max(a.most.Seconds, p.Seconds)}
	}
	switch {
	case a.most.Rows == 0:
		a.Why = "there was no row to work on"
		return a
	case least == a.most.Rows || len(points) < 3:
		a.Why = "times of one size only could be had"
		return a
	case least*leastRange > a.most.Rows:
		a.Why = "the sizes hardly differ: rows that others refer to had to stay"
		return a
	case a.most.Seconds < Floor:
		a.Growth = Quick
		return a
	}
	a.degrees = len(points) - 2
	line := fitted(points, func(rows float64) float64 { return rows })
	a.fits = []fit{line, fitted(points, func(rows float64) float64 { return rows * math.Log2(max(rows, 2)) })}
	if a.Why = a.misfit(points); a.Why != "" {
		return a
	}
	over := a.most.Rows - least
	grown, more := line.free.slope*over, line.free.slopeError*student(a.degrees)*over
	switch {
	case grown > more && grown >= leastGrown*a.most.Seconds:
		a.Growth, a.Fixed, a.Each = Linear, line.fixed, line.each
	case grown+more <= mostGrown*a.most.Seconds:
		a.Growth = Constant
	default:
		a.Growth = Undecided
	}
	return a
}

// misfit says why no curve can be drawn through the points; "" where one can.
func (a *Answer) misfit(points []Point) string {
	sizes, scatter := means(points)
	low, high := sizes[0], sizes[len(sizes)-1]
	off := min(a.fits[0].off, a.fits[1].off)
	power := math.Log(high.Seconds/max(low.Seconds, 1e-6)) / math.Log(high.Rows/max(low.Rows, 1))
	switch {
	case scatter > mostOff*a.most.Seconds:
		return fmt.Sprintf("times of one size differ too much: by %s on average, of up to %s", span(scatter), span(a.most.Seconds))
	case power > mostPower:
		return fmt.Sprintf("it grows faster than the rows: %.1f times the rows took %.1f times as long",
			high.Rows/max(low.Rows, 1), high.Seconds/max(low.Seconds, 1e-6))
	case off > mostOff*a.most.Seconds:
		return fmt.Sprintf("the times are on no line: they are off it by %s on average, of up to %s", span(off), span(a.most.Seconds))
	}
	return ""
}

// span is a time for people.
func span(seconds float64) string {
	if seconds < 1 {
		return fmt.Sprintf("%.0f ms", 1000*seconds)
	}
	return fmt.Sprintf("%.1f s", seconds)
}

// means are the mean times of each size, by size, and how much times of one size differ (their standard deviation over all sizes).
func means(points []Point) (sizes []Point, scatter float64) {
	of := map[float64][]float64{}
	for _, p := range points {
		of[p.Rows] = append(of[p.Rows], p.Seconds)
	}
	squares, n := 0.0, 0
	for rows, all := range of {
		m := mean(all)
		for _, s := range all {
			squares += (s - m) * (s - m)
		}
		n += len(all) - 1
		sizes = append(sizes, Point{rows, m})
	}
	slices.SortFunc(sizes, func(p, q Point) int { return cmp.Compare(p.Rows, q.Rows) })
	return sizes, math.Sqrt(squares / float64(max(n, 1)))
}

// At is between which seconds the time would be with so many rows, in 95 of 100 runs on the same machine if the curve goes on as it was seen.
// Of Quick the lower end is nought and the upper one what the longest time would be if all of it grew with the rows. ok is false of Unknown, and
// where it is too far from the rows seen.
func (a *Answer) At(rows float64) (least, most float64, ok bool) {
	switch {
	case a.Growth == Unknown || rows > Beyond*a.most.Rows:
		return 0, 0, false
	case a.Growth == Quick:
		return 0, a.most.Seconds * max(1, rows/a.most.Rows), true
	}
	least = math.Inf(1)
	for _, f := range a.fits {
		low, high := f.at(rows, a.degrees)
		least, most = min(least, low), max(most, high)
	}
	return max(0, least), most, true
}
