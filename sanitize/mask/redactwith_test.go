package mask

import (
	"strings"
	"testing"
)

// redactWith makes the mask of a text in a row of names and the like.
func redactWith(t testing.TB, limit int, columns map[string]Rule, with ...any) *Mask {
	t.Helper()
	row := fakeRow{types: map[string]string{}, masks: map[string]*Mask{}}
	for name, rule := range columns {
		row.types[name], row.masks[name] = "text", newMask(t, rule, textTarget())
	}
	return newMask(t, Rule{Name: "redact_text", Params: map[string]any{"with": with}}, Target{BaseType: "text", TypeKind: 'b', MaxLength: limit, Row: row})
}

func TestRedactWith(t *testing.T) {
	t.Parallel()
	column := func(name, value string) string {
		return apply(t, newMask(t, Rule{Name: name}, textTarget()).New(), value)
	}
	full, last, mail := column("full_name", "Anna Müller"), column("last_name", "Øster"), column("hash", "anna@corp.example")
	anna, mueller, _ := strings.Cut(full, " ")
	m := redactWith(t, 0, map[string]Rule{"name": {Name: "full_name"}, "last": {Name: "last_name"}, "mail": {Name: "hash"}, "gone": {Name: "null"}}, "name", "last", "mail", "gone")
	f := m.NewRow()
	for _, c := range []struct{ in, want string }{
		{"Anna Müller called", full + " called"},
		{"ANNA said: Müller's, müller; Annabel, Hanna, Müllerin", strings.ToUpper(anna) + " said: " + mueller + "'s, " + strings.ToLower(mueller) + "; Annabel, Hanna, Müllerin"},
		{"(Øster) øster-ØSTER", "(" + last + ") " + strings.ToLower(last) + "-" + strings.ToUpper(last)},
		{"to anna@corp.example.", "to " + mail + "."},
		{"von Li", "von Li"},
		{"", ""},
	} {
		got, err := f.Append([]byte("x"), []byte(c.in), [][]byte{[]byte("Anna Müller"), []byte("Øster"), []byte("anna@corp.example"), nil})
		if err != nil || string(got) != "x"+c.want {
			t.Errorf("%q became %q, %v, want %q", c.in, got[1:], err, c.want)
		}
	}
	if got := inRow(t, m, "case Xy-7731 is open", "NULL", "NULL", "NULL", "xY-7731"); strings.Contains(got, "7731") || len(got) != len("case Xy-7731 is open") || !strings.HasSuffix(got, " is open") {
		t.Errorf("what is NULL in its column became %q", got)
	}
	if got := inRow(t, m, "Li met 12 Li", "Li", "12", "NULL", "NULL"); got != "Li met 12 Li" {
		t.Errorf("short words: %q", got)
	}
	if got := inRow(t, redactWith(t, 9, map[string]Rule{"name": {Name: "hash"}}, "name"), "Bob: Anna", "Anna"); len(got) != 9 || strings.Contains(got, "Anna") || !strings.HasPrefix(got, "Bob: ") {
		t.Errorf("varchar(9): %q", got)
	}
}

// TestRedactWithLeavesNothing: whatever is around it, the row's own value is not in the result.
func FuzzRedactWith(f *testing.F) {
	f.Add("Anna Müller", "dear ANNA müller, anna", " ")
	f.Add("a@b.example", "x a@b.example y", "-")
	f.Add("+49 151 2345678", "call +49 151 2345678 or 151", "(")
	f.Fuzz(func(t *testing.T, value, text, around string) {
		m := redactWith(t, 0, map[string]Rule{"name": {Name: "constant", Params: map[string]any{"value": "•"}}}, "name")
		in := text + " " + value + " " + around
		got, err := m.NewRow().Append(nil, []byte(in), [][]byte{[]byte(value)})
		word := strings.TrimFunc(value, notInWord)
		if err != nil || len([]rune(word)) < shortest || strings.Contains(word, "•") {
			return
		}
		if strings.Contains(" "+string(got)+" ", " "+word+" ") {
			t.Errorf("%q in %q: %q", value, in, got)
		}
	})
}

func TestRedactWithRefuses(t *testing.T) {
	t.Parallel()
	row := fakeRow{types: map[string]string{"kept": "text"}, masks: map[string]*Mask{"kept": newMask(t, Rule{Name: "keep"}, textTarget())}}
	for with, want := range map[string]string{
		"kept": `parameter "with" names "kept", which is kept: what is in it need not be found`,
		"lost": `parameter "with" names "lost", which is no column of the table`,
	} {
		_, err := Compile(Rule{Name: "redact_text", Params: map[string]any{"with": with}}, Target{BaseType: "text", TypeKind: 'b', Row: row}, testSecret)
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", with, err, want)
		}
	}
}
