package staging_test

import (
	"context"
	"testing"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/staging"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestLocalFromLoadToStop(t *testing.T) {
	t.Parallel()
	spec := localSpec(t)
	spec.Settings = map[string]string{"work_mem": "7168", "TimeZone": "Asia/Tokyo", "listen_addresses": "*", "port": "1"}
	s := start(t, "local", spec)
	exercise(t, s, spec)
	reach(t, s)
	if got := text(t, s, "SHOW listen_addresses"); got != "" {
		t.Errorf("listen_addresses = %q: the server must have its socket only", got)
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
	if left := processesNaming(t, spec.RunID); len(left) > 0 {
		t.Errorf("processes left: %q", left)
	}
	if err := s.Measure(t.Context()); err == nil {
		t.Error("a stopped server could be measured")
	}
	var _ staging.Server = s
}
