package staging_test

import (
	"testing"
	"time"
)

// TestContainerOutlivesAnEmptyExpiry takes the time of expiry away for a moment, as the engine does while it writes it anew.
func TestContainerOutlivesAnEmptyExpiry(t *testing.T) {
	t.Parallel()
	spec := containerSpec(t, 15)
	s := start(t, "container", spec)
	for _, script := range []string{"cp expires /tmp/e; : >expires; sleep 1; cat /tmp/e >expires", "mv expires e; sleep 1; mv e expires", "printf 1 >expires; sleep 1; cat /tmp/e >expires"} {
		if out, err := docker(t, "exec", "-u", "0", "-w", "/rehearse", containersOf(t, spec.RunID), "/bin/sh", "-ec", script); err != nil {
			t.Fatalf("%s: %v: %s", script, err, out)
		}
		time.Sleep(300 * time.Millisecond)
		if got := text(t, s, "SELECT 1"); got != "1" {
			t.Errorf("after %s the server says %q", script, got)
		}
	}
}
