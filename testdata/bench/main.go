// Command bench measures a whole masked copy against what people do without rehearse, in rounds on one machine: wall time, CPU of the whole
// machine meanwhile, and the peak memory of rehearse itself. `make bench` runs it; nothing else should run beside it.
//
// The source is built by an SQL script that takes psql's variable scale. All copies go into the same kind of throwaway server, with the
// settings of load mode, but for the clone, which is made on a staging server that is in use; building and starting the servers is not
// measured. rehearse gathers statistics, which the others leave to the user: the time of vacuumdb --analyze-only after pg_restore is told
// apart.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/staging"
)

type options struct {
	binary, sql, masks, who string
	scale                   float64
	rounds, major, jobs     int
}

func main() {
	var o options
	flag.StringVar(&o.binary, "rehearse", "bin/rehearse", "the program to measure")
	flag.StringVar(&o.sql, "sql", "../shared/bench/prod.sql", "script that builds the source")
	flag.StringVar(&o.masks, "masks", "testdata/bench/rehearse.masks.yaml", "masking rules for it")
	flag.StringVar(&o.who, "who", "masked,unaudited,kept,dump,dump0,pgcopydb,empty,clone,archive,restore,pgrestore", "what to measure: "+strings.Join(names(), ", "))
	flag.Float64Var(&o.scale, "scale", 10, "psql's variable scale")
	flag.IntVar(&o.rounds, "pairs", 5, "number of rounds; medians are of these")
	flag.IntVar(&o.major, "major", 15, "PostgreSQL's major version")
	flag.IntVar(&o.jobs, "jobs", 2, "jobs of every program")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := bench(ctx, o); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// contender is one thing that is measured.
type contender struct {
	name, what string
	run        func(context.Context, sources, options) (cost, error)
}

// sources are what is copied: with rows, without, and what is kept of a masked copy. Each is there when a contender needs it.
type sources struct {
	full, empty staging.Server
	kept        keptCopy
}

var contenders = []contender{
	{"masked", "rehearse, masked", func(ctx context.Context, s sources, o options) (cost, error) { return copied(ctx, s.full, o, o.masks) }},
	{"unaudited", "rehearse, masked, without the audit", func(ctx context.Context, s sources, o options) (cost, error) {
		return stage(ctx, s.full, o, nil, "--masks", o.masks, "--no-audit")
	}},
	{"kept", "rehearse, every column kept", kept},
	{"dump", "pg_dump -Fd | pg_restore", func(ctx context.Context, s sources, o options) (cost, error) { return dumpRestore(ctx, s.full, o) }},
	{"dump0", "pg_dump -Fd -Z0 | pg_restore", func(ctx context.Context, s sources, o options) (cost, error) {
		return dumpRestore(ctx, s.full, o, "-Z0")
	}},
	{"pgcopydb", "pgcopydb clone", pgcopydb},
	{"empty", "rehearse, the schema without rows", func(ctx context.Context, s sources, o options) (cost, error) { return copied(ctx, s.empty, o, o.masks) }},
	{"clone", "rehearse staging clone", clone},
	{"archive", "rehearse snapshot create", archive},
	{"restore", "rehearse stage --snapshot", restore},
	{"pgrestore", "pg_restore of the same masked data", pgRestore},
}

// goals are what the median of one contender may be of another's, at most.
var goals = []struct{ this, other, goal string }{
	{"unaudited", "kept", "must 1.08"},
	{"unaudited", "dump", "must 0.60, aim 0.50"},
	{"unaudited", "dump0", "must 0.95, aim 0.85"},
	{"unaudited", "pgcopydb", "must 0.85"},
	{"masked", "dump", "must 0.60, aim 0.50"},
	{"masked", "dump0", "must 0.95, aim 0.85"},
	{"masked", "pgcopydb", "must 0.85"},
	{"clone", "masked", "must 0.20"},
	{"restore", "pgrestore", "told"},
}

func names() []string {
	var all []string
	for _, c := range contenders {
		all = append(all, c.name)
	}
	return all
}

func bench(ctx context.Context, o options) error {
	if _, err := os.Stat(o.sql); err != nil {
		return fmt.Errorf("no script to build the source from: %w; name one with -sql, its rules with -masks", err)
	}
	var who []contender
	for name := range strings.SplitSeq(o.who, ",") {
		i := slices.Index(names(), name)
		if i < 0 {
			return fmt.Errorf("-who: there is no %q, only %s", name, strings.Join(names(), ", "))
		}
		who = append(who, contenders[i])
	}
	s, drop, err := provide(ctx, o, who)
	defer drop()
	if err != nil {
		return err
	}
	costs := map[string][]cost{}
	for round := 1; round <= o.rounds; round++ {
		for _, c := range who {
			took, err := c.run(ctx, s, o)
			if err != nil {
				return fmt.Errorf("%s: %w", c.what, err)
			}
			costs[c.name] = append(costs[c.name], took)
			fmt.Printf("round %d  %-34s %s\n", round, c.what, took)
		}
	}
	fmt.Println()
	tell(who, costs)
	return nil
}

// provide makes what is copied; drop, which may be called in any case, removes it.
func provide(ctx context.Context, o options, who []contender) (s sources, drop func(), err error) {
	var drops []func()
	drop = func() {
		for _, d := range slices.Backward(drops) {
			d()
		}
	}
	needs := func(names ...string) bool {
		return slices.ContainsFunc(who, func(c contender) bool { return slices.Contains(names, c.name) })
	}
	if s.full, err = build(ctx, o, o.scale); err != nil {
		return s, drop, err
	}
	drops = append(drops, func() { _ = s.full.Stop(context.WithoutCancel(ctx)) })
	if needs("empty") {
		if s.empty, err = build(ctx, o, 0); err != nil {
			return s, drop, err
		}
		drops = append(drops, func() { _ = s.empty.Stop(context.WithoutCancel(ctx)) })
	}
	if needs("restore", "pgrestore") {
		dir, err := os.MkdirTemp("", "bench-")
		if err != nil {
			return s, drop, err
		}
		drops = append(drops, func() { _ = os.RemoveAll(dir) })
		s.kept, err = keep(ctx, s.full, o, dir)
		return s, drop, err
	}
	return s, drop, nil
}

// tell prints the medians of all, and then of one against another where there is a goal.
func tell(who []contender, costs map[string][]cost) {
	wall, cpu := func(c cost) float64 { return c.wall.Seconds() }, func(c cost) float64 { return c.cpu.Seconds() }
	for _, c := range who {
		own := costs[c.name]
		fmt.Printf("median   %-34s %6.1f s wall %6.1f s CPU\n", c.what, median(own, wall), median(own, cpu))
	}
	for _, g := range goals {
		this, other := costs[g.this], costs[g.other]
		if len(this) == 0 || len(other) == 0 {
			continue
		}
		fmt.Printf("goal     %-34s %6.2f wall %6.2f CPU   (%s)", g.this+" / "+g.other, median(this, wall)/median(other, wall), median(this, cpu)/median(other, cpu), g.goal)
		if with := func(c cost) float64 { return (c.wall + c.analyze).Seconds() }; other[0].analyze > 0 {
			fmt.Printf(", %.2f wall with statistics on both sides", median(this, wall)/median(other, with))
		}
		fmt.Println()
	}
}

func median(costs []cost, of func(cost) float64) float64 {
	v := make([]float64, len(costs))
	for i, c := range costs {
		v[i] = of(c)
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// serve starts a throwaway server from local binaries.
func serve(ctx context.Context, major int, database string) (staging.Server, error) {
	return staging.Start(ctx, staging.ProviderLocal, staging.Spec{
		RunID: fmt.Sprintf("bench-%d-%d", os.Getpid(), time.Now().UnixNano()), Major: major, Database: database, TTL: 6 * time.Hour, Jobs: 2,
		Locale: staging.Locale{Encoding: "UTF8", Provider: "libc", Collate: "C.UTF-8", CType: "C.UTF-8"},
	})
}

// build makes a source; scale 0 makes the schema alone.
func build(ctx context.Context, o options, scale float64) (_ staging.Server, err error) {
	source, err := serve(ctx, o.major, "prod")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = source.Stop(context.WithoutCancel(ctx))
		}
	}()
	fmt.Printf("building a source at scale %g ...\n", scale)
	sql, err := filepath.Abs(o.sql)
	if err != nil {
		return nil, err
	}
	started := time.Now()
	args := []string{"-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", fmt.Sprintf("scale=%g", max(scale, 0.01)), "-f", sql}
	if err := source.Exec(ctx, "psql", args, source.Self(), os.Stdout, os.Stderr); err != nil {
		return nil, fmt.Errorf("build the source: %w", err)
	}
	if scale == 0 {
		const truncate = `DO $$ BEGIN EXECUTE (SELECT 'TRUNCATE ' || string_agg(oid::regclass::text, ', ') FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace IN ('shop'::regnamespace, 'audit'::regnamespace)); END $$`
		if err := source.Exec(ctx, "psql", []string{"-X", "-q", "-c", truncate}, source.Self(), os.Stdout, os.Stderr); err != nil {
			return nil, fmt.Errorf("empty the source: %w", err)
		}
	}
	const versions = "CREATE TABLE public.goose_db_version (id serial PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp DEFAULT now()); INSERT INTO public.goose_db_version (version_id, is_applied) VALUES (0, true); CHECKPOINT"
	if err := source.Exec(ctx, "psql", []string{"-X", "-q", "-c", versions}, source.Self(), os.Stdout, os.Stderr); err != nil {
		return nil, fmt.Errorf("build the source: %w", err)
	}
	fmt.Printf("built in %.0f s\n", time.Since(started).Seconds())
	return source, nil
}

// dumpRestore is what people do without rehearse: not masked, and compressed unless options say otherwise.
func dumpRestore(ctx context.Context, source staging.Server, o options, more ...string) (cost, error) {
	return restored(ctx, o, func(target staging.Server) (string, error) {
		dir := target.TempPath("dump")
		return dir, source.Exec(ctx, "pg_dump", append([]string{"-Fd", jobs(o), "-f", dir}, more...), source.Self(), os.Stdout, os.Stderr)
	})
}

// restored measures pg_restore of a dump, the making of the dump included.
func restored(ctx context.Context, o options, dump func(target staging.Server) (string, error)) (cost, error) {
	target, err := serve(ctx, o.major, "copy")
	if err != nil {
		return cost{}, err
	}
	defer target.Stop(context.WithoutCancel(ctx))
	m := begin()
	dir, err := dump(target)
	if err != nil {
		return cost{}, err
	}
	if err := target.Exec(ctx, "pg_restore", []string{jobs(o), "-d", "copy", dir}, target.Self(), os.Stdout, os.Stderr); err != nil {
		return cost{}, err
	}
	c := m.end()
	m = begin()
	err = target.Exec(ctx, "vacuumdb", []string{"--analyze-only", "--quiet", jobs(o), "copy"}, target.Self(), os.Stdout, os.Stderr)
	c.analyze = m.end().wall
	return c, err
}

func jobs(o options) string { return fmt.Sprintf("-j%d", o.jobs) }

// pgcopydb is the fastest of the tools that copy without masks.
func pgcopydb(ctx context.Context, s sources, o options) (cost, error) {
	target, err := serve(ctx, o.major, "copy")
	if err != nil {
		return cost{}, err
	}
	defer target.Stop(context.WithoutCancel(ctx))
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return cost{}, err
	}
	defer os.RemoveAll(dir)
	workers := fmt.Sprint(o.jobs)
	cmd := exec.CommandContext(ctx, "pgcopydb", "clone", "--source", s.full.Info().URL, "--target", target.Info().URL,
		"--table-jobs", workers, "--index-jobs", workers, "--dir", filepath.Join(dir, "work"), "--no-acl", "--no-owner")
	cmd.Env = append(os.Environ(), fmt.Sprintf("PATH=/usr/lib/postgresql/%d/bin:%s", o.major, os.Getenv("PATH")))
	m := begin()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return cost{}, fmt.Errorf("%w: %s", err, out[max(0, len(out)-500):])
	}
	return m.end(), nil
}

// kept is stage with rules that keep every column; an audit would find personal data in them.
func kept(ctx context.Context, s sources, o options) (cost, error) {
	var rules strings.Builder
	const list = `SELECT 'version: 1' || chr(10) || 'tables:' || chr(10) || string_agg(line, chr(10)) FROM (
SELECT format('  %s.%s: {%s}', n.nspname, c.relname, string_agg(a.attname || ': keep', ', ')) line
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname IN ('shop', 'audit') AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
GROUP BY n.nspname, c.relname) l`
	if err := s.full.Exec(ctx, "psql", []string{"-XAtc", list}, s.full.Self(), &rules, os.Stderr); err != nil {
		return cost{}, err
	}
	file, err := os.CreateTemp("", "bench-*.yaml")
	if err != nil {
		return cost{}, err
	}
	defer os.Remove(file.Name())
	if _, err := file.WriteString(rules.String()); err != nil {
		return cost{}, err
	}
	return stage(ctx, s.full, o, nil, "--masks", file.Name(), "--no-audit")
}
