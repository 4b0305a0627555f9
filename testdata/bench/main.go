// Command bench measures a whole masked copy against what people do without rehearse, in rounds on one machine: wall time, CPU of the whole
// machine meanwhile, and the peak memory of rehearse itself. `make bench` runs it; nothing else should run beside it.
//
// The source is built by an SQL script that takes psql's variable scale. All copies go into the same kind of throwaway server, with the
// settings of load mode; building and starting the servers is not measured. rehearse gathers statistics, which the others leave to the
// user: the time of vacuumdb --analyze-only after pg_restore is told apart.
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
	flag.StringVar(&o.who, "who", "masked,kept,dump,dump0,pgcopydb,empty", "what to measure: "+strings.Join(names(), ", "))
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

// contender is one way to copy the source.
type contender struct {
	name, what string
	run        func(context.Context, sources, options) (cost, error)
	goal       string // of masked against it, at most
}

// sources are what is copied: with rows and without.
type sources struct{ full, empty staging.Server }

var contenders = []contender{
	{"masked", "rehearse, masked", func(ctx context.Context, s sources, o options) (cost, error) { return stage(ctx, s.full, o, o.masks) }, ""},
	{"kept", "rehearse, every column kept", kept, "must 1.08"},
	{"dump", "pg_dump -Fd | pg_restore", func(ctx context.Context, s sources, o options) (cost, error) { return dumpRestore(ctx, s.full, o) }, "must 0.60, aim 0.50"},
	{"dump0", "pg_dump -Fd -Z0 | pg_restore", func(ctx context.Context, s sources, o options) (cost, error) {
		return dumpRestore(ctx, s.full, o, "-Z0")
	}, "must 0.95, aim 0.85"},
	{"pgcopydb", "pgcopydb clone", pgcopydb, "must 0.85"},
	{"empty", "rehearse, the schema without rows", func(ctx context.Context, s sources, o options) (cost, error) { return stage(ctx, s.empty, o, o.masks) }, ""},
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
	var s sources
	var err error
	if s.full, err = build(ctx, o, o.scale); err != nil {
		return err
	}
	defer s.full.Stop(context.WithoutCancel(ctx))
	if slices.ContainsFunc(who, func(c contender) bool { return c.name == "empty" }) {
		if s.empty, err = build(ctx, o, 0); err != nil {
			return err
		}
		defer s.empty.Stop(context.WithoutCancel(ctx))
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
	for _, c := range who {
		tell(c, costs)
	}
	return nil
}

// tell prints the medians of a contender, and those of the masked copy against them.
func tell(c contender, costs map[string][]cost) {
	own, masked := costs[c.name], costs["masked"]
	wall, cpu := func(c cost) float64 { return c.wall.Seconds() }, func(c cost) float64 { return c.cpu.Seconds() }
	fmt.Printf("median   %-34s %6.1f s wall %6.1f s CPU", c.what, median(own, wall), median(own, cpu))
	if c.goal != "" && len(masked) > 0 {
		fmt.Printf("   masked / this: %.2f wall %.2f CPU (%s)", median(masked, wall)/median(own, wall), median(masked, cpu)/median(own, cpu), c.goal)
		if with := func(c cost) float64 { return (c.wall + c.analyze).Seconds() }; own[0].analyze > 0 {
			fmt.Printf(", %.2f wall with statistics on both sides", median(masked, wall)/median(own, with))
		}
	}
	fmt.Println()
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
	target, err := serve(ctx, o.major, "copy")
	if err != nil {
		return cost{}, err
	}
	defer target.Stop(context.WithoutCancel(ctx))
	dir, jobs := target.TempPath("dump"), fmt.Sprintf("-j%d", o.jobs)
	m := begin()
	if err := source.Exec(ctx, "pg_dump", append([]string{"-Fd", jobs, "-f", dir}, more...), source.Self(), os.Stdout, os.Stderr); err != nil {
		return cost{}, err
	}
	if err := target.Exec(ctx, "pg_restore", []string{jobs, "-d", "copy", dir}, target.Self(), os.Stdout, os.Stderr); err != nil {
		return cost{}, err
	}
	c := m.end()
	m = begin()
	err = target.Exec(ctx, "vacuumdb", []string{"--analyze-only", "--quiet", jobs, "copy"}, target.Self(), os.Stdout, os.Stderr)
	c.analyze = m.end().wall
	return c, err
}

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
	jobs := fmt.Sprint(o.jobs)
	cmd := exec.CommandContext(ctx, "pgcopydb", "clone", "--source", s.full.Info().URL, "--target", target.Info().URL,
		"--table-jobs", jobs, "--index-jobs", jobs, "--dir", filepath.Join(dir, "work"), "--no-acl", "--no-owner")
	cmd.Env = append(os.Environ(), fmt.Sprintf("PATH=/usr/lib/postgresql/%d/bin:%s", o.major, os.Getenv("PATH")))
	m := begin()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return cost{}, fmt.Errorf("%w: %s", err, out[max(0, len(out)-500):])
	}
	return m.end(), nil
}

// kept is stage with rules that keep every column.
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
	return stage(ctx, s.full, o, file.Name())
}

// stage is `rehearse stage`; its phase "copy" is what is measured.
func stage(ctx context.Context, source staging.Server, o options, masks string) (cost, error) {
	state, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return cost{}, err
	}
	defer os.RemoveAll(state)
	args := []string{"stage", "--provider", "local", "--jobs", fmt.Sprint(o.jobs), "--masks", masks, "--progress", "json", "--state-dir", state, "--format", "json"}
	cmd := exec.CommandContext(ctx, o.binary, args...)
	cmd.Env = append(os.Environ(), "REHEARSE_SOURCE_URL="+source.Info().URL)
	c, err := watch(cmd)
	if err != nil {
		return c, err
	}
	destroy := exec.CommandContext(ctx, o.binary, "staging", "destroy", "--staging", c.staging, "--state-dir", state)
	destroy.Stderr = os.Stderr
	return c, destroy.Run() // its data would be in the way of the next round
}
