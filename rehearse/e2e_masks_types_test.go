package rehearse_test

import (
	"strings"
	"testing"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

// oddTypes has a domain over an array of composite values that hold arrays, a generated column over a masked one, a search document, xml, bytes, and
// a number of a precision of its own.
const oddTypes = `CREATE TYPE addr AS (street text, mails text[]); CREATE DOMAIN addrs AS addr[];
CREATE TABLE odd (id int PRIMARY KEY, name text, homes addrs, folded text GENERATED ALWAYS AS (lower(name)) STORED, search tsvector, note xml, code numeric(12,0) UNIQUE,
	raw bytea, secret text UNIQUE, at date, mail text);
INSERT INTO odd (id, name, homes, search, note, code, raw, secret, at, mail) SELECT i, 'Zed Quark', ARRAY[ROW('Weg ' || i, ARRAY['zed' || i || '@corp.de'])::addr], to_tsvector('simple', 'zed quark'), ('<p>to zed' || i || '@corp.de</p>')::xml,
	1000000 + i, convert_to('scan ' || i, 'UTF8'), 'sk-' || md5(i::text), date '2020-01-01' + i, 'zed' || i || CASE WHEN i % 2 = 0 THEN '@corp.de' ELSE '@other.de' END FROM generate_series(1, 100) i;
`

// TestOddTypesAreMasked has the server judge what masks made of such values: it took them, and holds nothing of the source.
func TestOddTypesAreMasked(t *testing.T) {
	t.Parallel()
	_, copied := staged(t, auditConfig(t, oddTypes, "", map[string]string{
		"public.odd.name": "full_name", "public.odd.homes": "{mask: array, each: {mask: composite, default: shape, fields: {mails: {mask: array, each: email}}}}",
		"public.odd.search": "{mask: tsvector, from: [name]}", "public.odd.note": "redact_text", "public.odd.code": "{mask: int_permute, min: 1, max: 999999999999}",
		"public.odd.raw": "token", "public.odd.secret": "{mask: token, prefix: tok_}", "public.odd.at": "{mask: date_shift, keep_weekday: true}",
		"public.odd.mail": "{mask: email, at: [a.example, b.example, c.example], local: name}",
	}))
	for what, query := range map[string]string{
		"rows":            "SELECT count(*) FROM odd",
		"addresses":       "SELECT count(*) FROM odd WHERE (homes[1]).mails[1] ~ '^[a-z]{18}@example[.]com$'",
		"streets":         "SELECT count(*) FROM odd WHERE (homes[1]).street ~ '^[A-Z][a-z]{2} [0-9]+$' AND (homes[1]).street <> 'Weg ' || id",
		"generated":       "SELECT count(*) FROM odd WHERE folded = lower(name) AND name !~ 'Quark'",
		"search":          "SELECT count(*) FROM odd WHERE search @@ plainto_tsquery('simple', split_part(name, ' ', 1)) AND NOT search @@ 'quark'",
		"xml":             "SELECT count(*) FROM odd WHERE (xpath('/p/text()', note))[1]::text ~ '^to [a-z]{18}@example[.]com$'",
		"numbers":         "SELECT count(DISTINCT code) FROM odd WHERE code <> 1000000 + id",
		"tokens of bytes": "SELECT count(DISTINCT raw) FROM odd WHERE length(raw) = 16 + length('scan ' || id)",
		"tokens":          "SELECT count(DISTINCT secret) FROM odd WHERE secret ~ '^tok_[a-z2-7]{82}$'",
		"weekdays":        "SELECT count(*) FROM odd WHERE extract(dow FROM at) = extract(dow FROM date '2020-01-01' + id) AND at <> date '2020-01-01' + id",
		"hosts":           "SELECT 50 * count(DISTINCT (id % 2, split_part(mail, '@', 2))) FROM odd WHERE mail ~ '^[a-z]+[.][a-z]+@[abc][.]example$'",
	} {
		if got := pgtest.Value(t, copied, query); got != "100" {
			t.Errorf("%s: %s, want 100", what, got)
		}
	}
}

// newer are masks on numbers, identifiers and times of every odd value that their types have, NULL among them.
const newer = `CREATE TABLE newer (id int PRIMARY KEY, card bigint UNIQUE CHECK (card > 0), account numeric(14,2) UNIQUE, ref uuid UNIQUE, price money, span interval, born date, sex char(1), first text, full_name text, code text);
INSERT INTO newer SELECT i, 4000000000000000 + i, i * 1000001.5, md5(i::text)::uuid, (i * 1000)::money, make_interval(days => 10 * i, secs => i), current_date - i * 100, CASE WHEN i % 2 = 0 THEN 'F' ELSE 'm' END,
	'Zed', 'Zed Quark', 'zed-' || i || E'\t"x"' FROM generate_series(1, 100) i;
INSERT INTO newer VALUES (101);
INSERT INTO newer VALUES (102, 9223372036854775807, 'NaN', '00000000-0000-0000-0000-000000000000', '-92233720368547758.08', '-178956970 years -8 mons', 'infinity', 'x', '', '', ''),
	(103, 2147483648, -999999999999.99, 'ffffffff-ffff-ffff-ffff-ffffffffffff', '0', '0', '-infinity', NULL, NULL, NULL, '');
`

// TestNewerMasks has the server judge what masks made of such values.
func TestNewerMasks(t *testing.T) {
	t.Parallel()
	cfg := auditConfig(t, newer, "", map[string]string{
		"public.newer.card": "{mask: digits, luhn: true}", "public.newer.account": "digits", "public.newer.ref": "hash", "public.newer.price": "{mask: noise, ratio: 0.5}",
		"public.newer.span": "{mask: noise, ratio: 0.5}", "public.newer.born": "{mask: birthdate, min_age: 18}", "public.newer.first": "{mask: first_name, locale: sv, gender_from: sex}",
		"public.newer.full_name": "{mask: full_name, locale: sv, gender_from: sex}", "public.newer.code": `{mask: exec, batch: 7, command: [sed, -u, "s/zed/masked/"]}`,
	})
	cfg.Programs = true
	_, copied := staged(t, cfg)
	for what, query := range map[string]string{
		"103 cards":         "SELECT count(DISTINCT card) + 1 FROM newer WHERE card > 0 AND card <> 4000000000000000 + id",
		"102 accounts":      "SELECT count(DISTINCT account) FROM newer WHERE account IS NOT NULL",
		"100 of the scale":  "SELECT count(*) FROM newer WHERE id <= 100 AND account <> id * 1000001.5 AND length(trim_scale(account)::text) = length(trim_scale(id * 1000001.5)::text)",
		"102 uuids":         "SELECT count(DISTINCT ref) FROM newer WHERE ref::text ~ '^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab]'",
		"100 prices":        "SELECT count(*) FROM newer WHERE id <= 100 AND price BETWEEN (id * 500)::money AND (id * 1500)::money AND price <> (id * 1000)::money",
		"100 spans":         "SELECT count(*) FROM newer WHERE id <= 100 AND span BETWEEN make_interval(days => 5 * id - 1) AND make_interval(days => 15 * id + 1)",
		"100 ages":          "SELECT count(*) FROM newer WHERE id <= 100 AND born <= current_date - interval '18 years'",
		"2 infinities":      "SELECT count(*) FROM newer WHERE NOT isfinite(born)",
		"100 agree":         "SELECT count(*) FROM newer WHERE id <= 100 AND full_name LIKE first || ' %' AND first <> 'Zed'",
		"1 name of a man":   "SELECT count(DISTINCT first) FROM newer WHERE sex = 'm'",
		"2 names of people": "SELECT count(DISTINCT first) FROM newer WHERE id <= 100",
		"100 answers":       `SELECT count(*) FROM newer WHERE code = 'masked-' || id || E'\t"x"'`,
		"1 row of NULLs":    "SELECT count(*) FROM newer n WHERE num_nulls(card, account, ref, price, span, born, sex, first, full_name, code) = 10",
	} {
		want, _, _ := strings.Cut(what, " ")
		if got := pgtest.Value(t, copied, query); got != want {
			t.Errorf("%s: got %s", what, got)
		}
	}
}

// TestMaskedPartitionKey: rows whose partition key is masked lie where the masked key belongs, and how many each partition has is told.
func TestMaskedPartitionKey(t *testing.T) {
	t.Parallel()
	s, copied := staged(t, auditConfig(t, `CREATE TABLE visit (id int, town text, at date) PARTITION BY LIST (town); CREATE TABLE visit_a PARTITION OF visit FOR VALUES IN ('Aachen');
		CREATE TABLE visit_b PARTITION OF visit FOR VALUES IN ('Bonn'); CREATE TABLE "visit rest" PARTITION OF visit DEFAULT;
		INSERT INTO visit SELECT i, (ARRAY['Aachen', 'Bonn', 'Celle', 'Bonn'])[1 + i % 4], '2020-01-01' FROM generate_series(1, 400) i;
		CREATE TABLE hit (id int) PARTITION BY HASH (id); CREATE TABLE hit_0 PARTITION OF hit FOR VALUES WITH (MODULUS 1, REMAINDER 0); INSERT INTO hit SELECT generate_series(1, 50)`, "",
		map[string]string{"public.visit.town": "{mask: choice, values: [Aachen, Ulm], weights: [0, 1]}", "public.hit.id": "int_permute"}))
	var told []string
	for _, d := range s.Differences {
		if strings.HasPrefix(d.What, "rows in the partitions of ") {
			told = append(told, d.What+": "+d.Source+" -> "+d.Staging)
		}
	}
	const want = `rows in the partitions of public.visit: public."visit rest" 100, public.visit_a 100, public.visit_b 200 -> public."visit rest" 400, public.visit_a 0, public.visit_b 0`
	if got := strings.Join(told, "\n"); got != want {
		t.Errorf("told %s\nwant %s", got, want)
	}
	for _, partition := range []string{`"visit rest" 400`, "visit_a 0", "visit_b 0", "hit_0 50"} {
		i := strings.LastIndexByte(partition, ' ')
		if got := pgtest.Value(t, copied, "SELECT count(*) FROM "+partition[:i]); got != partition[i+1:] {
			t.Errorf("%s: the server counts %s", partition, got)
		}
	}
}
