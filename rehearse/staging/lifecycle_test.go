package staging_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/staging"
)

// ownerSpec and its companions tell this test binary to be the owner of a server.
const (
	ownerSpec     = "STAGING_TEST_OWNER_SPEC"
	ownerProvider = "STAGING_TEST_OWNER_PROVIDER"
	ownerKeep     = "STAGING_TEST_OWNER_KEEP"
)

// owner starts a server, says so, and then keeps it and ends, or waits to be killed.
func owner() {
	var spec staging.Spec
	if err := json.Unmarshal([]byte(os.Getenv(ownerSpec)), &spec); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	s, err := staging.Start(context.Background(), os.Getenv(ownerProvider), spec)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if keep, err := time.ParseDuration(os.Getenv(ownerKeep)); err == nil {
		if err := s.Keep(context.Background(), time.Now().Add(keep)); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("started")
		os.Exit(0)
	}
	fmt.Println("started")
	time.Sleep(5 * time.Minute)
	os.Exit(1)
}

// own runs an owner and returns when its server runs. keep is "" for one that is to be killed.
func own(t *testing.T, provider string, spec staging.Spec, keep string) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), ownerSpec+"="+string(text), ownerProvider+"="+provider, ownerKeep+"="+keep)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = staging.Destroy(context.Background(), spec.RunID, staging.Options{StateDir: spec.StateDir})
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "started\n" {
		t.Fatalf("the owner said %q, %v", line, err)
	}
	if keep != "" {
		if err := cmd.Wait(); err != nil {
			t.Fatalf("the owner ended with %v", err)
		}
	}
	return cmd
}

// kill ends the owner as the kernel would, without a chance to clean up.
func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
}

func answers(t *testing.T, url string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return false
	}
	return conn.Close(ctx) == nil
}

func TestLocalEndsWithItsKilledOwner(t *testing.T) {
	t.Parallel()
	spec := localSpec(t)
	kill(t, own(t, "local", spec, ""))
	eventually(t, "the server and its directory are gone", 2*time.Minute, func() bool {
		entries, err := os.ReadDir(spec.StateDir)
		return err == nil && len(entries) == 0 && len(processesNaming(t, spec.RunID)) == 0
	})
}

func TestPruneEndsWhatAKilledOwnerLeft(t *testing.T) {
	t.Parallel()
	spec := localSpec(t)
	opts := staging.Options{StateDir: spec.StateDir}
	cmd := own(t, "local", spec, "")
	if ended, err := staging.Prune(t.Context(), opts); err != nil || find(ended, spec.RunID) != nil {
		t.Errorf("Prune ended a living owner's server: %+v, %v", ended, err)
	}
	killWatchdog(t, spec)
	kill(t, cmd)
	ended, err := staging.Prune(t.Context(), opts)
	if err != nil || find(ended, spec.RunID) == nil {
		t.Errorf("Prune ended %+v, %v", ended, err)
	}
	nothingIn(t, spec.StateDir)
	if left := processesNaming(t, spec.RunID); len(left) > 0 {
		t.Errorf("processes left: %q", left)
	}
}

// TestPruneReadsARecordWithoutItsName: who is killed before the first record has its name leaves it under the one that it is written as.
func TestPruneReadsARecordWithoutItsName(t *testing.T) {
	t.Parallel()
	spec := localSpec(t)
	cmd := own(t, "local", spec, "")
	killWatchdog(t, spec)
	kill(t, cmd)
	record := filepath.Join(spec.StateDir, "rehearse-"+spec.RunID, "server.json")
	if err := os.Rename(record, record+".new"); err != nil {
		t.Fatal(err)
	}
	ended, err := staging.Prune(t.Context(), staging.Options{StateDir: spec.StateDir})
	if err != nil || find(ended, spec.RunID) == nil {
		t.Errorf("Prune ended %+v, %v", ended, err)
	}
	nothingIn(t, spec.StateDir)
	if left := processesNaming(t, spec.RunID); len(left) > 0 {
		t.Errorf("processes left: %q", left)
	}
}

// killWatchdog takes away what would otherwise end the server before Prune can.
func killWatchdog(t *testing.T, spec staging.Spec) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(spec.StateDir, "rehearse-"+spec.RunID, "server.json"))
	if err != nil {
		t.Fatal(err)
	}
	var rec struct{ Watchdog int }
	if err := json.Unmarshal(text, &rec); err != nil || rec.Watchdog == 0 {
		t.Fatalf("%s: %v", text, err)
	}
	if err := syscall.Kill(-rec.Watchdog, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func TestPruneBelievesNobodyElse(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make another user's directory")
	}
	dir := stateDir(t)
	planted := filepath.Join(dir, "rehearse-planted")
	if err := os.Mkdir(planted, 0o755); err != nil {
		t.Fatal(err)
	}
	victim := exec.Command("/bin/sh", "-c", "sleep 60", filepath.Join(planted, "data"))
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = victim.Process.Kill()
		_ = victim.Wait()
	})
	record := fmt.Sprintf(`{"run": "planted", "server": %d}`, victim.Process.Pid)
	if err := os.WriteFile(filepath.Join(planted, "server.json"), []byte(record), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(planted, 54321, 54321); err != nil {
		t.Fatal(err)
	}
	if ended, err := staging.Prune(t.Context(), staging.Options{StateDir: dir}); err != nil || find(ended, "planted") != nil {
		t.Errorf("Prune believed another user: %+v, %v", ended, err)
	}
	if _, err := os.Stat(planted); err != nil {
		t.Error("another user's directory is gone")
	}
}

func TestLocalEndsWhenItExpires(t *testing.T) {
	t.Parallel()
	spec := localSpec(t)
	spec.TTL = 25 * time.Second // a busy machine takes some of that to start it
	s, err := staging.Start(t.Context(), "local", spec)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "an expired server is gone", 2*time.Minute, func() bool {
		entries, err := os.ReadDir(spec.StateDir)
		return err == nil && len(entries) == 0
	})
	if !refuses(t, s.Config()) {
		t.Error("an expired server answers")
	}
	if err := s.Stop(context.Background()); err != nil {
		t.Errorf("stop after the expiry: %v", err)
	}
}

func TestKeptServerOutlivesItsOwnerAndIsDestroyed(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"local", "container"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			spec := specOf(t, provider)
			opts := staging.Options{StateDir: spec.StateDir}
			own(t, provider, spec, "1h")
			time.Sleep(2500 * time.Millisecond) // the watchdog has looked twice by now
			list, err := staging.List(t.Context(), opts)
			info := find(list, spec.RunID)
			if err != nil || info == nil || !info.Kept || time.Until(info.Expires) < 50*time.Minute {
				t.Fatalf("List gave %+v, %v", info, err)
			}
			if !answers(t, info.URL) {
				t.Error("the kept server does not answer at the URL that List gives")
			}
			if ended, err := staging.Prune(t.Context(), opts); err != nil || find(ended, spec.RunID) != nil {
				t.Errorf("Prune ended a kept server: %v", err)
			}
			if err := staging.Destroy(t.Context(), spec.RunID, opts); err != nil {
				t.Errorf("destroy: %v", err)
			}
			if err := staging.Destroy(t.Context(), spec.RunID, opts); !errors.Is(err, staging.ErrUnknownRun) {
				t.Errorf("a second Destroy gave %v", err)
			}
			nothingIn(t, spec.StateDir)
			if left := processesNaming(t, spec.RunID); len(left) > 0 {
				t.Errorf("processes left: %q", left)
			}
		})
	}
}

func TestKeptServerEndsWhenItExpires(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"local", "container"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			spec := specOf(t, provider)
			own(t, provider, spec, "2s")
			eventually(t, "a kept server is gone after its expiry", 2*time.Minute, func() bool {
				list, err := staging.List(t.Context(), staging.Options{StateDir: spec.StateDir})
				return err == nil && find(list, spec.RunID) == nil
			})
			nothingIn(t, spec.StateDir)
		})
	}
}

func specOf(t *testing.T, provider string) staging.Spec {
	t.Helper()
	if provider == "local" {
		return localSpec(t)
	}
	return containerSpec(t, 17)
}

func TestSettingsThatTheServerRefusesAreLeftOutAndTold(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"local", "container"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			spec := specOf(t, provider)
			spec.Settings = map[string]string{
				"work_mem": "12 apples", "no_such_setting": "s3cret", "block_size": "16384", "lc_time": "tlh_QO.UTF-8", "DateStyle": "ISO, DMY",
				"maintenance_work_mem": "17MB", "shared_buffers": "16000000000", "default_tablespace": "fast", "my.own": "it's \\ ok",
				"wal_level": "logical", "autovacuum": "off", "shared_preload_libraries": "citus",
			}
			spec.Preload = []string{"pg_stat_statements", "no_such_library"}
			s := start(t, provider, spec)
			if err := s.Measure(t.Context()); err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string]string{
				"maintenance_work_mem": "17MB", "DateStyle": "ISO, DMY", "my.own": "it's \\ ok", "wal_level": "logical", "autovacuum": "off",
				"work_mem": "4MB", "shared_preload_libraries": "pg_stat_statements",
			} {
				if got := settings(t, s, name)[name]; got != want {
					t.Errorf("%s = %q, want %q", name, got, want)
				}
			}
			left := s.Info().LeftOut
			for _, name := range []string{"work_mem", "no_such_setting", "block_size", "lc_time", "shared_buffers", "default_tablespace", "no_such_library"} {
				if !contains(left, name) {
					t.Errorf("nothing is said of %s: %q", name, left)
				}
			}
			if contains(left, "s3cret") || contains(left, "apples") {
				t.Errorf("a value is told: %q", left)
			}
		})
	}
}

func TestContainerOfAKilledOwner(t *testing.T) {
	t.Parallel()
	spec := containerSpec(t, 17)
	cmd := own(t, "container", spec, "")
	opts := staging.Options{StateDir: spec.StateDir}
	list, err := staging.List(t.Context(), opts)
	if info := find(list, spec.RunID); err != nil || info == nil || info.Kept {
		t.Errorf("List gave %+v, %v", info, err)
	}
	if ended, err := staging.Prune(t.Context(), opts); err != nil || find(ended, spec.RunID) != nil {
		t.Errorf("Prune ended a living owner's container: %v", err)
	}
	kill(t, cmd)
	if ended, err := staging.Prune(t.Context(), opts); err != nil || find(ended, spec.RunID) == nil {
		t.Errorf("Prune ended %+v, %v", ended, err)
	}
}

func TestContainerEndsWhenItExpires(t *testing.T) {
	t.Parallel()
	spec := containerSpec(t, 17)
	spec.TTL = 30 * time.Second
	kill(t, own(t, "container", spec, ""))
	eventually(t, "the container is gone by itself", 2*time.Minute, func() bool { return containersOf(t, spec.RunID) == "" })
}

// Not parallel: they change the environment.

func TestAutoTakesWhatIsThere(t *testing.T) {
	spec := localSpec(t)
	t.Setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
	s := start(t, "auto", spec)
	if got := s.Info().Provider; got != "local" {
		t.Errorf("auto without an engine took %q", got)
	}
	spec.Major, spec.RunID, spec.BinDir = 99, runID(), ""
	_, err := staging.Start(t.Context(), "auto", spec)
	if err == nil || !strings.Contains(err.Error(), "no engine") || !strings.Contains(err.Error(), "binaries missing") {
		t.Errorf("auto with neither gave %v, want both reasons", err)
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*staging.Spec){
		"empty run":  func(s *staging.Spec) { s.RunID = "" },
		"path":       func(s *staging.Spec) { s.RunID = "../x" },
		"no version": func(s *staging.Spec) { s.Major = 0 },
		"template":   func(s *staging.Spec) { s.Database = "template1" },
	} {
		spec := staging.Spec{RunID: "x", Major: 15, StateDir: t.TempDir()}
		change(&spec)
		_, err := staging.Start(t.Context(), "local", spec)
		if p := (*staging.ProviderError)(nil); !errors.As(err, &p) || p.Reason != staging.ReasonSpec {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := staging.Start(t.Context(), "cloud", staging.Spec{RunID: "x", Major: 15})
	reason(t, err, staging.ReasonSpec)
}
