package mask

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/mail"
	"strconv"
	"strings"
	"time"
)

func oneOf(values ...string) func(*rand.Rand) string {
	return func(r *rand.Rand) string { return values[r.IntN(len(values))] }
}

func letters(r *rand.Rand, alphabet string, n int) string {
	runes := []rune(alphabet)
	var b strings.Builder
	for range n {
		b.WriteRune(runes[r.IntN(len(runes))])
	}
	return b.String()
}

// someText makes texts of many kinds, no longer than limit.
func someText(limit int) func(r *rand.Rand) string {
	return func(r *rand.Rand) string {
		small, digits := "abcdefghijklmnopqrstuvwxyz", "0123456789"
		kinds := []func() string{
			func() string { return letters(r, small+"  ", r.IntN(12)) },
			func() string { return letters(r, "aäöüßéñÆŁшЯ漢字ひカ한글 ABC-'’", 1+r.IntN(20)) },
			func() string { return letters(r, small, 1+r.IntN(8)) + "@" + letters(r, small, 3) + ".org" },
			func() string { return letters(r, digits, 6+r.IntN(12)) },
			func() string { return "+49 " + letters(r, digits, 9) },
			func() string { return fmt.Sprintf("%d.%d.%d.%d", r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(256)) },
			func() string {
				return "http://" + letters(r, small, 5) + ".de/" + letters(r, small+digits, 4) + ".html"
			},
			func() string { return letters(r, small, 4) + "." + letters(r, small, 3) },
			func() string { return fmt.Sprintf("52.%d, 13.%d", 1000+r.IntN(8999), 1000+r.IntN(8999)) },
			func() string {
				return strings.Join([]string{letters(r, "0123456789abcdef", 2), letters(r, "0123456789abcdef", 2), "00", "11", "22", letters(r, "0123456789abcdef", 2)}, ":")
			},
			func() string { return someNumber(r) },
			func() string { return "" },
		}
		if limit == 0 {
			kinds = append(kinds, func() string { return letters(r, small+small+" .\n"+digits, 30+r.IntN(80)) })
		}
		return kinds[r.IntN(len(kinds))]()
	}
}

// numbersWithChecks are numbers published as examples, one of every form, for the masks of numbers with check digits.
var numbersWithChecks = []string{
	"111222333", "86095742719", "47036892816", "1 84 12 76 451 089 46", "2 69 05 49 588 157 80", "12345678Z", "X1234567L", "RSSMRA85T10A562S", "MRTMTT25D09F205Z",
	"AB 12 34 56 C", "44051401359", "02070803628", "529.982.247-25", "811218-9876", "19811218-9876", "123-45-6789", "1M8GDM9AXKP042788", "11111111111111111",
	"978-0-306-40615-7", "0-306-40615-2", "0-8044-2957-X", "DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "NL91ABNA0417164300", "FR1420041010050500013M02606",
}

// someNumber gives an example, or one with another digit, which mostly breaks its check.
func someNumber(r *rand.Rand) string {
	v := []byte(numbersWithChecks[r.IntN(len(numbersWithChecks))])
	for range r.IntN(3) {
		if i := r.IntN(len(v)); isDigit(v[i]) {
			v[i] = '0' + byte(r.IntN(10))
		}
	}
	return string(v)
}

// validity gives an independent check of what a mask's kind calls valid, nil for kinds without one.
func validity(name string) func(string) bool {
	switch name {
	case "email":
		return func(v string) bool { return strings.Count(v, "@") == 1 && mailValid(v) }
	case "iban":
		return ibanValid
	}
	return nil
}

func mailValid(v string) bool {
	a, err := mail.ParseAddress(v)
	return err == nil && a.Address == v
}

// ibanValid computes the remainder of the whole number.
func ibanValid(v string) bool {
	v = strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(v))
	if len(v) < 15 || len(v) > 34 || strings.Trim(v[:2], "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || strings.Trim(v[2:4], "0123456789") != "" {
		return false
	}
	var digits strings.Builder
	for _, c := range v[4:] + v[:4] {
		switch {
		case c >= '0' && c <= '9':
			digits.WriteRune(c)
		case c >= 'A' && c <= 'Z':
			digits.WriteString(strconv.Itoa(int(c-'A') + 10))
		default:
			return false
		}
	}
	n, ok := new(big.Int).SetString(digits.String(), 10)
	return ok && n.Mod(n, big.NewInt(97)).Int64() == 1 && v[2:4] >= "02" && v[2:4] <= "98"
}

func cardText(r *rand.Rand) string {
	v := oneOf("4111111111111111", "5500 0000 0000 0004", "3400-0000-0000-009", "6011000990139424")(r)
	b := []byte(v)
	for i := range b {
		if isDigit(b[i]) && r.IntN(3) == 0 {
			b[i] = '0' + byte(r.IntN(10))
		}
	}
	return string(b)
}

func luhnText2(v string) bool { return luhnValid(v) }

func someInteger(base string) func(r *rand.Rand) string {
	size := integerBits(base)
	if size == 0 {
		size = 32
	}
	return func(r *rand.Rand) string {
		v := int64(r.Uint64()) >> (64 - size) >> r.IntN(size)
		return strconv.FormatInt(v, 10)
	}
}

func someDecimal(r *rand.Rand) string {
	switch r.IntN(8) {
	case 0:
		return oneOf("0", "NaN", "0.5", "9.99", "-9.5", "99.999", "0.001", "-0.05")(r)
	case 1:
		return fmt.Sprintf("%d.%04d", r.IntN(1_000_000), r.IntN(10_000))
	}
	return strconv.FormatFloat(float64(float32(r.NormFloat64()*100)), 'f', 1+r.IntN(3), 64)
}

func someMoney(r *rand.Rand) string {
	switch r.IntN(8) {
	case 0:
		return oneOf("$0.00", "-$0.01", "$92,233,720,368,547,758.07", "-$92,233,720,368,547,758.08", "$999,999.99")(r)
	case 1:
		return fmt.Sprintf("%s$%d,%03d.%02d", oneOf("", "-")(r), 1+r.IntN(999), r.IntN(1000), r.IntN(100))
	}
	return fmt.Sprintf("%s$%d.%02d", oneOf("", "-")(r), r.IntN(1000), 1+r.IntN(99))
}

func someInterval(r *rand.Rand) string {
	return oneOf("00:00:00", "1 mon", "-1 mons", "3 years 2 mons -15 days +04:05:06.789", "-1 years -2 mons +3 days -04:05:06", "infinity", "-infinity",
		"178956970 years 7 mons", "-178956970 years -8 mons", "2562047788:00:54.775807", "-2562047788:00:54.775808", "-00:00:00.000001", "100:00:00",
		fmt.Sprintf("%d days", 2+r.IntN(1000)), fmt.Sprintf("%02d:%02d:%02d.25", r.IntN(100), r.IntN(60), r.IntN(60)))(r)
}

func compareNumbers(a, b string) int {
	x, _ := strconv.ParseFloat(a, 64)
	y, _ := strconv.ParseFloat(b, 64)
	return cmp.Compare(x, y)
}

func someDate(r *rand.Rand) string {
	if r.IntN(20) == 0 {
		return oneOf("infinity", "-infinity", "0044-03-15 BC", "4713-11-25 BC", "2024-02-29", "12345-01-01")(r)
	}
	return time.Unix(int64(r.IntN(4e9))-2e9, 0).UTC().Format(time.DateOnly)
}

func someTimestamp(zone string) func(r *rand.Rand) string {
	return func(r *rand.Rand) string {
		d := someDate(r)
		if d[0] == 'i' || d[0] == '-' {
			return d
		}
		d, bc := strings.CutSuffix(d, " BC")
		d += fmt.Sprintf(" %02d:%02d:%02d%s", r.IntN(24), r.IntN(60), r.IntN(60), oneOf("", ".5", ".123456")(r)) + zone
		if bc {
			d += " BC"
		}
		return d
	}
}

// compareDates compares years of any length, before Christ and after, and what follows.
func compareDates(a, b string) int {
	return cmp.Or(cmp.Compare(dateRank(a), dateRank(b)), strings.Compare(clockOf(a), clockOf(b)))
}

func dateRank(s string) int64 {
	switch s {
	case later:
		return 1 << 40
	case earlier:
		return -1 << 40
	}
	d, _ := parseDate([]byte(s))
	return d.year*10000 + d.month*100 + d.day
}

func clockOf(s string) string {
	d, _ := parseDate([]byte(s))
	return strings.TrimSuffix(string(d.rest), "+00")
}

func someArray(r *rand.Rand) string {
	return arrayOf(r, func(r *rand.Rand) string {
		return oneOf("a", "b c", "", "NULL", `q"uo`, `back\slash`, "{x}", "x,y", "mail@x.org", "é", "\t")(r)
	})
}

// arrayOf writes an array of one or two dimensions, with NULL elements.
func arrayOf(r *rand.Rand, element func(*rand.Rand) string) string {
	one := func() string {
		var parts []string
		for range 2 {
			v := element(r)
			switch {
			case r.IntN(5) == 0:
				v = "NULL"
			case v == "" || v == "NULL" || strings.ContainsAny(v, "{},\"\\ \t()"):
				v = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
			}
			parts = append(parts, v)
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	switch r.IntN(5) {
	case 0:
		return "{}"
	case 1:
		return "{" + one() + "," + one() + "}"
	case 2:
		return "[0:1]=" + one()
	}
	return one()
}

func someRow(r *rand.Rand) string {
	name := oneOf("", `""`, "bob", `"a ""b"" \\ c"`, `"x,y"`, `"(z)"`)(r)
	return "(" + name + "," + oneOf("", "2024-01-31", "infinity")(r) + ")"
}

func someHstore(r *rand.Rand) string {
	return oneOf(``, `"mail"=>"bob@x.org"`, `"mail"=>NULL, "a"=>"Anna"`, `"k\"1"=>"q\\", "x"=>"1", "y"=>"é"`, `"mail"=>""`)(r)
}

func someUUID(r *rand.Rand) string {
	h := letters(r, "0123456789abcdef", 30)
	return h[:8] + "-" + h[8:12] + "-4" + h[12:15] + "-a" + h[15:18] + "-" + h[18:30]
}

func someBytes(r *rand.Rand) string {
	return `\x` + hex.EncodeToString([]byte(letters(r, "abcdefghij", r.IntN(9))))
}

func someJSON(r *rand.Rand) string {
	return fmt.Sprintf(`{"a": %q, "n": %d, "x": [1.5, null, "%s"]}`, letters(r, "abc@", 5), r.IntN(1e6), letters(r, "xyz", 3))
}

func someRanges() map[string]func(*rand.Rand) string {
	return map[string]func(*rand.Rand) string{
		"daterange":      oneOf("[2024-01-01,2024-02-01)", "empty", "(,2024-01-01)", "[2024-01-01,)", "(,)", "[2024-01-01,infinity)"),
		"tsrange":        oneOf(`["2024-01-01 10:00:00","2024-01-01 11:00:00")`, `(,"2024-01-01 10:00:00.5"]`, "empty"),
		"tstzrange":      oneOf(`["2024-01-01 10:00:00+00","2024-01-01 11:00:00+00")`, `["0044-03-15 00:00:00+00 BC",)`),
		"int4range":      oneOf("[1,10)", "[2147483600,2147483647)", "[-2147483648,5)", "empty", "(,)"),
		"int8range":      oneOf("[1,10)", "[100000000000,100000000001)"),
		"numrange":       oneOf("[1.50,2]", "(-3.25,1000.125]", "[0,)"),
		"datemultirange": oneOf("{}", "{[2024-01-01,2024-02-01),[2024-03-01,2024-04-01)}"),
		"tsmultirange":   oneOf(`{["2024-01-01 10:00:00","2024-01-01 11:00:00")}`),
		"tstzmultirange": oneOf(`{["2024-01-01 10:00:00+00","2024-01-01 11:00:00+00")}`),
		"int4multirange": oneOf("{[1,3),[5,9)}", "{}"),
		"int8multirange": oneOf("{[1,3),[5,9)}"),
		"nummultirange":  oneOf("{[1.5,3),[5,9.25)}"),
	}
}
