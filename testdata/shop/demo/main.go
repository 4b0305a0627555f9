// Command demo shows rehearse at work: it starts a throwaway "production" server with the data of a made-up shop, rehearses a release
// that fails on what only production has, then the mended release, and removes everything again. `make demo` runs it.
//
// The two runs are the command itself with the flags a user would give; the demo only plays production. Its exit status is 0 when the
// first verdict is NO-GO and the second is GO.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/testdata/shop"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: demo PATH-OF-REHEARSE")
		os.Exit(2)
	}
	if err := demo(ctx, os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "demo: %v\n", err)
		os.Exit(1)
	}
}

func demo(ctx context.Context, binary string) (err error) {
	binary, err = filepath.Abs(binary)
	if err != nil {
		return err
	}
	host, err := findHost(ctx)
	if err != nil {
		return err
	}
	say("A throwaway production: PostgreSQL %d on %s, the shop's 300,000 rows", host.major, host)
	started := time.Now()
	production, err := staging.Start(ctx, host.provider, staging.Spec{
		RunID: fmt.Sprintf("demo-production-%d", os.Getpid()), Major: host.major, Image: host.image, Database: "shop", TTL: time.Hour,
	})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		err = errors.Join(err, production.Stop(ctx))
	}()
	if err := shop.Load(ctx, production.Config()); err != nil {
		return err
	}
	if err := production.Measure(ctx); err != nil { // as durable as a production
		return err
	}
	say("ready after %.0f s", time.Since(started).Seconds())

	work, err := os.MkdirTemp("", "rehearse-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	r := rehearsal{binary: binary, dir: filepath.Join("testdata", "shop"), state: work, host: host, source: production.Info().URL}
	say("1. The release as it was written: passes in CI, where no test customer registered twice")
	if err := r.run(ctx, "migrations", 10); err != nil {
		return err
	}
	say("2. The release, mended: no rewrite, indexes built concurrently, duplicates parked first")
	if err := r.run(ctx, "mended", 0); err != nil {
		return err
	}
	say("Done in %.0f s: NO-GO for the release as written, GO for the mended one", time.Since(started).Seconds())
	return nil
}

func say(format string, args ...any) { fmt.Printf("\n=== "+format+"\n\n", args...) }

type rehearsal struct {
	binary, dir, state, source string
	host                       host
}

// run is `rehearse run` as a user types it, and wants the exit code that the release deserves.
func (r rehearsal) run(ctx context.Context, migrations string, want int) error {
	args := []string{"run", "--config", filepath.Join(r.dir, "rehearse.yaml"), "--migrations", filepath.Join(r.dir, migrations), "--provider", r.host.provider}
	if r.host.image != "" {
		args = append(args, "--image", r.host.image)
	}
	fmt.Printf("$ REHEARSE_SOURCE_URL=... rehearse %s\n\n", strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, r.binary, append(args, "--state-dir", r.state)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	cmd.Env = append(os.Environ(), "REHEARSE_SOURCE_URL="+r.source)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		return fmt.Errorf("rehearse ended with %d on %s, not with %d", got, migrations, want)
	}
	fmt.Printf("\nexit status %d\n", want)
	return nil
}
