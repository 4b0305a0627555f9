package rehearse_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/staging"
)

// TestCloneCost has each further database cost less than what the server alone spends on the first, by its processes' CPU time; how much less is
// logged, and measured by the benchmark. What is in both is the same.
func TestCloneCost(t *testing.T) {
	t.Parallel()
	source := fresh(t, "bench", loadBench)
	cfg := configured(t, source, rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t), Copies: 4}, rulesFor(t, source, benchMasks))
	spent, took := map[string]time.Duration{}, map[string]time.Duration{}
	var began time.Duration
	cfg.Progress = func(e rehearse.Event) {
		switch e.State {
		case rehearse.PhaseStarted:
			began = serverCPU(t, cfg.Staging.StateDir)
		case rehearse.PhaseDone:
			spent[e.Phase], took[e.Phase] = serverCPU(t, cfg.Staging.StateDir)-began, e.Elapsed
		}
	}
	s, first := staged(t, cfg)
	clone := spent["clone"] / 3
	t.Logf("copy: %v of CPU, %v; each clone: %v of CPU, %v", spent["copy"], took["copy"], clone, took["clone"]/3)
	if clone > spent["copy"] || clone == 0 {
		t.Errorf("a clone cost %v of CPU, the copy %v", clone, spent["copy"])
	}
	second := first.Copy()
	second.Database = s.Databases[1]
	if pgtest.Dump(t, first) != pgtest.Dump(t, second) {
		t.Error("the dumps of copy and clone differ")
	}
}

// serverCPU is what a server's processes have used, those that have ended and were waited for among them.
func serverCPU(t *testing.T, stateDir string) time.Duration {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(stateDir, "rehearse-*", "data", "postmaster.pid"))
	if len(files) != 1 {
		return 0
	}
	text, _ := os.ReadFile(files[0])
	postmaster, _, _ := strings.Cut(string(text), "\n")
	var ticks int64
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		line, _ := os.ReadFile(path)
		pid, _, _ := strings.Cut(string(line), " ")
		fields := strings.Fields(string(line[strings.LastIndexByte(string(line), ')')+1:]))
		if len(fields) < 15 || pid != postmaster && fields[1] != postmaster {
			continue
		}
		for _, field := range fields[11:15] { // utime, stime, and of the children that have ended cutime, cstime
			n, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				t.Fatal(fmt.Errorf("%s: %w", path, err))
			}
			ticks += n
		}
	}
	return time.Duration(ticks) * (time.Second / 100) // USER_HZ
}
