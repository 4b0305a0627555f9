package mask

import (
	"fmt"
	"strings"
)

// UnknownError tells that no mask has the name a rule gives.
type UnknownError struct {
	Name       string
	DidYouMean string // the nearest known name, "" when none is near
}

func (e *UnknownError) Error() string { return fmt.Sprintf("unknown mask %q", e.Name) }

// ParamError tells that a rule's parameter is unknown, missing, of the wrong kind or out of range.
type ParamError struct {
	Param string // name of the parameter; for json's rules with the path: paths["$.a"].days
	Text  string // what is wrong, without the name: "is unknown; known are length, prefix"
}

func (e *ParamError) Error() string { return fmt.Sprintf("parameter %q %s", e.Param, e.Text) }

// TypeError tells that a mask does not work on the type of a column.
type TypeError struct {
	Mask string
	Type string   // Target.BaseType, or "NOT NULL column" for the null mask
	Want []string // the types the mask works on
}

func (e *TypeError) Error() string {
	return fmt.Sprintf("mask %s does not work on %s, it works on %s", e.Mask, e.Type, strings.Join(e.Want, ", "))
}

// narrow describes a column that has too little room, be it by its type or by a CHECK.
func (t Target) narrow() string {
	return fmt.Sprintf("%s of at most %d characters", t.BaseType, t.MaxLength)
}

// ValueError tells that a mask met a value it cannot handle; it holds nothing of the value.
type ValueError struct {
	Mask   string
	Reason string // such as "is not a date", to follow "a value"
}

func (e *ValueError) Error() string { return fmt.Sprintf("mask %s: a value %s", e.Mask, e.Reason) }
