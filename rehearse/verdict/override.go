package verdict

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// budget sets a budget of a policy to the value that a file's comment gives it; an error says what a value looks like.
type budget func(p *Policy, value string) error

// budgets are those that a migration's file can override, by their names in rehearse.yaml. A further budget is one line: each migration is
// judged again under the policy with its own values, whatever judges by them.
var budgets = map[string]budget{
	"max_migration_time":     duration(func(p *Policy) *time.Duration { return &p.MaxMigrationTime }),
	"max_reads_blocked":      duration(func(p *Policy) *time.Duration { return p.MaxReadsBlocked.alone() }),
	"max_writes_blocked":     duration(func(p *Policy) *time.Duration { return p.MaxWritesBlocked.alone() }),
	"allow_rewrite_below":    bytes(func(p *Policy) *int64 { return &p.AllowRewriteBelow }),
	"max_wal":                bytes(func(p *Policy) *int64 { return &p.MaxWAL }),
	"max_disk_peak":          bytes(func(p *Policy) *int64 { return &p.MaxDiskPeak }),
	"broken_queries":         word(func(p *Policy) *string { return &p.BrokenQueries }, "condition", "warn"),
	"require_down":           wayBack,
	"unexpected_row_changes": word(func(p *Policy) *string { return &p.UnexpectedRowChanges }, "warn"),
}

// ofAll are budgets of the whole release, which no migration can have for itself.
var ofAll = map[string]string{
	"max_total_time": "it is the budget of all migrations together", "strict": "it is for the whole release", "deny": "allow the finding's code itself",
}

// never are findings that no file can allow: they say that the release fails, or that it was not seen.
var never = []string{
	RunStopped, LeakedValue, PersonalForm, DriftMissingFile, DriftOutOfOrder, MigrationFailed, HalfApplied, MigrationTimedOut, OnlyAtSource,
	OnlyInCopy, NotMeasured, MigrationNotRun, OverrideExpired,
}

func duration(of func(*Policy) *time.Duration) budget {
	return func(p *Policy, value string) error {
		d, err := time.ParseDuration(value)
		if err != nil || d < time.Millisecond {
			return fmt.Errorf("%q is not a duration such as 500ms, 30s or 10m", value)
		}
		*of(p) = d
		return nil
	}
}

func bytes(of func(*Policy) *int64) budget {
	return func(p *Policy, value string) error {
		n, err := report.ParseBytes(value)
		if err != nil {
			return err
		}
		*of(p) = n
		return nil
	}
}

func word(of func(*Policy) *string, words ...string) budget {
	return func(p *Policy, value string) error {
		if !slices.Contains(words, value) {
			return fmt.Errorf("%q is not %s", value, strings.Join(words, " or "))
		}
		*of(p) = value
		return nil
	}
}

// wayBack is the budget for downs, of which "none" asks for nothing.
func wayBack(p *Policy, value string) error {
	err := word(func(p *Policy) *string { return &p.RequireDown }, downSchema, "none")(p, value)
	if p.RequireDown == "none" {
		p.RequireDown = ""
	}
	return err
}

// Mistake is something wrong in a file's comment.
type Mistake struct {
	Line int
	Text string
}

var (
	mark    = regexp.MustCompile(`(?i)rehearse:[ \t]*([a-z_-]*)`)
	opening = regexp.MustCompile(`^[ \t]*(--|//)[ \t]*$`)
	pair    = regexp.MustCompile(`^([a-z_]+)=("[^"]*"|[^\s"]+)(?:\s+|$)`)
)

// longest is how far ahead an override may end: one that nobody looks at again for longer is a change of the policy.
const longest = 366 * 24 * time.Hour

// Overrides reads the comments "rehearse:allow" of a migration's text: the overrides without mistakes, and all mistakes. An expired one is none.
func Overrides(text string, today time.Time) (all []report.Override, mistakes []Mistake) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		at := mark.FindStringSubmatchIndex(line)
		if at == nil {
			continue
		}
		o, err := override(line, at, today)
		o.Line = n
		if err == nil && slices.ContainsFunc(all, func(other report.Override) bool { return other.Budget == o.Budget }) {
			err = fmt.Errorf("%s is allowed twice in this file", o.Budget)
		}
		if err != nil {
			mistakes = append(mistakes, Mistake{Line: n, Text: err.Error()})
			continue
		}
		all = append(all, o)
	}
	return all, mistakes
}

// override reads one comment; at is where the mark stands in its line.
func override(line string, at []int, today time.Time) (o report.Override, err error) {
	verb := strings.ToLower(line[at[2]:at[3]])
	switch {
	case verb != "allow":
		return o, fmt.Errorf("rehearse:%s is nothing that a comment can say: rehearse:allow is", verb)
	case !opening.MatchString(line[:at[0]]):
		return o, errors.New("rehearse:allow is not in force here: it stands in a line of its own that begins with --")
	}
	what, rest, _ := strings.Cut(strings.TrimSpace(line[at[1]:]), " ")
	o.Allows = what
	o.Budget, o.Value, _ = strings.Cut(what, "=")
	if err := allowable(o); err != nil {
		return o, err
	}
	for rest = strings.TrimSpace(rest); rest != ""; {
		m := pair.FindStringSubmatch(rest)
		if m == nil {
			return o, fmt.Errorf(`cannot be read from %q on: it is until=2026-12-31 reason="why"`, rest)
		}
		rest = rest[len(m[0]):]
		switch value := strings.Trim(m[2], `"`); m[1] {
		case "until":
			o.Until = value
		case "reason":
			o.Reason = strings.TrimSpace(value)
		default:
			return o, fmt.Errorf("%s= is not known: there are until= and reason=", m[1])
		}
	}
	return o, dated(o, today)
}

// allowable says why a file cannot allow something.
func allowable(o report.Override) error {
	set, known := budgets[o.Budget]
	names := append(slices.Sorted(maps.Keys(budgets)), "or the code of a finding")
	switch {
	case o.Budget == "":
		return fmt.Errorf("rehearse:allow says nothing to allow: %s", strings.Join(names, ", "))
	case known:
		if err := set(&Policy{}, o.Value); err != nil {
			return fmt.Errorf("%s: %w", o.Budget, err)
		}
	case ofAll[o.Budget] != "":
		return fmt.Errorf("%s cannot be overridden for one migration: %s", o.Budget, ofAll[o.Budget])
	case slices.Contains(never, o.Allows):
		return fmt.Errorf("%s cannot be allowed: it says that the release fails, or was not seen", o.Allows)
	case !slices.Contains(Codes(), o.Allows):
		return fmt.Errorf("there is no budget and no finding %q: %s", o.Allows, strings.Join(names, ", "))
	}
	return nil
}

// dated says what its date and its reason lack.
func dated(o report.Override, today time.Time) error {
	until, err := time.Parse(report.DateForm, o.Until)
	switch {
	case o.Until == "":
		return fmt.Errorf("%s has no date until which it is allowed: until=%s, for example", o.Allows, today.AddDate(0, 1, 0).UTC().Format(report.DateForm))
	case err != nil:
		return fmt.Errorf("until=%s is no date such as %s", o.Until, today.AddDate(0, 1, 0).UTC().Format(report.DateForm))
	case until.Sub(today) > longest:
		return fmt.Errorf("until=%s is more than a year ahead: what is allowed for so long belongs into the policy", o.Until)
	case o.Reason == "":
		return fmt.Errorf(`%s has no reason: reason="why, and who knows"`, o.Allows)
	}
	return nil
}

// overridden judges again what files allow: findings of a migration become those that it has under its own budgets, or weaker where their
// code is allowed. It notes in each override what that changed.
func overridden(p Policy, r *report.Result, found []report.Finding) []report.Finding {
	for i := range r.Overrides {
		o := &r.Overrides[i]
		o.Allowed, o.Expired = []string{}, o.ExpiredAt(r.StartedAt)
		if o.Expired {
			found = append(found, report.Finding{
				Code: OverrideExpired, Level: report.Warn, Migration: o.Migration, File: o.File, Line: o.Line,
				Text: fmt.Sprintf("the override %s expired on %s and did not help: %s", o.Allows, o.Until, o.Reason),
				Do:   "Take it out of the file, or give it a later date if the reason still holds.",
			})
		}
	}
	own := map[int64]Policy{}
	for i := range r.Overrides { // budgets first: judging again knows nothing of codes
		o := &r.Overrides[i]
		set, known := budgets[o.Budget]
		if o.Expired || !known {
			continue
		}
		policy, ok := own[o.Migration]
		if !ok {
			policy = p
		}
		if set(&policy, o.Value) != nil {
			continue
		}
		if changed, looser := underOwn(policy, r, found, o); looser {
			found, own[o.Migration] = changed, policy
		}
	}
	for i := range r.Overrides {
		if o := &r.Overrides[i]; !o.Expired && budgets[o.Budget] == nil {
			found = allow(found, o)
		}
	}
	return found
}

// underOwn is found with the findings of one migration as they are under another policy; false where that policy allows it no more.
func underOwn(p Policy, r *report.Result, found []report.Finding, o *report.Override) ([]report.Finding, bool) {
	ofIt := func(f report.Finding) bool { return f.Migration == o.Migration && f.Code != OverrideExpired }
	is := slices.DeleteFunc(judged(p, r), func(f report.Finding) bool { return !ofIt(f) })
	was := slices.DeleteFunc(slices.Clone(found), func(f report.Finding) bool { return !ofIt(f) })
	heavier := func(all []report.Finding, f report.Finding) bool {
		return !slices.ContainsFunc(all, func(other report.Finding) bool {
			return other.Code == f.Code && other.Object == f.Object && other.Line == f.Line && other.Level.Weight() >= f.Level.Weight()
		})
	}
	for _, f := range is {
		if f.Level.Weight() > report.Warn.Weight() && heavier(was, f) {
			return found, false // the policy is more generous already
		}
	}
	for _, f := range was {
		if f.Level.Weight() > 0 && heavier(is, f) {
			o.Allowed = append(o.Allowed, f.Text)
		}
	}
	return append(slices.DeleteFunc(slices.Clone(found), ofIt), is...), true
}

// allow weakens the findings that an override allows by their code.
func allow(found []report.Finding, o *report.Override) []report.Finding {
	found = slices.Clone(found)
	for i := range found {
		f := &found[i]
		if f.Migration != o.Migration || f.Code != o.Budget || f.ExitCode != 0 && f.ExitCode != exitPolicy || f.Level.Weight() == 0 || f.Level == report.Unknown {
			continue
		}
		o.Allowed = append(o.Allowed, f.Text)
		weaker := report.Warn
		if f.Level == report.Warn {
			weaker = report.Info
		}
		f.Level, f.ExitCode, f.Do = weaker, 0, ""
		f.Text += fmt.Sprintf("; allowed until %s: %s", o.Until, o.Reason)
	}
	return found
}

// deny makes failures of the findings that the policy denies.
func (j *judge) deny() {
	for i := range j.found {
		f := &j.found[i]
		if !slices.Contains(j.p.Deny, f.Code) || f.ExitCode >= 20 || f.Level == report.Fail {
			continue
		}
		f.Level = report.Fail
		if f.ExitCode == 0 || f.ExitCode == exitInconclusive {
			f.ExitCode = exitPolicy
		}
		f.Text += "; the policy denies " + f.Code
	}
}
