package rehearse_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

// TestStandbyWhoseRecoveryGoesFirst copies from a standby that waits for no query, while the primary keeps removing rows: the copy is tried
// twice, then the command says what helps; and with that it succeeds.
func TestStandbyWhoseRecoveryGoesFirst(t *testing.T) {
	t.Parallel()
	primary := pgtest.Start(t, "wal_level = replica", "max_wal_senders = 4", "max_standby_streaming_delay = 0", "autovacuum = off", "wal_receiver_status_interval = 1")
	source := primary.New(t, "CREATE TABLE a (i int PRIMARY KEY, pad text); INSERT INTO a SELECT i, repeat('x', 1000) FROM generate_series(1, 20000) i",
		"CREATE TABLE dead (i int)")
	standby := primary.Standby(t)
	masks := write(t, t.TempDir(), "masks.yaml", "version: 1\ntables:\n  public.a: {i: keep, pad: keep}\n  public.dead: {i: keep}\n")
	at := standby.Config(source.Database)
	stop := removing(t, func() {
		if pgtest.Value(t, standby.Config("postgres"), "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'COPY %'") == "0" {
			return // what is asked before the copy is no part of it, and not asked again
		}
		// Each in a transaction of its own: rows that one transaction both made and deleted are nobody's to miss, so their removal is no conflict.
		pgtest.Exec(t, source, "INSERT INTO dead SELECT generate_series(1, 500)")
		pgtest.Exec(t, source, "DELETE FROM dead")
		pgtest.Exec(t, source, "VACUUM dead")
	})
	p := localStage(t, at, masks, "--rate-limit", "5MB")
	code := p.exitCode(t)
	said := p.stderr.String()
	for _, part := range []string{"cancelled by the standby's recovery, for the second time (SQLSTATE 40001)", "which begins again", "hot_standby_feedback", "max_standby_streaming_delay"} {
		if !strings.Contains(said, part) {
			t.Errorf("it does not say %q", part)
		}
	}
	if code != 20 || p.stdout.Len() > 0 {
		t.Errorf("exit %d, want 20:\n%s", code, said)
	}
	pgtest.Exec(t, standby.Config("postgres"), "ALTER SYSTEM SET hot_standby_feedback = on")
	pgtest.Exec(t, standby.Config("postgres"), "SELECT pg_reload_conf()")
	eventually(t, "the primary hears of the standby's queries", 20*time.Second, func() bool {
		return pgtest.Value(t, primary.Config("postgres"), "SELECT backend_xmin IS NOT NULL FROM pg_stat_replication") == "t"
	})
	p = localStage(t, at, masks, "--rate-limit", "10MB")
	if code := p.exitCode(t); code != 0 {
		t.Errorf("with hot_standby_feedback: exit %d:\n%s", code, p.stderr.String())
	}
	stop()
	p.destroyed(t)
}

// removing does things over and over until it is told to stop.
func removing(t *testing.T, steps ...func()) (stop func()) {
	t.Helper()
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			for _, step := range steps {
				step()
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
	var once sync.Once
	stop = func() { once.Do(func() { close(done); wg.Wait() }) }
	t.Cleanup(stop)
	return stop
}
