package staging_test

import (
	"context"
	"fmt"
	"net"
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

func TestContainerIsBehindAPasswordOnLoopback(t *testing.T) {
	t.Parallel()
	spec := containerSpec(t, 17)
	s := start(t, "container", spec)
	cfg := s.Config()
	if len(cfg.Password) < 20 || cfg.Password == start2(t).Config().Password {
		t.Error("the password is short, or not random")
	}
	cfg.Password = "postgres"
	if !refuses(t, cfg) {
		t.Error("a wrong password is let in")
	}
	out, err := docker(t, "inspect", "-f", `{{range .HostConfig.PortBindings}}{{range .}}{{.HostIp}} {{end}}{{end}}{{.HostConfig.AutoRemove}} {{.HostConfig.ShmSize}}{{with index .Config.Labels "org.testcontainers.reap"}} reaped{{end}}`, s.Info().ID)
	if err != nil || out != "127.0.0.1 true 1073741824" { // a fourth word would give the container to the reaper
		t.Errorf("docker inspect says %q, %v", out, err)
	}
	for _, addr := range foreignAddresses(t) {
		if conn, err := net.DialTimeout("tcp", net.JoinHostPort(addr, fmt.Sprint(cfg.Port)), time.Second); err == nil {
			_ = conn.Close()
			t.Errorf("the port answers on %s", addr)
		}
	}
	info := s.Info()
	if !answers(t, info.URL) {
		t.Error("Info.URL does not connect")
	}
	if !strings.Contains(info.PSQL, info.ID[:12]) || strings.Contains(info.PSQL, s.Config().Password) {
		t.Errorf("Info.PSQL = %s", info.PSQL)
	}
}

func start2(t *testing.T) staging.Server {
	t.Helper()
	return start(t, "container", containerSpec(t, 17))
}

// foreignAddresses is this machine's addresses but those of the loopback interface.
func foreignAddresses(t *testing.T) []string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLoopback() && ip.IP.To4() != nil {
			list = append(list, ip.IP.String())
		}
	}
	return list
}

func TestContainerStopsOnDockerStop(t *testing.T) {
	t.Parallel()
	spec := containerSpec(t, 17)
	s := start(t, "container", spec)
	began := time.Now()
	if out, err := docker(t, "stop", "-t", "90", s.Info().ID); err != nil {
		t.Fatalf("docker stop: %v: %s", err, out)
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("docker stop took %v: the signal does not reach the server", took)
	}
	if err := s.Measure(t.Context()); err == nil {
		t.Error("a stopped container could be measured")
	}
}

func TestContainerCancelledAtAnyMoment(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, 50 * time.Millisecond, time.Second, 3 * time.Second} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			spec := containerSpec(t, 17)
			cancelled(t, "container", spec, after)
			if left := containersOf(t, spec.RunID); left != "" {
				t.Errorf("containers left: %s", left)
			}
		})
	}
}

func TestContainerImageThatIsNotThere(t *testing.T) {
	t.Parallel()
	for _, pull := range []string{"never", "missing"} {
		t.Run(pull, func(t *testing.T) {
			t.Parallel()
			spec := containerSpec(t, 17)
			spec.Pull, spec.Image = pull, "rehearse.invalid/no/such-image:1"
			began := time.Now()
			_, err := staging.Start(t.Context(), "container", spec)
			if p := reason(t, err, staging.ReasonImage); !strings.Contains(p.Error(), spec.Image) {
				t.Errorf("it does not name the image: %v", p)
			}
			if took := time.Since(began); took > 2*time.Minute {
				t.Errorf("it took %v", took)
			}
		})
	}
	spec := containerSpec(t, 17)
	spec.Major = 16
	_, err := staging.Start(t.Context(), "container", spec)
	reason(t, err, staging.ReasonImage)
}

func TestAnotherDaemonIsNeverTaken(t *testing.T) {
	spec := containerSpec(t, 17)
	t.Setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
	_, err := staging.Start(t.Context(), "container", spec)
	if p := reason(t, err, staging.ReasonNoEngine); !strings.Contains(p.Error(), "tcp://127.0.0.1:1") {
		t.Errorf("it does not name the engine: %v", p)
	}
	if left := dockerPSWithout(t, spec.RunID); left != "" {
		t.Errorf("the container went to another engine: %s", left)
	}
	t.Setenv("DOCKER_HOST", "")
	spec.DockerHost = "unix:///no/such/docker.sock"
	for _, provider := range []string{"container", "auto"} {
		_, err = staging.Start(t.Context(), provider, spec)
		reason(t, err, staging.ReasonNoEngine)
	}
}

// dockerPSWithout asks the usual engine, whatever DOCKER_HOST says.
func dockerPSWithout(t *testing.T, run string) string {
	t.Helper()
	cmd := exec.Command("docker", "-H", "unix:///var/run/docker.sock", "ps", "-aq", "--filter", "label=dev.rehearse.run="+run)
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("docker ps: %v", err)
	}
	return strings.TrimSpace(string(out))
}
