package mask

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// keepFamily: the value as it is.
func keepFamily() family {
	return family{
		Info: Info{
			Name: "keep", Summary: "the value as it is, unmasked", Types: []string{"any"},
			Params:     []ParamInfo{{Name: "reason", Type: "string", Meaning: "why the column may be copied as it is, for the reader"}},
			Guarantees: []string{"everything is kept: the column is not masked"},
			AtLeast:    keepsAll, AtBest: keepsAll,
		},
		compile: func(c *compiler) (*Mask, error) {
			c.params.text("reason", "")
			return &Mask{keep: true, Keeps: keepsAll, New: func() Func { return keepFunc{} }}, nil
		},
	}
}

type keepFunc struct{}

func (keepFunc) Append(dst, src []byte) ([]byte, error) { return append(dst, src...), nil }

// nullFamily: NULL for every value.
func nullFamily() family {
	return family{
		Info: Info{
			Name: "null", Summary: "NULL", Types: []string{"any"},
			Guarantees: []string{"nothing of the value is left", "refused for a NOT NULL column", "a unique index holds, because NULLs are distinct unless it says otherwise"},
		},
		compile: func(c *compiler) (*Mask, error) {
			if c.target.NotNull {
				return nil, &TypeError{Mask: "null", Type: "a NOT NULL column", Want: []string{"columns that may be NULL"}}
			}
			return &Mask{null: true, New: func() Func { return nullFunc{} }}, nil
		},
	}
}

type nullFunc struct{}

func (nullFunc) Append(dst, _ []byte) ([]byte, error) { return dst, ErrNull }

// constantFamily: one value for all.
func constantFamily() family {
	return family{
		Info: Info{
			Name: "constant", Summary: "one and the same value for all", Types: []string{"any"},
			Params: []ParamInfo{{Name: "value", Type: "value", Meaning: "the value, in PostgreSQL's text form"}},
			Guarantees: []string{
				"nothing of the value is left", "NULL stays NULL",
				"checked against integer, float, boolean, date, uuid and enum types and varchar(n) when the rules are read, by the server for other types",
			},
			AtLeast: keepsFolded, AtBest: keepsFolded,
		},
		compile: func(c *compiler) (*Mask, error) {
			v, ok := c.params.values["value"]
			if !ok {
				return nil, &ParamError{Param: "value", Text: "is missing"}
			}
			text, ok := constantText(v)
			if !ok {
				return nil, &ParamError{Param: "value", Text: "must be a text, a number, true or false"}
			}
			if reason := unfit([]byte(text), c.target); reason != "" {
				return nil, &ParamError{Param: "value", Text: reason}
			}
			value := append(make([]byte, 0, len(text)), text...)
			return &Mask{Keeps: keepsFolded, constant: value, New: func() Func { return constantFunc(value) }}, nil
		},
	}
}

type constantFunc []byte

func (f constantFunc) Append(dst, _ []byte) ([]byte, error) { return append(dst, f...), nil }

func constantText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case int:
		return strconv.Itoa(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// unfit tells why a text is no value of the type, "" when it is one or only the server can tell.
func unfit(text []byte, t Target) string {
	if t.TypeKind == 'e' {
		if !slices.ContainsFunc(t.Labels, func(l string) bool { return l == string(text) }) {
			return "is not a label of the enum"
		}
		return ""
	}
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return "is not valid text"
	}
	if array := strings.HasPrefix(t.BaseType, "_"); !array && t.MaxLength > 0 && utf8.RuneCount(text) > t.MaxLength {
		return "is longer than " + strconv.Itoa(t.MaxLength) + " characters"
	}
	return unfitBase(text, t.BaseType)
}

func unfitBase(text []byte, base string) string {
	switch base {
	case "int2", "int4", "int8":
		if _, err := strconv.ParseInt(string(text), 10, integerBits(base)); err != nil {
			return "is not a value of " + base
		}
	case "float4", "float8", "numeric":
		if f, err := strconv.ParseFloat(string(text), 64); err != nil && !math.IsInf(f, 0) {
			return "is not a number"
		}
	case "bool":
		if !slices.ContainsFunc([]string{"t", "f", "true", "false", "yes", "no", "on", "off", "1", "0"}, func(s string) bool { return strings.EqualFold(s, string(text)) }) {
			return "is not a boolean"
		}
	case "date":
		if _, err := time.Parse(time.DateOnly, string(text)); err != nil && string(text) != later && string(text) != earlier {
			return "is not a date of the form 2006-01-31"
		}
	case "uuid":
		if _, ok := parseUUID(text); !ok {
			return "is not a uuid"
		}
	}
	return ""
}

func integerBits(base string) int {
	return map[string]int{"int2": 16, "int4": 32, "int8": 64}[base]
}
