package snapshot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

// TestRecoveryConflict copies from a standby that waits for nobody, while its primary removes rows that our view still shows.
func TestRecoveryConflict(t *testing.T) {
	t.Parallel()
	primary := pgtest.Start(t, "wal_level = replica", "max_wal_senders = 4", "max_standby_streaming_delay = 0", "autovacuum = off")
	source := primary.New(t, `CREATE TABLE big (i int PRIMARY KEY, pad text); INSERT INTO big SELECT i, repeat('x', 1000) FROM generate_series(1, 4000) i;
CREATE TABLE dead AS SELECT i FROM generate_series(1, 50000) i; CREATE TABLE small (i serial, t text); INSERT INTO small (t) VALUES ('a')`)
	standby := primary.Standby(t)
	servers := pgtest.Start(t)
	for _, d := range []disturbed{{at: "prepare"}, {at: "schema", again: true}, {at: "data"}, {at: "within data"}, {at: "within data", again: true}} {
		t.Run(fmt.Sprintf("%s, again %t", d.at, d.again), func(t *testing.T) {
			pgtest.Exec(t, source, "INSERT INTO small (t) VALUES ('b')")
			d.t, d.primary, d.standby = t, source, standby.Config(source.Database)
			d.copy(newTarget(t, servers))
		})
	}
}

// disturbed is a copy during which recovery goes first, at one moment of it.
type disturbed struct {
	t                *testing.T
	primary, standby *pgx.ConnConfig
	at               string
	again            bool // the second copy is disturbed too
	times            int
	held             bool
}

func (d *disturbed) copy(target Target) {
	t := d.t
	src := openSource(t, d.standby)
	desc, err := src.Describe(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	emptied := 0
	target.Empty = func(context.Context) error {
		emptied++
		database := target.Config().Database
		admin := target.Config()
		admin.Database = "postgres"
		pgtest.Exec(t, admin, "DROP DATABASE "+ident(database))
		pgtest.Exec(t, admin, "CREATE DATABASE "+ident(database)+" TEMPLATE template0")
		d.held = false
		return nil
	}
	result, err := Copy(testContext(t), src, planFor(t, desc, nil), target, CopyOptions{Progress: d.progress})
	if emptied != 1 {
		t.Errorf("the target was emptied %d times: %v", emptied, err)
	}
	noneLeft(t, d.standby)
	if d.again {
		var failed *SourceError
		if !errors.As(err, &failed) || failed.Kind != Recovery || !failed.Twice {
			t.Errorf("got %v, want that recovery cancelled it twice", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(result.Retried, "recovery") {
		t.Errorf("the result does not say that it is the second copy: %q", result.Retried)
	}
	for _, table := range []string{"big", "small", "dead"} {
		if there, here := rowsOf(t, d.primary, "TABLE "+table), rowsOf(t, target.Config(), "TABLE "+table); there != here {
			t.Errorf("table %s differs from the source's", table)
		}
	}
}

// progress has the primary remove rows when the copy is where it should be disturbed, and waits until the standby has done the same.
func (d *disturbed) progress(e Event) {
	if e.Phase != d.at && (d.at != "within data" || e.Bytes == 0) || d.held {
		return
	}
	d.held = true
	if d.times++; d.times > 1 && !d.again {
		return
	}
	pgtest.Exec(d.t, d.primary, "DELETE FROM dead WHERE i <= (SELECT min(i) + 1000 FROM dead)")
	pgtest.Exec(d.t, d.primary, "VACUUM dead")
	pgtest.Exec(d.t, d.primary, "SELECT pg_logical_emit_message(true, '', '')") // VACUUM's commit does not flush the WAL, this one does
	lsn := pgtest.Value(d.t, d.primary, "SELECT pg_current_wal_lsn()")
	for pgtest.Value(d.t, d.standby, "SELECT pg_last_wal_replay_lsn() >= '"+lsn+"'") != "t" {
		time.Sleep(20 * time.Millisecond)
	}
}
