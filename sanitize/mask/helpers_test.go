package mask

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// testKeys derives keys from a secret as the product does.
type testKeys string

func (k testKeys) Domain(name string) []byte {
	key, err := hkdf.Key(sha256.New, []byte(k), nil, name, 32)
	if err != nil {
		panic(err)
	}
	return key
}

const testSecret = testKeys("a secret of thirty-two characters")

func textTarget() Target { return Target{BaseType: "text", TypeKind: 'b'} }

func newMask(t testing.TB, r Rule, target Target) *Mask {
	t.Helper()
	m, err := Compile(r, target, testSecret)
	if err != nil {
		t.Fatalf("compile %v: %v", r, err)
	}
	return m
}

// apply masks one value, and fails the test on an error.
func apply(t testing.TB, f Func, value string) string {
	t.Helper()
	src := []byte(value)
	got, err := f.Append([]byte("before\t"), src)
	if err != nil {
		t.Fatalf("mask %q: %v", value, err)
	}
	if string(src) != value {
		t.Fatalf("mask %q: the source was changed to %q", value, src)
	}
	rest, ok := strings.CutPrefix(string(got), "before\t")
	if !ok {
		t.Fatalf("mask %q: what was there before is lost: %q", value, got)
	}
	return rest
}

// wantValueError checks that a value is refused with a text that holds nothing of it and dst unchanged.
func wantValueError(t *testing.T, f Func, value string) {
	t.Helper()
	got, err := f.Append([]byte("x"), []byte(value))
	var bad *ValueError
	if !errors.As(err, &bad) {
		t.Errorf("mask %q: got %q, %v, want a ValueError", value, got, err)
		return
	}
	if string(got) != "x" {
		t.Errorf("mask %q: dst is %q after an error", value, got)
	}
	if len(value) > 2 && strings.Contains(err.Error(), value) {
		t.Errorf("the error tells the value: %v", err)
	}
}

// allMasks are rules that work on text without further parameters.
func textRules() []Rule {
	var rules []Rule
	for _, name := range []string{"hash", "email", "first_name", "last_name", "full_name", "phone", "shape", "redact_text"} {
		if _, ok := find(name); ok {
			rules = append(rules, Rule{Name: name})
		}
	}
	return append(rules, Rule{Name: "digits", Params: map[string]any{"short": "permute"}}, Rule{Name: "digits", Params: map[string]any{"luhn": true, "keep_prefix": 2, "short": "permute"}}, Rule{Name: "shape", Params: map[string]any{"keep_prefix": 1, "keep_suffix": 1}})
}

func ruleName(r Rule) string { return strings.TrimSuffix(fmt.Sprint(r.Name, r.Params), "map[]") }
