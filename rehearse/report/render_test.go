package report_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

func asText(t *testing.T, r *report.Result, o report.TextOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Text(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func asMarkdown(t *testing.T, r *report.Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Markdown(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestTextFitsTheTerminal lets only what must not be wrapped be wider: SQL, definitions, and single words.
func TestTextFitsTheTerminal(t *testing.T) {
	t.Parallel()
	kept := regexp.MustCompile(`^ +(SELECT|CREATE|ALTER|DROP|--) ?|^  [-+~@ ] `)
	for name, r := range samples() {
		for _, width := range []int{20, 40, 80, 100, 132, 200} {
			for _, line := range strings.Split(asText(t, r, report.TextOptions{Width: width}), "\n") {
				if text.StringWidth(line) > width && !kept.MatchString(line) && len(strings.Fields(line)) > 1 {
					t.Errorf("%s at %d columns: %q", name, width, line)
				}
			}
		}
	}
}

// TestEveryWidthSaysTheSame compares the words, so that no width breaks or loses one.
func TestEveryWidthSaysTheSame(t *testing.T) {
	t.Parallel()
	r := samples()["go"]
	for _, word := range []string{"00041_orders_note", "shop.orders", "rehearse.masks.yaml", "shop.goose_db_version", "/usr/lib/postgresql/15/bin"} {
		for _, width := range []int{20, 40, 80, 160} {
			if !strings.Contains(asText(t, r, report.TextOptions{Width: width}), word) {
				t.Errorf("%s is broken or lost at %d columns", word, width)
			}
		}
	}
}

func TestColourOnlyRepeatsWords(t *testing.T) {
	t.Parallel()
	escapes := regexp.MustCompile("\x1b\\[[0-9]*m")
	for name, r := range samples() {
		for _, width := range []int{40, 160} {
			plain := asText(t, r, report.TextOptions{Width: width})
			coloured := asText(t, r, report.TextOptions{Width: width, Color: true})
			if !strings.Contains(coloured, "\x1b[") || escapes.ReplaceAllString(coloured, "") != plain {
				t.Errorf("%s at %d columns: without its colours the text is another", name, width)
			}
			if strings.Contains(plain, "\x1b") {
				t.Errorf("%s: an escape sequence without colour", name)
			}
		}
	}
}

func TestASCII(t *testing.T) {
	t.Parallel()
	for name, r := range samples() {
		if name == "odd-names" {
			continue // names keep their letters
		}
		for i, c := range asText(t, r, report.TextOptions{Width: 100, ASCII: true}) {
			if c > unicode.MaxASCII {
				t.Errorf("%s: %q at byte %d", name, c, i)
			}
		}
	}
}

func TestEmptyResultReadsWell(t *testing.T) {
	t.Parallel()
	r := &report.Result{}
	verdict.Judge(verdict.Policy{}, r)
	for form, s := range map[string]string{"text": asText(t, r, report.TextOptions{}), "Markdown": asMarkdown(t, r)} {
		if !strings.Contains(s, "GO: no migration is pending") || strings.Contains(s, "%!") {
			t.Errorf("%s of an empty result:\n%s", form, s)
		}
	}
}

func TestInconclusiveIsNeverGreen(t *testing.T) {
	t.Parallel()
	s := asText(t, samples()["stopped"], report.TextOptions{Color: true})
	first, _, _ := strings.Cut(s, "\n")
	if strings.Contains(first, "\x1b[32m") || !strings.Contains(first, "INCONCLUSIVE") {
		t.Errorf("first line %q", first)
	}
}

// TestUnseenLocksAreNotNone holds what nobody looked at apart from what was seen to be nothing.
func TestUnseenLocksAreNotNone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		st   report.Statement
		want string
	}{
		"in a transaction":     {report.Statement{Tag: "ALTER TABLE", Transaction: true}, "nothing"},
		"outside, too short":   {report.Statement{Tag: "ALTER TABLE"}, "nothing seen"},
		"outside, seen":        {report.Statement{Tag: "UPDATE", Locks: []report.Lock{{Table: "s.t", Mode: "ROW EXCLUSIVE"}}}, "nothing"},
		"a setting":            {report.Statement{Tag: "SET"}, "nothing"},
		"failed in the middle": {report.Statement{Transaction: true, Failure: &report.Failure{Message: "no"}}, "nothing seen"},
	} {
		r := &report.Result{SchemaVersion: 1, Verdict: report.Go, Migrations: []report.Migration{{
			Version: 1, Name: "1_a.sql", Outcome: report.Applied, Statements: []report.Statement{c.st},
		}}}
		fields := regexp.MustCompile(` {2,}`).Split(regexp.MustCompile(`(?m)^ +1_a .*`).FindString(asText(t, r, report.TextOptions{Width: 120})), -1)
		if len(fields) < 5 || fields[4] != c.want {
			t.Errorf("%s: %q, want %q", name, fields, c.want)
		}
	}
}

// TestPartitionsThatMoveAreTold since the sums of the table alone look like a loss.
func TestPartitionsThatMoveAreTold(t *testing.T) {
	t.Parallel()
	n := func(n int64) *int64 { return &n }
	r := &report.Result{SchemaVersion: 1, Rows: []report.TableRows{{Table: "s.p", Before: n(9), After: n(5), Partitions: []report.PartitionRows{
		{Table: "s.p1", Before: n(1), After: n(1), Moved: "attached"},
		{Table: "s.p2", Before: n(2)},
		{Table: "s.p3", Before: n(3)},
		{Table: "s.p4", Before: n(3), After: n(2), Deleted: 1},
	}}}}
	if got, want := asText(t, r, report.TextOptions{Width: 120}), "partition s.p1 attached; 2 partitions dropped"; !strings.Contains(got, want) {
		t.Errorf("no %q in:\n%s", want, got)
	}
}

func TestLargeReleasesAreCutAndSayso(t *testing.T) {
	t.Parallel()
	r := many(500, 2000)
	s := asText(t, r, report.TextOptions{Width: 120})
	if n := strings.Count(s, "\n"); n > 500 {
		t.Errorf("%d lines of text", n)
	}
	for _, want := range []string{"460 migrations more: together", "1,960 more are in the JSON result", "more lines are in the JSON result", "more findings in the JSON result"} {
		if !strings.Contains(s, want) {
			t.Errorf("text lacks %q", want)
		}
	}
	md := asMarkdown(t, r)
	checkMarkdown(t, md)
	if !strings.Contains(md, "480 migrations more: together") {
		t.Error("Markdown does not say how many migrations it leaves out")
	}
}

func TestAFailureAmongManyIsShown(t *testing.T) {
	t.Parallel()
	r := many(500, 0)
	for i := range r.Migrations[300:] {
		r.Migrations[300+i].Outcome = report.NotRun
	}
	m := &r.Migrations[299]
	m.Outcome, m.Failure = report.Failed, &report.Failure{SQLState: "42601", Message: "syntax error"}
	verdict.Judge(verdict.Policy{AllowRewriteBelow: -1}, r)
	for form, s := range map[string]string{"text": asText(t, r, report.TextOptions{Width: 160}), "Markdown": asMarkdown(t, r)} {
		if !strings.Contains(s, "FAILED 42601") || !strings.Contains(s, "200 migrations more: not run") {
			t.Errorf("%s:\n%s", form, s[:min(len(s), 4000)])
		}
	}
}

// TestMarkdownStaysBelowTheLimit gives every text of the result a great length.
func TestMarkdownStaysBelowTheLimit(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("|@a<!--`*\n語 ", 1000)
	r := many(60, 120)
	for i := range r.Migrations {
		m := &r.Migrations[i]
		m.Name, m.File = long, long
		m.Outcome, m.Failure = report.Failed, &report.Failure{Message: long, Hint: long, StaysApplied: long, Table: long, Columns: []string{"a"}, SQLState: "23505"}
		m.Leftovers = []report.Leftover{{Kind: long, Object: long, Table: long, SQL: long}}
		m.Statements = []report.Statement{{SQL: long, Failure: m.Failure}}
	}
	r.Leftovers = r.Migrations[0].Leftovers
	r.Source.Database = "d"
	r.Session.Role = long
	for i := range r.Schema {
		r.Schema[i].Attributes = []report.AttributeChange{{Name: "definition", Before: long, After: long + "x\n"}}
	}
	r.Differences = []report.Difference{{What: long, Source: long, Staging: long, Effect: long}}
	verdict.Judge(verdict.Policy{}, r)
	checkMarkdown(t, asMarkdown(t, r))
}

// checkMarkdown holds for every comment: the limit, the marker, and nothing left open.
func checkMarkdown(t *testing.T, md string) {
	t.Helper()
	if len(md) > report.MarkdownLimit {
		t.Errorf("%d bytes of Markdown", len(md))
	}
	if !strings.HasPrefix(md, "<!-- rehearse:") || strings.Count(outsideFences(md), "<!--") != 1 {
		t.Error("the marker is not the only comment")
	}
	if a, b := strings.Count(md, "<details>"), strings.Count(md, "\n</details>"); a != b {
		t.Errorf("%d details are opened, %d closed", a, b)
	}
	for line := range strings.SplitSeq(outsideFences(md), "\n") {
		if regexp.MustCompile(`(^|[^\\])@[a-z]`).MatchString(line) {
			t.Errorf("a mention: %.200q", line)
		}
	}
}

// outsideFences is md without its blocks of code; a fence that stays open is an empty rest.
func outsideFences(md string) string {
	var out []string
	fence := ""
	for line := range strings.SplitSeq(md, "\n") {
		trimmed := strings.TrimLeft(line, " ")
		ticks := trimmed[:len(trimmed)-len(strings.TrimLeft(trimmed, "`"))]
		switch {
		case fence == "" && len(ticks) >= 3:
			fence = ticks
		case fence != "" && trimmed == fence:
			fence = ""
		case fence == "":
			out = append(out, line)
		}
	}
	if fence != "" {
		return ""
	}
	return strings.Join(out, "\n")
}

func TestEveryGoldenMarkdownIsSound(t *testing.T) {
	t.Parallel()
	for name, r := range samples() {
		md := asMarkdown(t, r)
		checkMarkdown(t, md)
		if outsideFences(md) == "" {
			t.Errorf("%s: a fence stays open", name)
		}
	}
}

func TestMarkerIsOneCommentWhateverTheName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"shop": "<!-- rehearse:shop -->", "a--b": "<!-- rehearse:a-%2Db -->", "--> <b>\n": "<!-- rehearse:-%2D%3E%20%3Cb%3E%0A -->",
	} {
		if got := report.Marker(name); got != want {
			t.Errorf("marker of %q is %q, want %q", name, got, want)
		}
	}
}

// broken is a stream whose reader went away.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestAClosedStreamIsAnError(t *testing.T) {
	t.Parallel()
	r := samples()["no-go"]
	for form, err := range map[string]error{
		"text": report.Text(broken{}, r, report.TextOptions{}), "Markdown": report.Markdown(broken{}, r), "JSON": report.JSON(broken{}, r),
	} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: %v", form, err)
		}
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		report.Digits(0): "0", report.Digits(999): "999", report.Digits(1000): "1,000", report.Digits(-12204331): "-12,204,331",
		report.Count(1, "row"): "1 row", report.Count(0, "row"): "0 rows", report.Bytes(1): "1 byte", report.Bytes(8192): "8,192 bytes",
		report.Bytes(14 << 10): "14 kB", report.Bytes(102 << 20): "102 MB", report.Bytes(3 << 29): "1.5 GB", report.Bytes(5 << 40): "5.0 TB",
		report.Bytes(1<<20 - 1): "1.0 MB", report.Bytes(-96 << 20): "-96 MB", report.Bytes(-1 << 63): "-4194304 TB",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func ExampleText() {
	r := &report.Result{}
	verdict.Judge(verdict.Policy{}, r)
	var b bytes.Buffer
	_ = report.Text(&b, r, report.TextOptions{Width: 80})
	first, _, _ := strings.Cut(b.String(), "\n")
	fmt.Println(first)
	// Output: GO: no migration is pending
}

func ExampleDuration_String() {
	fmt.Println(ms(0.4), "|", ms(7402.5), "|", ms(92_000))
	// Output: 0.4 ms | 7.4 s | 1 m 32 s
}

// TestAMigrationsLineCountsTables, not indexes nor tables that no row changed in, and tells what the sums of rows hide.
func TestAMigrationsLineCountsTables(t *testing.T) {
	t.Parallel()
	n := func(n int64) *int64 { return &n }
	exposed := func(table, index string) report.Exposure {
		return report.Exposure{Table: table, Object: index, Mode: "ACCESS EXCLUSIVE", Blocks: "reads and writes", Held: report.Duration(1e9)}
	}
	made := report.TableRows{Table: "s.made", After: n(0)}
	cut := report.TableRows{Table: "s.cut", Before: n(5), After: n(0), Truncated: true}
	gone := report.TableRows{Table: "s.gone", Before: n(5)}
	filled := report.TableRows{Table: "s.t", Before: n(0), After: n(2), Inserted: 2}
	emptied := report.TableRows{Table: "s.u", Before: n(3), After: n(0), Deleted: 3}
	for want, m := range map[string]report.Migration{
		"reads and writes of s.t (index s.i) for 1.0 s":            {Locks: []report.Exposure{exposed("s.t", "s.i"), exposed("s.t", "s.k")}},
		"reads and writes of s.t and 1 more table for 1.0 s":       {Locks: []report.Exposure{exposed("s.t", ""), exposed("s.u", ""), exposed("s.u", "s.k")}},
		" nothing 2 inserted in s.t _":                             {Rows: []report.TableRows{made, filled}},
		" nothing 2 inserted, 3 deleted in 2 tables _":             {Rows: []report.TableRows{made, filled, emptied}},
		" nothing 2 inserted in s.t; s.cut truncated _":            {Rows: []report.TableRows{filled, cut}},
		" nothing 2 inserted in s.t; s.cut truncated and 1 more _": {Rows: []report.TableRows{cut, gone, filled}},
		" nothing s.gone dropped _":                                {Rows: []report.TableRows{gone, made}},
		" nothing s.v: 5 → 6 rows _":                               {Rows: []report.TableRows{{Table: "s.v", Before: n(5), After: n(6)}}},
		" nothing 0 _":                                             {Rows: []report.TableRows{made}},
	} {
		m.Version, m.Name, m.Outcome = 1, "1_a.sql", report.Applied
		r := &report.Result{SchemaVersion: 1, Verdict: report.Go, Migrations: []report.Migration{m}}
		line := regexp.MustCompile(`(?m)^ +1_a .*`).FindString(asText(t, r, report.TextOptions{Width: 200}))
		if line = strings.Join(strings.Fields(line), " ") + " _"; !strings.Contains(line, want) {
			t.Errorf("no %q in %q", want, line)
		}
	}
}
