package rehearse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
)

// settling bounds the wait for canaries after a migration whose locks are gone.
const settling = 5 * time.Second

// probe applies the migrations once more while canaries ask for the tables that the first pass saw locked: how long an application's
// reads and writes would have waited. Nothing else is asked meanwhile, so that locks are held no longer than without us.
func probe(ctx context.Context, p *passing) (string, error) {
	tables := p.locked(p.result.Migrations)
	if len(tables) == 0 {
		return "no table was locked against reads or writes", nil
	}
	probed := tables[:min(len(tables), p.probes())]
	err := p.onClone(ctx, "", func(at staging.Server) (err error) {
		canaries := observe.Release(ctx, at.Config, probed)
		defer canaries.Stop()
		canaries.Settle(ctx, settling)
		err = p.applyAll(ctx, at, observe.Options{TimesOnly: true}, func(i int, _ report.Migration, from, to time.Time) {
			canaries.Settle(ctx, settling)
			p.result.Migrations[i].Probed, p.result.Migrations[i].Blocked = true, canaries.Waits(from, to)
		})
		p.result.Probing = canaries.Probing()
		p.result.Probing.NotProbed = append(p.result.Probing.NotProbed, tables[len(probed):]...)
		return err
	})
	return count(len(probed), "table") + " probed", err
}

// probes is how many tables can be probed at once: two sessions each, and two dozen are left for a crowd, the migrations and what watches them.
func (p *passing) probes() int {
	n, err := strconv.Atoi(p.result.Staging.Settings["max_connections"])
	if err != nil {
		return observe.MostProbed
	}
	return min(observe.MostProbed, max(1, (n-3*observe.MostReaders)/2))
}

// locked are the tables that the first pass saw migrations lock against reads or writes, those held longest first, then those that were changed when
// nobody was looking.
func (p *passing) locked(by []report.Migration) []string {
	held := map[string]report.Duration{}
	for i, m := range by {
		for _, t := range p.unseen(&by[i]) {
			held[t] += 0
		}
		for _, e := range m.Locks {
			if e.Object == "" && e.Blocks != "schema changes" && !p.result.Made(e.Table) {
				held[e.Table] = max(held[e.Table], e.Held)
			}
		}
	}
	tables := make([]string, 0, len(held))
	for t := range held {
		tables = append(tables, t)
	}
	slices.SortFunc(tables, func(a, b string) int { return cmp.Or(cmp.Compare(held[b], held[a]), cmp.Compare(a, b)) })
	return tables
}

// applyAll applies to a clone what the first pass applied, and the migration that failed there, and calls done with each and its time.
func (p *passing) applyAll(ctx context.Context, at staging.Server, o observe.Options, done func(i int, m report.Migration, from, to time.Time)) (err error) {
	a, err := p.applier(ctx, at, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close(ctx)) }()
	for i := range p.reached {
		from := time.Now()
		m, _, err := a.Up(ctx, i)
		if err != nil {
			return err
		}
		if done(i, m, from, time.Now()); m.Outcome != p.result.Migrations[i].Outcome {
			return p.otherwise(m, i)
		}
	}
	return nil
}

// otherwise is the error of a migration that ended in another way than in the first pass.
func (p *passing) otherwise(m report.Migration, i int) error {
	why := ""
	if m.Failure != nil {
		why = ": " + m.Failure.Message
	}
	return &DifferentError{Migration: m.Name, First: p.result.Migrations[i].Outcome, Then: m.Outcome, why: why}
}

// DifferentError says that a migration, applied again to the same copy, ended otherwise.
type DifferentError struct {
	Migration   string
	First, Then report.Outcome
	why         string
}

func (e *DifferentError) Error() string {
	return fmt.Sprintf("%s was %s at first and %s when it was applied to a clone of the same copy%s", e.Migration, words(e.First), words(e.Then), e.why)
}

func words(o report.Outcome) string {
	switch o {
	case report.TimedOut:
		return "stopped for its time"
	case report.NotRun:
		return "not run"
	}
	return string(o)
}
