package receipt

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// Now is what a deploy finds.
type Now struct {
	At         time.Time
	Files      []report.File // of the directory; of those that the receipt calls pending with Sent. States are not looked at
	Production *Production   // nil: it was not asked
}

// Production is what the database to deploy to is like.
type Production struct {
	Version    string // such as "15.18"
	VersionNum int
	Versions   report.Versions
	Schema     *report.Fingerprint // as the receipt has one
	Cluster    string              // as report.Subject has it
	Named      map[string]bool     // which partitions of either schema pending statements name
}

// Terms are what a deploy asks of a receipt.
type Terms struct {
	MaxAge     time.Duration // since production was read; 0: any
	Conditions bool          // GO WITH CONDITIONS will do too
	To         int64         // the deploy applies up to this version only; 0: all pending ones
}

// Check is one question asked of a receipt. It fails where the answer is not known.
type Check struct {
	What  string   `json:"what"`
	Holds bool     `json:"holds"`
	Text  string   `json:"text"`
	Moved []string `json:"moved,omitempty"` // what differs, a line each
}

// skew is how far ahead the clock of whoever made the receipt may be.
const skew = 5 * time.Minute

// Check asks everything that a deploy must know but who signed it, in the order in which people want to be told.
func (p *Payload) Check(now Now, terms Terms) []Check {
	all := []Check{p.age(now, terms), p.verdict(terms)}
	if len(p.Overrides) > 0 {
		all = append(all, p.overrides(now))
	}
	all = append(all, p.files(now, terms))
	if now.Production != nil {
		all = append(all, p.server(now.Production), p.versions(now.Production), p.schema(now.Production))
	}
	return all
}

// age counts from when production was read: a snapshot may have been taken long before it was rehearsed on.
func (p *Payload) age(now Now, terms Terms) Check {
	c := Check{What: "age"}
	if p.TakenAt.IsZero() {
		c.Text = "it does not say when production was read"
		return c
	}
	age := now.At.Sub(p.TakenAt)
	if ahead := p.EndedAt.Sub(now.At); age < -skew || ahead > skew {
		c.Text = fmt.Sprintf("it comes from the future, %s ahead of this machine's clock", report.Duration(max(-age, ahead)))
		return c
	}
	c.Text = fmt.Sprintf("production was read %s ago", report.Duration(max(age, 0)))
	switch {
	case terms.MaxAge == 0:
		c.Holds = true
		c.Text += ", and any age is allowed"
	case age > terms.MaxAge:
		c.Text += fmt.Sprintf(", allowed are %s", report.Duration(terms.MaxAge))
	default:
		c.Holds = true
	}
	return c
}

func (p *Payload) verdict(terms Terms) Check {
	c := Check{What: "verdict", Text: p.Verdict.Title()}
	c.Holds = p.ExitCode == 0 && (p.Verdict == report.Go || p.Verdict == report.GoWithConditions && terms.Conditions)
	switch {
	case c.Holds:
	case p.Verdict == report.GoWithConditions && p.ExitCode == 0:
		c.Text += ", and GO is required: " + p.Reason
	default:
		c.Text += fmt.Sprintf(" (exit code %d): %s", p.ExitCode, p.Reason)
	}
	return c
}

// overrides are asked again: one that has expired since would not have helped today.
func (p *Payload) overrides(now Now) Check {
	c := Check{What: "overrides", Holds: true, Text: report.Count(int64(len(p.Overrides)), "override") + " in force"}
	for _, o := range p.Overrides {
		if o.ExpiredAt(now.At) {
			c.Holds = false
			c.Moved = append(c.Moved, fmt.Sprintf("%s expired on %s (%s:%d)", o.Allows, o.Until, o.File, o.Line))
		}
	}
	if !c.Holds {
		c.Text += ", and not all of them any more"
	}
	return c
}

// files compares the directory with what was rehearsed: all of it, since a changed file that was applied already says that somebody may
// expect it to run again.
func (p *Payload) files(now Now, terms Terms) Check {
	c := Check{What: "files"}
	here := map[string]report.File{}
	for _, f := range now.Files {
		here[f.Name] = f
	}
	var pending int64
	for _, was := range p.Subject.Files {
		if was.State == report.FilePending {
			pending++
		}
		is, there := here[was.Name]
		delete(here, was.Name)
		switch {
		case !there:
			c.Moved = append(c.Moved, fmt.Sprintf("%s is gone (%s when it was rehearsed)", was.Name, was.State))
		case is.SHA256 != was.SHA256 || is.Version != was.Version:
			c.Moved = append(c.Moved, fmt.Sprintf("%s was changed (%s when it was rehearsed)", was.Name, was.State))
		case was.State == report.FilePending && is.Sent != was.Sent:
			c.Moved = append(c.Moved, fmt.Sprintf("%s is what it was, but its statements are not: variables of the environment replace parts of it", was.Name))
		case was.State == report.FileLeft && (terms.To == 0 || was.Version <= terms.To):
			c.Moved = append(c.Moved, was.Name+" is pending and was not rehearsed")
		}
	}
	for _, f := range now.Files {
		if _, added := here[f.Name]; added {
			c.Moved = append(c.Moved, f.Name+" was not there when it was rehearsed")
		}
	}
	c.Holds = len(c.Moved) == 0
	c.Text = fmt.Sprintf("%s, %s pending, all as they were rehearsed", report.Count(int64(len(p.Subject.Files)), "file"), report.Digits(pending))
	if !c.Holds {
		c.Text = "the directory is not what was rehearsed"
	}
	return c
}

// server compares major versions, and clusters where both are known.
func (p *Payload) server(is *Production) Check {
	c := Check{What: "server"}
	switch {
	case p.Subject.Cluster != "" && is.Cluster != "" && p.Subject.Cluster != is.Cluster:
		c.Text = "this is another PostgreSQL cluster than the one that was rehearsed on a copy of"
	case p.VersionNum/10000 != is.VersionNum/10000:
		c.Text = fmt.Sprintf("PostgreSQL %s, rehearsed was %s", is.Version, p.Version)
	default:
		c.Holds, c.Text = true, "PostgreSQL "+is.Version
		if is.Version != p.Version {
			c.Text += ", rehearsed was " + p.Version
		}
		if p.Subject.Cluster == "" || is.Cluster == "" {
			c.Text += "; whether it is the same cluster is not known"
		}
	}
	return c
}

func (p *Payload) versions(is *Production) Check {
	was := p.Subject.Versions
	c := Check{What: "versions", Holds: was.SHA256 != "" && was.SHA256 == is.Versions.SHA256}
	c.Text = fmt.Sprintf("head %d, %s applied", is.Versions.Head, report.Digits(int64(is.Versions.Count)))
	switch {
	case c.Holds:
	case was.Head != is.Versions.Head || was.Count != is.Versions.Count:
		c.Text = fmt.Sprintf("production is at version %d with %s applied, rehearsed was at %d with %s", is.Versions.Head, report.Digits(int64(is.Versions.Count)), was.Head, report.Digits(int64(was.Count)))
	default:
		c.Text += ", but other versions than those that were when it was rehearsed"
	}
	return c
}

// mostMoved bounds what is named of a schema that moved.
const mostMoved = 20

func (p *Payload) schema(is *Production) Check {
	c := Check{What: "schema"}
	was := p.Subject.Schema
	switch {
	case was == nil:
		c.Text = "the receipt has no fingerprint of it: its catalog was not read, or an older version made the snapshot"
		return c
	case is.Schema == nil:
		c.Text = "its catalog could not be read"
		return c
	}
	others, came, went := leaves(was, is)
	if was.SHA256 != "" && was.SHA256 == is.Schema.SHA256 && len(others) == 0 {
		c.Holds, c.Text = true, "as it was when it was rehearsed"
		if came+went > 0 {
			c.Text += fmt.Sprintf(", but for partitions like their siblings: %s new, %s gone", report.Digits(came), report.Digits(went))
		}
		return c
	}
	c.Text = "it is not as it was when it was rehearsed"
	c.Moved = append(others, moved(was, is.Schema)...)
	if n := len(c.Moved); n > mostMoved {
		c.Moved = append(c.Moved[:mostMoved:mostMoved], fmt.Sprintf("and %d more", n-mostMoved))
	}
	return c
}

// leaves names the partitions that were changed, and those that came or went while a pending statement names them; and counts all that came or went.
func leaves(was *report.Fingerprint, is *Production) (all []string, came, went int64) {
	for name, sum := range is.Schema.Leaves {
		switch before := was.Leaves[name]; {
		case before == "" && is.Named[name]:
			all = append(all, fmt.Sprintf("partition %s is new, and a pending migration names it", name))
			fallthrough
		case before == "":
			came++
		case before != sum:
			all = append(all, fmt.Sprintf("partition %s was changed", name))
		}
	}
	for name := range was.Leaves {
		if is.Schema.Leaves[name] != "" {
			continue
		}
		if went++; is.Named[name] {
			all = append(all, fmt.Sprintf("partition %s is gone, and a pending migration names it", name))
		}
	}
	slices.SortFunc(all, strings.Compare)
	return all, came, went
}

// moved names the objects that are another's digest, new or gone.
func moved(was, is *report.Fingerprint) []string {
	var all []string
	for kind, names := range is.Objects {
		for name, sum := range names {
			switch before := was.Objects[kind][name]; {
			case before == "":
				all = append(all, fmt.Sprintf("%s %s is new", kind, name))
			case before != sum:
				all = append(all, fmt.Sprintf("%s %s was changed", kind, name))
			}
		}
	}
	for kind, names := range was.Objects {
		for name := range names {
			if is.Objects[kind][name] == "" {
				all = append(all, fmt.Sprintf("%s %s is gone", kind, name))
			}
		}
	}
	slices.SortFunc(all, strings.Compare)
	return all
}
