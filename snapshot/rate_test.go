package snapshot

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

func TestLimiter(t *testing.T) {
	t.Parallel()
	start := time.Unix(1000, 0)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	l := newLimiter(1000)
	for i, step := range []struct {
		n    int
		now  time.Time
		want time.Duration
	}{
		{100, at(0), 100 * time.Millisecond},
		{100, at(0), 200 * time.Millisecond}, // another worker, at the same time
		{50, at(150), 100 * time.Millisecond},
		{10, at(5000), 10 * time.Millisecond}, // what nobody used is lost
		{5000, at(5010), 5 * time.Second},
	} {
		if got := l.reserve(step.n, step.now); got != step.want {
			t.Errorf("step %d: wait %s, want %s", i, got, step.want)
		}
	}
	var none *limiter
	if newLimiter(0) != nil || none.wait(context.Background(), 1<<40) != nil {
		t.Error("no limit limits")
	}
	reason := errors.New("reason")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(reason)
	if err := newLimiter(1).wait(ctx, 1<<20); !errors.Is(err, reason) {
		t.Errorf("a wait that is called off ends with %v", err)
	}
}

// TestCopyRateLimit copies two tables, one of them masked, at a rate for which there is a least time.
func TestCopyRateLimit(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	source := pgtest.New(t, `CREATE TABLE a (v text); INSERT INTO a SELECT repeat(md5(i::text), 32) FROM generate_series(1, 1024) i;
CREATE TABLE b (v text); INSERT INTO b TABLE a`)
	start := time.Now()
	result := copied(t, source, newTarget(t, server), map[string]string{"public.b.v": "hash"}, CopyOptions{RateLimit: 2 << 20})
	var bytes int64
	for _, table := range result.Tables {
		bytes += table.Bytes
	}
	// The last piece of each table, below bufferSize, is not waited for.
	least := time.Duration(float64(bytes-2*bufferSize) / (2 << 20) * float64(time.Second))
	if took := time.Since(start); bytes < 2<<20 || took < least {
		t.Errorf("%d bytes in %s, at least %s", bytes, took, least)
	}
}
