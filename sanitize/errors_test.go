package sanitize

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rehearse-db/rehearse/sanitize/mask"
)

func TestPlanErrorText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err  PlanError
		want string
	}{
		{PlanError{Columns: []string{"shop.customer.phone", "shop.customer.notes"}}, "2 columns have no rule: shop.customer.phone, shop.customer.notes"},
		{PlanError{Columns: []string{"a.b.c"}}, "1 column has no rule: a.b.c"},
		{PlanError{Tables: []string{"a.b"}}, "1 table has no rules: a.b"},
		{
			PlanError{Tables: []string{"a.b", "a.c"}, Unmatched: []Issue{{File: "f", Line: 2, Column: 3, Text: "x"}}, Issues: []Issue{{Text: "y"}}},
			"2 tables have no rules: a.b, a.c\nf:2:3: x\ny",
		},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestSortIssues(t *testing.T) {
	t.Parallel()
	got := sortIssues([]Issue{{Line: 2, Text: "b"}, {Line: 2, Text: "a"}, {Line: 1, Column: 9, Text: "z"}, {Line: 2, Text: "b"}, {Line: 1, Column: 2, Text: "z"}})
	if text := fmt.Sprint(got); text != "[:1:2: z :1:9: z :2:0: a :2:0: b]" {
		t.Errorf("got %s", text)
	}
}

// leaky is a mask that breaks its promise: it puts the value into its error.
type leaky struct{ wrap bool }

func (l leaky) Append(dst, src []byte) ([]byte, error) {
	if l.wrap {
		return dst, fmt.Errorf("value %q: %w", src, &mask.ValueError{Mask: "leaky", Reason: "is odd"})
	}
	return append(dst, src...), fmt.Errorf("cannot handle %q", src)
}

// TestLeakyMask checks that what a mask says of a value is not passed on, only the reason of a *mask.ValueError.
func TestLeakyMask(t *testing.T) {
	t.Parallel()
	for wrap, want := range map[bool]string{false: "mask s.t.c with leaky: a value made the mask fail", true: "mask s.t.c with leaky: a value is odd"} {
		r := &Row{table: Relation{"s", "t"}, width: 1, fields: []rowField{{name: "c", mask: "leaky", apply: applier{fn: leaky{wrap}}}}}
		got, err := r.Append([]byte("x"), []byte("secret\n"))
		if err == nil || err.Error() != want || errors.Unwrap(err) != nil {
			t.Errorf("error is %v, want %q", err, want)
		}
		if strings.Contains(string(got), "secret") || strings.Contains(fmt.Sprintf("%+v %#v", err, err), "secret") {
			t.Errorf("the value shows: %q %#v", got, err)
		}
	}
}

// upper is a mask that can be undone in the head; it gives NULL for "null".
type upper struct{}

func (upper) Append(dst, src []byte) ([]byte, error) {
	if string(src) == "null" {
		return dst, mask.ErrNull
	}
	for _, c := range src {
		dst = append(dst, c^0x20)
	}
	return dst, nil
}

// FuzzRow compares rows with what splitting at tabs gives: fields that are kept must be the same bytes, and the others the escaped
// mask of the unescaped value.
func FuzzRow(f *testing.F) {
	f.Add("a\t\\N\tc\\\\d\tnull\n", uint8(5))
	f.Add("\t\t\t", uint8(15))
	f.Add("x\\", uint8(1))
	f.Fuzz(func(t *testing.T, line string, which uint8) {
		if strings.Contains(strings.TrimSuffix(line, "\n"), "\n") {
			return // the server sends one row at a time
		}
		body, hasEnd := strings.CutSuffix(line, "\n")
		fields := strings.Split(body, "\t")
		r := &Row{table: Relation{"s", "t"}, width: len(fields)}
		broken := false
		for i := range fields {
			if which>>(i%8)&1 == 0 {
				continue
			}
			r.fields = append(r.fields, rowField{index: i, name: "c", mask: "upper", apply: applier{fn: upper{}}})
			if fields[i] == `\N` {
				continue
			}
			plain, ok := appendUnescaped(nil, []byte(fields[i]))
			broken = broken || !ok
			if masked, err := (upper{}).Append(nil, plain); err != nil {
				fields[i] = `\N`
			} else {
				fields[i] = string(appendEscaped(nil, masked))
			}
		}
		want := strings.Join(fields, "\t")
		if hasEnd {
			want += "\n"
		}
		got, err := r.Append(nil, []byte(line))
		if broken != (err != nil) {
			t.Fatalf("%q: error is %v, broken is %v", line, err, broken)
		}
		if err == nil && string(got) != want {
			t.Errorf("%q masked %08b:\n got %q\nwant %q", line, which, got, want)
		}
		r.width++
		if _, err := r.Append(nil, []byte(line)); err == nil {
			t.Errorf("%q: accepted with one field too few", line)
		}
	})
}
