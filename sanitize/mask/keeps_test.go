package mask

import (
	"slices"
	"testing"
)

func TestKeepsNames(t *testing.T) {
	t.Parallel()
	for k, want := range map[Keeps][]string{
		0:                                  nil,
		KeepsOrder | KeepsNulls:            {"nulls", "order"},
		KeepsCheckDigits | KeepsUniqueness: {"uniqueness", "check digits"},
	} {
		if got := k.Names(); !slices.Equal(got, want) {
			t.Errorf("%b: %v, want %v", k, got, want)
		}
	}
	if n := len(keepsAll.Names()); n != len(keepsNames) || Keeps(1<<n) != keepsEnd {
		t.Errorf("%d names for %b", n, keepsAll)
	}
	if !keepsAll.Has(KeepsOrder|KeepsValidity) || KeepsOrder.Has(KeepsOrder|KeepsValidity) || Keeps(0).String() != "nothing" {
		t.Error("Has or String is wrong")
	}
}
