package rehearse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
)

// piecemeal kills a migration that commits as it goes, at each point on a clone of its own.
func (k *killing) piecemeal(ctx context.Context, i int, all []point, found *report.Kill) (err error) {
	done, err := k.all.Clone(ctx, k.base, "")
	if err != nil {
		return err
	}
	defer closing(ctx, &err, "drop a clone", func(ctx context.Context) error { return k.all.Drop(ctx, done) })
	started := time.Now()
	failure, err := k.up(ctx, done, i)
	if err != nil {
		return err
	}
	k.once = report.Duration(time.Since(started)) // most of which may be a command's own beginning
	if k.control, err = k.look(ctx, k.at(done), k.tables, k.changed); err != nil {
		return err
	}
	if odd, err := k.alone(ctx, i, failure, found); odd || err != nil {
		return err
	}
	if err := k.each(ctx, i, all, found); err != nil {
		return err
	}
	k.base, done = done, k.base // what has it undisturbed is what the next migration begins with
	return nil
}

// each goes through the points of a migration.
func (k *killing) each(ctx context.Context, i int, all []point, found *report.Kill) error {
	m := &k.result.Migrations[i]
	if slices.ContainsFunc(m.Schema, func(c report.Change) bool { return len(withoutServer([]report.Change{c})) == 0 }) {
		found.LeftOut = "it changes roles, tablespaces or settings of the whole server, so that it was not killed"
		return nil
	}
	for n, where := range all {
		if k.late(3*k.once + 5*k.cloning) {
			found.LeftOut = fmt.Sprintf("killed at %d of %d points: the time allowed for passes was over", n, len(all))
			return nil
		}
		p, hit, err := k.point(ctx, i, where)
		if err != nil {
			return err
		}
		if hit {
			found.Points = append(found.Points, p)
		}
	}
	return nil
}

// point kills a migration once and runs its migrator again.
func (k *killing) point(ctx context.Context, i int, where point) (p report.KillPoint, hit bool, err error) {
	p = k.told(&k.result.Migrations[i], where)
	err = k.onClone(ctx, k.base, func(at staging.Server) (err error) {
		if _, hit, err = k.strike(ctx, at, i, where); err != nil || !hit {
			return err
		}
		killed, err := k.look(ctx, at, k.tables, k.changed)
		if err != nil {
			return err
		}
		p.Stayed = killed.stayed(k.before)
		from := at.Config().Database
		failure, d, err := k.try(ctx, from, i, nil, true)
		if err != nil {
			return err
		}
		switch {
		case failure != nil:
			p.Outcome, p.Failure = report.KillWedged, failure
		case d.none():
			k.resumed = killed
			return nil
		default:
			p.Outcome, p.Differs, p.DataDiffers = report.KillDiffers, d.words, d.data
		}
		return k.mend(ctx, i, where, from, killed, &p)
	})
	return p, hit, err
}

// try runs SQL, and the migrator where that is wanted, on a clone of a database, and tells how it ends: what failed, or how it differs from an
// undisturbed run.
func (k *killing) try(ctx context.Context, from string, i int, sql []string, again bool) (failure *report.Failure, d deviation, err error) {
	err = k.onClone(ctx, from, func(at staging.Server) (err error) {
		if failure, err = k.byHand(ctx, at, sql); err != nil || failure != nil {
			return err
		}
		if again {
			if failure, err = k.up(ctx, at.Config().Database, i); err != nil || failure != nil {
				return err
			}
		}
		ended, err := k.look(ctx, at, k.tables, k.changed)
		if err != nil {
			return err
		}
		if len(ended.valuesOtherwise(k.control)) > 0 {
			if err := k.agree(ctx, i); err != nil {
				return err
			}
		}
		d = ended.deviates(k.control, k.spare)
		return nil
	})
	return failure, d, err
}

// agree finds the columns whose values two undisturbed runs do not agree on, by a second one: now(), random() and the like.
func (k *killing) agree(ctx context.Context, i int) error {
	if k.twice {
		return nil
	}
	k.twice = true
	return k.onClone(ctx, k.base, func(at staging.Server) error {
		failure, err := k.up(ctx, at.Config().Database, i)
		if err != nil || failure != nil {
			return err
		}
		second, err := k.look(ctx, at, k.tables, k.changed)
		if err != nil {
			return err
		}
		maps.Copy(k.spare, set(second.valuesOtherwise(k.control)))
		return nil
	})
}

func set[T comparable](all []T) map[T]bool {
	m := make(map[T]bool, len(all))
	for _, one := range all {
		m[one] = true
	}
	return m
}
