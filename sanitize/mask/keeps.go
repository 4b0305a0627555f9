package mask

import "strings"

// Keeps is what a mask guarantees to keep, as a set. What is not in it may be kept or lost.
type Keeps uint16

// What a mask may keep.
const (
	// KeepsNulls: NULL stays NULL, and nothing else becomes it.
	KeepsNulls Keeps = 1 << iota
	// KeepsEquality: equal values stay equal.
	KeepsEquality
	// KeepsCaseEquality: values equal under lower() stay so. Masks whose results have fewer letters than a value (hash, email and the like)
	// cannot keep that where capitals and small letters mix beyond the letters of the result; there they keep uniqueness instead.
	KeepsCaseEquality
	// KeepsUniqueness: distinct values stay distinct, by construction or but for a chance below 2^-60 a pair.
	KeepsUniqueness
	// KeepsCaseUniqueness: values that are distinct under lower() stay so.
	KeepsCaseUniqueness
	// KeepsLength: the length in characters; for char(n) without the blanks that fill it up.
	KeepsLength
	// KeepsBytes: the length in bytes of UTF-8.
	KeepsBytes
	// KeepsShape: the class of every character: a digit stays a digit, a capital a capital, all that is neither letter nor digit itself.
	KeepsShape
	// KeepsOrder: no two values change places; they may become equal where uniqueness is not kept.
	KeepsOrder
	// KeepsCheckDigits: right check digits stay right, wrong ones wrong.
	KeepsCheckDigits
	// KeepsValidity: a valid value of the mask's kind (an address, a card number, a date) stays valid, an invalid one invalid.
	KeepsValidity

	keepsEnd
)

// keepsNames are in the order of the constants.
var keepsNames = [...]string{
	"nulls", "equality", "case equality", "uniqueness", "case uniqueness", "length", "bytes", "shape", "order", "check digits", "validity",
}

// Sets that many masks keep.
const (
	// keepsSame is what every mask keeps that is a function of the value.
	keepsSame = KeepsNulls | KeepsEquality
	// keepsFolded is what masks keep that treat case as lower() does.
	keepsFolded = keepsSame | KeepsCaseEquality
	// keepsDistinct is added by masks that lose no value.
	keepsDistinct = KeepsUniqueness | KeepsCaseUniqueness
	// keepsForm is added by masks that replace characters one by one.
	keepsForm = KeepsLength | KeepsBytes | KeepsShape
	// keepsAll is what the value itself keeps.
	keepsAll = keepsEnd - 1
)

// Has tells whether all of what are kept.
func (k Keeps) Has(what Keeps) bool { return k&what == what }

// Names names what is kept, in fixed order.
func (k Keeps) Names() []string {
	var names []string
	for i, name := range keepsNames {
		if k.Has(1 << i) {
			names = append(names, name)
		}
	}
	return names
}

// String lists the names, "nothing" without any.
func (k Keeps) String() string {
	if k == 0 {
		return "nothing"
	}
	return strings.Join(k.Names(), ", ")
}

// when gives what is kept if a condition holds, else nothing.
func (k Keeps) when(holds bool) Keeps {
	if holds {
		return k
	}
	return 0
}
