package sanitize_test

import (
	"strings"
	"testing"

	"github.com/rehearse-db/rehearse/sanitize"
)

// checked is a table with one check, the definition as PostgreSQL 15 writes it.
func checked(definition string) sanitize.Database {
	text := func(name, base string) sanitize.Column {
		return sanitize.Column{Name: name, Type: base, BaseType: base, TypeKind: 'b'}
	}
	t := sanitize.Table{Schema: "s", Name: "t", Columns: []sanitize.Column{
		text("a", "text"), text("b", "varchar"), text("c", "citext"), text("n", "int4"), text("d", "date"), text("j", "jsonb"), text("Q", "text"), text("fix", "bpchar"), text("l", "_text"),
	}}
	t.Columns[7].MaxLength = 8
	k := sanitize.Check{Name: "k", Definition: definition}
	for _, c := range t.Columns {
		if strings.Contains(definition, "VALUE") && c.Name == "a" {
			k.Domain, k.Columns = "s.dom", []string{"a"}
		} else if k.Domain == "" && strings.Contains(" "+strings.NewReplacer("(", " ", ")", " ", ",", " ", `"`, " ").Replace(definition)+" ", " "+c.Name+" ") {
			k.Columns = append(k.Columns, c.Name)
		}
	}
	t.Checks = []sanitize.Check{k}
	return sanitize.Database{Tables: []sanitize.Table{t}}
}

func planChecked(t *testing.T, definition, rules string) error {
	t.Helper()
	text := "version: 1\ntables:\n  s.t: {"
	for _, name := range []string{"a", "b", "c", "n", "d", "j", "Q", "fix", "l"} {
		if !strings.HasPrefix(rules, name+":") && !strings.Contains(rules, ", "+name+":") {
			text += name + ": keep, "
		}
	}
	r, err := sanitize.ParseRules("f", []byte(text+rules+"}\n"))
	if err != nil {
		t.Fatalf("%s: %v", rules, err)
	}
	_, err = r.Plan(checked(definition), mustKey(t, hexKey))
	return err
}

func TestChecksThatHold(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{`CHECK ((a <> ''::text))`, "a: hash"},
		{`CHECK ((a = ANY (ARRAY['new'::text, 'paid'::text])))`, "a: {mask: choice, values: [new, paid]}"},
		{`CHECK (((n > 0) AND (n < 100)))`, "n: {mask: choice, values: [1, 99]}"},
		{`CHECK ((length(a) > 0))`, "a: first_name"},
		{`CHECK ((char_length((b)::text) <= 15))`, "b: email"},
		{`CHECK ((length(VALUE) < 100))`, "a: full_name"},
		{`CHECK ((length(a) = 5))`, "a: shape"},
		{`CHECK ((octet_length(a) < 10))`, "a: digits"},
		{`CHECK (((b)::text ~ '^[A-Z]{2}[0-9]+$'::text))`, "b: shape"},
		{`CHECK ((fix ~ '^\d{5}$'::text))`, "fix: digits"},
		{`CHECK ((VALUE ~ '^[^@[:space:]]+@[^@[:space:]]+$'::text))`, "a: email"},
		{`CHECK (((c OPERATOR(public.~) '@'::public.citext) AND (c OPERATOR(public.~~) '%@%'::public.citext)))`, "c: email"},
		{`CHECK ((lower(a) = a))`, "a: email"},
		{`CHECK ((lower(a) = a))`, "a: first_name"},
		{`CHECK (((b)::text = upper((b)::text)))`, "b: shape"},
		{`CHECK ((btrim(a) <> ''::text))`, "a: hash"},
		{`CHECK ((length(TRIM(BOTH FROM b)) > 0))`, "b: hash"},
		{`CHECK ((n >= 0))`, "n: int_permute"},
		{`CHECK (((a = 'card'::text) OR (b IS NOT NULL)))`, "b: digits"},
		{`CHECK (((a IS NULL) = (b IS NULL)))`, "n: int_permute"},
		{`CHECK ((jsonb_typeof(j) = 'object'::text))`, "j: {mask: json, default: keep, paths: {$.x: hash}}"},
		{`CHECK ((a = ANY (ARRAY['x'::text, 'it''s'::text])))`, `a: {mask: constant, value: "it's"}`},
		{`CHECK (((b)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[])))`, "b: {mask: constant, value: y}"},
		{`CHECK (((n >= 1) AND (n <= 5)))`, "n: {mask: constant, value: 3}"},
		{`CHECK ((a = ANY (ARRAY['x'::text, 'y'::text])))`, `a: "null"`},
		{`CHECK (((a IS NULL) OR (n > 3)))`, `a: "null"`},
		{`CHECK ((("Q" = 'x'::text) OR (NOT ("Q" ~ 'y'::text))))`, `Q: "null"`},
		{`CHECK ((a = ANY (ARRAY['x'::text])))`, "a: {mask: hash, checked: true}"},
		{`CHECK ((d > '1900-01-01'::date)) NOT ENFORCED`, "a: hash"},
		{`CHECK ((length(a) = 64))`, "a: {mask: hash, length: 64}"},
		{`CHECK (((length(a) >= 10) AND (length(a) <= 40)))`, "a: hash"},
		{`CHECK ((octet_length((b)::text) = ANY (ARRAY[20, 34])))`, `b: {mask: hash, prefix: "h_"}`},
		{`CHECK ((NOT (length(a) < 10)))`, "a: hash"},
		{`CHECK ((a ~ '^[0-9a-f]{64}$'::text))`, "a: {mask: hash, length: 64}"},
		{`CHECK ((a ~* '^[0-9a-f]+$'::text))`, "a: hash"},
		{`CHECK ((a ~ '^h_[a-f0-9]{32}$'::text))`, `a: {mask: hash, prefix: "h_"}`},
		{`CHECK ((a ~ '^[a-z2-7]{20}$'::text))`, `a: {mask: hash, encoding: base32, length: 20}`},
		{`CHECK ((n > 0))`, "n: {mask: int_permute, min: 1, max: 2147483647}"},
		{`CHECK ((n > 0))`, "n: digits"},
		{`CHECK (((n <= 0) AND (n <> 0)))`, "n: digits"},
		{`CHECK (((n >= 1) AND (n <= 5)))`, "n: {mask: int_permute, min: 1, max: 5}"},
		{`CHECK ((n = ANY (ARRAY[1, 2, 3])))`, "n: {mask: int_permute, min: 1, max: 3}"},
		{`CHECK (((n = 1) OR (n = 2) OR (a IS NULL)))`, "n: {mask: int_permute, min: 1, max: 2}"},
		{`CHECK (((n < 0) OR (n >= 1000)))`, "n: {mask: int_permute, min: 1000, max: 100000}"},
		{`CHECK ((cardinality(l) > 0))`, "l: {mask: array, each: shape}"},
		{`CHECK (((array_length(l, 1) <= 5) AND (array_ndims(l) = 1)))`, "l: {mask: array, each: hash}"},
		{`CHECK (((array_length(l, 1) IS NULL) OR (n > 3)))`, "l: {mask: array, each: hash}"},
	} {
		if err := planChecked(t, c[0], c[1]); err != nil {
			t.Errorf("%s with %s: %v", c[0], c[1], err)
		}
	}
}

func TestChecksThatMayBreak(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{`CHECK ((length(a) >= 20))`, "a: first_name", "these would do: "},
		{`CHECK ((a = ANY (ARRAY['new'::text, 'paid'::text])))`, "a: {mask: choice, values: [new, old]}", "these would do: keep, null;"},
		{`CHECK ((length(a) = 5))`, "a: email", "shape"},
		{`CHECK ((NOT (length(a) <= 5)))`, "a: email", "digits"},
		{`CHECK (((b)::text ~ '^DE[0-9]+$'::text))`, "b: shape", "these would do: keep, null;"},
		{`CHECK (((b)::text ~ '^[a-m]+$'::text))`, "b: shape", "these would do: keep, null;"},
		{`CHECK ((VALUE ~ '^[^@]+@firma[.]de$'::text))`, "a: email", "CHECK constraint k of domain s.dom"},
		{`CHECK ((a ~~ '%@%'::text))`, "a: hash", "these would do: card, digits, domain, email, filename"},
		{`CHECK ((lower(a) = a))`, "a: {mask: constant, value: X}", "email"},
		{`CHECK ((n > 0))`, "n: noise", "mask noise"},
		{`CHECK ((n > 7))`, "n: digits", "mask digits"},
		{`CHECK ((n > 0))`, "n: int_permute", "these would do: digits, keep, null;"},
		{`CHECK (((n >= 1) AND (n <= 5)))`, "n: {mask: constant, value: 7}", "mask constant does not ensure"},
		{`CHECK ((a = ANY (ARRAY['x'::text, 'y'::text])))`, "a: {mask: constant, value: z}", "mask constant"},
		{`CHECK ((a = ANY (ARRAY['x'::text, 'y'::text])))`, "a: hash", "null"},
		{`CHECK (((a = 'card'::text) OR (b IS NOT NULL)))`, `b: "null"`, "mask null does not ensure"},
		{`CHECK (((a = 'card'::text) OR (b IS NOT NULL)))`, "a: hash", "mask hash"},
		{`CHECK ((a IS DISTINCT FROM (b)::text))`, `a: "null"`, "mask null"},
		{`CHECK ((COALESCE(a, (b)::text) <> ''::text))`, `a: "null"`, "mask null"},
		{`CHECK ((a < (b)::text))`, "a: hash", "mask hash"},
		{`CHECK ((d > '1900-01-01'::date))`, "d: date_shift", "mask date_shift"},
		{"CHECK (\nCASE\n    WHEN (a = 'x'::text) THEN ((b)::text <> ''::text)\n    ELSE true\nEND)", "b: hash", "mask hash"},
		{`CHECK ((n = ANY (ARRAY[1, 2, 3])))`, "n: int_permute", "mask int_permute"},
		{`CHECK (own.sound(a))`, "a: hash", "mask hash"},
		{`CHECK ((length(a) = 64))`, "a: hash", "these would do: {mask: hash, length: 64}, "},
		{`CHECK ((NOT (length(a) = 32)))`, "a: hash", "shape"},
		{`CHECK ((a ~ '^[0-9a-f]{40}$'::text))`, "a: hash", "{mask: hash, length: 40}"},
		{`CHECK ((a ~ '^[0-9a-e]{32}$'::text))`, "a: hash", "mask hash"},
		{`CHECK ((a ~ '^g_[0-9a-f]{32}$'::text))`, `a: {mask: hash, prefix: "h_"}`, "mask hash"},
		{`CHECK (((n >= 1) AND (n <= 5)))`, "n: {mask: int_permute, min: 0, max: 5}", "{mask: int_permute, max: 5, min: 1}"},
		{`CHECK ((n = ANY (ARRAY[1, 3])))`, "n: {mask: int_permute, min: 1, max: 3}", "mask int_permute"},
		{`CHECK ((n <> 50000))`, "n: {mask: int_permute, min: 1, max: 100000}", "mask int_permute"},
		{`CHECK (('x'::text = ANY (l)))`, "l: {mask: array, each: hash}", "mask array"},
		{`CHECK ((array_length(l, n) > 1))`, "l: {mask: array, each: hash}", "mask array"},
	} {
		err := planChecked(t, c[0], c[1])
		if err == nil || !strings.Contains(err.Error(), c[2]) || !strings.Contains(err.Error(), "CHECK constraint k") {
			t.Errorf("%s with %s: %v, want %s", c[0], c[1], err, c[2])
		}
	}
}

// TestCheckLimits: a mask keeps to the length that a check allows, as it does in varchar(n).
func TestCheckLimits(t *testing.T) {
	t.Parallel()
	r, err := sanitize.ParseRules("f", []byte("version: 1\ntables:\n  s.t: {a: full_name, b: keep, c: keep, n: keep, d: keep, j: keep, Q: keep, fix: keep, l: keep}\n"))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := r.Plan(checked(`CHECK ((char_length(a) <= 7))`), mustKey(t, hexKey))
	if err != nil {
		t.Fatal(err)
	}
	row := plan.Table("s", "t").Row()
	for _, name := range []string{"Max Abt", "Bo Lang", "Ann Lee", "Jo Berg", "Ida Ott", "Leopold"} {
		got, err := row.Append(nil, []byte(name+strings.Repeat("\t\\N", 8)))
		value, _, _ := strings.Cut(string(got), "\t")
		if err != nil || len([]rune(value)) > 7 || value == name {
			t.Errorf("%q: got %q, %v", name, value, err)
		}
	}
}
