package report

import "fmt"

// Repeat is how long a migration took in several runs on clones of one copy, unobserved, from the first statement to the end of the commit.
type Repeat struct {
	Runs   int      `json:"runs"`
	Min    Duration `json:"min"`
	Median Duration `json:"median"` // of an even number of runs the mean of the two in the middle
	Max    Duration `json:"max"`
}

// Repeated sums up times that are in order; there must be one at least.
func Repeated(took []Duration) *Repeat {
	n := len(took)
	return &Repeat{Runs: n, Min: took[0], Median: (took[(n-1)/2] + took[n/2]) / 2, Max: took[n-1]}
}

// Varies says that times differ by more than half of the median, and by enough to matter (half a second).
func (r *Repeat) Varies() bool {
	spread := r.Max - r.Min
	return spread > r.Median/2 && spread >= 500_000_000
}

// Took is the time that budgets are judged by: the median of the repeated runs, where there are such, else that of the first.
func (m *Migration) Took() Duration {
	if m.Repeat != nil {
		return m.Repeat.Median
	}
	return m.Duration
}

// repeated tells times that were taken several times.
func (a *arranger) repeated() section {
	s := section{Title: "Times, repeated"}
	g := &grid{Head: []string{"migration", "median", "least", "most", "first run"}, Right: []int{1, 2, 3, 4}}
	runs := 0
	for _, m := range a.r.Migrations {
		if m.Repeat == nil || len(g.Rows) == a.lim.rows {
			continue
		}
		runs = m.Repeat.Runs
		g.Rows = append(g.Rows, []string{
			a.cell(m.ShortName()), m.Repeat.Median.String(), m.Repeat.Min.String(), m.Repeat.Max.String(), m.Duration.String(),
		})
	}
	if runs > 0 {
		s.Items = []item{{Kind: tabular, Grid: g}, {Text: fmt.Sprintf("%d runs on clones of one copy on this machine, unobserved, one after the other. "+
			"Budgets of time are judged by the median; the first run was observed, and its figures are those of the rest of this report.", runs)}}
	}
	return s
}
