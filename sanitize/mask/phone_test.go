package mask

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// nobodys are the ranges as their regulators publish them, national and with the country code.
var nobodys = map[string]string{
	"1":   `[2369]\d\d55501\d\d`,
	"33":  `(19900|26191|35301|46571|53649|63998)\d{4}`,
	"44":  `(7700900|1632960|11[345678]4960|1[23456]14960|1914980|2079460|2896496|2920180)\d{3}`,
	"46":  `((3139006|8465004|4062804|9803192)\d|7017406[1-9])\d`,
	"49":  `((3023125|6990009|4066969|2214710|8999998)\d{3}|17139200\d\d|176040690\d\d)`,
	"61":  `([2378](5550|7010)\d{4}|49157(0(006|15[6-9]|110|313|737)|1(266|491|804)|2(549|665|983)|3(770|087)|4(118|632)|5(254|789)|6(398|801)|7(426|644)|8(957|148|888)|9(212|760|455)))`,
	"353": `2091\d{5}`,
}

func reservedPhone(t *testing.T, pairs ...any) Func {
	t.Helper()
	return newMask(t, Rule{Name: "phone", Params: p(pairs...)}, textTarget()).New()
}

// TestPhoneReserved: numbers with a country code come to nobody's ranges of their country, or of country code 999.
func TestPhoneReserved(t *testing.T) {
	t.Parallel()
	f := reservedPhone(t)
	for _, c := range []struct{ value, want string }{
		{"+1 (212) 555-1234", `^\+1 \([2369]\d\d\) 555-01\d\d$`},
		{"+44 7911 123456", `^\+44 7700 900\d{3}$`},
		{"+44 (0)20 8123 4567", `^\+44 \(0\)(1|2)\d \d{4} \d{4}$`},
		{"0033 6 12 34 56 78", `^0033 6 39 98 \d\d \d\d$`},
		{"+33 1 42 34 56 78", `^\+33 [1-5] (99 00|61 91|53 01|65 71|36 49) \d\d \d\d$`},
		{"+49 151 23456789", `^\+49 176 040690\d\d$`},
		{"+49 171 2345678", `^\+49 171 39200\d\d$`},
		{"+49 30 901820", `^\+49 \d\d \d{6}$`},
		{"+46 70 123 45 67", `^\+46 70 174 06 [1-9]\d$`},
		{"+353 1 234 5678", `^\+353 2 091 \d{4}$`},
		{"+61 412 345 678", `^\+61 491 57\d \d{3}$`},
		{"+47 22 12 34 56", `^\+99 9\d \d\d \d\d \d\d$`},
		{"+39 06 1234 5678", `^\+99 9\d \d{4} \d{4}$`},
		{"00420 601 234 567", `^00999 \d{3} \d{3} \d{3}$`},
		{"212-555-1234", `^[2369]\d\d-555-01\d\d$`},
		{"1 800 234 5678", `^1 [2369]\d\d 555 01\d\d$`},
		{"0151/2345678", `^0[1-9]\d\d/55501\d\d$`},
		{"555-1234", `^555-01\d\d$`},
		{"+44 7911 123456, +1 212 234 5678", `^\+44 7700 900\d{3}, \+1 [2369]\d\d 555 01\d\d$`},
		{"112", `^[1-9]\d\d$`},
		{"+49 110", `^\+49 \d{3}$`},
		{"", `^$`},
		{"+", `^\+$`},
		{"call Bob", `^[a-z]{4} [A-Z][a-z]{2}$`},
		{"Tel. +44 7911 123456 ext 12", `^[A-Z][a-z]{2}\. \+44 7700 900\d{3} [a-z]{3} [1-9]\d$`},
		{"212-555-1234x0151 2345678", `^[2369]\d\d-555-01\d\d[a-z]0[1-9]\d\d 55501\d\d$`},
		{"Büro 0171", `^[A-Z]\p{Ll}[a-z]{2} 0\d{3}$`},
	} {
		if got := apply(t, f, c.value); !regexp.MustCompile(c.want).MatchString(got) {
			t.Errorf("%q became %q", c.value, got)
		}
	}
	if got := apply(t, reservedPhone(t, "keep_country", false), "+44 7911 123456"); !strings.HasPrefix(got, "+99 9") {
		t.Errorf("got %q", got)
	}
}

// TestPhoneReservedIsNobodys: of many numbers of each country, however long, every one ends in a range, and the ranges are all used.
func TestPhoneReservedIsNobodys(t *testing.T) {
	t.Parallel()
	f := reservedPhone(t)
	for _, plan := range numberPlans {
		whole, ranges := regexp.MustCompile("^"+nobodys[plan.code]+"$"), map[string]bool{}
		size := len(plan.ranges[0])
		for i := range 3000 {
			value := fmt.Sprintf("+%s%d%09d", plan.code, 1+i%9, i*7919_7919%1_000_000_000)[:1+len(plan.code)+size]
			got := strings.TrimPrefix(apply(t, f, value), "+"+plan.code)
			if !whole.MatchString(got) {
				t.Fatalf("%s became +%s %s", value, plan.code, got)
			}
			ranges[got[:2]] = true
			if longer := strings.TrimPrefix(apply(t, f, value+"5"), "+"+plan.code); !whole.MatchString(longer) && !whole.MatchString(longer[:size]) {
				t.Fatalf("%s5 became +%s %s", value, plan.code, longer)
			}
		}
		starts := map[string]bool{}
		for _, r := range plan.ranges {
			if len(r) == size && r[0] != 'N' {
				starts[r[:2]] = true
			}
		}
		for start := range starts {
			if !ranges[start] {
				t.Errorf("+%s: no number begins with %s", plan.code, start)
			}
		}
	}
}

// TestPhoneReservedCountry: numbers without a country code, where the column's country is told, become what they would with it.
func TestPhoneReservedCountry(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ country, national, with string }{
		{"gb", "07911 123456", "+44 7911 123456"},
		{"gb", "7911123456", "+44 7911 123456"},
		{"fr", "01 42 34 56 78", "+33142345678"},
		{"de", "030 901820", "0049 (0)30 901820"},
		{"de", "0151/23456789", "+49 151 23456789"},
		{"us", "212-555-1234", "+1 212 555 1234"},
		{"us", "1 (212) 555-1234", "+1 212 555 1234"},
		{"au", "0412 345 678", "+61 412 345 678"},
		{"ie", "087 123 4567", "+353 87 123 4567"},
	} {
		f := reservedPhone(t, "country", c.country)
		national, with := strings.Map(onlyDigits, apply(t, f, c.national)), strings.Map(onlyDigits, apply(t, f, c.with))
		if len(national) < 9 || !strings.HasSuffix(with, strings.TrimLeft(national, "01")) {
			t.Errorf("%s: %q became %s, and %q %s", c.country, c.national, national, c.with, with)
		}
	}
	if got := apply(t, reservedPhone(t, "country", "gb"), "7946 4321"); !regexp.MustCompile(`^[1-9]555 01\d\d$`).MatchString(got) {
		t.Errorf("without its area: %q", got)
	}
}

func TestPhoneParams(t *testing.T) {
	t.Parallel()
	for want, params := range map[string]map[string]any{
		"to must be one of reserved, same_form":             p("to", "fiction"),
		"country must be one of au, de, fr, gb, ie, se, us": p("to", "reserved", "country", "no"),
		"country is of use with to: reserved only":          p("to", "same_form", "country", "gb"),
		"is unknown; known are keep_country, to, country":   p("local", true),
		"country must be a text":                            p("to", "reserved", "country", false),
	} {
		_, err := Compile(Rule{Name: "phone", Params: params}, textTarget(), testSecret)
		var wrong *ParamError
		if !errors.As(err, &wrong) || !strings.Contains(strings.ReplaceAll(err.Error(), `"`, ""), want) {
			t.Errorf("%v: %v", params, err)
		}
	}
	if m := newMask(t, Rule{Name: "phone"}, textTarget()); m.Keeps.Has(KeepsUniqueness) || !m.Keeps.Has(keepsFolded|keepsForm) {
		t.Errorf("keeps %v", m.Keeps)
	}
}

// TestNobodysNumber: what the mask phone makes of a number with a country code is nobody's, and so is what it makes with country; numbers next to
// those ranges, short ones and ones of unknown countries are somebody's.
func TestNobodysNumber(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		country string
		values  []string
	}{
		{"", []string{"+49 30 901820 12", "+49 (0)30 12345678", "0033 6 12 34 56 78", "+1 (212) 234-5678", "+44 7911 123456", "+353 1 2345678", "+420 601 234 567", "+61 412 345 678", "+46 70 123 45 67"}},
		{"gb", []string{"07911 123456", "020 7946 1234"}},
		{"us", []string{"212-234-5678", "1 212 234 5678"}},
	} {
		params := map[string]any{}
		if c.country != "" {
			params["country"] = c.country
		}
		m := newMask(t, Rule{Name: "phone", Params: params}, textTarget())
		for _, v := range c.values {
			got := apply(t, m.New(), v)
			if m.Nobodys([]byte(v)) || !m.Nobodys([]byte(got)) && len(appendDigits(nil, []byte(got))) < 13 {
				t.Errorf("%s (nobody's: %v) became %s (nobody's: %v)", v, m.Nobodys([]byte(v)), got, m.Nobodys([]byte(got)))
			}
		}
	}
	for number, want := range map[string]bool{
		"+1 212 555 0199": true, "+1 212 555 0200": false, "+1 212 555 01991": false, "+1 211 555 0199": false, "+1 800 555 0199": false, "212 555 0199": false,
		"+49 171 39200 12": true, "+49 171 39201 12": false, "0171 3920012": false, "+999 123 456": true, "+999 1": false, "": false, "+": false, "Bob": false,
		"+1 212 555 0199, +1 212 234 5678": false, "+1 212 555 0199 ext": false, "+44 20 7946 0999": true, "+44 (0)20 7946 0999": true,
	} {
		if got := NobodysNumber([]byte(number), ""); got != want {
			t.Errorf("%q: %v", number, got)
		}
	}
}
