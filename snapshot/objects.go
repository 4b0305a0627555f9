package snapshot

import (
	"context"
	"errors"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// readObjects begins to read every object of the frozen view over the leader's session, which has nothing to do while rows are copied. What
// it returns waits for the end of that, or with give up ends it. A source that does not let its objects be read is told, not fatal:
// nothing but the comparison with what arrived depends on it. Then it counts what it was asked to.
func (c *copier) readObjects(ctx context.Context, view *frozen) (wait func(giveUp bool)) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	var failed error
	wg.Go(func() {
		failed = view.do("read the objects", func(tx *pgx.Conn) (err error) {
			if _, err := tx.Exec(ctx, sqlSavepoint); err != nil {
				return err
			}
			if c.res.Objects, err = catalog.Read(ctx, tx); err != nil && !tx.IsClosed() {
				_, back := tx.Exec(ctx, sqlLetGo)
				return errors.Join(err, back)
			}
			return err
		})
		if failed == nil || !view.src.conn.IsClosed() {
			if err := view.do("count what migrations would break on", func(tx *pgx.Conn) error { return c.countBroken(ctx, tx) }); err != nil {
				failed = err
			}
		}
		var source *SourceError
		if ctx.Err() == nil && (view.src.conn.IsClosed() || errors.As(failed, &source) && source.Kind == Recovery) {
			view.lose(failed) // the view is gone with the session, or there is a conflict about it
		}
	})
	return func(giveUp bool) {
		if giveUp {
			cancel()
		}
		wg.Wait()
		cancel()
		if failed != nil && !giveUp {
			c.log.Debug("read the objects of the source", "error", failed)
			c.res.Objects = nil
		}
	}
}
