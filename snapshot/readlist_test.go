package snapshot

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/sanitize"
)

// tapped are all bytes that came from a server.
type tapped struct {
	sync.Mutex
	bytes.Buffer
}

type tap struct {
	net.Conn
	to *tapped
}

func (t tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.to.Lock()
	defer t.to.Unlock()
	t.to.Write(p[:n])
	return n, err
}

// tapOn lets everything that comes over connections of cfg be read.
func tapOn(cfg *pgx.ConnConfig) (*pgx.ConnConfig, *tapped) {
	cfg, to := cfg.Copy(), &tapped{}
	dial := cfg.DialFunc
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		return tap{conn, to}, err
	}
	return cfg, to
}

const kept = `
CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TYPE pair AS (a int, b text);
CREATE TABLE in_binary (id int PRIMARY KEY, gone text, fixed text NOT NULL, maybe text, mood mood, name text, born date, short varchar(9));
INSERT INTO in_binary SELECT i, 'GONE' || i, 'FIXED' || i, CASE WHEN i % 3 > 0 THEN 'MAYBE' || i END, 'glad', 'NAME' || i, '1980-05-17', 'SHORT' || i FROM generate_series(1, 90) i;
CREATE TABLE in_text (LIKE in_binary); ALTER TABLE in_text ADD x xml, ADD duo pair; INSERT INTO in_text SELECT *, '<a>RAWXML</a>', ROW(i.id, NULL)::pair FROM in_binary i;
CREATE TABLE untouched (id int, name text); INSERT INTO untouched VALUES (1, 'kept');`

// TestWhatIsReplacedIsNotRead listens on the wire, and looks into the server's own log, for values that masks replace unseen.
func TestWhatIsReplacedIsNotRead(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, "log_statement = all", "log_line_prefix = '%a|'")
	source, wire := tapOn(server.New(t, kept))
	masks := map[string]string{"public.in_text.x": "null", "public.in_text.duo": "{mask: constant, value: '(7,x)'}"}
	for column, rule := range map[string]string{
		"gone": "null", "fixed": "{mask: constant, value: 'it''s\\fixed'}", "maybe": "{mask: constant, value: ''}", "mood": "{mask: constant, value: sad}",
		"name": "{mask: sql, expression: \"left(name, 2) || length(regexp_replace(name, '\\\\d', '', 'g'))\"}", "born": "{mask: sql, expression: \"date_trunc('year', born)\"}", "short": "hash",
	} {
		masks["public.in_binary."+column], masks["public.in_text."+column] = rule, rule
	}
	for _, opts := range []CopyOptions{{Jobs: 2}, {Jobs: 2, splitFrom: 1}} {
		target := newTarget(t, pgtest.Start(t))
		result := copied(t, source, target, masks, opts)
		for _, table := range result.Tables {
			if want := table.Name != "in_text"; table.Binary != want {
				t.Errorf("%s: binary %t, want %t", table.Name, table.Binary, want)
			}
		}
		for _, table := range []string{"in_binary", "in_text"} {
			got := rowsOf(t, target.Config(), "SELECT count(*), count(gone), count(maybe), min(fixed), max(fixed), max(maybe), max(mood), max(name), max(born), count(DISTINCT short) FROM "+table)
			if want := `(90,0,60,"it's\\fixed","it's\\fixed","",sad,NA4,1980-01-01,90)`; got != want {
				t.Errorf("%s: %s, want %s", table, got, want)
			}
		}
		if got := rowsOf(t, target.Config(), "SELECT count(x), count(*) FILTER (WHERE duo = ROW(7, 'x')::pair) FROM in_text"); got != "(0,90)" {
			t.Errorf("xml and composite: %s", got)
		}
	}
	wire.Lock()
	defer wire.Unlock()
	for _, value := range []string{"GONE1", "FIXED1", "MAYBE1", "glad1", "NAME1", "1980-05-17", "RAWXML"} {
		if strings.Contains(wire.String(), value) {
			t.Errorf("%s was on the wire", value)
		}
	}
	if !strings.Contains(wire.String(), "SHORT1") {
		t.Error("the wire shows nothing of what is read")
	}
	log, err := os.ReadFile(filepath.Join(server.Dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	var reads []string
	for line := range strings.Lines(string(log)) {
		if _, sql, ok := strings.Cut(line, "statement: COPY "); ok && !strings.Contains(sql, "ctid") {
			reads = append(reads, strings.TrimSpace(sql))
		}
	}
	sql := strings.Join(reads, "\n")
	if !strings.Contains(sql, `"public"."untouched" ("id", "name") TO STDOUT`) {
		t.Errorf("the table without masks was not read by a plain COPY: %s", sql)
	}
	for _, word := range []string{`"gone"`, `"x"`, `"fixed"`, "it's"} {
		if strings.Contains(sql, word) {
			t.Errorf("the source was asked for %s: %s", word, sql)
		}
	}
}

// TestExpressionsAreChecked refuses before anything is copied, with the place.
func TestExpressionsAreChecked(t *testing.T) {
	t.Parallel()
	source := pgtest.New(t, `CREATE TABLE a (id int, mail text, at date); INSERT INTO a VALUES (1, 'secret@shop.test', '2026-01-01');
CREATE FUNCTION mine(text) RETURNS text LANGUAGE sql AS 'SELECT $1'`)
	src := openSource(t, source)
	ctx := testContext(t)
	d, err := src.Describe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	const only = ": only functions that give one value for one row, and do nothing else, can stand in it"
	for expression, want := range map[string]string{
		"md5(mail)":                             "",
		"'x' || (id + 1)":                       "",
		"mail::int":                             "", // what only rows can tell
		"CASE WHEN id > 1 THEN mail END":        "",
		"pg_catalog.lower(mail)":                "",
		"at":                                    "",
		"emial":                                 `the server refuses the expression of public.a.mail: column "emial" does not exist (SQLSTATE 42703)`,
		"mine(mail)":                            "the server refuses the expression of public.a.mail: function mine(text) does not exist (SQLSTATE 42883)",
		"random()":                              "the expression calls random" + only,
		"(1).pg_sleep":                          "the expression calls pg_sleep" + only,
		"max(mail)":                             "the expression calls max" + only,
		"generate_series(1, 3)":                 "the expression calls generate_series" + only,
		"table_to_xml('pg_am', true, true, '')": "the expression calls table_to_xml" + only,
		"mail) FROM a, (VALUES (1)":             "the expression cannot be one",
	} {
		rule := "{mask: sql, expression: \"" + expression + "\"}"
		got := ""
		plan, err := planOrError(t, d, map[string]string{"public.a.mail": rule})
		if err == nil {
			err = src.CheckPlan(ctx, d, plan)
		}
		if err != nil {
			got = err.Error()
		}
		if want != "" {
			want = "test.yaml:5:25: " + want
		}
		if got != want && !(strings.HasSuffix(want, "cannot be one") && strings.Contains(got, "cannot be one: it closes a bracket")) {
			t.Errorf("%s:\ngot  %s\nwant %s", expression, got, want)
		}
	}
	_, err = Copy(ctx, src, planFor(t, d, map[string]string{"public.a.mail": "{mask: sql, expression: 'mail::int'}"}), newTarget(t, pgtest.Start(t)), CopyOptions{})
	var failed *SourceError
	if !errors.As(err, &failed) || failed.SQLState != "22P02" || strings.Contains(err.Error(), "secret") {
		t.Errorf("an expression that fails on a row: %v", err)
	}
}

// planOrError is planFor for masks that may be refused.
func planOrError(t *testing.T, d *Description, masks map[string]string) (*sanitize.Plan, error) {
	t.Helper()
	rules, key := rulesFor(t, d, masks, "")
	return rules.Plan(Database(d), key)
}

// TestReplacedInAPart: a part of the rows by their places asks for the same values.
func TestReplacedInAPart(t *testing.T) {
	t.Parallel()
	source, wire := tapOn(pgtest.New(t, kept))
	src := openSource(t, source)
	ctx := testContext(t)
	d, err := src.Describe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	plan := planWith(t, d, map[string]string{"public.in_binary.gone": "null", "public.in_text.gone": "null"}, "data: {public.in_binary: {rows: id < 6}, public.in_text: {rows: id < 6}}")
	target := newTarget(t, pgtest.Start(t))
	if _, err := Copy(ctx, src, plan, target, CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("(5,0,5,0)", rowsOf(t, target.Config(), "SELECT count(*), count(b.gone), count(t.id), count(t.gone) FROM in_binary b LEFT JOIN in_text t USING (id)")); diff != "" {
		t.Error(diff)
	}
	if wire.Lock(); strings.Contains(wire.String(), "GONE") {
		t.Error("the value was on the wire")
	}
	wire.Unlock()
}
