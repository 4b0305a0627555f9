package sanitize_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/sanitize"
)

const neighbours = `
CREATE TABLE src (id int, born date, seen timestamptz, city varchar(9), code text, name text, mail text, note text, tag varchar(40), j jsonb, kept text);
INSERT INTO src SELECT i, date '1950-01-01' + i * 31, timestamptz '2020-02-28 23:00+00' + i * interval '61.5 min', 'Ulm', '89073', E'Anna\\N Mü' || chr(9) || 'ller' || i, 'a' || i || '@corp.example',
	E'call ANNA\\N of mü' || chr(9) || 'ller' || i || E'\\\\ at A' || i || E'@corp.example\nor \\.', 'x', jsonb_build_object('email', i || '@corp.example'), E'k\\t' FROM generate_series(1, 300) i;
INSERT INTO src (id, born, seen, note, tag) VALUES (1001, 'infinity', '-infinity', NULL, NULL), (NULL, '2001-02-03', '0044-03-15 BC', 'Anna', 'x');
INSERT INTO src (id, city, code, name, mail, note, tag, kept) VALUES (1003, '', '', '', '', '', '', ''), (1004, 'é', 'é', '日本語', '\N', E'\\N 日本語', '\.', NULL);
CREATE TABLE src_visit (src_id bigint, at date); INSERT INTO src_visit SELECT id, seen::date FROM src WHERE id < 1000;
CREATE TABLE as_text (LIKE src); CREATE TABLE as_binary (LIKE src); CREATE TABLE visit (LIKE src_visit);`

const neighbourRules = `version: 1
tables:
  t.t:
    id: keep
    born: {mask: date_shift, days: 900, per: id}
    seen: {mask: date_shift, days: 900, per: id}
    city: {mask: city, per: id}
    code: {mask: postcode, per: id}
    name: full_name
    mail: email
    note: {mask: redact_text, with: [name, mail]}
    tag: {mask: template, template: '{{hash .mail 6}}-{{.id}}'}
    j: {mask: json, default: shape}
    kept: keep
  t.visit: {at: {mask: date_shift, days: 900, per: src_id}}
`

func peoplePlan(t testing.TB) *sanitize.Plan {
	t.Helper()
	tables := []sanitize.Table{
		{Schema: "t", Name: "t", Columns: columnsOf("id int4", "born date", "seen timestamptz", "city varchar", "code text", "name text", "mail text", "note text", "tag varchar", "j jsonb", "kept text")},
		{Schema: "t", Name: "visit", Columns: columnsOf("src_id int8", "at date")},
	}
	tables[0].Columns[3].MaxLength = 9
	return mustPlan(t, neighbourRules, withKeys(database(tables...), fk("f", "t.visit(src_id) -> t.t(id)")))
}

// TestRowMasksAgainstServer masks a real server's COPY in both formats with masks that read other columns, and lets the server compare.
func TestRowMasksAgainstServer(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	conn, err := pgx.ConnectConfig(ctx, pgtest.New(t, neighbours))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'"); err != nil {
		t.Fatal(err)
	}
	plan := peoplePlan(t)
	mask := func(p *sanitize.TablePlan, sql string) (masked []byte) {
		row := p.Row()
		for line := range bytes.Lines(copyOut(t, conn, sql)) {
			if masked, err = row.Append(masked, line); err != nil {
				t.Fatal(err)
			}
		}
		return masked
	}
	const header = 19
	tuples, data := plan.Table("t", "t").Tuples(nil), copyOut(t, conn, "COPY src TO STDOUT (FORMAT binary)")
	if tuples == nil {
		t.Fatal("the binary format is refused")
	}
	tuple := bytes.Clone(data[:header])
	for at := header; at < len(data); {
		var n int
		if tuple, n, err = tuples.Append(tuple, data[at:]); err != nil || n == 0 {
			t.Fatal(n, err)
		}
		at += n
	}
	for sql, from := range map[string][]byte{
		"COPY as_text FROM STDIN": mask(plan.Table("t", "t"), "COPY src TO STDOUT"), "COPY as_binary FROM STDIN (FORMAT binary)": tuple,
		"COPY visit FROM STDIN": mask(plan.Table("t", "visit"), "COPY src_visit TO STDOUT"),
	} {
		if _, err := conn.PgConn().CopyFrom(ctx, bytes.NewReader(from), sql); err != nil {
			t.Fatal(sql, err)
		}
	}
	for what, sql := range map[string]string{
		"rows that differ between the formats":          "SELECT count(*) FROM ((TABLE as_text EXCEPT ALL TABLE as_binary) UNION ALL (TABLE as_binary EXCEPT ALL TABLE as_text)) d",
		"intervals within a person that do not survive": `SELECT count(*) FROM src s JOIN as_text x USING (id) WHERE isfinite(s.born) AND (x.seen - x.born IS DISTINCT FROM s.seen - s.born OR x.born = s.born)`,
		"intervals to another table that do not":        "SELECT count(*) FROM visit v JOIN as_text x ON x.id = v.src_id WHERE v.at <> x.seen::date",
		"infinities that do not pass":                   "SELECT count(*) FROM as_text WHERE id = 1001 AND (born <> 'infinity' OR seen <> '-infinity')",
		"neighbours shifted alike":                      "SELECT (count(DISTINCT x.born - s.born) < 200)::int FROM src s JOIN as_text x USING (id) WHERE id < 1000",
		"names or addresses left in notes":              `SELECT count(*) FROM as_text x JOIN src s USING (id) WHERE id < 1000 AND (x.note ~* '\manna\M' OR x.note ~* s.mail OR x.note !~ 'or \\\.$')`,
		"notes that do not agree with the name":         `SELECT count(*) FROM as_text WHERE id < 1000 AND position(lower(mail) IN lower(note)) = 0`,
		"NULLs that do not stay":                        "SELECT count(*) FROM as_text x JOIN src s USING (id) WHERE (s.note IS NULL) <> (x.note IS NULL) OR (s.tag IS NULL) <> (x.tag IS NULL) OR (s.city IS NULL) <> (x.city IS NULL)",
		"tags of another form":                          `SELECT count(*) FROM as_text WHERE id < 1000 AND tag !~ ('^[0-9a-f]{6}-' || id || '$')`,
		"rows lost":                                     "SELECT 304 - count(*) FROM as_binary",
	} {
		var n int
		if err := conn.QueryRow(ctx, sql).Scan(&n); err != nil || n != 0 {
			t.Errorf("%s: %d, %v", what, n, err)
		}
	}
}

// TestRowMasksDoNotAllocate, but for templates.
func TestRowMasksDoNotAllocate(t *testing.T) {
	const rules = "version: 1\ntables:\n  t.t: {id: keep, born: {mask: date_shift, per: id}, city: {mask: city, per: name}, name: full_name, note: {mask: redact_text, with: name}}\n"
	plan := mustPlan(t, rules, database(sanitize.Table{Schema: "t", Name: "t", Columns: columnsOf("id int4", "born date", "city text", "name text", "note text")})).Table("t", "t")
	row, line := plan.Row(), []byte("7\t1980-01-02\tUlm\tAn\\tna Berg\tdear AN\\tNA Berg, (berg)\n")
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { buf, _ = row.Append(buf[:0], line) }); n != 0 || len(buf) == 0 {
		t.Errorf("%v allocations a row of text", n)
	}
	tuples, tuple := plan.Tuples(nil), encoded("\x00\x00\x00\x07", "\x00\x00\x00\x07", "Ulm", "Anna Berg", "dear ANNA Berg, (berg)")
	if n := testing.AllocsPerRun(100, func() { buf, _, _ = tuples.Append(buf[:0], tuple) }); n != 0 || len(buf) == 0 {
		t.Errorf("%v allocations a tuple", n)
	}
}

// TestRowMasksArePlanned tells what a mask cannot read, with its place.
func TestRowMasksArePlanned(t *testing.T) {
	t.Parallel()
	db := withKeys(database(
		unique(table("s.p", "id int8!", "code text!", "made text=", "note text", "other text", "born date"), "p_key", "id", "code"),
		table("s.c", "id int8!", "code text!"),
	), fk("c_fkey", "s.c(id,code) -> s.p(id,code)"))
	for rules, want := range map[string]string{
		"note: {mask: redact_text, with: [code, lost]}":            `m.yaml:3:57: s.p.note: parameter "with" names "lost", which is no column of the table`,
		"note: {mask: redact_text, with: made}":                    `m.yaml:3:57: s.p.note: parameter "with" names "made", which is generated by the server and not read`,
		"born: {mask: date_shift, per: nobody}":                    `m.yaml:3:56: s.p.born: parameter "per" names "nobody", which is no column of the table`,
		"note: {mask: redact_text, with: note}":                    `m.yaml:3:57: s.p.note: parameter "with" names "note", which reads, by way of its own mask, the column itself: the masks go round in a circle`,
		"note: {mask: template, template: '{{.code}} {{.other}}'}": `m.yaml:3:54: s.p.note: parameter "template" is refused: .other would print a raw value; let it go through mask, masked or hash`,
		"note: {mask: sql, expression: 'lower(note'}":              "m.yaml:3:49: s.p.note: the expression cannot be one: it does not close a bracket",
		"note: {mask: sql, expression: '(SELECT 1)'}":              "m.yaml:3:49: s.p.note: the expression cannot be one: it has the word SELECT; it can have neither subqueries nor windows",
		"note: {mask: sql, expression: 's.f(note)'}":               `m.yaml:3:49: s.p.note: the expression cannot be one: s has a dot behind it; only columns of the row, by their names alone, and built-in functions can be used`,
		"note: {mask: sql, expression: 'note || $1'}":              "m.yaml:3:49: s.p.note: the expression cannot be one: it has a parameter, $1",
	} {
		name, _, _ := bytes.Cut([]byte(rules), []byte(":"))
		lines := "  s.p: {id: keep, code: keep, " + rules
		for _, c := range []string{"note", "other", "born"} {
			if c != string(name) {
				lines += ", " + c + ": {mask: constant, value: '2020-01-01'}"
			}
		}
		err := planError(t, lines+"}\n  s.c: {}\n", db)
		if err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", rules, err, want)
		}
	}
	circle := "  s.p: {id: keep, code: keep, note: {mask: redact_text, with: other}, other: {mask: redact_text, with: note}, born: keep}\n  s.c: {}\n"
	if err := planError(t, circle, db); err == nil || len(err.Issues) == 0 {
		t.Errorf("a circle is taken: %v", err)
	}
	local := "  s.p: {id: keep, code: {mask: postcode, per: id}, note: null, other: null, born: null}\n  s.c: {}\n"
	if err := planError(t, local, db); err == nil || len(err.Issues) == 0 {
		t.Errorf("a key whose mask reads the row is taken: %v", err)
	}
	stays := "  s.p: {id: keep, code: keep, note: {mask: redact_text, with: other}, other: {mask: sql, expression: \"'x'\"}, born: null}\n  s.c: {}\n"
	if err, want := planError(t, stays, db), "m.yaml:3:31: s.p.note needs the values of s.p.other, of which the source sends what mask sql makes of them"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
