package rehearse_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/snapshot/archive"
	"github.com/rehearse-db/rehearse/testdata/shop"
)

// TestMajors rehearses the shop's releases on a production and a staging of each major of PostgreSQL: 15 and 17, or those that
// REHEARSE_TEST_PG_MAJORS names, for which scripts/setup-test-host.sh builds images.
func TestMajors(t *testing.T) {
	t.Parallel()
	for _, text := range strings.Fields(cmp.Or(os.Getenv("REHEARSE_TEST_PG_MAJORS"), "15 17")) {
		major, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("REHEARSE_TEST_PG_MAJORS: %v", err)
		}
		t.Run(text, func(t *testing.T) {
			image := builtImage(t, fmt.Sprintf("rehearse-postgres:%d", major))
			source := production(t, major, image)
			where := rehearse.Staging{Provider: staging.ProviderContainer, Image: image, Pull: "never", StateDir: publicDir(t)}
			cfg := configured(t, source.Config(), where, rulesFor(t, source.Config(), map[string]string{"shop.customers.email": "email"}))
			t.Run("staging equals production", func(t *testing.T) { sameInContainers(t, source, cfg) })
			t.Run("snapshot", func(t *testing.T) { snapshotOfMajor(t, source, cfg, major) })
			t.Run("releases", func(t *testing.T) { releases(t, cfg) })
		})
	}
}

// builtImage is an image of that name; where there is none the test has nothing to run on.
func builtImage(t testing.TB, image string) string {
	t.Helper()
	if out, err := exec.Command("docker", "image", "inspect", "-f", "{{.Id}}", image).CombinedOutput(); err != nil {
		pgtest.Require(t, "docker", fmt.Sprintf("image %s is not to be had: %s", image, bytes.TrimSpace(out)))
	}
	return image
}

// production is the shop in a container of its own.
func production(t *testing.T, major int, image string) staging.Server {
	t.Helper()
	server := containerOf(t, major, image)
	if err := shop.Load(t.Context(), server.Config()); err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join("testdata", "majors.sql"))
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, server.Config(), string(script))
	return server
}

var containers atomic.Int64 // that tests have started; tests of one major run beside each other

// containerOf is a server in a container of its own, once restarted with libraries to preload where some are named.
func containerOf(t *testing.T, major int, image string, preload ...string) staging.Server {
	t.Helper()
	server, err := staging.Start(t.Context(), staging.ProviderContainer, staging.Spec{
		RunID: fmt.Sprintf("test-production-%d-%d", os.Getpid(), containers.Add(1)), Major: major, Image: image, Pull: "never", Database: "shop", TTL: time.Hour,
		Preload: preload,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Errorf("stop production: %v", err)
		}
	})
	if len(preload) > 0 {
		if err := server.Measure(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return server
}

// sameInContainers compares with the pg_dump that each container has, so that its major fits.
func sameInContainers(t *testing.T, source staging.Server, cfg rehearse.Config) {
	s, copied := staged(t, cfg)
	for _, args := range [][]string{{"--schema-only"}, {"--data-only", "--exclude-table-data=shop.customers"}} {
		equal(t, "pg_dump "+args[0], dumpIn(t, source.Info().ID, "shop", args...), dumpIn(t, s.Info.ID, "shop", args...))
	}
	query := "SELECT count(*)::text || ' ' || count(DISTINCT email) || ' ' || sum(length(phone)) FROM shop.customers"
	if a, b := pgtest.Value(t, source.Config(), query), pgtest.Value(t, copied, query); a != b {
		t.Errorf("customers: %s in production, %s in staging", a, b)
	}
}

// restriction is the random key that pg_dump since 17.6 puts around its output.
var restriction = regexp.MustCompile(`(?m)^\\(un)?restrict .*$`)

func dumpIn(t *testing.T, container, database string, args ...string) string {
	t.Helper()
	var out, said bytes.Buffer
	cmd := exec.Command("docker", append([]string{"exec", "-u", "postgres", container, "pg_dump", "-U", "postgres", "-d", database}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("pg_dump: %v: %s", err, said.String())
	}
	return restriction.ReplaceAllString(out.String(), "")
}

// releases holds both verdicts, and what they say of locks, rewrites and rows, to be the same on every major.
func releases(t *testing.T, cfg rehearse.Config) {
	for dir, want := range map[string]struct {
		exit            int
		applied, failed string
	}{
		"migrations": {10, "5 6 7 8", "9 23505"},
		"mended":     {0, "5 6 7 8 9 10 11 12", ""},
	} {
		files, err := fs.Sub(shop.Files, dir)
		if err != nil {
			t.Fatal(err)
		}
		run := cfg
		run.Migrations, run.MigrationsDir = files, dir
		run.Policy.AllowRewriteBelow = 1 << 20
		result, err := rehearse.Run(t.Context(), run)
		if err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
		var applied []string
		var failed string
		for _, m := range result.Migrations {
			if m.Failure != nil {
				failed = fmt.Sprintf("%d %s", m.Version, m.Failure.SQLState)
				continue
			}
			applied = append(applied, strconv.FormatInt(m.Version, 10))
			rewritten := len(m.Rewrites) > 0
			if want := dir == "migrations" && m.Version == 7; rewritten != want {
				t.Errorf("%s: %d rewrote %v", dir, m.Version, m.Rewrites)
			}
			for _, r := range m.Rows {
				if r.Table == "shop.orders" && r.Updated != 60000 {
					t.Errorf("%s: %d updated %d rows of %s", dir, m.Version, r.Updated, r.Table)
				}
			}
		}
		if result.ExitCode != want.exit || strings.Join(applied, " ") != want.applied || failed != want.failed {
			t.Errorf("%s: exit code %d, applied %v, failed %q; want %+v", dir, result.ExitCode, applied, failed, want)
		}
	}
}

// snapshotOfMajor restores a snapshot of a production into a staging of its major, and into no other.
func snapshotOfMajor(t *testing.T, source staging.Server, cfg rehearse.Config, major int) {
	path := snapshotted(t, cfg)
	s, restored := staged(t, fromSnapshot(t, path, cfg.Staging))
	masked := map[string]bool{"shop.customers.email_domain": true}
	for _, c := range s.Masking.ColumnMasks {
		masked[c.Table+"."+c.Column] = true
	}
	equal(t, "rows", contents(t, source.Config(), masked), contents(t, restored, masked))
	equal(t, "sequences", sequences(t, source.Config()), sequences(t, restored))

	other := cfg.Staging
	other.Image = strings.Replace(other.Image, strconv.Itoa(major), map[bool]string{true: "17", false: "15"}[major != 17], 1)
	if exec.Command("docker", "image", "inspect", other.Image).Run() != nil {
		return // only this major is here
	}
	_, err := rehearse.Stage(t.Context(), fromSnapshot(t, path, other))
	if kept := (*archive.Error)(nil); !errors.As(err, &kept) || kept.Kind != archive.OtherMajor || kept.Archive != path {
		t.Errorf("into %s: %v", other.Image, err)
	}
}
