package report

import "fmt"

// What an [Assertion] expects of the rows that its statement gives.
const (
	ExpectNoRows    = "no rows"
	ExpectTrue      = "true"      // one row with one column, which is true
	ExpectUnchanged = "unchanged" // the same rows before and after, in any order, as text
)

// Expectations are all there are.
func Expectations() []string { return []string{ExpectNoRows, ExpectTrue, ExpectUnchanged} }

// What became of an [Assertion].
const (
	Held        = "holds"
	Broken      = "fails"
	BrokenFirst = "fails, and did before the migrations"
	NotAsked    = "not run" // a migration failed before
	NotKnown    = "not known"
)

// Assertion is a statement of SQL of the user's that says something about the data, asked before the migrations and after all of them. No value
// that it gave is kept.
type Assertion struct {
	Name    string   `json:"name"`
	Expect  string   `json:"expect"`
	Outcome string   `json:"outcome"`
	Before  Answer   `json:"before"`
	After   Answer   `json:"after"`
	Took    Duration `json:"took"` // both times together
}

// Answer is what a statement gave once, without any value.
type Answer struct {
	Rows  *int64 `json:"rows,omitempty"`  // of ExpectNoRows
	True  *bool  `json:"true,omitempty"`  // of ExpectTrue
	Same  *bool  `json:"same,omitempty"`  // of ExpectUnchanged, after: the same as before
	Error string `json:"error,omitempty"` // why there was no answer: the server's SQLSTATE and message, without values
}

// CheckCommand is the user's own command, run on a clone of the migrated copy.
type CheckCommand struct {
	Status int      `json:"status"` // its exit status; -1: it was killed, or did not start
	Took   Duration `json:"took"`
	Why    string   `json:"why,omitempty"` // why it was not run
}

// Conclude fills Outcome from the answers.
func (c *Assertion) Conclude() {
	was, is := c.Before.holds(), c.After.holds()
	switch {
	case c.Outcome == NotAsked:
	case c.After.Error != "" && c.Before.Error != "":
		c.Outcome = NotKnown
	case c.Expect == ExpectUnchanged && c.Before.Error != "":
		c.Outcome = NotKnown
	case is:
		c.Outcome = Held
	case c.Expect != ExpectUnchanged && c.Before.Error == "" && !was && c.After.Error == "" && !c.worse():
		c.Outcome = BrokenFirst
	default:
		c.Outcome = Broken
	}
}

func (a Answer) holds() bool {
	return a.Error == "" && (a.Rows != nil && *a.Rows == 0 || a.True != nil && *a.True || a.Same != nil && *a.Same)
}

// worse tells whether there are more rows after than before.
func (c *Assertion) worse() bool {
	return c.Before.Rows != nil && c.After.Rows != nil && *c.After.Rows > *c.Before.Rows
}

// Says is what it gave, in words.
func (c *Assertion) Says() string {
	switch {
	case c.Outcome == NotAsked:
		return "a migration failed before it could be asked"
	case c.After.Error != "":
		return "after the migrations the server refused it: " + c.After.Error
	case c.Before.Error != "" && c.Outcome == NotKnown:
		return "before the migrations the server refused it: " + c.Before.Error
	case c.After.Rows != nil && c.Before.Rows != nil:
		return fmt.Sprintf("%s before the migrations, %s after", Count(*c.Before.Rows, "row"), Digits(*c.After.Rows))
	case c.After.Rows != nil:
		return Count(*c.After.Rows, "row") + " after the migrations"
	case c.After.Same != nil && *c.After.Same:
		return "the same before and after"
	case c.After.Same != nil:
		return "changed by the migrations"
	case c.After.True != nil && *c.After.True:
		return "true after the migrations"
	}
	return "not true after the migrations"
}

// checks tells the user's own checks, those that fail first.
func (a *arranger) checks() section {
	s := section{Title: "Your checks"}
	for _, failed := range []bool{true, false} {
		for _, c := range a.r.Checks {
			if (c.Outcome != Held) == failed {
				s.Items = append(s.Items, item{Kind: bullet, Text: a.text(fmt.Sprintf("%s: %s (expected %s): %s", c.Outcome, c.Name, c.Expect, c.Says()))})
			}
		}
	}
	s.Items = atMost(s.Items, 2*a.lim.lines, "checks")
	if c := a.r.CheckCommand; c != nil {
		text := fmt.Sprintf("the check command ended with status %d after %s, on a clone of the migrated copy", c.Status, c.Took)
		if c.Why != "" {
			text = "the check command was not run: " + c.Why
		}
		s.Items = append(s.Items, item{Kind: bullet, Text: text})
	}
	return s
}
