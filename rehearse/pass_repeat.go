package rehearse

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
)

// repeat applies all migrations again and again, each time to a fresh clone and unobserved, for how much their times vary. What was run
// before the time for passes was over, or before a run that ended otherwise, is told. Clones are made of files, so that each run begins with a
// cold cache of the server and a warm one of the machine.
func repeat(ctx context.Context, p *passing) (string, error) {
	var first time.Duration
	for _, m := range p.result.Migrations {
		first += time.Duration(m.Duration)
	}
	took := make([][]report.Duration, p.reached)
	end, runs, err := p.until(), 0, error(nil)
	for ; runs < p.cfg.Repeat && err == nil; runs++ {
		if !end.IsZero() && time.Now().Add(first).After(end) {
			p.result.NotMeasured = append(p.result.NotMeasured, report.NotMeasured{
				What: fmt.Sprintf("how much times vary, over more than %d of %d runs", runs, p.cfg.Repeat), Why: "the time allowed for passes was over",
			})
			break
		}
		one := make([]report.Duration, p.reached)
		err = p.onClone(ctx, "", func(at staging.Server) error {
			return p.applyAll(ctx, at, observe.Options{TimesOnly: true}, func(i int, m report.Migration, _, _ time.Time) { one[i] = m.Duration })
		})
		if err == nil {
			for i, d := range one {
				took[i] = append(took[i], d)
			}
		}
	}
	for i := range p.applied {
		if all := took[i]; len(all) > 1 {
			slices.Sort(all)
			p.result.Migrations[i].Repeat = report.Repeated(all)
		}
	}
	return count(runs, "run"), err
}
