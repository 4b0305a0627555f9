package mask

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestNameLists(t *testing.T) {
	t.Parallel()
	for name, list := range map[string]*nameList{"first": firstNames(), "last": lastNames()} {
		if len(list.names) < 500 {
			t.Errorf("%s: %d names", name, len(list.names))
		}
		sorted := slices.Clone(list.names)
		if slices.Sort(sorted); len(slices.Compact(sorted)) != len(list.names) {
			t.Errorf("%s: a name is there twice", name)
		}
		plain := 0
		for _, n := range list.names {
			if r, _ := utf8.DecodeRuneInString(n); !unicode.IsUpper(r) || !utf8.ValidString(n) {
				t.Errorf("%s: %q", name, n)
			}
			if strings.IndexFunc(n, func(r rune) bool { return r > 127 }) < 0 {
				plain++
			}
		}
		if plain == len(list.names) {
			t.Errorf("%s: ASCII only", name)
		}
		for limit := 1; limit < 15; limit++ {
			for x := range uint64(2000) {
				if got := list.pick(x, limit); utf8.RuneCountInString(got) > limit || got == "" {
					t.Fatalf("%s, limit %d: %q", name, limit, got)
				}
			}
		}
	}
}

func TestNamesAgree(t *testing.T) {
	t.Parallel()
	mask := func(name, value string) string {
		return apply(t, newMask(t, Rule{Name: name}, textTarget()).New(), value)
	}
	first, last := mask("first_name", "Anna"), mask("last_name", "Müller")
	for _, c := range []struct{ value, want string }{
		{"Anna Müller", first + " " + last},
		{"Müller, Anna", last + ", " + first},
		{"Anna  Müller ", first + "  " + last + " "},
		{"ANNA MÜLLER", strings.ToUpper(first + " " + last)},
		{"anna müller", strings.ToLower(first + " " + last)},
		{"Anna von der Müller", first + " von der " + last},
		{"Anna", first},
		{"Anna.", first + "."},
		{"", ""},
		{"  ", "  "},
		{"-", "-"},
	} {
		if got := mask("full_name", c.value); got != c.want {
			t.Errorf("%q became %q, want %q", c.value, got, c.want)
		}
	}
	if got := mask("last_name", "van der Müller"); got != "van der "+last {
		t.Errorf("got %q", got)
	}
	if got := mask("full_name", "J. R. Müller"); !regexp.MustCompile(`^\p{Lu}\. \p{Lu}\. ` + last + "$").MatchString(got) {
		t.Errorf("got %q", got)
	}
	if got := mask("first_name", "user12 Anna"); !regexp.MustCompile(`^[a-z]{4}\d\d ` + first + "$").MatchString(got) {
		t.Errorf("got %q", got)
	}
	if got := mask("first_name", "Mary-Ann"); strings.Contains(got, " ") {
		t.Errorf("got %q", got)
	}
	wantValueError(t, newMask(t, Rule{Name: "full_name"}, textTarget()).New(), "J\xfcrgen")
	person := apply(t, newMask(t, Rule{Name: "full_name", Domain: "person"}, textTarget()).New(), "Anna Müller")
	if want := apply(t, newMask(t, Rule{Name: "first_name", Domain: "person"}, textTarget()).New(), "Anna"); !strings.HasPrefix(person, want+" ") {
		t.Errorf("domain person: %q, first name %q", person, want)
	}
}

func TestNamesFit(t *testing.T) {
	t.Parallel()
	for limit := 1; limit <= 12; limit++ {
		for _, name := range []string{"first_name", "last_name", "full_name"} {
			f := newMask(t, Rule{Name: name}, Target{BaseType: "varchar", MaxLength: limit}).New()
			for _, v := range []string{"A", "Jo", "Ann Lee", "Christopher", "Max von Au", "JÜRGEN MÜLLER", "a b c d e f"} {
				if utf8.RuneCountInString(v) > limit {
					continue
				}
				if got := apply(t, f, v); utf8.RuneCountInString(got) > limit || strings.Count(got, " ") != strings.Count(v, " ") {
					t.Errorf("%s, varchar(%d): %q became %q", name, limit, v, got)
				}
			}
		}
	}
}

// TestNamesSpread: the pick is even enough that no name stands for a great part of the people.
func TestNamesSpread(t *testing.T) {
	t.Parallel()
	f, count := newMask(t, Rule{Name: "last_name"}, textTarget()).New(), map[string]int{}
	for a := 'a'; a <= 'z'; a++ {
		for b := 'a'; b <= 'z'; b++ {
			for c := 'a'; c <= 'z'; c++ {
				count[apply(t, f, "X"+string([]rune{a, b, c}))]++
			}
		}
	}
	for name, n := range count {
		if n > 80 { // 17576 values over some 600 names
			t.Errorf("%s: %d times", name, n)
		}
	}
	if len(count) < len(lastNames().names)*99/100 {
		t.Errorf("%d names of %d", len(count), len(lastNames().names))
	}
}
