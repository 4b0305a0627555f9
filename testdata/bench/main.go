// Command bench measures a whole masked copy against pg_dump -Fd -j2 and pg_restore -j2, in pairs, on one machine: wall time of each, CPU
// of the whole machine meanwhile, and the peak memory of rehearse itself. `make bench` runs it; nothing else should run beside it.
//
// The source is built by an SQL script that takes psql's variable scale. Both copies go into the same kind of throwaway server, with the
// settings of load mode; building and starting the servers is not measured. ANALYZE, which pg_restore leaves to the user, is told apart.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sort"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/staging"
)

type options struct {
	binary, sql, masks string
	scale              float64
	pairs, major, jobs int
}

func main() {
	var o options
	flag.StringVar(&o.binary, "rehearse", "bin/rehearse", "the program to measure")
	flag.StringVar(&o.sql, "sql", "../shared/bench/prod.sql", "script that builds the source")
	flag.StringVar(&o.masks, "masks", "testdata/bench/rehearse.masks.yaml", "masking rules for it")
	flag.Float64Var(&o.scale, "scale", 10, "psql's variable scale")
	flag.IntVar(&o.pairs, "pairs", 3, "number of pairs")
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

func bench(ctx context.Context, o options) error {
	if _, err := os.Stat(o.sql); err != nil {
		return fmt.Errorf("no script to build the source from: %w; name one with -sql, its rules with -masks", err)
	}
	source, err := serve(ctx, o.major, "prod")
	if err != nil {
		return err
	}
	defer source.Stop(context.WithoutCancel(ctx))
	fmt.Printf("building the source at scale %g ...\n", o.scale)
	if err := build(ctx, source, o); err != nil {
		return err
	}
	var dumps, copies, dumpCPU, copyCPU []float64
	for pair := 1; pair <= o.pairs; pair++ {
		d, err := dumpRestore(ctx, source, o)
		if err != nil {
			return err
		}
		c, err := masked(ctx, source, o)
		if err != nil {
			return err
		}
		dumps, dumpCPU = append(dumps, d.wall.Seconds()), append(dumpCPU, d.cpu.Seconds())
		copies, copyCPU = append(copies, c.wall.Seconds()), append(copyCPU, c.cpu.Seconds())
		fmt.Printf("pair %d   pg_dump|pg_restore %6.1f s wall %6.1f s CPU   rehearse %6.1f s wall %6.1f s CPU  (of it analyze %.1f s; tool %.1f s CPU, peak %d MB)   ratio %.2f wall %.2f CPU\n",
			pair, d.wall.Seconds(), d.cpu.Seconds(), c.wall.Seconds(), c.cpu.Seconds(), c.analyze.Seconds(), c.toolCPU.Seconds(), c.peak>>20,
			c.wall.Seconds()/d.wall.Seconds(), c.cpu.Seconds()/d.cpu.Seconds())
		for _, p := range c.phases {
			fmt.Printf("           %-12s %6.1f s\n", p.name, p.took.Seconds())
		}
	}
	fmt.Printf("median   wall %.2f (must 0.75, aim 0.55)   CPU %.2f\n", median(copies)/median(dumps), median(copyCPU)/median(dumpCPU))
	return nil
}

func median(v []float64) float64 {
	sort.Float64s(v)
	return v[len(v)/2]
}

// serve starts a throwaway server from local binaries.
func serve(ctx context.Context, major int, database string) (staging.Server, error) {
	return staging.Start(ctx, staging.ProviderLocal, staging.Spec{
		RunID: fmt.Sprintf("bench-%d-%d", os.Getpid(), time.Now().UnixNano()), Major: major, Database: database, TTL: 6 * time.Hour, Jobs: 2,
		Locale: staging.Locale{Encoding: "UTF8", Provider: "libc", Collate: "C.UTF-8", CType: "C.UTF-8"},
	})
}

func build(ctx context.Context, source staging.Server, o options) error {
	sql, err := filepath.Abs(o.sql)
	if err != nil {
		return err
	}
	started := time.Now()
	args := []string{"-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", fmt.Sprintf("scale=%g", o.scale), "-f", sql}
	if err := source.Exec(ctx, "psql", args, source.Self(), os.Stdout, os.Stderr); err != nil {
		return fmt.Errorf("build the source: %w", err)
	}
	const versions = "CREATE TABLE public.goose_db_version (id serial PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp DEFAULT now()); INSERT INTO public.goose_db_version (version_id, is_applied) VALUES (0, true); CHECKPOINT"
	if err := source.Exec(ctx, "psql", []string{"-X", "-q", "-c", versions}, source.Self(), os.Stdout, os.Stderr); err != nil {
		return fmt.Errorf("build the source: %w", err)
	}
	fmt.Printf("built in %.0f s\n", time.Since(started).Seconds())
	return nil
}

// dumpRestore is what people do without rehearse: not masked, compressed as pg_dump does by default.
func dumpRestore(ctx context.Context, source staging.Server, o options) (cost, error) {
	target, err := serve(ctx, o.major, "copy")
	if err != nil {
		return cost{}, err
	}
	defer target.Stop(context.WithoutCancel(ctx))
	dir, jobs := target.TempPath("dump"), fmt.Sprintf("-j%d", o.jobs)
	m := begin()
	if err := source.Exec(ctx, "pg_dump", []string{"-Fd", jobs, "-f", dir}, source.Self(), os.Stdout, os.Stderr); err != nil {
		return cost{}, err
	}
	if err := target.Exec(ctx, "pg_restore", []string{jobs, "-d", "copy", dir}, target.Self(), os.Stdout, os.Stderr); err != nil {
		return cost{}, err
	}
	return m.end(), nil
}

// masked is `rehearse stage`; its phase "copy" is what is measured.
func masked(ctx context.Context, source staging.Server, o options) (cost, error) {
	state, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return cost{}, err
	}
	defer os.RemoveAll(state)
	args := []string{"stage", "--provider", "local", "--jobs", fmt.Sprint(o.jobs), "--masks", o.masks, "--progress", "json", "--state-dir", state, "--format", "json"}
	cmd := exec.CommandContext(ctx, o.binary, args...)
	cmd.Env = append(os.Environ(), "REHEARSE_SOURCE_URL="+source.Info().URL)
	c, err := watch(cmd)
	if err != nil {
		return c, err
	}
	destroy := exec.CommandContext(ctx, o.binary, "staging", "destroy", "--staging", c.staging, "--state-dir", state)
	destroy.Stderr = os.Stderr
	return c, destroy.Run() // its data would be in the way of the next pair
}
