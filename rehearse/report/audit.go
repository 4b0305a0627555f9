package report

import "fmt"

// Audit is the scan of a fresh copy for what its masks were to take out.
type Audit struct {
	Done     bool   `json:"done"`
	Why      string `json:"why,omitempty"`      // there was none
	Archived bool   `json:"archived,omitempty"` // it was that of the snapshot, when it was made

	Tables  int   `json:"tables,omitempty"`  // whose rows were scanned
	Columns int   `json:"columns,omitempty"` // of these tables
	Texts   int   `json:"texts,omitempty"`   // objects of the schema, and statistics
	Values  int64 `json:"values,omitempty"`  // not NULL
	Bytes   int64 `json:"bytes,omitempty"`
	Opaque  int64 `json:"opaque,omitempty"` // values that are bytes and no text

	Watched        int      `json:"watched,omitempty"`      // masked columns whose values were seen to pass
	Fingerprints   int64    `json:"fingerprints,omitempty"` // of distinct values of theirs; a number in groups has two
	Sample         float64  `json:"sample,omitempty"`       // the part of them of which there is a fingerprint
	Memory         int64    `json:"memory_bytes,omitempty"`
	Lookups        int64    `json:"lookups,omitempty"`
	FalsePositives float64  `json:"false_positives,omitempty"` // expected number of finds, in all of the scan, that are none
	NotScanned     []string `json:"not_scanned,omitempty"`     // and what has no fingerprint, with the reason
	Duration       Duration `json:"duration,omitempty"`

	Leaks    []Leak `json:"leaks,omitempty"`
	Accepted []Leak `json:"accepted,omitempty"` // by the rules, each with its reason
}

// Leak is something in the copy that must not be there. The value itself is kept nowhere.
type Leak struct {
	Code   string `json:"code"`   // "leaked-value" or "personal-form"
	Where  string `json:"where"`  // column or object of the schema
	What   string `json:"what"`   // "values of shop.customers.email", "an e-mail address"
	Values int64  `json:"values"` // that hold it
	Reason string `json:"reason,omitempty"`
}

// String is a leak in words.
func (l Leak) String() string {
	return fmt.Sprintf("%s: %s with %s", l.Where, Count(l.Values, "value"), l.What)
}

// audit tells what was scanned, what was not, and what was found.
func (a *arranger) audit() section {
	s := section{Title: "Audit"}
	u := a.r.Audit
	add := func(kind itemKind, text string) { s.Items = append(s.Items, item{Kind: kind, Text: a.text(text)}) }
	when := ""
	if u.Archived {
		when = " when the snapshot was made"
	}
	switch {
	case u.Done:
		text := fmt.Sprintf("%s in %s of %s (%s) and %s of the schema and statistics were scanned%s in %s, for %s of values of %s",
			Count(u.Values, "value"), Count(int64(u.Columns), "column"), Count(int64(u.Tables), "table"), Bytes(u.Bytes), Count(int64(u.Texts), "text"), when, u.Duration,
			Count(u.Fingerprints, "fingerprint"), Count(int64(u.Watched), "masked column"))
		add(0, fmt.Sprintf("%s, and for personal forms in columns that are kept. Expected false finds in all %s lookups: below %.1e; memory %s.",
			text, Digits(u.Lookups), max(u.FalsePositives, 1e-12), Bytes(u.Memory)))
	case u.Why != "":
		add(0, "The copy was not audited"+when+": "+u.Why+".")
	default:
		return s
	}
	for _, l := range u.Leaks {
		add(bullet, "leak: "+l.String())
	}
	for _, l := range u.Accepted {
		add(bullet, fmt.Sprintf("accepted: %s, because %s", l, l.Reason))
	}
	for _, what := range u.NotScanned {
		add(bullet, "not scanned: "+what)
	}
	s.Items = atMost(s.Items, 2*a.lim.lines, "lines")
	return s
}
