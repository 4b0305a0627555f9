package verdict_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

func sec(n float64) report.Duration { return report.Duration(n * float64(time.Second)) }

func num(n int64) *int64 { return &n }

// up is an applied migration with the given statements.
func up(sqls ...string) report.Migration {
	m := report.Migration{
		Version: 7, Name: "00007_x.sql", File: "m/00007_x.sql", Transaction: true, HasDown: true,
		Outcome: report.Applied, Duration: sec(0.5),
	}
	for i, s := range sqls {
		tag := s
		if f := strings.Fields(strings.Replace(s, " UNIQUE", "", 1)); len(f) > 1 {
			tag = f[0] + " " + f[1]
		}
		m.Statements = append(m.Statements, report.Statement{SQL: s, Line: i + 1, File: m.File, Tag: tag, Transaction: true})
	}
	return m
}

// failing is a migration whose last statement failed.
func failing(f report.Failure, sqls ...string) report.Migration {
	m := up(sqls...)
	m.Outcome, m.Failure = report.Failed, &f
	m.Statements[len(m.Statements)-1].Failure = &f
	return m
}

// with is a result with these migrations.
func with(ms ...report.Migration) *report.Result {
	return &report.Result{Migrations: ms, Session: report.Session{Role: "app", VersionTable: "public.goose_db_version"}}
}

var lenient = verdict.Policy{AllowRewriteBelow: -1}

// codes are the findings as "code level object".
func codes(r *report.Result) []string {
	var out []string
	for _, f := range r.Findings {
		out = append(out, strings.TrimSpace(f.Code+" "+string(f.Level)+" "+f.Object))
	}
	return out
}

func find(t *testing.T, r *report.Result, code string) report.Finding {
	t.Helper()
	for _, f := range r.Findings {
		if f.Code == code {
			return f
		}
	}
	t.Fatalf("no finding %s among %q", code, codes(r))
	return report.Finding{}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	slow := up("SELECT 1")
	slow.Duration = sec(61)
	timedOut := slow
	timedOut.Outcome = report.TimedOut
	notRun := report.Migration{Version: 8, Name: "00008_y.sql", HasDown: true, Outcome: report.NotRun}
	goCode := notRun
	goCode.Name, goCode.File = "00008_y.go", "m/00008_y.go"
	broken := failing(report.Failure{SQLState: "42601", Message: "syntax error"}, "SELEC 1")
	extension := failing(report.Failure{SQLState: "0A000", Message: `extension "postgis" is not available`}, "CREATE EXTENSION postgis")
	invalid := with(up("SELECT 1"))
	invalid.Leftovers = []report.Leftover{{Kind: "invalid index", Object: "s.i", Table: "s.t"}}
	drift := with(notRun)
	drift.Drift = &report.Drift{MissingFiles: []int64{3}, OutOfOrder: []string{"00002_late.sql"}}
	allowed := with(up("SELECT 1"))
	allowed.Drift = &report.Drift{OutOfOrder: []string{"00002_late.sql"}, Allowed: true}
	driftAndFailure := with(broken)
	driftAndFailure.Drift = &report.Drift{MissingFiles: []int64{3}}
	stopped := with()
	stopped.Stopped = &report.Stop{Phase: "connect", Reason: "no route", ExitCode: 20}
	interrupted := with(broken, notRun)
	interrupted.Stopped = &report.Stop{Phase: "migrate", Reason: "interrupted", ExitCode: 130}
	needed := with(up("SELECT 1"))
	needed.NotMeasured = []report.NotMeasured{{What: "row counts", Why: "no privilege", Needed: true}, {What: "bloat", Why: "copied"}}
	view := with(up("DROP VIEW shop.loop"))
	view.Snapshot.SchemaErrors = []report.SchemaError{{Object: "VIEW shop.loop", Reason: "recursion"}, {Object: "VIEW shop.other", Reason: "recursion"}}

	for name, c := range map[string]struct {
		policy verdict.Policy
		r      *report.Result
		want   report.Verdict
		exits  []int
		codes  []string
	}{
		"all well":              {lenient, with(up("SELECT 1")), report.Go, []int{0}, nil},
		"nothing pending":       {lenient, with(), report.Go, []int{0}, []string{"no-pending info"}},
		"failed":                {lenient, with(broken, notRun), report.NoGo, []int{10}, []string{"migration-failed fail", "migration-not-run info"}},
		"staging lacks it":      {lenient, with(extension), report.Inconclusive, []int{14}, []string{"migration-failed unknown"}},
		"timed out":             {lenient, with(timedOut, notRun), report.Inconclusive, []int{23}, []string{"migration-timed-out unknown", "migration-not-run info"}},
		"timed out over budget": {verdict.Policy{MaxMigrationTime: time.Minute}, with(timedOut), report.NoGo, []int{23, 11}, []string{"migration-time-over-budget fail", "migration-timed-out unknown"}},
		"never reached":         {lenient, with(up("SELECT 1"), notRun), report.Inconclusive, []int{14}, []string{"migration-not-run unknown"}},
		"go code":               {lenient, with(goCode), report.Inconclusive, []int{14}, []string{"go-migration unknown", "migration-not-run unknown"}},
		"slow":                  {verdict.Policy{MaxMigrationTime: time.Minute}, with(slow), report.NoGo, []int{11}, []string{"migration-time-over-budget fail"}},
		"just in time":          {verdict.Policy{MaxMigrationTime: 61 * time.Second}, with(slow), report.Go, []int{0}, nil},
		"slow together":         {verdict.Policy{MaxTotalTime: 2 * time.Minute}, with(slow, slow), report.NoGo, []int{11}, []string{"total-time-over-budget fail"}},
		"invalid index":         {lenient, invalid, report.GoWithConditions, []int{0}, []string{"invalid-index condition s.i"}},
		"invalid index, strict": {verdict.Policy{Strict: true}, invalid, report.GoWithConditions, []int{11}, []string{"invalid-index condition s.i"}},
		"drift":                 {lenient, drift, report.NoGo, []int{13, 14}, []string{"drift-missing-file fail", "drift-out-of-order fail", "migration-not-run unknown"}},
		"drift allowed":         {lenient, allowed, report.Go, []int{0}, []string{"drift-out-of-order warn"}},
		"drift and failure":     {lenient, driftAndFailure, report.NoGo, []int{13, 10}, []string{"drift-missing-file fail", "migration-failed fail"}},
		"stopped":               {lenient, stopped, report.Inconclusive, []int{20}, []string{"run-stopped unknown"}},
		"interrupted":           {lenient, interrupted, report.NoGo, []int{130, 10}, []string{"migration-failed fail", "run-stopped unknown", "migration-not-run info"}},
		"needed figure":         {lenient, needed, report.Inconclusive, []int{14}, []string{"not-measured unknown row counts"}},
		"object not restored":   {lenient, view, report.Inconclusive, []int{14}, []string{"schema-restore-incomplete unknown VIEW shop.loop", "schema-restore-incomplete warn VIEW shop.other"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := *c.r
			verdict.Judge(c.policy, &r)
			if r.Verdict != c.want {
				t.Errorf("verdict %s, want %s", r.Verdict, c.want)
			}
			if d := cmp.Diff(c.exits, r.ExitCodes); d != "" || r.ExitCode != c.exits[0] {
				t.Errorf("exit code %d of (-want +got):\n%s", r.ExitCode, d)
			}
			if d := cmp.Diff(c.codes, codes(&r)); d != "" {
				t.Errorf("findings (-want +got):\n%s", d)
			}
		})
	}
}

func TestJudgingTwiceIsTheSame(t *testing.T) {
	t.Parallel()
	m := failing(report.Failure{SQLState: "23505", Message: "dup", Table: "s.t", Columns: []string{"a"}}, "CREATE UNIQUE INDEX i ON s.t (a)")
	m.Rows = []report.TableRows{{Table: "s.b", Before: num(2), After: num(1)}, {Table: "s.a", Before: num(2), After: num(1)}}
	r := with(m)
	verdict.Judge(lenient, r)
	first := *r
	verdict.Judge(lenient, r)
	if d := cmp.Diff(first, *r); d != "" {
		t.Errorf("second judgement differs (-first +second):\n%s", d)
	}
	if r.Findings[1].Object != "s.a" || r.Findings[2].Object != "s.b" {
		t.Errorf("findings of one weight and code are not ordered by object: %q", codes(r))
	}
}

func TestReasonIsShortAndKeepsTheSQLState(t *testing.T) {
	t.Parallel()
	for name, message := range map[string]string{
		"key":  `could not create unique index "` + strings.Repeat("i", 40) + `": key (email) is duplicated`,
		"long": strings.Repeat("語", 300),
	} {
		t.Run(name, func(t *testing.T) {
			r := with(failing(report.Failure{SQLState: "23505", Message: message}, "SELECT 1"))
			verdict.Judge(lenient, r)
			if n := utf8.RuneCountInString(r.Reason); n > 110 || !strings.HasSuffix(r.Reason, " (23505)") || !strings.HasPrefix(r.Reason, "00007_x failed: ") {
				t.Errorf("reason of %d runes: %s", n, r.Reason)
			}
		})
	}
	quiet := with(up("SELECT 1"))
	verdict.Judge(lenient, quiet)
	if want := "1 migration was applied in 500 ms, within every budget"; quiet.Reason != want {
		t.Errorf("reason %q, want %q", quiet.Reason, want)
	}
}

// TestDocumentsEveryCode holds docs/findings.md and the codes together, in both directions and in order.
func TestDocumentsEveryCode(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "findings.md"))
	if err != nil {
		t.Fatal(err)
	}
	var sections []string
	for _, m := range regexp.MustCompile(`(?m)^## (.+)$`).FindAllSubmatch(doc, -1) {
		sections = append(sections, string(m[1]))
	}
	if d := cmp.Diff(verdict.Codes(), sections); d != "" {
		t.Errorf("codes and sections of docs/findings.md (-codes +sections):\n%s", d)
	}
	for _, s := range strings.Split(string(doc), "\n## ")[1:] {
		name, _, _ := strings.Cut(s, "\n")
		for _, part := range []string{"**Seen**:", "**Why it matters**:", "**What to do**:", "Weight:"} {
			if !strings.Contains(s, part) {
				t.Errorf("section %s lacks %s", name, part)
			}
		}
	}
	// A constant that Codes forgets would have rank -1 and no section.
	src, err := os.ReadFile("codes.go")
	if err != nil {
		t.Fatal(err)
	}
	consts, _, _ := strings.Cut(string(src), "// Words of the contract")
	for _, m := range regexp.MustCompile(`= "([a-z-]+)"`).FindAllStringSubmatch(consts, -1) {
		if !slices.Contains(verdict.Codes(), m[1]) {
			t.Errorf("Codes lacks %s", m[1])
		}
	}
}

// TestALeakIsTheReason: that the rehearsal stopped is no more than what follows from a leak.
func TestALeakIsTheReason(t *testing.T) {
	t.Parallel()
	r := with()
	r.Stopped = &report.Stop{Phase: "audit", Reason: "the copy is gone", ExitCode: 12}
	r.Audit.Leaks = []report.Leak{{Code: verdict.PersonalForm, Where: "s.t.note", What: "e-mail addresses", Values: 3}}
	verdict.Judge(verdict.Policy{}, r)
	if !strings.HasPrefix(r.Reason, "the masked copy holds ") || !strings.Contains(r.Reason, "s.t.note") || r.ExitCode != 12 {
		t.Errorf("exit code %d: %s", r.ExitCode, r.Reason)
	}
}
