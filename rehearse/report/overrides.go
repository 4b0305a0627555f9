package report

import (
	"fmt"
	"time"
)

// Override is a comment in a migration's file that allows this migration more than the policy does, or one of its findings:
//
//	-- rehearse:allow max_migration_time=10m until=2026-12-31 reason="maintenance window, OPS-123"
type Override struct {
	Migration int64  `json:"migration"`
	File      string `json:"file"`
	Line      int    `json:"line"`
	Allows    string `json:"allows"`          // as it is written: "max_migration_time=10m", or a finding's code
	Budget    string `json:"budget"`          // the budget, or the finding's code
	Value     string `json:"value,omitempty"` // of the budget
	Until     string `json:"until"`           // the last day on which it helps, as 2026-12-31, in UTC
	Reason    string `json:"reason"`

	Expired bool     `json:"expired,omitempty"` // then it did not help
	Allowed []string `json:"allowed"`           // what it allowed: the findings that were weaker for it, or not there
}

// DateForm is how a day is written.
const DateForm = "2006-01-02"

// ExpiredAt tells whether its last day is over. A date that is none has always been.
func (o Override) ExpiredAt(at time.Time) bool {
	last, err := time.Parse(DateForm, o.Until)
	return err != nil || !at.UTC().Before(last.AddDate(0, 0, 1))
}

// overrides tells each that was in force and what it allowed.
func (a *arranger) overrides() section {
	s := section{Title: "Overrides", Open: true}
	for _, o := range a.r.Overrides {
		text := fmt.Sprintf("%s allows %s until %s: %s (%s)", a.short(o.Migration), o.Allows, o.Until, o.Reason, place(o.File, o.Line))
		switch {
		case o.Expired:
			text += "; it has expired and did not help"
		case len(o.Allowed) == 0:
			text += "; nothing needed it"
		}
		s.Items = append(s.Items, item{Kind: bullet, Text: a.text(text)})
		for _, what := range o.Allowed {
			s.Items = append(s.Items, item{Depth: 1, Text: a.text("it allowed: " + what)})
		}
	}
	s.Items = atMost(s.Items, 2*a.lim.lines, "lines")
	return s
}

// short is a migration's name by its version.
func (a *arranger) short(version int64) string {
	for _, m := range a.r.Migrations {
		if m.Version == version {
			return m.ShortName()
		}
	}
	return fmt.Sprint(version)
}
