package mask

import (
	"bytes"
	"math"
	"strconv"
)

// noiseFamily: a number near by.
func noiseFamily() family {
	return family{
		Info: Info{
			Name: "noise", Summary: "a number that is a share of the value greater or smaller", Types: append(numberTypes(), "money", "interval"),
			Params: []ParamInfo{{Name: "ratio", Type: "number", Default: "0.1", Meaning: "how much at most, as a share of the value, up to 1"}},
			Guarantees: []string{
				"the sign, the digits behind the point, nought, NaN and infinity are kept; no result has more digits than its value, so what a precision allowed it allows",
				"equal values stay equal, distinct ones may become equal, and the order of near ones is lost",
				"a number of few digits may stay what it is; small whole numbers are barely masked",
				"of an interval, months, days and time are changed by the same share, each in its own unit: one month stays one month; intervals that are equal but written in other units become different ones",
				"sessions must use IntervalStyle postgres and lc_monetary C",
			},
			AtLeast: KeepsNulls | KeepsValidity, AtBest: keepsFolded | KeepsValidity, Depends: "equality is kept but of intervals",
		},
		compile: func(c *compiler) (*Mask, error) {
			ratio, key := c.params.number("ratio", 0.1, 0, 1), subkey(c.keys, c.domain, "noise")
			keeps := KeepsNulls | KeepsValidity | keepsFolded.when(c.target.BaseType != "interval")
			return &Mask{Keeps: keeps, New: func() Func {
				prf := newPRF(key)
				share := func(src []byte) float64 { return ratio * (float64(prf.number(src)>>11)/(1<<52) - 1) }
				if c.target.BaseType == "interval" {
					return appender(func(dst, src []byte) ([]byte, error) { return noisyInterval(dst, src, share) })
				}
				number := c.arithmetic(func(n number, src []byte, most int64) int64 {
					return moved(n.value, share(src), most)
				}, func(x float64, src []byte) float64 { return x + x*share(src) })
				if c.target.BaseType == "money" {
					return &moneyFunc{mask: "noise", number: number}
				}
				return number
			}}, nil
		},
	}
}

// moved moves a magnitude by a share of itself, to nought at least and to most at most.
func moved(value int64, share float64, most int64) int64 {
	by := float64(value) * share
	if float64(value)+by >= float64(most) { // above 2^53 one is rounded to the next
		return most
	}
	return max(value+int64(math.Round(by)), 0)
}

// noisyInterval moves the parts of an interval, each in the unit that it is written in.
func noisyInterval(dst, src []byte, share func([]byte) float64) ([]byte, error) {
	if isEndless(src) {
		return append(dst, src...), nil
	}
	v, ok := parseInterval(src)
	if !ok {
		return dst, &ValueError{Mask: "noise", Reason: "is not an interval in the style postgres"}
	}
	by, tick := share(src), pow10(6-v.scale)
	v.months.value = moved(v.months.value, by, math.MaxInt32)
	v.days.value = moved(v.days.value, by, math.MaxInt32)
	v.micros.value = tick * moved(v.micros.value/tick, by, math.MaxInt64/tick)
	return v.append(dst), nil
}

// moneyFunc masks an amount as the number of its smallest unit.
type moneyFunc struct {
	mask        string
	number      Func // of integers
	was, masked []byte
}

func (f *moneyFunc) Append(dst, src []byte) ([]byte, error) {
	sign, amount, ok := bytes.Cut(src, []byte{'$'})
	if !ok || len(amount) == 0 || len(sign) > 0 && string(sign) != "-" {
		return dst, &ValueError{Mask: f.mask, Reason: "is not money as the locale C writes it"}
	}
	f.was = append(f.was[:0], sign...)
	for _, c := range amount {
		switch {
		case isDigit(c):
			f.was = append(f.was, c)
		case c != ',' && c != '.':
			return dst, &ValueError{Mask: f.mask, Reason: "is not money as the locale C writes it"}
		}
	}
	var err error
	if f.masked, err = f.number.Append(f.masked[:0], f.withoutNoughts()); err != nil {
		return dst, err
	}
	cents, ok := parseInteger(f.masked, 64)
	if !ok {
		return dst, &ValueError{Mask: f.mask, Reason: "is not money as the locale C writes it"}
	}
	return appendMoney(dst, cents), nil
}

// withoutNoughts gives the digits without those noughts that lead: $0.05 is 5, with no more digits.
func (f *moneyFunc) withoutNoughts() []byte {
	sign := len(f.was) - len(bytes.TrimLeft(f.was, "-"))
	digits := bytes.TrimLeft(f.was[sign:], "0")
	if len(digits) == 0 {
		return append(f.was[:0], '0')
	}
	return append(f.was[:sign], digits...)
}

// appendMoney writes an amount as the locale C does: -$1,234.56.
func appendMoney(dst []byte, cents int64) []byte {
	magnitude := uint64(cents) //nolint:gosec // two's complement on purpose
	if cents < 0 {
		dst = append(dst, '-')
		magnitude = -magnitude
	}
	var scratch [20]byte
	whole := strconv.AppendUint(scratch[:0], magnitude/100, 10)
	dst = append(dst, '$')
	for i, c := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, c)
	}
	return append(dst, '.', '0'+byte(magnitude%100/10), '0'+byte(magnitude%10))
}
