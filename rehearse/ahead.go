package rehearse

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot"
)

// ahead lays the masking rules beside the schema that the migrations made, as the next copy of production will. An archive comes masked,
// without rules to look at.
func (r *rehearsal) ahead(ctx context.Context, conn *pgx.Conn, w *work) error {
	if w.plan == nil {
		return nil
	}
	desc, err := snapshot.DescribeStaging(ctx, conn)
	if err != nil {
		return fmt.Errorf("describe staging after the migrations: %w", err)
	}
	key := sanitize.NewKey() // only whether the rules fit is asked; the run's own key may be gone
	defer key.Wipe()
	plan, err := r.cfg.Rules.Plan(snapshot.Database(desc), key, w.allowed()...)
	if err == nil {
		_, err = r.cfg.Lock.Check(plan)
	}
	r.result.Masking.Ahead = aheadFacts(err)
	return nil
}

// aheadFacts is what an error of planning says, as data; nil when there is none.
func aheadFacts(err error) *report.MaskingAhead {
	var plan *sanitize.PlanError
	var lock *sanitize.LockError
	switch {
	case errors.As(err, &plan):
		a := &report.MaskingAhead{Tables: plan.Tables, Columns: plan.Columns, Rules: plan.Paste}
		for _, i := range append(plan.Unmatched, plan.Issues...) {
			a.Unmatched = append(a.Unmatched, i.String())
		}
		return a
	case errors.As(err, &lock):
		return &report.MaskingAhead{ByDefault: lock.Added, Unmatched: lock.Changed, Lock: lock.Lines}
	}
	return nil
}
