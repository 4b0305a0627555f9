package rehearse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/compare"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
)

// mostAffected is how many queries are told of each migration, for each way in which they can be affected.
const mostAffected = 100

// queries applies the migrations once more and has the application's queries planned before, between and after them: what it deployed, on the
// schema to come. Nobody analyses a table meanwhile but we, in a transaction that is undone.
func queries(ctx context.Context, p *passing) (_ string, err error) {
	if len(p.work.shapes) == 0 {
		return "no query is known", nil
	}
	restore, err := noAutovacuum(ctx, p.server)
	if err != nil {
		return "", err
	}
	defer closing(ctx, &err, "switch autovacuum on again", restore)
	s := &sweep{passing: p, all: p.work.shapes, found: make([]report.Affected, p.reached)}
	err = p.onClone(ctx, "", func(at staging.Server) (err error) {
		s.trier = trier{at: at}
		defer closing(ctx, &err, "close the session that plans queries", s.close)
		if err := s.begin(ctx); err != nil {
			return err
		}
		var failed error
		err = p.applyAll(ctx, at, observe.Options{TimesOnly: true}, func(i int, _ report.Migration, _, _ time.Time) {
			if i < p.applied && failed == nil {
				failed = s.after(ctx, i)
			}
		})
		return errors.Join(err, failed)
	})
	s.tell()
	return fmt.Sprintf("%s tried, %d affected", count(s.tried, "query shape"), s.affected), err
}

// sweep is the state of the pass between two migrations.
type sweep struct {
	*passing
	trier
	all      []tried
	found    []report.Affected // by migration, without lists that are cut
	broken   []brokenOne
	changed  []changedOne
	tried    int
	done     int // migrations
	affected int
	missed   int
	sizes    map[string]int64
}

type brokenOne struct {
	migration, query int
	report.BrokenQuery
}

type changedOne struct {
	migration, query int
	before           tried // as it was planned before that migration
	report.PlanChange
}

// begin tries every query on the copy as it is before the migrations; those that it does not take are left out. A role that may not, since
// not all privileges come along, is replaced by a superuser.
func (s *sweep) begin(ctx context.Context) error {
	q := s.querying()
	q.Shapes = len(s.all)
	if most := mostPlans / (2*s.reached + 1); len(s.all) > most {
		q.LeftOut = len(s.all) - most
		s.all = s.all[:most]
	}
	slices.SortStableFunc(s.all, func(a, b tried) int { return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.path, b.path)) })
	if err := s.trier.open(ctx); err != nil {
		return err
	}
	answers, err := s.try(ctx, s.all, s.indexes(func(*tried) bool { return true }))
	if err != nil {
		return err
	}
	for i := range s.all {
		a := answers[i]
		s.all[i].works, s.all[i].state, s.all[i].plan = a.works(), a.state, a.plan
	}
	denied := s.indexes(func(t *tried) bool { return t.state == "42501" })
	for _, i := range denied {
		s.all[i].Role = ""
	}
	if answers, err = s.try(ctx, s.all, denied); err != nil {
		return err
	}
	for i, a := range answers {
		s.all[i].works, s.all[i].state, s.all[i].plan = a.works(), a.state, a.plan
	}
	ours := len(s.all)
	s.all = slices.DeleteFunc(s.all, func(t tried) bool { return t.works && ofCatalog(t.plan) })
	q.Shapes -= ours - len(s.all)
	q.Refused = map[string]int{}
	for _, t := range s.all {
		if !t.works {
			q.Refused[t.state]++
			continue
		}
		q.Tried++
	}
	s.all = slices.DeleteFunc(s.all, func(t tried) bool { return !t.works })
	s.tried = q.Tried
	q.Method = "generic plans of prepared statements"
	if s.version >= since16 {
		q.Method = "EXPLAIN (GENERIC_PLAN)"
	}
	s.sizes, err = s.trier.sizes(ctx)
	return err
}

// ofCatalog tells queries that read system catalogs alone: those of drivers, of monitoring, and ours.
func ofCatalog(p compare.Plan) bool {
	return len(p.Scans) > 0 && !slices.ContainsFunc(p.Scans, func(s compare.PlanScan) bool { return !strings.HasPrefix(s.Relation, "pg_catalog.") })
}

func (s *sweep) indexes(which func(*tried) bool) []int {
	var all []int
	for i := range s.all {
		if which(&s.all[i]) {
			all = append(all, i)
		}
	}
	return all
}

// after tries every query again, right after a migration and then with the tables analysed that it touched.
func (s *sweep) after(ctx context.Context, i int) error {
	all := s.indexes(func(*tried) bool { return true })
	now, err := s.try(ctx, s.all, all)
	if err != nil {
		return err
	}
	if s.sizes, err = s.trier.sizes(ctx); err != nil {
		return err
	}
	statements, tables, err := s.analyze(ctx, i)
	if err != nil {
		return err
	}
	reading := func(k int) bool { return now[k].works() && (now[k].plan.Reads(tables) || s.all[k].plan.Reads(tables)) }
	var analyzed map[int]answer
	if which := slices.DeleteFunc(slices.Clone(all), func(k int) bool { return !reading(k) }); len(which) > 0 && len(statements) > 0 {
		var sqls []string
		for _, st := range statements {
			sqls = append(sqls, st.sql)
		}
		if analyzed, err = s.try(ctx, s.all, which, append([]string{keepEstimates}, sqls...)...); err != nil {
			return err
		}
	}
	for _, k := range all {
		then, ok := analyzed[k]
		if !ok || !then.works() {
			then = now[k]
		}
		s.judge(i, k, now[k], then, statements)
	}
	s.done++
	return nil
}

// judge takes note of what became of one query.
func (s *sweep) judge(i, k int, now, analyzed answer, statements []analysis) {
	q := &s.all[k]
	version := s.result.Migrations[i].Version
	switch {
	case now.transient():
		s.missed++
		return
	case !now.works() && q.works:
		q.works, q.was = false, q.plan
		s.broken = append(s.broken, brokenOne{i, k, report.BrokenQuery{
			Query: folded(q.Text), Role: q.Role, SQLState: now.state, Message: now.message, Calls: q.Calls, CallsADay: s.aDay(q.Calls),
		}})
		return
	case !now.works():
		return
	case !q.works:
		for b := range s.broken {
			if one := &s.broken[b]; one.query == k && one.MendedBy == 0 {
				one.MendedBy = version
			}
		}
		q.plan = q.was
	}
	for c := range s.changed {
		if one := &s.changed[c]; one.query == k && one.MendedBy == 0 && one.Kind != report.PlanBetter && now.plan.WorseThan(one.before.plan, s.sizes) == "" {
			one.MendedBy = version
		}
	}
	s.weigh(i, k, now, analyzed, statements)
	q.works, q.plan = true, now.plan
}

// weigh compares the plan before, right after, and with the tables analysed.
func (s *sweep) weigh(i, k int, now, analyzed answer, statements []analysis) {
	q := &s.all[k]
	c := changedOne{migration: i, query: k, before: *q}
	worse, still := now.plan.WorseThan(q.plan, s.sizes), analyzed.plan.WorseThan(q.plan, s.sizes)
	switch {
	case worse != "" && still == "":
		c.Kind, c.Why = report.PlanUntilAnalyze, worse
	case still != "":
		c.Kind, c.Why = report.PlanWorse, still
	default: // as before an earlier migration is no better
		for _, one := range s.changed {
			if one.query == k && one.MendedBy == 0 && one.Kind != report.PlanBetter {
				c.before = one.before
				break
			}
		}
		if c.Why = analyzed.plan.BetterThan(c.before.plan, s.sizes); c.Why == "" {
			return
		}
		c.Kind = report.PlanBetter
	}
	if c.Kind == report.PlanUntilAnalyze || c.Kind == report.PlanBetter && now.plan.BetterThan(c.before.plan, s.sizes) == "" {
		for _, st := range statements {
			if q.plan.Reads(st.relations) || now.plan.Reads(st.relations) {
				c.Analyze = append(c.Analyze, st.sql)
			}
		}
	}
	c.Query, c.Role, c.Calls, c.CallsADay = folded(q.Text), q.Role, q.Calls, s.aDay(q.Calls)
	c.Before, c.After, c.Analyzed = report.PlanFacts{Cost: c.before.plan.Cost, Form: c.before.plan.Form},
		report.PlanFacts{Cost: now.plan.Cost, Form: now.plan.Form}, report.PlanFacts{Cost: analyzed.plan.Cost, Form: analyzed.plan.Form}
	s.changed = append(s.changed, c)
}

// aDay is how often a day something is sent that was so often since the source's statistics were reset; 0: nobody knows. Less than an hour
// says nothing of a day.
func (s *sweep) aDay(calls int64) int64 {
	window := time.Duration(s.querying().Window)
	if window < time.Hour {
		return 0
	}
	return int64(float64(calls) * float64(24*time.Hour) / float64(window))
}

// analysis is a statement that analyses a table, and the relations, as plans name them, of which it tells the planner.
type analysis struct {
	sql       string
	relations map[string]bool
}

// analyze are the statements for the tables that a migration touched by what the first pass saw, and all their relations.
func (s *sweep) analyze(ctx context.Context, i int) ([]analysis, map[string]bool, error) {
	m := &s.result.Migrations[i]
	exact := map[string]string{}
	for _, l := range m.Left.Statistics {
		exact[l.Table] = l.Analyze
	}
	var names []string
	for _, e := range m.Locks {
		names = append(names, e.Table)
	}
	for _, r := range m.Rows {
		names = append(names, r.Table)
	}
	for _, z := range m.Sizes {
		names = append(names, z.Table)
	}
	for name := range exact {
		names = append(names, name)
	}
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(n string) bool { return n == s.work.table.String() })
	there, err := s.readable(ctx, names)
	if err != nil {
		return nil, nil, err
	}
	var all []analysis
	tables := map[string]bool{}
	for _, name := range names {
		if len(there[name]) == 0 {
			continue
		}
		a := analysis{sql: cmp.Or(exact[name], "ANALYZE "+name+";"), relations: map[string]bool{}}
		for _, r := range there[name] {
			a.relations[r], tables[r] = true, true
		}
		all = append(all, a)
	}
	return all, tables, nil
}

// tell puts what was found into the result, the queries sent most first.
func (s *sweep) tell() {
	slices.SortStableFunc(s.broken, func(a, b brokenOne) int { return cmp.Compare(b.Calls, a.Calls) })
	slices.SortStableFunc(s.changed, func(a, b changedOne) int { return cmp.Compare(b.Calls, a.Calls) })
	for _, b := range s.broken {
		f := &s.found[b.migration]
		if f.BrokenCount++; len(f.Broken) < mostAffected {
			f.Broken = append(f.Broken, b.BrokenQuery)
		}
		if b.MendedBy == 0 {
			f.CallsADay += b.CallsADay
		}
	}
	for _, c := range s.changed {
		f := &s.found[c.migration]
		if f.PlansCount++; len(f.Plans) < mostAffected {
			f.Plans = append(f.Plans, c.PlanChange)
		}
	}
	for i := range s.done {
		s.result.Migrations[i].Queries = &s.found[i]
	}
	s.affected = len(s.broken) + len(s.changed)
	if s.missed > 0 {
		s.notSeen(fmt.Sprintf("%s after a migration", count(s.missed, "plan")), "a lock, a time limit or a lack of memory kept the server from making them")
	}
	if s.affected > 0 && slices.ContainsFunc(s.result.Snapshot.Tables, func(t report.TableCopy) bool { return t.Part != "" }) {
		s.notSeen("plans of queries on all rows", "staging has a part of them")
	}
}

// noAutovacuum keeps the server from analysing and vacuuming by itself; restore gives it back its setting.
func noAutovacuum(ctx context.Context, server staging.Server) (restore func(context.Context) error, err error) {
	set := func(ctx context.Context, sql, want string) error {
		conn, err := pgx.ConnectConfig(ctx, server.Config())
		if err != nil {
			return fmt.Errorf("connect to staging: %w", err)
		}
		defer conn.Close(context.WithoutCancel(ctx))
		for _, one := range []string{sql, "SELECT pg_catalog.pg_reload_conf()"} {
			if _, err := conn.Exec(ctx, one); err != nil {
				return fmt.Errorf("set autovacuum: %w", err)
			}
		}
		for range 100 { // the workers that run end when they are done
			var is string
			var busy bool
			err := conn.QueryRow(ctx, `SELECT pg_catalog.current_setting('autovacuum'),
				EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE backend_type = 'autovacuum worker')`).Scan(&is, &busy)
			if err != nil || is == want && !(busy && want == "off") {
				return err
			}
			time.Sleep(50 * time.Millisecond)
		}
		return errors.New("set autovacuum: the server did not take the setting within 5 s")
	}
	if strings.EqualFold(cmp.Or(settingOf(ctx, server, "autovacuum"), "off"), "off") {
		return func(context.Context) error { return nil }, nil
	}
	restore = func(ctx context.Context) error { return set(ctx, "ALTER SYSTEM RESET autovacuum", "on") }
	if err := set(ctx, "ALTER SYSTEM SET autovacuum = off", "off"); err != nil {
		return nil, errors.Join(err, restore(context.WithoutCancel(ctx)))
	}
	return restore, nil
}

// settingOf is a setting of staging in force; "" when it cannot be read.
func settingOf(ctx context.Context, server staging.Server, name string) (value string) {
	conn, err := pgx.ConnectConfig(ctx, server.Config())
	if err != nil {
		return ""
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_ = conn.QueryRow(ctx, "SELECT pg_catalog.current_setting($1)", name).Scan(&value)
	return value
}
