// Package verdict turns what a rehearsal saw and a policy into findings and one verdict.
//
// It is pure: facts and budgets in, [report.Finding]s and a [report.Verdict] out, the same for the same input. It judges
// nothing that the result does not hold: a figure that is missing is a finding of its own weight, never a pass.
//
// A finding has a level. One [report.Fail] makes a NO-GO; without one, a [report.Unknown] makes the rehearsal
// INCONCLUSIVE; then a [report.Condition] makes a GO WITH CONDITIONS. Warnings and notes leave a GO a GO. Budgets decide,
// opinions only warn: a lock held for a minute is told, but fails no rehearsal unless a budget says so.
//
// What a file allows its migration is judged by judging again: see overridden.
//
// Every code, with what it means and what to do, is in docs/findings.md; a test holds the two together.
package verdict

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// Policy is what a team allows a release to do. The zero value has no limit on time, allows no table to be rewritten,
// and fails on unexpected changes of rows.
type Policy struct {
	MaxTotalTime         time.Duration // of all migrations together; 0: no limit
	MaxMigrationTime     time.Duration // of each migration; 0: no limit
	AllowRewriteBelow    int64         // bytes of the new storage; -1: any size, 0: none
	UnexpectedRowChanges string        // "fail" or "warn"; empty: "fail"
	RequireDown          string        // "reversible" or "schema": what the down of each migration must restore; empty: nothing
	Strict               bool          // conditions end with code 11 instead of 0
	Deny                 []string      // codes of findings that fail, whatever their level

	MaxReadsBlocked, MaxWritesBlocked BlockedBudget // how long a migration may keep others from a table
	MaxWAL                            int64         // bytes of WAL of each migration; 0: no limit
	MaxDiskPeak                       int64         // bytes of disk of each migration above what there was before; 0: no limit
	BrokenQueries                     string        // "fail", "condition" or "warn"; empty: "condition"
}

// Facts is the policy as a result tells it.
func (p Policy) Facts() report.Policy {
	return report.Policy{
		MaxTotalTime: report.Duration(p.MaxTotalTime), MaxMigrationTime: report.Duration(p.MaxMigrationTime),
		AllowRewriteBelow: p.AllowRewriteBelow, UnexpectedRowChanges: cmp.Or(p.UnexpectedRowChanges, "fail"), Strict: p.Strict, RequireDown: p.RequireDown, Deny: p.Deny,
		MaxReadsBlocked: p.MaxReadsBlocked.facts(), MaxWritesBlocked: p.MaxWritesBlocked.facts(),
		MaxWAL: p.MaxWAL, MaxDiskPeak: p.MaxDiskPeak, BrokenQueries: cmp.Or(p.BrokenQueries, "condition"),
	}
}

// The exit codes that a judgement can give; the others belong to runs that could not be judged.
const (
	exitFailed       = 10 // a migration failed
	exitPolicy       = 11 // a budget was exceeded
	exitMasking      = 12 // masking incomplete
	exitDrift        = 13 // version table and files disagree
	exitInconclusive = 14 // something needed could not be measured
	exitStaging      = 21 // the staging server could not go on
	exitTimeout      = 23 // the overall time limit
)

// Judge fills Findings, Verdict, Reason, ExitCode, ExitCodes and Policy of r from the rest of it. Judging a result again
// gives the same. Findings are ordered by weight, then by code as docs/findings.md lists them, then by migration.
func Judge(p Policy, r *report.Result) {
	if p.UnexpectedRowChanges == "" {
		p.UnexpectedRowChanges = "fail"
	}
	r.Policy = p.Facts()
	j := &judge{p: p, r: r, found: overridden(p, r, judged(p, r))}
	j.sort()
	r.Findings = j.found
	j.conclude()
}

// judged are the findings under a policy, without what files override.
func judged(p Policy, r *report.Result) []report.Finding {
	j := &judge{p: p, r: r}
	j.run()
	j.drift()
	j.time()
	j.curves()
	for i := range r.Migrations {
		m := &r.Migrations[i]
		j.outcome(m)
		j.rewrites(m)
		j.rows(m)
		j.locks(m)
		j.rowLocks(m)
		j.hostile(m)
		j.scans(m)
		j.columns(m)
		j.droppedColumns(m)
		j.rounded(m)
		j.back(m)
		j.kill(m)
		j.varies(m)
		j.room(m)
		j.queries(m)
		j.remains(m)
	}
	j.truth()
	j.masking()
	j.part()
	j.anonymity()
	j.literals()
	j.left()
	j.takenForBuilt()
	j.files()
	j.checks()
	j.deny()
	return j.found
}

// judge collects findings.
type judge struct {
	p     Policy
	r     *report.Result
	found []report.Finding
}

func (j *judge) add(f report.Finding) { j.found = append(j.found, f) }

// sort orders by weight, then as the catalogue of codes has it, then as the migrations were applied.
func (j *judge) sort() {
	order := map[int64]int{}
	for i, m := range j.r.Migrations {
		order[m.Version] = i + 1
	}
	slices.SortStableFunc(j.found, func(a, b report.Finding) int {
		return cmp.Or(
			cmp.Compare(b.Level.Weight(), a.Level.Weight()),
			cmp.Compare(rank(a.Code), rank(b.Code)),
			cmp.Compare(order[a.Migration], order[b.Migration]),
			cmp.Compare(a.Object, b.Object),
			cmp.Compare(a.Text, b.Text),
		)
	})
}

// conclude draws the verdict, its reason and the exit codes from the sorted findings.
func (j *judge) conclude() {
	r := j.r
	r.Verdict, r.Reason = report.Go, j.allWell()
	if len(j.found) > 0 {
		first := j.found[0]
		switch first.Level {
		case report.Fail:
			r.Verdict = report.NoGo
		case report.Unknown:
			r.Verdict = report.Inconclusive
		case report.Condition:
			r.Verdict = report.GoWithConditions
		}
		if r.Verdict != report.Go {
			r.Reason = brief(first.Text)
		}
	}
	codes := map[int]bool{}
	for i := range j.found {
		f := &j.found[i]
		if f.Level == report.Condition && j.p.Strict {
			f.ExitCode = exitPolicy
			if f.Code == MaskingAhead {
				f.ExitCode = exitMasking
			}
		}
		if f.ExitCode != 0 {
			codes[f.ExitCode] = true
		}
	}
	r.ExitCodes = make([]int, 0, len(codes))
	for c := range codes {
		r.ExitCodes = append(r.ExitCodes, c)
	}
	slices.SortFunc(r.ExitCodes, func(a, b int) int {
		return cmp.Or(cmp.Compare(precedence(a), precedence(b)), cmp.Compare(a, b))
	})
	r.ExitCode = 0
	if len(r.ExitCodes) > 0 {
		r.ExitCode = r.ExitCodes[0]
	} else {
		r.ExitCodes = []int{0}
	}
}

// precedence says which of several exit codes decides: an interruption, then what kept us from judging, then masking,
// drift, a failure, a budget, and last an open question.
func precedence(code int) int {
	switch {
	case code == 130 || code == 143:
		return 0
	case code >= 20 && code <= 29:
		return 1
	case code == exitMasking:
		return 2
	case code == exitDrift:
		return 3
	case code == exitFailed:
		return 4
	case code == exitPolicy:
		return 5
	case code == exitInconclusive:
		return 6
	default:
		return 7
	}
}

// allWell is the reason of a GO.
func (j *judge) allWell() string {
	n := int64(len(j.r.Migrations))
	if n == 0 {
		return "no migration is pending"
	}
	var total report.Duration
	for _, m := range j.r.Migrations {
		total += m.Duration
	}
	verb := " were applied in "
	if n == 1 {
		verb = " was applied in "
	}
	text := report.Count(n, "migration") + verb + total.String() + ", within every budget"
	var warnings int64
	for _, f := range j.found {
		if f.Level == report.Warn {
			warnings++
		}
	}
	if warnings > 0 {
		text += "; " + report.Count(warnings, "warning")
	}
	return text
}

var sqlState = regexp.MustCompile(` \([0-9A-Z]{5}\)$`)

// maxReason is the most runes of a reason.
const maxReason = 110

// brief is what stands before a finding's first semicolon, cut to fit the first line; a SQLSTATE at its end is kept.
func brief(s string) string {
	if i := strings.Index(s, "; "); i >= 0 {
		s = s[:i]
	}
	if utf8.RuneCountInString(s) <= maxReason {
		return s
	}
	state := sqlState.FindString(s)
	r := []rune(strings.TrimSuffix(s, state))
	if i := strings.LastIndex(string(r), ": key ("); i > 0 && utf8.RuneCountInString(s[:i]+state) <= maxReason {
		return s[:i] + state
	}
	return string(r[:maxReason-1-len(state)]) + "…" + state
}
