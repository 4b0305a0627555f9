package snapshot

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestRowSet holds sets of rows, thin ones and full ones, against a map.
func TestRowSet(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for _, blocks := range []int{1, 40, 4_000_000_000} {
		s, want := newRowSet(), map[tid]bool{}
		for range 20_000 {
			row := newTID(uint32(random.IntN(blocks)), uint16(1+random.IntN(291)))
			if s.add(row) == want[row] {
				t.Fatalf("adding %d:%d, which is there: %v", row.block(), row.offset(), want[row])
			}
			want[row] = true
		}
		var got []tid
		for row := range s.all() {
			got = append(got, row)
			if !s.has(row) || !want[row] {
				t.Fatalf("%d:%d is in the set: %v, was added: %v", row.block(), row.offset(), s.has(row), want[row])
			}
		}
		if len(got) != len(want) || s.len() != len(want) || !slices.IsSorted(got) {
			t.Errorf("%d blocks: %d rows, said to be %d, want %d; in order: %v", blocks, len(got), s.len(), len(want), slices.IsSorted(got))
		}
		half := newRowSet()
		for _, row := range got[:len(got)/2] {
			half.add(row)
		}
		if rest := s.without(half); rest.len() != len(got)-half.len() || rest.has(got[0]) || !rest.has(got[len(got)-1]) {
			t.Errorf("%d blocks: %d rows without %d are %d", blocks, len(got), half.len(), rest.len())
		}
	}
}

func TestRowSetBatches(t *testing.T) {
	t.Parallel()
	s := newRowSet()
	for _, row := range []tid{newTID(4294967294, 291), newTID(0, 1), newTID(0, 1169), newTID(31, 7), newTID(32, 1)} {
		s.add(row)
	}
	var all []string
	for array, n := range s.batches(2) {
		if strings.Count(array, "(") != n {
			t.Errorf("%s is said to hold %d", array, n)
		}
		all = append(all, array)
	}
	if got, want := strings.Join(all, " "), `{"(0,1)","(0,1169)"} {"(31,7)","(32,1)"} {"(4294967294,291)"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for range newRowSet().batches(2) {
		t.Error("an empty set has a batch")
	}
}
