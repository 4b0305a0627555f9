package observe

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// lookLongest is the rest between two looks of [WatchTransactions].
const lookLongest = 5 * time.Millisecond

// WatchTransactions looks at one backend every few milliseconds, on a session that cfg leads to, until the function it gives is called, which
// gives the age of the oldest transaction seen: a lower bound, by at most the rest between two looks. 0 means that none was seen. Source:
// pg_stat_activity.xact_start.
func WatchTransactions(ctx context.Context, cfg func() *pgx.ConnConfig, pid uint32) (longest func() time.Duration) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan time.Duration, 1)
	go func() {
		var most float64
		defer func() { done <- time.Duration(most * float64(time.Second)) }()
		conn, err := pgx.ConnectConfig(ctx, cfg())
		if err != nil {
			return
		}
		defer conn.Close(context.WithoutCancel(ctx))
		for ctx.Err() == nil {
			var age float64
			const query = "SELECT COALESCE(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - xact_start), 0)::float8 FROM pg_catalog.pg_stat_get_activity($1)"
			if err := conn.QueryRow(ctx, query, int32(pid)).Scan(&age); err != nil {
				return
			}
			most = max(most, age)
			select {
			case <-ctx.Done():
			case <-time.After(lookLongest):
			}
		}
	}()
	return func() time.Duration {
		cancel()
		return <-done
	}
}
