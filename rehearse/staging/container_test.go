package staging_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/staging"
)

// containerSpec is a server in a container, or a skip where there is no engine or no image.
func containerSpec(t *testing.T, major int) staging.Spec {
	t.Helper()
	pattern := os.Getenv("REHEARSE_TEST_IMAGE")
	if pattern == "" {
		pattern = "rehearse-postgres:%d"
	}
	image := pattern
	if strings.Contains(pattern, "%d") {
		image = fmt.Sprintf(pattern, major)
	}
	if out, err := docker(t, "image", "inspect", "-f", "{{.Id}}", image); err != nil {
		pgtest.Require(t, "docker", fmt.Sprintf("image %s is not to be had: %s", image, out))
	}
	spec := staging.Spec{
		RunID: runID(), Major: major, TTL: 10 * time.Minute, Database: `Odd "näme' 1.2`, Image: image, Pull: "never", StateDir: stateDir(t),
		Locale: staging.Locale{Encoding: "UTF8", Provider: "libc", Collate: "en_US.UTF-8", CType: "en_US.UTF-8"},
	}
	t.Cleanup(func() {
		if left := containersOf(t, spec.RunID); left != "" {
			t.Errorf("containers left: %s", left)
			_, _ = docker(t, append([]string{"rm", "-fv"}, strings.Fields(left)...)...)
		}
	})
	return spec
}

// docker is the outside view of what the provider did.
func docker(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func containersOf(t *testing.T, run string) string {
	t.Helper()
	out, err := docker(t, "ps", "-aq", "--filter", "label=dev.rehearse.run="+run)
	if err != nil {
		t.Errorf("docker ps: %v: %s", err, out)
	}
	return out
}

func TestContainerFromLoadToStop(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 17} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			spec := containerSpec(t, major)
			spec.Settings = map[string]string{"work_mem": "7168", "TimeZone": "Asia/Tokyo", "listen_addresses": "", "port": "1", "max_connections": "77"}
			s := start(t, "container", spec)
			if got := text(t, s, "SELECT datcollate FROM pg_database WHERE datname = current_database()"); got != "en_US.UTF-8" {
				t.Errorf("the database's collation is %s", got)
			}
			exercise(t, s, spec)
			reach(t, s)
			if left := s.Info().LeftOut; len(left) > 0 {
				t.Errorf("left out: %q", left)
			}
			if got := text(t, s, "SHOW max_connections"); got != "77" {
				t.Errorf("max_connections = %s", got)
			}
			old := s.Config()
			for range 2 {
				if err := s.Stop(context.Background()); err != nil {
					t.Errorf("stop: %v", err)
				}
			}
			if !refuses(t, old) {
				t.Error("the server still answers after Stop")
			}
			nothingIn(t, spec.StateDir)
		})
	}
}
