package snapshot

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Activity is what others do in the source's database at one moment.
type Activity struct {
	Longest       time.Duration // the age of the oldest transaction of another client; 0 for none
	LongestWriter time.Duration // of the oldest that has written: it has a transaction id
	Open          int           // sessions with a transaction open
	Hidden        int           // sessions that the role may not look into: pg_read_all_stats, or their own role, may
}

// Activity asks the source what others do there (pg_stat_activity).
func (s *Source) Activity(ctx context.Context) (*Activity, error) {
	a := &Activity{}
	err := s.read(ctx, "read the age of transactions", func(tx *pgx.Conn) error {
		var oldest, writer float64 // seconds
		err := tx.QueryRow(ctx, sqlTransactions).Scan(&oldest, &writer, &a.Open, &a.Hidden)
		a.Longest, a.LongestWriter = time.Duration(max(0, oldest)*float64(time.Second)), time.Duration(max(0, writer)*float64(time.Second))
		return err
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}
