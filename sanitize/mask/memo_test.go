package mask

import (
	"fmt"
	"testing"
)

// TestRemembering has values come again and again, seldom and once: what is remembered is what the mask makes.
func TestRemembering(t *testing.T) {
	t.Parallel()
	for _, rule := range []Rule{{Name: "full_name"}, {Name: "phone"}, {Name: "shape"}, {Name: "email"}} {
		m := newMask(t, rule, textTarget())
		f := m.New().(*memo)
		plain := f.fn
		for _, distinct := range []int{3, 400, 100_000} {
			for i := range 2 * (memoStart + memoTrial + 10) {
				value := fmt.Sprintf("Anna Meier +49 151 %07d", i%distinct)
				if got, want := apply(t, f, value), apply(t, plain, value); got != want {
					t.Fatalf("%s: %q became %q, and is %q", rule.Name, value, got, want)
				}
			}
			if f.rests != (distinct == 100_000) {
				t.Errorf("%s: of %d values, %v that none is remembered", rule.Name, distinct, f.rests)
			}
		}
	}
	long := newMask(t, Rule{Name: "shape"}, textTarget()).New()
	for range 200 { // a result that has no place
		apply(t, long, "a text of more than fifty-five characters, that are too many to remember")
	}
	bad := newMask(t, Rule{Name: "shape"}, textTarget()).New()
	for range 200 {
		wantValueError(t, bad, "\xff\xfe")
	}
}
