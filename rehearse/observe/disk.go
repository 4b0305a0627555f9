package observe

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// How often disk is looked at: soon at first, since migrations are short, then seldom; and never for more than a twentieth of the time.
const (
	diskFirst = 2 * time.Millisecond
	diskRest  = 100 * time.Millisecond
	diskShare = 20
)

// diskSQL is the room that the database's files take, with temporary files of sorts, which are beside them, and those that parallel workers
// share, which are one directory further down. It waits for no lock on a relation of the user's. Sources: the file system, by
// pg_database_size, pg_ls_tmpdir, pg_ls_dir and pg_stat_file.
const diskSQL = `SELECT pg_catalog.pg_database_size(pg_catalog.current_database()) + COALESCE((SELECT pg_catalog.sum(size) FROM pg_catalog.pg_ls_tmpdir()), 0)::bigint
  + COALESCE((SELECT pg_catalog.sum((pg_catalog.pg_stat_file('base/pgsql_tmp/' || d || '/' || f, true)).size)
    FROM (SELECT d FROM pg_catalog.pg_ls_dir('base/pgsql_tmp', true, false) d WHERE d LIKE '%.fileset' OFFSET 0) dirs,
    LATERAL pg_catalog.pg_ls_dir('base/pgsql_tmp/' || d, true, false) f), 0)::bigint`

// Disk looks at the room that a database takes while migrations run, on a session of its own. It is for one goroutine.
type Disk struct {
	cfg  *pgx.ConnConfig
	conn *pgx.Conn
	stop chan struct{}
	done chan struct{}

	mu   sync.Mutex
	seen report.Disk
}

// WatchDisk is a Disk over the database that cfg connects to as a superuser; it connects when it looks first.
func WatchDisk(cfg *pgx.ConnConfig) *Disk {
	cfg = cfg.Copy()
	cfg.Tracer = nil
	if cfg.RuntimeParams == nil {
		cfg.RuntimeParams = map[string]string{}
	}
	cfg.RuntimeParams["application_name"], cfg.RuntimeParams["lock_timeout"], cfg.RuntimeParams["statement_timeout"] = "rehearse disk", "1000", "10000"
	return &Disk{cfg: cfg}
}

// Begin looks once, and then over and over until End.
func (d *Disk) Begin(ctx context.Context) {
	d.seen = report.Disk{Method: report.Sampled}
	d.look(ctx)
	d.seen.Before = d.seen.Peak
	stop, done := make(chan struct{}), make(chan struct{})
	d.stop, d.done = stop, done
	go func() {
		defer close(done)
		for rest := diskFirst; ; rest = min(2*rest, diskRest) {
			began := time.Now()
			d.look(ctx)
			pause := max(rest, diskShare*time.Since(began))
			select {
			case <-stop:
				return
			case <-time.After(pause):
			}
			d.mu.Lock()
			d.seen.Every = max(d.seen.Every, report.Duration(pause))
			d.mu.Unlock()
		}
	}()
}

// End stops looking, looks a last time, and is what was seen since Begin; nil when looking failed before there was anything to compare.
func (d *Disk) End(ctx context.Context) *report.Disk {
	if d.stop == nil {
		return nil
	}
	close(d.stop)
	<-d.done
	d.stop = nil
	looks := d.seen.Looks
	d.seen.After = d.look(ctx)
	if d.seen.Looks == looks || d.seen.Before == 0 {
		return nil
	}
	seen := d.seen
	return &seen
}

// Close ends the session.
func (d *Disk) Close(ctx context.Context) error {
	if d.stop != nil {
		close(d.stop)
		<-d.done
	}
	if d.conn == nil {
		return nil
	}
	return d.conn.Close(ctx)
}

// look takes one sample. A session that was ended meanwhile is opened anew by the next.
func (d *Disk) look(ctx context.Context) (size int64) {
	if d.conn == nil || d.conn.IsClosed() {
		var err error
		if d.conn, err = pgx.ConnectConfig(ctx, d.cfg.Copy()); err != nil {
			d.conn = nil
			return 0
		}
	}
	if err := d.conn.QueryRow(ctx, diskSQL).Scan(&size); err != nil {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen.Looks++
	d.seen.Peak = max(d.seen.Peak, size)
	return size
}
