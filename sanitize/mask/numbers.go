package mask

import "math"

// numberFamilies are the masks of quantities.
func numberFamilies() []family {
	return []family{noiseFamily(), bucketFamily(), roundFamily()}
}

// arithmetic makes a Func of what becomes of a decimal and of a floating-point number. Numbers of more than 18 digits are cut to their first 18.
func (c *compiler) arithmetic(exact func(n number, src []byte, most int64) int64, float func(x float64, src []byte) float64) appender {
	name, base, size := c.rule.Name, c.target.BaseType, floatBits(c.target.BaseType)
	if base == "money" { // is an int8, of its smallest unit
		base = "int8"
	}
	return func(dst, src []byte) ([]byte, error) {
		if isOddNumber(src) {
			return append(dst, src...), nil
		}
		if size > 0 {
			x, ok := parseFloat(src, size)
			if !ok {
				return dst, &ValueError{Mask: name, Reason: "is not a number"}
			}
			return appendFloat(dst, float(x, src), size), nil
		}
		src, noughts := significant(src) // a number is the same however many noughts its fraction ends in
		if n, ok := parseNumber(src); ok {
			return append(n.append(dst, exact(n, src, n.most(base))), noughts...), nil
		}
		n, rest, ok := cutNumber(src)
		if !ok {
			return dst, &ValueError{Mask: name, Reason: "is not a number"}
		}
		most := n.most(base)
		if base == "int8" {
			most = math.MaxInt64 / 10
		}
		dst = n.append(dst, exact(n, src, most))
		for _, d := range rest {
			if isDigit(d) {
				d = '0'
			}
			dst = append(dst, d)
		}
		return append(dst, noughts...), nil
	}
}

// cutNumber reads the first 18 digits of a longer number; the digits of rest become nought.
func cutNumber(src []byte) (n number, rest []byte, ok bool) {
	digits, points := 0, 0
	cut := len(src)
	for i, d := range src {
		switch {
		case d == '-' && i == 0:
		case d == '.':
			points++
		case !isDigit(d):
			return n, nil, false
		default:
			if digits++; digits == 19 {
				cut = i
			}
		}
	}
	if points > 1 || digits < 19 {
		return n, nil, false
	}
	if src[cut-1] == '.' {
		cut--
	}
	n, ok = parseNumber(src[:cut])
	return n, src[cut:], ok
}

// bucketFamily: the lower end of a bucket.
func bucketFamily() family {
	return stepFamily("bucket", "width", "the lower end of the bucket that a number falls in", func(value, step int64, negative bool) (first, other int64) {
		low := value - value%step
		if negative && value%step != 0 {
			return low + step, low
		}
		return low, low
	}, math.Floor)
}

// roundFamily: the nearest multiple.
func roundFamily() family {
	return stepFamily("round", "step", "the nearest multiple of a step", func(value, step int64, _ bool) (first, other int64) {
		low := value - value%step
		if value-low >= step-value%step {
			return low + step, low
		}
		return low, low
	}, math.Round)
}

// stepFamily is a mask that makes multiples of a step: exact gives the one for the magnitude of a decimal, and the next one towards nought.
func stepFamily(name, param, summary string, exact func(value, step int64, negative bool) (first, other int64), float func(float64) float64) family {
	keeps := keepsFolded | KeepsOrder | KeepsValidity
	return family{
		Info: Info{
			Name: name, Summary: summary, Types: numberTypes(),
			Params: []ParamInfo{{Name: param, Type: "integer", Meaning: "from 1 on; required"}},
			Guarantees: []string{
				"no two values change places, distinct ones become equal; the count of digits behind the point, NaN and infinity are kept",
				"a multiple with more digits than the value has gives way to the one nearer to nought, so that what a precision allowed it allows",
			},
			AtLeast: keeps, AtBest: keeps,
		},
		compile: func(c *compiler) (*Mask, error) {
			if !c.params.has(param) {
				return nil, &ParamError{Param: param, Text: "is missing"}
			}
			step := c.params.integer(param, 1, 1, 1_000_000_000_000)
			return &Mask{Keeps: keeps, New: func() Func {
				return c.arithmetic(func(n number, _ []byte, most int64) int64 {
					unit, ok := step, true
					for range n.scale {
						if unit > math.MaxInt64/40 {
							ok = false // wider than all that 18 digits hold
							break
						}
						unit *= 10
					}
					if !ok {
						return 0
					}
					first, other := exact(n.value, unit, n.negative)
					if first > most {
						first = other
					}
					return first
				}, func(x float64, _ []byte) float64 { return float(x/float64(step)) * float64(step) })
			}}, nil
		},
	}
}
