package snapshot

import (
	"context"
	"errors"
)

// naming adds to the error of a lock that was not had what others have locked, where the server tells: a reading of the catalog needs a lock on
// every table whose size it asks for, and its error names none.
func (s *Source) naming(ctx context.Context, err error) error {
	var conflict *SourceError
	if !errors.As(err, &conflict) || conflict.Kind != Conflict || conflict.Err != nil {
		return err
	}
	conn, failed := s.session(ctx, nil)
	if failed != nil {
		return err
	}
	defer closeConn(ctx, conn)
	var locked string
	if conn.QueryRow(ctx, sqlLocked).Scan(&locked) == nil && locked != "" {
		conflict.Err = errors.New("locked: " + locked)
	}
	return err
}
