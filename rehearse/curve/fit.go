package curve

import "math"

// fit is a + b·f(rows) through points, by least squares.
type fit struct {
	of          func(rows float64) float64
	free        line    // as the points have it
	fixed, each float64 // the same with neither below nought
	off         float64 // how far the points are from that on average (standard deviation)
}

// line is an ordinary least squares line with what its intervals are made of.
type line struct {
	base, slope     float64
	n, centre, wide float64 // number of points, mean of x, sum of squares about it
	off, slopeError float64 // standard errors: of a time about the line, and of the slope
}

func fitted(points []Point, of func(float64) float64) fit {
	x, y := make([]float64, len(points)), make([]float64, len(points))
	for i, p := range points {
		x[i], y[i] = of(p.Rows), p.Seconds
	}
	f := fit{of: of, free: straight(x, y)}
	switch f.fixed, f.each = f.free.base, f.free.slope; {
	case f.each < 0:
		f.fixed, f.each = mean(y), 0
	case f.fixed < 0:
		f.fixed, f.each = 0, through(x, y)
	}
	squares := 0.0
	for i := range x {
		d := y[i] - f.fixed - f.each*x[i]
		squares += d * d
	}
	f.off = math.Sqrt(squares / float64(len(x)-2))
	return f
}

func straight(x, y []float64) line {
	l := line{n: float64(len(x)), centre: mean(x)}
	level, both := mean(y), 0.0
	for i := range x {
		l.wide += (x[i] - l.centre) * (x[i] - l.centre)
		both += (x[i] - l.centre) * (y[i] - level)
	}
	l.slope = both / l.wide
	l.base = level - l.slope*l.centre
	squares := 0.0
	for i := range x {
		d := y[i] - l.base - l.slope*x[i]
		squares += d * d
	}
	l.off = math.Sqrt(squares / (l.n - 2))
	l.slopeError = l.off / math.Sqrt(l.wide)
	return l
}

// through is the slope of the line through the origin.
func through(x, y []float64) float64 {
	both, squares := 0.0, 0.0
	for i := range x {
		both += x[i] * y[i]
		squares += x[i] * x[i]
	}
	return both / squares
}

// at is the interval of a further time. The limits of a and b move its middle, never its ends inwards: points that say a little less than nought
// for one of them say it of the other too.
func (f fit) at(rows float64, degrees int) (low, high float64) {
	x, l := f.of(rows), f.free
	reach := student(degrees) * math.Sqrt(1+1/l.n+(x-l.centre)*(x-l.centre)/l.wide)
	free, bound := l.base+l.slope*x, f.fixed+f.each*x
	return min(free, bound) - reach*l.off, max(free, bound) + reach*l.off
}

// students are quantiles of Student's t for 97.5 %, by degrees of freedom from 1 on.
var students = [...]float64{
	12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
}

// student is the quantile, for more degrees than the table has its last: a little too wide.
func student(degrees int) float64 { return students[min(max(degrees, 1), len(students))-1] }

func mean(all []float64) float64 {
	sum := 0.0
	for _, v := range all {
		sum += v
	}
	return sum / float64(len(all))
}
