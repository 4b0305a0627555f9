package observe

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// session is one migrating connection. Its transaction's state is the server's own word (TxStatus): I idle, T in a block, E failed.
type session struct {
	pid      uint32
	tx       bool // a block is open
	failed   bool // and has failed, so that it can only be rolled back, if not to a savepoint
	armed    bool // a statement other than BEGIN and SET has run in it, so a question no longer hinders SET TRANSACTION
	modes    map[uint32]int
	counters map[uint32]counters
	changes  map[uint32]Change
	pending  []*statement // of the open block
	undone   *statement   // the first that undid something: the counters keep it
	unasked  []*Query     // statements since the latest question
}

type queryKey struct{}

// TraceQueryStart implements [pgx.QueryTracer].
func (r *Recorder) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	if q := r.begin(ctx, pgxConn{conn}, data.SQL, false); q != nil {
		return context.WithValue(ctx, queryKey{}, q)
	}
	return ctx
}

// begin notes a query about to be sent; nil when nothing is recorded.
func (r *Recorder) begin(ctx context.Context, conn Conn, sql string, wire bool) *Query {
	u := r.run
	if u == nil || conn.IsClosed() {
		return nil
	}
	s := r.session(conn)
	q := &Query{conn: conn, session: s, sql: sql, wire: wire, inside: conn.TxStatus() != 'I', stmt: u.classify(sql)}
	if q.stmt == nil && !isControl(sql) {
		return q
	}
	if !q.inside && !r.o.TimesOnly {
		u.ask(func() { r.prepare(ctx, u, q) })
	}
	if len(s.unasked) > 0 && q.inside && endsTransaction(sql) {
		u.ask(func() { r.inside(ctx, u, s.unasked[len(s.unasked)-1]) })
	}
	if q.stmt != nil && r.o.Sending != nil {
		r.o.Sending(len(u.statements), s.pid)
	}
	q.start = u.now()
	if !u.started {
		u.started, u.first = true, q.start
	}
	if q.stmt != nil {
		q.stmt.Transaction = q.inside
		q.stmt.session = u.number(s)
	}
	if q.stmt != nil && !r.o.TimesOnly {
		q.watch = r.watcher.watch(ctx, s.pid, !q.inside)
	}
	return q
}

// session finds or adds what is known of a connection.
func (r *Recorder) session(conn Conn) *session {
	s := r.sessions[conn]
	if s == nil {
		s = &session{pid: conn.PID()}
		r.sessions[conn] = s
	}
	return s
}

// classify is the statement a query stands for: the announced one or, in a Go migration, any that is neither control nor bookkeeping.
func (u *run) classify(sql string) *statement {
	src := Source{SQL: sql}
	switch {
	case u.announced != nil && u.announced.SQL == sql:
		src, u.announced = *u.announced, nil
	case !u.anyStatement || isControl(sql) || u.ignore(sql):
		return nil
	}
	st := &statement{src: src, Statement: report.Statement{SQL: Fold(sql, maxSQL), File: src.File, Line: src.line(0)}}
	u.statements = append(u.statements, st)
	return st
}

// isControl tells the transaction control that pgx sends by itself.
func isControl(sql string) bool {
	return sql == "commit" || sql == "rollback" || sql == "begin" || strings.HasPrefix(sql, "begin ")
}

// prepare makes the counters of a session that is idle start from nought, and reads those of the server before a statement that no
// transaction can be asked about.
func (r *Recorder) prepare(ctx context.Context, u *run, q *Query) {
	ctx, cancel := detach(ctx)
	defer cancel()
	var err error
	u.completed, err = settle(ctx, q.conn, r.watcher.version)
	if err == nil && q.stmt != nil && u.stats == nil && r.watcher.version >= 150000 {
		u.stats, err = r.watcher.counters(ctx)
	}
	if err != nil {
		r.log.Debug("observe: counters before a statement", "reason", Reason(err))
		u.miss(RowsUncounted+" changed", Reason(err))
	}
}

// TraceQueryEnd implements [pgx.QueryTracer].
func (r *Recorder) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	if q, _ := ctx.Value(queryKey{}).(*Query); q != nil {
		r.end(ctx, q, []string{data.CommandTag.String()}, data.Err)
	}
}

// end notes how a query ended, and asks what it did.
func (r *Recorder) end(ctx context.Context, q *Query, tags []string, err error) {
	r.mu.Lock()
	u := r.run
	if u == nil {
		r.mu.Unlock()
		if q.watch != nil {
			q.watch.end()
		}
		return
	}
	defer r.mu.Unlock()
	end := u.now()
	q.end = end
	if q.watch != nil {
		u.ask(q.watch.end)
		took := end - q.start // the server's clock and ours differ a little
		q.stmt.Slept, q.stmt.Waited = report.Duration(min(q.watch.slept, took)), report.Duration(min(q.watch.waited, took))
		q.stmt.WaitedFor = q.watch.blockers
	}
	if q.stmt != nil || isControl(q.sql) {
		u.last = end
	}
	if q.stmt != nil {
		q.stmt.finish(tags, err, end-q.start)
		if q.stmt.Failure != nil {
			u.ask(func() { r.nameTable(ctx, q.stmt.Failure, err) })
		}
	}
	if q.sql == "commit" {
		u.commit += end - q.start
	}
	r.follow(ctx, u, q, end, err != nil)
	if q.stmt != nil && r.o.Sent != nil {
		r.o.Sent(len(u.statements), q.session.pid)
	}
}

// finish fills in what the end of a query tells.
func (s *statement) finish(tags []string, err error, took time.Duration) {
	s.Duration = report.Duration(took)
	if n := len(tags); n > 0 {
		s.Tag, s.Rows = tagOf(pgconn.NewCommandTag(tags[n-1]))
	}
	if len(tags) > 1 {
		s.Tags = tags
	}
	if several(s.src.SQL) {
		s.Rows = nil // the tag is that of the last of them
	}
	if err != nil {
		s.Failure = Failure(err)
		s.Failure.File, s.Failure.Line = s.File, s.Line
		if n := positionLine(err, s.src.SQL); s.src.line(n) > 0 {
			s.Failure.Line = s.src.line(n)
		}
	}
}

// nameTable quotes the table an error names as the server does in all other places.
func (r *Recorder) nameTable(ctx context.Context, f *report.Failure, err error) {
	var pe *pgconn.PgError
	if f.Table == "" || !errors.As(err, &pe) {
		return
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	if name, err := r.watcher.quote(ctx, pe.SchemaName, pe.TableName); err == nil {
		f.Table = name
	}
}

// follow brings the record up to date with the state the session is in after a query.
func (r *Recorder) follow(ctx context.Context, u *run, q *Query, end time.Duration, failed bool) {
	s := q.session
	status := byte('E')
	if !q.conn.IsClosed() {
		status = q.conn.TxStatus()
	}
	if q.wire && q.stmt != nil && status == 'T' { // BEGIN may have been sent with it
		q.stmt.Transaction = true
	}
	if status == 'T' && !s.tx {
		*s = session{pid: s.pid, tx: true, modes: map[uint32]int{}, counters: map[uint32]counters{}, changes: map[uint32]Change{}}
	}
	s.failed = status == 'E' || s.failed && status == 'I'
	switch {
	case status == 'T' && q.stmt != nil:
		s.pending = append(s.pending, q.stmt)
		if q.stmt.Tag == "ROLLBACK" { // to a savepoint
			s.undone = q.stmt
		}
		s.armed = s.armed || !isPreamble(q.stmt.Tag)
		switch {
		case !s.armed || r.o.TimesOnly:
		case u.affords(q):
			u.ask(func() { r.inside(ctx, u, q) })
		default:
			s.unasked = append(s.unasked, q)
		}
	case status == 'E': // the server has released its locks, but for those of before a savepoint: the next probe finds them
		u.unbound = true
		u.release(s, end)
		clear(s.modes)
		if q.stmt != nil && q.stmt.Failure != nil {
			u.miss("locks of "+q.stmt.place(), "it failed, and the server released them with that")
		}
	case status == 'I' && s.tx:
		if q.stmt != nil {
			s.pending = append(s.pending, q.stmt)
		}
		if q.stmt != nil && several(q.stmt.src.SQL) {
			u.unknown(q.stmt)
		}
		s.end(u, end, !failed && !s.failed && q.sql != "rollback" && (q.stmt == nil || q.stmt.Tag != "ROLLBACK"))
	case status == 'I' && q.stmt != nil:
		q.stmt.durable = !failed
		if r.o.TimesOnly {
			return
		}
		u.ask(func() { r.outside(ctx, u, q, end) })
	}
}

// unknown has every table counted again: a text of several statements ended the transaction, and what of it stood before or after that
// end cannot be told.
func (u *run) unknown(st *statement) {
	for oid, rel := range u.rels {
		if rel.isTable() {
			u.touched[oid] = true
		}
	}
	u.method, u.unbound = report.Estimated, true
	u.miss("locks, scans, rewrites and rows changed of "+st.place(), "one text of several statements, which ended the transaction half way")
}

// isPreamble tells statements after which SET TRANSACTION can still follow.
func isPreamble(tag string) bool {
	return slices.Contains([]string{"BEGIN", "START TRANSACTION", "SET", "RESET", "SHOW", "SAVEPOINT", "SET CONSTRAINTS"}, tag)
}

// end closes the session's transaction, committed or not.
func (s *session) end(u *run, at time.Duration, committed bool) {
	u.release(s, at)
	if s.tx {
		u.stats = nil // what the transaction did is in the server's counters, committed or not
	}
	if s.tx && committed {
		if s.undone != nil && len(s.changes) > 0 {
			u.method = report.Estimated
			u.miss("rows changed, exactly, by the transaction of "+s.undone.place(), "a savepoint or an exception block undid part of it, which the server counts too")
		}
		for oid, c := range s.changes {
			u.changes[oid] = u.changes[oid].plus(c)
		}
		for _, st := range s.pending {
			st.durable = true
		}
	}
	*s = session{pid: s.pid}
}

// place is where a statement stands, for people.
func (s *statement) place() string {
	switch {
	case s.Line == 0 && s.File == "":
		return "'" + cut(s.SQL, 80) + "'"
	case s.Line == 0:
		return "a statement of " + s.File
	}
	return s.File + ":" + itoa(s.Line)
}
