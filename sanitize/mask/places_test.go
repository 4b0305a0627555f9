package mask

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestPlaceLists: the lists are frozen; a change would change all pseudonyms.
func TestPlaceLists(t *testing.T) {
	t.Parallel()
	sums := map[string]string{
		"de":    "9cf3be858c78ff9968b8f0b02df14a8515ec7b4e78e5cc5033ec0b293f0aa228",
		"en_GB": "00fae06f4533e7041b0b26d49db165e81e82f2e60546052a0bba8647505928de",
		"en_US": "e44a8822f8947ae5c19852889c8e747daa26bb7a50e9f3c125c7b09e97f43a14",
		"es":    "9c88416ec328b4a0c5c164aa948e1b6f51dd825b9f076e6140e62744fcff8179",
		"fr":    "8c0bfebb1ab06c71fd596c7ba8374fdc8937afa482ce4a0fe1d7d75e69015757",
		"it":    "f730533940ce1990df9ce236472215c2d1b9736eaa5d9dfcdac82c8c0d6f4db2",
		"nl":    "07cff70a88d026a6a00d535c252fbf7b6ca448c9fd8aa819795efb39ebf9d713",
	}
	code := regexp.MustCompile(`^[A-Z0-9#@]+( [A-Z0-9#@]+)?$`)
	for _, locale := range placeLocales() {
		file, err := placesV1.ReadFile("lists/v1/places/" + locale + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(file); hex.EncodeToString(sum[:]) != sums[locale] {
			t.Errorf("%s: the list has changed; new ones go to a directory v2", locale)
		}
		towns, seen := placeLists()[locale], map[string]bool{}
		for _, p := range towns {
			if seen[p.city] || p.city == "" || p.region == "" || !code.MatchString(p.postcode) || len(p.alpha2) != 2 || len(p.alpha3) != 3 {
				t.Errorf("%s: %q %q %q", locale, p.city, p.region, p.postcode)
			}
			seen[p.city] = true
		}
		if len(towns) < 30 || len(towns[0].streets) < 30 || !strings.Contains(towns[0].country.street, "{number}") {
			t.Errorf("%s: %d towns, %d streets", locale, len(towns), len(towns[0].streets))
		}
	}
}

// fakeRow has columns of the given types, each its own subject, or that of the key it references.
type fakeRow struct {
	types    map[string]string
	subjects map[string]string
	masks    map[string]*Mask
	programs Programs
}

func (r fakeRow) Column(name string) (Sibling, bool) {
	base, ok := r.types[name]
	s := Sibling{Target: Target{BaseType: base, TypeKind: 'b'}, Subject: "t." + name, Own: name == "own", Generated: name == "made"}
	if key := r.subjects[name]; key != "" {
		s.Subject = key
	}
	return s, ok
}

func (r fakeRow) Mask(name string) (*Mask, error) { return r.masks[name], nil }
func (r fakeRow) Programs() Programs              { return r.programs }

// inRow gives a mask's result for a value, with the values of the columns that it needs.
func inRow(t testing.TB, m *Mask, value string, others ...string) string {
	t.Helper()
	var raw [][]byte
	for _, o := range others {
		if o == "NULL" {
			raw = append(raw, nil)
		} else {
			raw = append(raw, []byte(o))
		}
	}
	got, err := m.NewRow().Append([]byte("before\t"), []byte(value), raw)
	if err != nil {
		t.Fatalf("%s of %q: %v", m.Name, value, err)
	}
	return strings.TrimPrefix(string(got), "before\t")
}

func TestPlacesAgree(t *testing.T) {
	t.Parallel()
	customers := fakeRow{types: map[string]string{"id": "int8", "note": "text"}}
	orders := fakeRow{types: map[string]string{"customer_id": "int4"}, subjects: map[string]string{"customer_id": "t.id"}}
	part := func(row Row, per, name, subject string, limit int, params map[string]any) string {
		p := map[string]any{"per": per}
		for k, v := range params {
			p[k] = v
		}
		m := newMask(t, Rule{Name: name, Params: p}, Target{BaseType: "text", TypeKind: 'b', MaxLength: limit, Row: row})
		return inRow(t, m, "raw", subject)
	}
	countries := map[string]bool{}
	for i := range 200 {
		id := string(rune('0'+i%10)) + strings.Repeat("7", i/10)
		get := func(name string) string { return part(customers, "id", name, id, 0, nil) }
		city, code, street := get("city"), get("postcode"), get("street")
		found := false
		for _, p := range placeLists()["any"] {
			form := strings.NewReplacer("#", `\d`, "@", "[A-Z]").Replace(p.postcode)
			found = found || p.city == city && p.region == get("region") && p.name == get("country") && regexp.MustCompile("^"+form+"$").MatchString(code)
		}
		if address := get("address"); !found || !strings.Contains(address, street) || !strings.Contains(address, city) || !strings.Contains(address, code) {
			t.Errorf("%s, %s %s, %s, %s: %s", street, code, city, get("region"), get("country"), address)
		}
		if got := part(orders, "customer_id", "city", id, 0, nil); got != city {
			t.Errorf("by a foreign key %s, by the key %s", got, city)
		}
		countries[part(customers, "id", "country", id, 2, nil)] = true
		if got := part(customers, "id", "city", id, 4, nil); utf8.RuneCountInString(got) > 4 || !strings.HasPrefix(city, got) {
			t.Errorf("varchar(4): %q of %q", got, city)
		}
		if got := part(customers, "id", "country", id, 0, map[string]any{"locale": "nl"}); got != "Netherlands" {
			t.Errorf("locale nl: %s", got)
		}
	}
	if len(countries) != len(placeLocales()) {
		t.Errorf("countries are %v", countries)
	}
	m := newMask(t, Rule{Name: "city", Params: map[string]any{"per": "id"}}, Target{BaseType: "text", TypeKind: 'b', Row: customers})
	if inRow(t, m, "", "1") != "" || inRow(t, m, "Ulm", "NULL") != inRow(t, m, "ULM", "NULL") || inRow(t, m, "Ulm", "NULL") == "Ulm" {
		t.Error("the empty text, or rows without a subject")
	}
}

// TestRowParameters refuses what a row does not have.
func TestRowParameters(t *testing.T) {
	t.Parallel()
	row := fakeRow{types: map[string]string{"id": "int8", "made": "text", "own": "date"}}
	for per, want := range map[string]string{
		"idd":  `parameter "per" names "idd", which is no column of the table`,
		"made": `parameter "per" names "made", which is generated by the server and not read`,
		"own":  `parameter "per" names the column itself; name the one that identifies the subject`,
	} {
		_, err := Compile(Rule{Name: "date_shift", Params: map[string]any{"per": per}}, Target{BaseType: "date", TypeKind: 'b', Row: row}, testSecret)
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", per, err, want)
		}
	}
	_, err := Compile(Rule{Name: "city", Params: map[string]any{"per": "id"}}, textTarget(), testSecret)
	if want := `parameter "per" names a column, and there is no row here; only the rule of a whole column can have it`; err == nil || err.Error() != want {
		t.Errorf("without a row: %v", err)
	}
}
