package mask

// dateShiftFamily: a day some time before or after.
func dateShiftFamily() family {
	return family{
		Info: Info{
			Name: "date_shift", Summary: "a day up to so many days before or after, at the same time of day", Types: []string{"date", "timestamp", "timestamptz"},
			Params: []ParamInfo{
				{Name: "days", Type: "integer", Default: "180", Meaning: "how far at most, from 1 to 36500"},
				{Name: "keep_weekday", Type: "boolean", Default: "false", Meaning: "shift by whole weeks, so that a Sunday stays one; days must be 7 or more then"},
				{Name: "per", Type: "column", Meaning: "a column that identifies a subject: all dates of one subject are shifted by the same number of days, also where a foreign key leads to it from another table"},
			},
			Guarantees: []string{
				"the result is never the value's own day, and at most days away",
				"equal values stay equal, with per those of one subject; distinct values may become equal",
				"with per, order and time between the dates of one subject are kept, under the same days and domain; without, they are not",
				"the time of day, infinity and BC are kept; a shift beyond what the type holds goes the other way",
				"sessions must use DateStyle ISO",
			},
			AtLeast: KeepsNulls | KeepsValidity, AtBest: keepsFolded | KeepsValidity, Depends: "without per, equal values stay equal",
		},
		compile: compileDateShift,
	}
}

func compileDateShift(c *compiler) (*Mask, error) {
	days := c.params.integer("days", 180, 1, 36500)
	unit := int64(1)
	if c.params.boolean("keep_weekday", false) {
		if unit = 7; days < unit {
			c.params.fail("days", "must be 7 or more with keep_weekday")
		}
	}
	key := subkey(c.keys, c.domain, "date_shift")
	lastYear := int64(294276)
	if c.target.BaseType == "date" {
		lastYear = 5874897
	}
	newDate := func() *dateFunc {
		return &dateFunc{prf: newPRF(key), steps: max(days/unit, 1), unit: unit, lastYear: lastYear}
	}
	per, sibling := c.column("per")
	if per == "" {
		return &Mask{Keeps: keepsFolded | KeepsValidity, New: func() Func { return newDate() }}, nil
	}
	if sibling.Own {
		return nil, &ParamError{Param: "per", Text: "names the column itself; name the one that identifies the subject"}
	}
	who := c.newSubject("date_shift", sibling)
	return &Mask{Keeps: KeepsNulls | KeepsValidity, Needs: []string{per}, NewRow: func() RowFunc { return &datePerFunc{newDate(), who.teller()} }}, nil
}

type dateFunc struct {
	prf      *prf
	steps    int64 // at most
	unit     int64 // days of a step
	lastYear int64
}

func (f *dateFunc) Append(dst, src []byte) ([]byte, error) {
	return f.shift(dst, src, f.prf.number(src))
}

// datePerFunc shifts all dates of one subject alike. A row without a subject is one of its own.
type datePerFunc struct {
	*dateFunc
	who *teller
}

func (f *datePerFunc) Append(dst, src []byte, others [][]byte) ([]byte, error) {
	if others[0] == nil {
		return f.dateFunc.Append(dst, src)
	}
	return f.shift(dst, src, f.who.number(others[0]))
}

// shift moves the day by what x stands for.
func (f *dateFunc) shift(dst, src []byte, x uint64) ([]byte, error) {
	if s := string(src); s == "infinity" || s == "-infinity" {
		return append(dst, src...), nil
	}
	d, ok := parseDate(src)
	if !ok {
		return dst, &ValueError{Mask: "date_shift", Reason: "is not a date in ISO form"}
	}
	shift := f.unit * (1 + int64(x>>1%uint64(f.steps)))
	if x&1 == 1 {
		shift = -shift
	}
	day := daysOf(d.year, d.month, d.day)
	shifted := day + shift
	if shifted < firstDay || shifted > daysOf(f.lastYear, 12, 30) {
		shifted = day - shift
	}
	return appendDate(dst, shifted, d.rest), nil
}

// firstDay is 4713-11-24 BC, the first that PostgreSQL's types hold, in days from 1970-01-01; one is left for time zones.
var firstDay = daysOf(-4712, 11, 25)

// isoDate is a date in the proleptic Gregorian calendar, year 0 being 1 BC, with the time that follows it.
type isoDate struct {
	year, month, day int64
	rest             []byte
}

// parseDate reads YYYY-MM-DD with a year of four digits or more, then nothing or a time after a blank or T, then nothing or " BC".
func parseDate(src []byte) (d isoDate, ok bool) {
	body, bc := src, false
	if n := len(src) - 3; n > 0 && string(src[n:]) == " BC" {
		body, bc = src[:n], true
	}
	n := 0
	for n < len(body) && body[n] >= '0' && body[n] <= '9' {
		n++
	}
	if n < 4 || n > 7 || len(body) < n+6 || body[n] != '-' || body[n+3] != '-' {
		return d, false
	}
	d = isoDate{year: decimal(body[:n]), month: decimal(body[n+1 : n+3]), day: decimal(body[n+4 : n+6]), rest: body[n+6:]}
	if bc {
		d.year = 1 - d.year
	}
	if d.month < 1 || d.month > 12 || d.day < 1 || d.day > daysIn(d.year, d.month) {
		return d, false
	}
	return d, len(d.rest) == 0 || isTime(d.rest)
}

// isTime tells that rest is made of what a time with a zone is made of, and begins with a blank or T.
func isTime(rest []byte) bool {
	if len(rest) < 3 || rest[0] != ' ' && rest[0] != 'T' {
		return false
	}
	for _, c := range rest[1:] {
		if (c < '0' || c > '9') && c != ':' && c != '.' && c != '+' && c != '-' && c != 'Z' {
			return false
		}
	}
	return true
}

// decimal reads up to 18 digits; any other byte makes nonsense that the caller's range check must refuse.
func decimal(digits []byte) int64 {
	v := int64(0)
	for _, c := range digits {
		if c < '0' || c > '9' {
			return -1
		}
		v = v*10 + int64(c-'0')
	}
	return v
}

// appendDate appends the date of a day with the time after it, and BC where it belongs.
func appendDate(dst []byte, day int64, rest []byte) []byte {
	year, month, dayOfMonth := dateOf(day)
	bc := year <= 0
	if bc {
		year = 1 - year
	}
	dst = appendPadded(dst, year, 4)
	dst = append(dst, '-')
	dst = appendPadded(dst, month, 2)
	dst = append(dst, '-')
	dst = appendPadded(dst, dayOfMonth, 2)
	dst = append(dst, rest...)
	if bc {
		dst = append(dst, " BC"...)
	}
	return dst
}

// appendPadded appends a number of at least width digits, seven at most.
func appendPadded(dst []byte, v int64, width int) []byte {
	var digits [7]byte
	n := len(digits)
	for v > 0 || len(digits)-n < width {
		n--
		digits[n] = '0' + byte(v%10)
		v /= 10
	}
	return append(dst, digits[n:]...)
}

// daysOf counts the days from 1970-01-01 in the proleptic Gregorian calendar, by eras of 400 years that begin in March
// (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
func daysOf(year, month, day int64) int64 {
	if month <= 2 {
		year--
	}
	era := floorDiv(year, 400)
	yearOfEra := year - era*400
	dayOfYear := (153*((month+9)%12)+2)/5 + day - 1
	return era*146097 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear - 719468
}

// dateOf is the inverse of daysOf.
func dateOf(days int64) (year, month, day int64) {
	days += 719468
	era := floorDiv(days, 146097)
	dayOfEra := days - era*146097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	m := (5*dayOfYear + 2) / 153
	year, month, day = yearOfEra+era*400, (m+2)%12+1, dayOfYear-(153*m+2)/5+1
	if month <= 2 {
		year++
	}
	return year, month, day
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func daysIn(year, month int64) int64 {
	if month == 2 {
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 30 + (month+month/8)%2
}
