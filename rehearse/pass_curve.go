package rehearse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// How often the migrations are applied at each size: the small ones are cheap, and say how much times of one size differ.
const (
	runsOfAll  = 2
	runsOfPart = 3
)

// scale applies the migrations again to clones of the copy and to clones with fewer rows, unobserved, for how times grow with the rows. Rows are
// taken out of the tables that the first pass saw migrations work on.
func scale(ctx context.Context, p *passing) (string, error) {
	s := &scaling{passing: p, end: p.until()}
	whole := &sized{ScaledCopy: report.ScaledCopy{Share: 1}}
	s.sizes = []*sized{whole}
	shares := slices.Clone(s.cfg.Scale)
	slices.SortFunc(shares, func(a, b float64) int { return cmp.Compare(b, a) })
	for _, share := range slices.Compact(shares) {
		one := &sized{ScaledCopy: report.ScaledCopy{Share: share}}
		s.sizes = append(s.sizes, one)
		if err := s.smaller(ctx, one); err != nil {
			return "", err
		}
		if len(s.worked) == 0 {
			p.result.NotMeasured = append(p.result.NotMeasured, report.NotMeasured{
				What: "how times grow with the rows",
				Why:  cmp.Or(one.Failed, "no migration was seen to work on a table with rows, of which some could be taken out"),
			})
			return "no smaller copy", nil
		}
	}
	whole.rows = s.worked
	if err := s.runs(ctx, whole, "", runsOfAll); err != nil {
		return "", err
	}
	s.tell()
	return count(len(s.sizes), "size"), nil
}

// scaling is the state of the pass.
type scaling struct {
	*passing
	end    time.Time
	tables map[uint32]catalog.Table // of before the migrations, by OID
	keys   []catalog.ForeignKey     // of before and after the migrations, among these
	worked map[uint32]int64         // tables that migrations were seen to work on, partitioned ones as one, with their rows
	source map[uint32]int64         // and how many rows the source has
	exact  map[uint32]bool          // whether these were counted
	sizes  []*sized
}

// sized is what is known of one size.
type sized struct {
	report.ScaledCopy
	rows map[uint32]int64     // of worked
	runs [][]report.Migration // that were applied
}

// survey finds, in a clone, the tables to take rows out of, and what refers to what. A foreign key that a migration adds must hold among fewer
// rows too, so that those of after the migrations count: a clone has the OIDs of what it was made of.
func (s *scaling) survey(ctx context.Context, at staging.Server) error {
	var after []catalog.ForeignKey
	err := connected(ctx, s.server.Config(), func(conn *pgx.Conn) (err error) {
		after, err = catalog.ForeignKeys(ctx, conn)
		return err
	})
	if err != nil {
		return fmt.Errorf("read the foreign keys after the migrations: %w", err)
	}
	return connected(ctx, at.Config(), func(conn *pgx.Conn) error {
		tables, err1 := catalog.Tables(ctx, conn)
		before, err2 := catalog.ForeignKeys(ctx, conn)
		if err := errors.Join(err1, err2); err != nil {
			return fmt.Errorf("read the copy from before the migrations: %w", err)
		}
		s.tables = make(map[uint32]catalog.Table, len(tables))
		for _, t := range tables {
			s.tables[t.OID] = t
		}
		for _, k := range append(before, after...) {
			if s.fits(k) {
				s.keys = append(s.keys, k)
			}
		}
		s.count()
		return nil
	})
}

// fits tells whether all that a foreign key names was there before the migrations, and nothing said so already.
func (s *scaling) fits(k catalog.ForeignKey) bool {
	has := func(oid uint32, columns []string) bool {
		t := s.tables[oid]
		return !slices.ContainsFunc(columns, func(name string) bool {
			return !slices.ContainsFunc(t.Columns, func(c catalog.Column) bool { return c.Name == name })
		})
	}
	known := slices.ContainsFunc(s.keys, func(other catalog.ForeignKey) bool {
		return other.Child == k.Child && other.Parent == k.Parent &&
			slices.Equal(other.ChildColumns, k.ChildColumns) && slices.Equal(other.ParentColumns, k.ParentColumns)
	})
	return !known && has(k.Child, k.ChildColumns) && has(k.Parent, k.ParentColumns)
}

// whole is the topmost partitioned table of a table, or the table itself: what rows are taken out of.
func (s *scaling) whole(oid uint32) uint32 {
	if root := s.tables[oid].Root; root != 0 {
		return root
	}
	return oid
}

// count finds how many rows the tables have that migrations were seen to work on, here and at the source.
func (s *scaling) count() {
	s.worked, s.source, s.exact = map[uint32]int64{}, map[uint32]int64{}, map[uint32]bool{}
	seen := map[string]bool{}
	for i := range s.applied {
		maps.Copy(seen, touched(&s.result.Migrations[i]))
	}
	copied := map[string]report.TableCopy{}
	for _, t := range s.result.Snapshot.Tables {
		copied[t.Table] = t
	}
	worked := map[uint32]bool{}
	for oid, t := range s.tables {
		worked[s.whole(oid)] = worked[s.whole(oid)] || seen[t.String()] && t.Bookkeeping() == "" && t.String() != s.work.table.String()
	}
	for oid, t := range s.tables {
		c, known := copied[t.String()]
		unit := s.whole(oid)
		if !known || !worked[unit] {
			continue
		}
		s.worked[unit] += c.Rows
		if _, counted := s.exact[unit]; !counted {
			s.exact[unit] = true
		}
		if c.Part == "" {
			s.source[unit] += c.Rows
			continue
		}
		s.source[unit] += c.SourceRows
		s.exact[unit] = s.exact[unit] && c.SourceRowsMethod == report.Exact
	}
	maps.DeleteFunc(s.worked, func(unit uint32, rows int64) bool { return rows == 0 && s.source[unit] == 0 })
	if !slices.ContainsFunc(slices.Collect(maps.Values(s.worked)), func(rows int64) bool { return rows > 0 }) {
		clear(s.worked)
	}
}

// smaller makes a copy with fewer rows and applies the migrations to clones of it. Where that fails, or there is no time for it, its points are
// missing.
func (s *scaling) smaller(ctx context.Context, one *sized) error {
	if !s.hasTime() {
		one.Failed = "the time allowed for passes was over"
		return nil
	}
	return s.onClone(ctx, "", func(at staging.Server) error {
		if s.tables == nil {
			if err := s.survey(ctx, at); err != nil || len(s.worked) == 0 {
				return err
			}
		}
		t := &thinning{scaling: s, share: one.Share}
		if err := t.thin(ctx, at.Config()); err != nil {
			if ctx.Err() != nil || s.server.Down(ctx) != nil {
				return err
			}
			one.Failed = "rows could not be taken out: " + whyOpen(err)
			return nil
		}
		one.rows = t.left
		return s.runs(ctx, one, at.Config().Database, runsOfPart)
	})
}

// hasTime says that there is time for applying all migrations once more.
func (s *scaling) hasTime() bool {
	var first time.Duration
	for _, m := range s.result.Migrations {
		first += time.Duration(m.Duration)
	}
	return s.end.IsZero() || time.Now().Add(first).Before(s.end)
}

// runs applies the migrations so often to clones of a database. A run that ends otherwise than the first rehearsal has points as far as it came.
func (s *scaling) runs(ctx context.Context, one *sized, from string, times int) error {
	for range times {
		if !s.hasTime() {
			one.Failed = "the time allowed for passes was over"
			return nil
		}
		var run []report.Migration
		err := s.onClone(ctx, from, func(at staging.Server) error {
			return s.applyAll(ctx, at, observe.Options{TimesOnly: true}, func(_ int, m report.Migration, _, _ time.Time) {
				if m.Outcome == report.Applied {
					run = append(run, m)
				}
			})
		})
		closing(ctx, &err, "drop roles that a pass made", s.forget)
		if len(run) > 0 {
			one.runs = append(one.runs, run)
		}
		if different := (*DifferentError)(nil); errors.As(err, &different) {
			one.Failed = different.Error()
			if one.Share < 1 {
				one.Failed = fmt.Sprintf("%s was %s to the whole copy and %s with fewer rows%s",
					different.Migration, words(different.First), words(different.Then), different.why)
			}
			return nil
		} else if err != nil {
			return err
		}
		one.Runs++
	}
	return nil
}
