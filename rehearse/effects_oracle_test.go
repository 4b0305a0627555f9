package rehearse_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/rehearse/migrate"
)

// lookedLike is what a migration did, in lines as the cases have them.
type lookedLike struct {
	Outcome  string            // "applied" or "failed 23505"
	Locks    map[string]string // relation -> the strongest mode, "sampled" behind it where it was seen from beside only
	Rewrites map[string]string // relation -> the reason, or the bits of the event trigger table_rewrite
	Scans    map[string]int64  // table -> full scans
	Blocked  map[string]string // table -> what waits for it: select, insert, create index, comment
}

// oracle carries a migration out by itself, on one session, while another reads the server's own views and a third one tries what an application
// would do. Nothing of the product is in it but the way goose takes a file apart.
type oracle struct {
	*testing.T
	doer, other, trier *pgx.Conn
	before             map[uint32]relationOf
	tried              map[string]bool // table and the modes it was tried under
	mu                 sync.Mutex
	modes              map[uint32]map[string]bool
	blocked            map[string]map[string]bool
	reasons            map[string]string
}

type relationOf struct {
	name, kind string
	table      uint32 // of an index
	filenode   uint32
}

// lookAt has the oracle carry out a migration in db, whose rows are those that the observed one has in a database of its own.
func lookAt(t *testing.T, db *pgx.ConnConfig, m migrate.Migration, beside string) lookedLike {
	t.Helper()
	o := &oracle{T: t, modes: map[uint32]map[string]bool{}, blocked: map[string]map[string]bool{}, reasons: map[string]string{}, tried: map[string]bool{}}
	o.exec(connectTo(t, db), `CREATE FUNCTION public.rehearse_rewritten() RETURNS event_trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE WARNING 'rewritten % %', pg_event_trigger_table_rewrite_oid(), pg_event_trigger_table_rewrite_reason(); END $$;
		CREATE EVENT TRIGGER rehearse_rewritten ON table_rewrite EXECUTE FUNCTION public.rehearse_rewritten()`)
	cfg := db.Copy()
	cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		var oid uint32
		var bits string
		if _, err := fmt.Sscanf(n.Message, "rewritten %d %s", &oid, &bits); err == nil {
			o.reasons[o.before[oid].name] = bits
		}
	}
	o.doer, o.other, o.trier = connectTo(t, cfg), connectTo(t, db), connectTo(t, db)
	o.before = relationsOf(t, o.other)
	scans := scansOf(t, o.other)

	release := holdBeside(t, db, beside, func() { o.look(); o.try() })
	outcome, after := o.carryOut(m)
	release()
	o.exec(o.doer, "SELECT pg_stat_force_next_flush()")
	s := lookedLike{Outcome: outcome, Locks: o.locks(!m.Transaction), Rewrites: map[string]string{}, Scans: map[string]int64{}, Blocked: map[string]string{}}
	if strings.HasPrefix(outcome, "failed") && m.Transaction {
		return lookedLike{Outcome: outcome}
	}
	for oid, was := range o.before {
		if now, ok := after[oid]; ok && now.filenode != was.filenode && was.kind != "S" {
			s.Rewrites[was.name] = o.reasons[was.name]
		}
	}
	for oid, n := range scansOf(t, o.other) {
		if was, ok := o.before[oid]; ok && n > scans[oid] {
			s.Scans[was.name] = n - scans[oid]
		}
	}
	for name, what := range o.blocked {
		s.Blocked[name] = inOrder(what)
	}
	return s
}

// carryOut runs the statements as goose would, but that it takes back what a transaction of goose's would commit. It gives the relations as
// they are before that.
func (o *oracle) carryOut(m migrate.Migration) (outcome string, after map[uint32]relationOf) {
	if m.Transaction {
		o.exec(o.doer, "BEGIN")
		defer o.exec(o.doer, "ROLLBACK")
	}
	for _, s := range m.Statements {
		if inside := o.doer.PgConn().TxStatus() == 'T'; !inside {
			stop := o.poll()
			err := o.send(s.SQL)
			stop()
			if err != nil {
				return failedWith(err), relationsOf(o.T, o.other)
			}
			continue
		}
		if err := o.send(s.SQL); err != nil {
			return failedWith(err), nil
		}
		if o.doer.PgConn().TxStatus() == 'T' {
			o.look()
			o.try()
		}
	}
	return "applied", relationsOf(o.T, o.doer)
}

func (o *oracle) send(sql string) error {
	_, err := o.doer.PgConn().Exec(o.Context(), sql).ReadAll()
	return err
}

func failedWith(err error) string {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return "failed " + pe.Code
	}
	return "failed: " + err.Error()
}

// poll looks at the locks all the time, until stop is called.
func (o *oracle) poll() (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			o.look()
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	return func() { close(done); <-ended }
}

// look notes the locks that the doer has on what was there before.
func (o *oracle) look() {
	o.mu.Lock()
	defer o.mu.Unlock()
	rows, err := o.other.Query(context.WithoutCancel(o.Context()), `SELECT relation, mode FROM pg_locks
		WHERE pid = $1 AND granted AND locktype = 'relation' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
		pgx.QueryExecModeExec, int32(o.doer.PgConn().PID()))
	if err != nil {
		o.Error(err)
		return
	}
	var oid uint32
	var mode string
	if _, err := pgx.ForEachRow(rows, []any{&oid, &mode}, func() error {
		if _, there := o.before[oid]; there {
			if o.modes[oid] == nil {
				o.modes[oid] = map[string]bool{}
			}
			o.modes[oid][mode] = true
		}
		return nil
	}); err != nil {
		o.Error(err)
	}
}

// try does what an application and its administrator do, and notes what has to wait.
func (o *oracle) try() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, oid := range slices.Sorted(maps.Keys(o.modes)) {
		rel := o.before[oid]
		if rel.kind == "i" || rel.kind == "I" {
			oid, rel = rel.table, o.before[rel.table]
		}
		if !strings.Contains("rpmvS", rel.kind) || o.tried[rel.name+o.under(oid)] {
			continue
		}
		o.tried[rel.name+o.under(oid)] = true
		for what, sql := range attempts(rel) {
			if o.waits(sql) {
				if o.blocked[rel.name] == nil {
					o.blocked[rel.name] = map[string]bool{}
				}
				o.blocked[rel.name][what] = true
			}
		}
	}
}

// attempts are what is tried on a relation. A write of a sequence is to draw a number.
func attempts(rel relationOf) map[string]string {
	try := map[string]string{
		"select":  "SELECT 1 FROM ONLY " + rel.name + " LIMIT 1",
		"insert":  "INSERT INTO " + rel.name + " SELECT * FROM ONLY " + rel.name + " WHERE false",
		"comment": "COMMENT ON " + map[string]string{"m": "MATERIALIZED VIEW", "v": "VIEW", "S": "SEQUENCE", "r": "TABLE", "p": "TABLE"}[rel.kind] + " " + rel.name + " IS 'x'",
	}
	switch rel.kind {
	case "r", "p", "m":
		try["create index"] = "CREATE INDEX rehearse_try ON ONLY " + rel.name + " ((1))"
	case "S":
		try["insert"] = "SELECT nextval('" + rel.name + "')"
	}
	return try
}

// under is what the table and its indexes are locked by.
func (o *oracle) under(table uint32) string {
	var all []string
	for oid, modes := range o.modes {
		if oid == table || o.before[oid].table == table {
			all = append(all, fmt.Sprint(oid, slices.Sorted(maps.Keys(modes))))
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// waits tells whether a statement does not get its locks.
func (o *oracle) waits(sql string) bool {
	ctx := context.WithoutCancel(o.Context())
	_, err := o.trier.PgConn().Exec(ctx, "BEGIN; SET LOCAL lock_timeout = '25ms'; "+sql).ReadAll()
	if _, end := o.trier.PgConn().Exec(ctx, "ROLLBACK").ReadAll(); end != nil {
		o.Error(end)
	}
	var pe *pgconn.PgError
	return errors.As(err, &pe) && pe.Code == "55P03"
}

// locks are the strongest mode of each relation, without those of reading alone. What was seen from beside is told of tables only, since
// those of indexes come and go.
func (o *oracle) locks(sampled bool) map[string]string {
	out := map[string]string{}
	for oid, modes := range o.modes {
		rel := o.before[oid]
		strongest := ""
		for _, m := range lockModes {
			if modes[m.internal] {
				strongest = m.name
			}
		}
		if worthALine(rel, strongest, sampled) {
			out[rel.name] = strongest
			if sampled {
				out[rel.name] += " sampled"
			}
		}
	}
	return out
}

// worthALine says whether a case has a line for a lock.
func worthALine(rel relationOf, mode string, sampled bool) bool {
	switch {
	case mode == "" || mode == "ACCESS SHARE":
		return false
	case rel.kind == "S":
		return mode != "ROW EXCLUSIVE" // nextval
	}
	return !sampled || rel.table == 0
}

type lockMode struct{ internal, name string }

var lockModes = []lockMode{
	{"AccessShareLock", "ACCESS SHARE"},
	{"RowShareLock", "ROW SHARE"},
	{"RowExclusiveLock", "ROW EXCLUSIVE"},
	{"ShareUpdateExclusiveLock", "SHARE UPDATE EXCLUSIVE"},
	{"ShareLock", "SHARE"},
	{"ShareRowExclusiveLock", "SHARE ROW EXCLUSIVE"},
	{"ExclusiveLock", "EXCLUSIVE"},
	{"AccessExclusiveLock", "ACCESS EXCLUSIVE"},
}

func inOrder(what map[string]bool) string {
	var out []string
	for _, w := range []string{"select", "insert", "create index", "comment"} {
		if what[w] {
			out = append(out, w)
		}
	}
	return strings.Join(out, ", ")
}

// holding is how long the session beside keeps what it has once somebody waits.
const holding = 400 * time.Millisecond

// holdBeside has another session carry out statements and keep their transaction open until somebody has waited for a while. waiting is called
// when that begins. The function returned ends it in any case.
func holdBeside(t *testing.T, db *pgx.ConnConfig, statements string, waiting func()) (release func()) {
	if statements == "" {
		return func() {}
	}
	holder, watch := connectTo(t, db), connectTo(t, db)
	if _, err := holder.Exec(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer holder.Exec(context.WithoutCancel(t.Context()), "ROLLBACK")
		for {
			select {
			case <-done:
				return
			case <-time.After(2 * time.Millisecond):
			}
			var waits bool
			if err := watch.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity a WHERE datname = current_database() AND pid <> pg_backend_pid()
				AND $1 = ANY (pg_blocking_pids(a.pid)))`, pgx.QueryExecModeExec, int32(holder.PgConn().PID())).Scan(&waits); err != nil || !waits {
				continue
			}
			waiting()
			select {
			case <-done:
			case <-time.After(holding):
			}
			return
		}
	}()
	return func() { close(done); <-ended }
}

func connectTo(t *testing.T, cfg *pgx.ConnConfig) *pgx.Conn {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), cfg.Copy())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func (o *oracle) exec(conn *pgx.Conn, sql string) {
	o.Helper()
	if _, err := conn.PgConn().Exec(o.Context(), sql).ReadAll(); err != nil {
		o.Fatalf("%s: %v", sql, err)
	}
}

// relationsOf are the relations of users, by OID.
func relationsOf(t *testing.T, conn *pgx.Conn) map[uint32]relationOf {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT c.oid, format('%I.%I', n.nspname, c.relname), c.relkind::text, COALESCE(i.indrelid, 0::oid), c.relfilenode
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid
		WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind <> 'c'`, pgx.QueryExecModeExec)
	if err != nil {
		t.Fatal(err)
	}
	all := map[uint32]relationOf{}
	var oid uint32
	var r relationOf
	if _, err := pgx.ForEachRow(rows, []any{&oid, &r.name, &r.kind, &r.table, &r.filenode}, func() error { all[oid] = r; return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// scansOf are the full scans of tables, by OID, as the server counts them.
func scansOf(t *testing.T, conn *pgx.Conn) map[uint32]int64 {
	t.Helper()
	rows, err := conn.Query(t.Context(), "SELECT relid, COALESCE(seq_scan, 0) FROM pg_stat_user_tables", pgx.QueryExecModeExec)
	if err != nil {
		t.Fatal(err)
	}
	all := map[uint32]int64{}
	var oid uint32
	var n int64
	if _, err := pgx.ForEachRow(rows, []any{&oid, &n}, func() error { all[oid] = n; return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}
