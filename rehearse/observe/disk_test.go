package observe_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/observe"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// TestDiskIsSeenUnderAnyLock fills a table and spills a sort while the table is locked against everybody, and takes all of it back.
func TestDiskIsSeenUnderAnyLock(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "CREATE TABLE t (a text)")
	conn, err := pgx.ConnectConfig(t.Context(), db.Copy())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	exec := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	disk := observe.WatchDisk(db)
	defer disk.Close(t.Context())
	disk.Begin(t.Context())
	exec("BEGIN")
	exec("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
	exec("INSERT INTO t SELECT repeat(md5(i::text), 20) FROM generate_series(1, 20000) i")
	size, err := strconv.ParseInt(value(t, conn, "SELECT pg_total_relation_size('t')::text"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	exec("SET LOCAL work_mem = '64kB'")
	exec("DECLARE spilled CURSOR FOR SELECT a FROM t ORDER BY md5(a)")
	exec("FETCH 1 FROM spilled") // the sorted rows are in temporary files until the cursor ends
	spilled, err := strconv.ParseInt(value(t, conn, "SELECT sum(size)::text FROM pg_ls_tmpdir()"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second) // however slow the machine, one look falls into this
	exec("ROLLBACK")
	seen := disk.End(t.Context())
	if seen == nil || seen.Extra() < (size+spilled)*9/10 || seen.Extra() > (size+spilled)*3/2 || seen.Method != report.Sampled || seen.Looks < 4 {
		t.Errorf("%+v; the table had %d bytes, temporary files %d", seen, size, spilled)
	}
	if seen != nil && seen.After-seen.Before > size*11/10 { // a table's file keeps its length until VACUUM
		t.Errorf("%d bytes more than before, where the temporary files are gone and the table has %d", seen.After-seen.Before, size)
	}
	if again := disk.End(t.Context()); again != nil {
		t.Errorf("without a beginning: %+v", again)
	}
}

func value(t *testing.T, conn *pgx.Conn, sql string) (v string) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), sql).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
