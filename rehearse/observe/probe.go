package observe

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// probeTimeout bounds one question on the migrating connection. Running into it would cost the connection, so it is far above
// what the server itself allows the question (statement_timeout in probeSQL).
const probeTimeout = 60 * time.Second

// probeSQL asks a transaction, from within, for the WAL position, the number after that of the newest (sub)transaction that has ended
// (pg_current_snapshot), and for each relation it has locked: modes as bits, storage, size where it
// may be new, and the transaction's own counters (pg_locks, pg_class, pg_stat_get_xact_*). Catalogs have OIDs below 16384.
//
// The savepoint makes it invisible: a failure aborts no more than it, and rolling it back undoes the settings and frees the catalogs.
var probeSQL = append([]string{
	"SAVEPOINT _rehearse_probe",
	`SELECT pg_catalog.pg_current_wal_insert_lsn() OPERATOR(pg_catalog.-) '0/0'::pg_catalog.pg_lsn, pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot()),
	pg_catalog.set_config('search_path', 'pg_catalog', true), pg_catalog.set_config('statement_timeout', '10s', true), pg_catalog.set_config('lock_timeout', '1s', true)`,
	`SELECT l.relation, l.modes, c.relfilenode, c.relpersistence, c.relam, c.reltablespace,
	CASE WHEN l.modes & 256 <> 0 AND c.relkind IN ('r', 'm', 'i') THEN pg_relation_size(c.oid) ELSE 0 END,
	CASE WHEN l.modes & 256 <> 0 AND c.relkind IN ('r', 'p', 'm') THEN ` + columnsSQL + ` END,
	pg_stat_get_xact_numscans(c.oid), pg_stat_get_xact_tuples_returned(c.oid), pg_stat_get_xact_tuples_inserted(c.oid),
	pg_stat_get_xact_tuples_updated(c.oid), pg_stat_get_xact_tuples_deleted(c.oid), c.relkind
FROM (
	SELECT relation, bit_or(CASE mode WHEN 'AccessShareLock' THEN 2 WHEN 'RowShareLock' THEN 4 WHEN 'RowExclusiveLock' THEN 8
		WHEN 'ShareUpdateExclusiveLock' THEN 16 WHEN 'ShareLock' THEN 32 WHEN 'ShareRowExclusiveLock' THEN 64
		WHEN 'ExclusiveLock' THEN 128 WHEN 'AccessExclusiveLock' THEN 256 ELSE 0 END) AS modes
	FROM pg_locks
	WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted AND relation >= 16384
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
	GROUP BY relation
) l LEFT JOIN pg_class c ON c.oid = l.relation`,
}, recoverSQL...)

// recoverSQL brings a transaction back that a failed probe aborted.
var recoverSQL = []string{"ROLLBACK TO SAVEPOINT _rehearse_probe", "RELEASE SAVEPOINT _rehearse_probe"}

// counters are what the server counts for one table: full scans, the rows they read, and rows changed.
type counters struct {
	scans, read int64
	Change
}

func (c counters) minus(d counters) counters {
	return counters{
		scans: max(0, c.scans-d.scans), read: max(0, c.read-d.read),
		Change: Change{
			Inserted: max(0, c.Inserted-d.Inserted), Updated: max(0, c.Updated-d.Updated), Deleted: max(0, c.Deleted-d.Deleted),
		},
	}
}

// probed is one relation a transaction has locked.
type probed struct {
	oid      uint32
	modes    int
	gone     bool // dropped by the transaction
	table    bool
	sequence bool
	storage
	bytes int64
	counters
}

// probe asks the transaction open on conn.
func probe(ctx context.Context, conn Conn) (wal, completed int64, rels []probed, err error) {
	ctx, cancel := detach(ctx)
	defer cancel()
	results, err := conn.Ask(ctx, probeSQL...)
	if err != nil {
		if conn.TxStatus() == 'E' {
			_, again := conn.Ask(ctx, recoverSQL...)
			err = errors.Join(err, again)
		}
		return 0, 0, nil, err
	}
	if len(results) != len(probeSQL) || len(results[1].Rows) != 1 {
		return 0, 0, nil, fmt.Errorf("probe: %d results", len(results))
	}
	wal, err = strconv.ParseInt(string(results[1].Rows[0][0]), 10, 64)
	if err == nil {
		completed, err = strconv.ParseInt(string(results[1].Rows[0][1]), 10, 64)
	}
	if err != nil {
		return 0, 0, nil, err
	}
	for _, row := range results[2].Rows {
		rels = append(rels, readProbed(row))
	}
	return wal, completed, rels, nil
}

// readProbed reads a row of probeSQL; numbers that are NULL, since the relation is gone, are 0.
func readProbed(row [][]byte) probed {
	num := func(i int) int64 {
		n, _ := strconv.ParseInt(string(row[i]), 10, 64)
		return n
	}
	kind := string(row[13])
	return probed{
		oid: uint32(num(0)), modes: int(num(1)), gone: row[2] == nil, table: kind == "r" || kind == "p" || kind == "m", sequence: kind == "S",
		storage: storage{
			filenode: uint32(num(2)), persistence: string(row[3]), method: uint32(num(4)), tablespace: uint32(num(5)), columns: string(row[7]),
		},
		bytes: num(6),
		counters: counters{
			scans: num(8), read: num(9), Change: Change{Inserted: num(10), Updated: num(11), Deleted: num(12)},
		},
	}
}

// settle makes an idle connection hand its counters over, so that a transaction that begins next counts from nought and the
// watcher sees what was done before. From 15 on the server does so when told to; before, it does after half a second. It gives the number after
// that of the newest transaction that has ended (pg_current_snapshot).
func settle(ctx context.Context, conn Conn, version int) (completed int64, err error) {
	ctx, cancel := detach(ctx)
	defer cancel()
	const ended = "SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())"
	if version >= 150000 {
		return number(ctx, conn, ended+", pg_catalog.pg_stat_force_next_flush()")
	}
	const pending = `SELECT 1 FROM pg_catalog.pg_stat_xact_user_tables
		WHERE COALESCE(seq_scan, 0) + COALESCE(n_tup_ins, 0) + COALESCE(n_tup_upd, 0) + COALESCE(n_tup_del, 0) > 0 LIMIT 1`
	for range 12 {
		results, err := conn.Ask(ctx, pending)
		if err != nil {
			return 0, err
		}
		if len(results) == 1 && len(results[0].Rows) == 0 {
			return number(ctx, conn, ended)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return 0, errors.New("counters were not handed over in time")
}

// number asks for a number in the first column of one row.
func number(ctx context.Context, conn Conn, sql string) (int64, error) {
	results, err := conn.Ask(ctx, sql)
	if err != nil {
		return 0, err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 {
		return 0, fmt.Errorf("%d results instead of one number", len(results))
	}
	return strconv.ParseInt(string(results[0].Rows[0][0]), 10, 64)
}

func exec(ctx context.Context, conn *pgconn.PgConn, sql string) error {
	_, err := conn.Exec(ctx, sql).ReadAll()
	return err
}
