package snapshot

import "context"

// witnessed does what a copy does in the presence of a session of the target that has nothing to do. When a process of the server dies, the
// server ends every session, recovers, and takes new ones: tables that are not logged are empty then, and what was committed in the last
// moments may be lost. A copy between two of whose sessions that happens would not notice it; this session does not outlive it.
func (c *copier) witnessed(ctx context.Context, do func(context.Context) error) error {
	conn, err := c.target.session(ctx, c.src.server)
	if err != nil {
		return err
	}
	defer closeConn(ctx, conn)
	if err := do(ctx); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "SELECT 1")
	return targetError("look whether the server has lost anything", err)
}
