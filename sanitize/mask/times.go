package mask

import (
	"bytes"
	"math"
	"time"
)

// timeFamilies are the masks of dates beside date_shift.
func timeFamilies() []family { return []family{truncateFamily(), birthdateFamily()} }

func dateTypes() []string { return []string{"date", "timestamp", "timestamptz"} }

// truncateFamily: the beginning of a month or year.
func truncateFamily() family {
	keeps := keepsFolded | KeepsOrder | KeepsValidity
	return family{
		Info: Info{
			Name: "truncate_date", Summary: "the beginning of the month, the year or the like that a date falls in", Types: dateTypes(),
			Params: []ParamInfo{{Name: "unit", Type: "string", Default: "month", Meaning: "hour, day, week, month, quarter, year or decade; of a date, day and hour are no units"}},
			Guarantees: []string{
				"no two values change places, distinct ones become equal; infinity and BC are kept",
				"sessions must use DateStyle ISO; a timestamp with time zone is truncated as it is written, in UTC",
			},
			AtLeast: keeps, AtBest: keeps,
		},
		compile: func(c *compiler) (*Mask, error) {
			unit := c.params.choice("unit", "month", "hour", "day", "week", "quarter", "year", "decade")
			if c.target.BaseType == "date" && (unit == "hour" || unit == "day") {
				return nil, &ParamError{Param: "unit", Text: "must be week, month, quarter, year or decade for a date"}
			}
			return &Mask{Keeps: keeps, New: func() Func {
				var work []byte
				return appender(func(dst, src []byte) ([]byte, error) {
					if isEndless(src) {
						return append(dst, src...), nil
					}
					d, ok := parseDate(src)
					if !ok {
						return dst, &ValueError{Mask: "truncate_date", Reason: "is not a date in ISO form"}
					}
					work = appendClock(work[:0], d.rest, unit == "hour")
					return appendDate(dst, max(d.truncated(unit), firstDay), work), nil
				})
			}}, nil
		},
	}
}

func isEndless(src []byte) bool { return string(src) == later || string(src) == earlier }

// truncated gives the day that a unit begins with.
func (d isoDate) truncated(unit string) int64 {
	switch unit {
	case "week": // 1970-01-01 was a Thursday; weeks begin on Monday
		day := daysOf(d.year, d.month, d.day)
		return floorDiv(day+3, 7)*7 - 3
	case "month":
		return daysOf(d.year, d.month, 1)
	case "quarter":
		return daysOf(d.year, d.month-(d.month-1)%3, 1)
	case "year":
		return daysOf(d.year, 1, 1)
	case "decade":
		return daysOf(floorDiv(d.year, 10)*10, 1, 1)
	}
	return daysOf(d.year, d.month, d.day)
}

// appendClock appends midnight, or the full hour, for the time that follows a date, with its zone.
func appendClock(dst, rest []byte, hour bool) []byte {
	if len(rest) == 0 {
		return dst
	}
	zone := rest[len(rest):]
	if i := bytes.LastIndexAny(rest, "+-Z"); i > 0 {
		zone = rest[i:]
	}
	dst = append(dst, rest[0])
	if hour && len(rest) > 2 {
		dst = append(dst, rest[1], rest[2])
	} else {
		dst = append(dst, "00"...)
	}
	dst = append(dst, ":00:00"...)
	return append(dst, zone...)
}

// birthdateFamily: another day of the year.
func birthdateFamily() family {
	return family{
		Info: Info{
			Name: "birthdate", Summary: "another day of the same year, or of a year near by", Types: dateTypes(),
			Params: []ParamInfo{
				{Name: "years", Type: "integer", Default: "0", Meaning: "how many years before or after at most, up to 50"},
				{Name: "min_age", Type: "integer", Meaning: "how old, in years, everybody is at least on the day of the copy, up to 150; without it nobody's age is looked at"},
			},
			Guarantees: []string{
				"the age stays about the same: with years: 0, the year is kept",
				"with min_age, a year that is later than the last one in which everybody born is that old becomes that one; so whoever is younger becomes as old, and for some the result is another one after New Year (UTC)",
				"equal values stay equal; distinct ones may become equal or change places; the time of day, infinity and BC are kept",
				"sessions must use DateStyle ISO",
			},
			AtLeast: keepsFolded | KeepsValidity, AtBest: keepsFolded | KeepsValidity,
		},
		compile: func(c *compiler) (*Mask, error) {
			years, key := c.params.integer("years", 0, 0, 50), subkey(c.keys, c.domain, "birthdate")
			last := int64(math.MaxInt64)
			if c.params.has("min_age") { // by whole years: at the end of one there would be few days to choose from
				last = int64(time.Now().UTC().Year()) - 1 - c.params.integer("min_age", 0, 0, 150)
			}
			return &Mask{Keeps: keepsFolded | KeepsValidity, New: func() Func {
				prf := newPRF(key)
				return appender(func(dst, src []byte) ([]byte, error) {
					if isEndless(src) {
						return append(dst, src...), nil
					}
					d, ok := parseDate(src)
					if !ok {
						return dst, &ValueError{Mask: "birthdate", Reason: "is not a date in ISO form"}
					}
					sum := prf.number(src)
					year := d.year + int64(sum>>32%uint64(2*years+1)) - years
					if year < -4711 || year > 294275 { // the ends of what timestamps hold
						year = d.year
					}
					year = min(year, last)
					first := daysOf(year, 1, 1)
					days := daysOf(year+1, 1, 1) - first
					return appendDate(dst, max(first+int64(sum&(1<<32-1)%uint64(days)), firstDay), d.rest), nil
				})
			}}, nil
		},
	}
}
