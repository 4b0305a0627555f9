package snapshot

import (
	"context"
	"sync"
	"time"
)

// limiter spreads what all workers read from the source over time. A nil limiter lets everything pass.
type limiter struct {
	perSecond int64

	mu   sync.Mutex
	free time.Time // when all that was let through has had its time
}

func newLimiter(perSecond int64) *limiter {
	if perSecond <= 0 {
		return nil
	}
	return &limiter{perSecond: perSecond}
}

// wait returns when n bytes more have had their time, or the context ends. While a reader waits, the source waits with it.
func (l *limiter) wait(ctx context.Context, n int) error {
	if l == nil {
		return nil
	}
	delay := l.reserve(n, time.Now())
	if delay <= 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// reserve takes the next n bytes' time and tells how long it lasts from now. Time that nobody used is lost: there are no bursts.
func (l *limiter) reserve(n int, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(float64(n) / float64(l.perSecond) * float64(time.Second)))
	return l.free.Sub(now)
}
