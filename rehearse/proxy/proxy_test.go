package proxy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse/proxy"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// heard is a proxy before db, and what it heard. Before and after each exchange it asks the session something.
type heard struct {
	*proxy.Proxy
	mu   sync.Mutex
	all  []string
	gone int
	busy int // questions that could not be asked
}

func listen(t testing.TB, db *pgx.ConnConfig) *heard {
	t.Helper()
	h := &heard{}
	ask := func(s *proxy.Session) string {
		if s.TxStatus() == 'E' {
			return "-"
		}
		results, err := s.Ask(t.Context(), "SELECT 40", "SELECT pg_catalog.pg_backend_pid(), 2")
		if err != nil {
			h.mu.Lock()
			h.busy++
			h.mu.Unlock()
			return "?"
		}
		if len(results) != 2 || string(results[0].Rows[0][0]) != "40" || string(results[1].Rows[0][0]) != fmt.Sprint(s.PID()) {
			t.Errorf("an answer went astray: %+v", results)
		}
		return ""
	}
	p, err := proxy.Listen(t.Context(), proxy.Options{
		Target: func() *pgconn.Config { return &db.Copy().Config }, Database: "production",
		Sent: func(s *proxy.Session, _ string) func(proxy.Outcome) {
			before := ""
			if s.TxStatus() != 'T' { // where it may be straight after BEGIN
				before = ask(s)
			}
			return func(o proxy.Outcome) {
				line := before + o.SQL + " = " + strings.Join(o.Tags, ", ")
				var pe *pgconn.PgError
				switch {
				case errors.As(o.Err, &pe):
					line += "!" + pe.Code
				case o.Err != nil:
					line += "!" + o.Err.Error()
				case len(o.Tags) > 0 && o.Tags[len(o.Tags)-1] != "BEGIN" && o.Tags[len(o.Tags)-1] != "SET":
					line += ask(s)
				}
				h.mu.Lock()
				defer h.mu.Unlock()
				h.all = append(h.all, line+" "+string(s.TxStatus()))
			}
		},
		Gone: func(*proxy.Session) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.gone++
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	h.Proxy = p
	return h
}

// heard is what was said since it was asked last.
func (h *heard) heard() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.all
	h.all = nil
	return all
}

func (h *heard) connect(t testing.TB, options ...func(*pgx.ConnConfig)) *pgx.Conn {
	t.Helper()
	cfg, err := pgx.ParseConfig(h.URL())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range options {
		o(cfg)
	}
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exec(t testing.TB, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Errorf("%s: %v", sql, err)
	}
}

// TestEveryWayOfAsking sends the same statements as clients do who know the protocol differently. Questions in between take nothing from
// them: not the statement without a name, which a simple query would drop, nor a cursor.
func TestEveryWayOfAsking(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "CREATE TABLE t (id int PRIMARY KEY, v text)")
	h := listen(t, db)
	for _, mode := range []pgx.QueryExecMode{
		pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeCacheStatement, pgx.QueryExecModeExec, pgx.QueryExecModeCacheDescribe,
	} {
		conn := h.connect(t, func(c *pgx.ConnConfig) {
			c.DefaultQueryExecMode = mode
			c.RuntimeParams["application_name"] = "a client"
		})
		exec(t, conn, "TRUNCATE t")
		h.heard()
		tx, err := conn.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		exec(t, conn, "INSERT INTO t VALUES ($1::int, $2::text)", 1, "one")
		exec(t, conn, "DECLARE c CURSOR FOR SELECT * FROM t")
		exec(t, conn, "FETCH c")
		if _, err := conn.Exec(t.Context(), "INSERT INTO t VALUES ($1::int, $2::text)", 1, "again"); err == nil {
			t.Error("a duplicate key went in")
		}
		_ = tx.Rollback(t.Context())
		var name string
		if err := conn.QueryRow(t.Context(), "SELECT current_setting('application_name')").Scan(&name); err != nil || name != "a client" {
			t.Errorf("%v: the application's name is %q, %v", mode, name, err)
		}
		got := h.heard()
		for i := range got {
			got[i] = strings.NewReplacer("$1::int", "$", "$2::text", "$", " '1' ", "$", "'one'", "$", "'again'", "$").Replace(got[i])
		}
		want := []string{
			"begin = BEGIN T", "INSERT INTO t VALUES ($, $) = INSERT 0 1 T", "DECLARE c CURSOR FOR SELECT * FROM t = DECLARE CURSOR T", "FETCH c = FETCH 1 T",
			"INSERT INTO t VALUES ($, $) = !23505 E", "-rollback = ROLLBACK I", "SELECT current_setting('application_name') = SELECT 1 I",
		}
		if mode == pgx.QueryExecModeSimpleProtocol {
			got[1], got[4] = want[1], want[4] // with the values, as pgx writes them
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", mode, diff)
		}
		_ = conn.Close(t.Context())
	}
	if h.busy != 0 {
		t.Errorf("%d questions could not be asked", h.busy)
	}
	done, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if !h.Drain(done) || h.gone != 5 {
		t.Errorf("%d of 5 sessions are gone", h.gone)
	}
}

func TestPipelines(t *testing.T) {
	t.Parallel()
	h := listen(t, pgtest.New(t, "CREATE TABLE t (id int PRIMARY KEY, v text)"))
	conn := h.connect(t, func(c *pgx.ConnConfig) { c.DefaultQueryExecMode = pgx.QueryExecModeExec })
	batch := &pgx.Batch{}
	for i := range 1000 {
		batch.Queue("INSERT INTO t VALUES ($1, $2)", i, strings.Repeat("x", 500))
	}
	batch.Queue("SELECT repeat('y', 1000000) FROM t LIMIT 20")
	if err := conn.SendBatch(t.Context(), batch).Close(); err != nil {
		t.Fatal(err)
	}
	got := h.heard()
	if len(got) != 1 || !strings.HasPrefix(got[0], "INSERT INTO t VALUES ($1, $2);\nSELECT repeat('y', 1000000) FROM t LIMIT 20 = INSERT 0 1, ") || !strings.HasSuffix(got[0], "SELECT 20 I") {
		t.Errorf("heard of a batch: %.300s", got)
	}
	// Several Syncs under way at once: what overlaps is one exchange.
	p := conn.PgConn().StartPipeline(t.Context())
	for range 50 {
		p.SendQueryParams("SELECT repeat('z',100000)", nil, nil, nil, nil)
		if err := p.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	for _, line := range h.heard() {
		if strings.ReplaceAll(strings.ReplaceAll(line, "SELECT 1", ""), ", ", "") != "SELECT repeat('z',100000) =  I" {
			t.Errorf("heard of a pipeline: %.200s", line)
		}
	}
	exec(t, conn, "SELECT 1") // and all is well
	if got := h.heard(); len(got) != 1 || got[0] != "SELECT 1 = SELECT 1 I" {
		t.Errorf("after the pipeline: %v", got)
	}
}

func TestCopyBothWays(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "CREATE TABLE t (id int PRIMARY KEY, v text)")
	h := listen(t, db)
	conn := h.connect(t)
	var in strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&in, "%d\tvalue %d\n", i, i)
	}
	if tag, err := conn.PgConn().CopyFrom(t.Context(), strings.NewReader(in.String()), "COPY t FROM STDIN"); err != nil || tag.RowsAffected() != 20_000 {
		t.Fatalf("%v %v", tag, err)
	}
	var out bytes.Buffer
	if _, err := conn.PgConn().CopyTo(t.Context(), &out, "COPY (SELECT * FROM t ORDER BY id) TO STDOUT"); err != nil || out.String() != in.String() {
		t.Fatalf("%v, %d bytes of %d", err, out.Len(), in.Len())
	}
	// The server gives up in the middle: what the client still sends is no trouble.
	if _, err := conn.PgConn().CopyFrom(t.Context(), strings.NewReader("x\n"+in.String()), "COPY t FROM STDIN"); err == nil {
		t.Fatal("a row that is none went in")
	}
	exec(t, conn, "SELECT 1")
	want := []string{
		"COPY t FROM STDIN = COPY 20000 I", "COPY (SELECT * FROM t ORDER BY id) TO STDOUT = COPY 20000 I", "COPY t FROM STDIN = !22P02 I", "SELECT 1 = SELECT 1 I",
	}
	if diff := cmp.Diff(want, h.heard()); diff != "" {
		t.Errorf("heard (-want +got):\n%s", diff)
	}
}

func TestWhatComesUnasked(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	h := listen(t, db)
	var notices []string
	conn := h.connect(t, func(c *pgx.ConnConfig) {
		c.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { notices = append(notices, n.Message) }
	})
	exec(t, conn, "LISTEN news")
	exec(t, conn, "DO $$ BEGIN RAISE NOTICE 'heard'; END $$")
	other := h.connect(t)
	exec(t, other, "NOTIFY news, 'it'")
	n, err := conn.WaitForNotification(t.Context())
	if err != nil || n.Payload != "it" {
		t.Errorf("%+v, %v", n, err)
	}
	if diff := cmp.Diff([]string{"heard"}, notices); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	big := strings.Repeat("ä", 5<<20)
	var length int
	if err := conn.QueryRow(t.Context(), "SELECT length($1::text) -- "+big, big).Scan(&length); err != nil || length != 5<<20 {
		t.Errorf("a message of 20 MB: %d, %v", length, err)
	}
}

func TestCancelAndEndings(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	h := listen(t, db)
	conn := h.connect(t)
	go func() {
		time.Sleep(200 * time.Millisecond)
		_ = conn.PgConn().CancelRequest(context.WithoutCancel(t.Context()))
	}()
	_, err := conn.Exec(t.Context(), "SELECT pg_sleep(30)")
	if pe := (*pgconn.PgError)(nil); !errors.As(err, &pe) || pe.Code != "57014" {
		t.Errorf("a cancelled statement: %v", err)
	}
	exec(t, conn, "SELECT 1")

	// The server ends the session; then a client goes without a word in the middle of a transaction, and of a statement.
	_, err = conn.Exec(t.Context(), "SELECT pg_terminate_backend(pg_backend_pid())")
	if pe := (*pgconn.PgError)(nil); !errors.As(err, &pe) || pe.Code != "57P01" {
		t.Errorf("a terminated session: %v", err)
	}
	done, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if !h.Drain(done) {
		t.Error("the terminated session is still there")
	}
	rude := h.connect(t)
	exec(t, rude, "BEGIN")
	exec(t, rude, "CREATE TABLE never (a int)")
	_ = rude.PgConn().Conn().Close()
	ruder := h.connect(t)
	ruder.PgConn().Frontend().SendQuery(&pgproto3.Query{String: "CREATE TABLE stays AS SELECT 1 FROM pg_sleep(0.3)"})
	if err := ruder.PgConn().Frontend().Flush(); err != nil {
		t.Fatal(err)
	}
	_ = ruder.PgConn().Conn().Close()
	if !h.Drain(done) {
		t.Error("sessions are still there")
	}
	if got := pgtest.Value(t, db, "SELECT string_agg(relname, ',') FROM pg_class WHERE relname IN ('never', 'stays')"); got != "stays" {
		t.Errorf("tables %q are there, want stays alone", got)
	}
	want := []string{
		"SELECT pg_sleep(30) = !57014 I", "SELECT 1 = SELECT 1 I", "SELECT pg_terminate_backend(pg_backend_pid()) = !57P01 I",
		"BEGIN = BEGIN T", "CREATE TABLE never (a int) = CREATE TABLE T",
	}
	got := h.heard()
	if len(got) == len(want)+1 && strings.HasPrefix(got[len(want)], "CREATE TABLE stays") {
		got = got[:len(want)]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("heard (-want +got):\n%s", diff)
	}
}

// TestPsqlAndDump are clients by others, libpq's: one with a script, one with a snapshot, COPY and SET TRANSACTION.
func TestPsqlAndDump(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "CREATE TABLE t (id serial PRIMARY KEY, v text); INSERT INTO t (v) SELECT 'v' || g FROM generate_series(1, 5000) g; CREATE VIEW w AS SELECT * FROM t")
	h := listen(t, db)
	dump := pgtest.Command(t, "pg_dump", "-d", h.URL())
	dump.Env = append(os.Environ(), "PGSSLMODE=prefer")
	var said bytes.Buffer
	dump.Stderr = &said
	out, err := dump.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	direct := pgtest.Dump(t, db)
	if lines := len(strings.Split(string(out), "\n")); lines < 5000 || !strings.Contains(string(out), "CREATE VIEW public.w") || len(out) < len(direct)/2 {
		t.Errorf("pg_dump through the proxy gave %d lines", lines)
	}
	psql := pgtest.Command(t, "psql", "-X", "-q", "-d", strings.Replace(h.URL(), "sslmode=disable", "sslmode=require", 1), "-c", "SELECT 1")
	if out, err := psql.CombinedOutput(); err == nil || !strings.Contains(string(out), "SSL") {
		t.Errorf("TLS was promised: %s", out)
	}
}

// BenchmarkCopy loads three million rows, through the proxy and without.
func BenchmarkCopy(b *testing.B) {
	db := pgtest.New(b, "CREATE UNLOGGED TABLE t (id int, v text)")
	var rows bytes.Buffer
	for i := range 3_000_000 {
		fmt.Fprintf(&rows, "%d\tvalue %d\n", i, i)
	}
	for _, through := range []bool{false, true} {
		b.Run(fmt.Sprintf("proxy=%v", through), func(b *testing.B) {
			args := []string{"-X", "-q", "-d", pgtest.URL(db)}
			if through {
				args[3] = listen(b, db).URL()
			}
			for range b.N {
				for _, sql := range []string{`\copy t from stdin`, `\copy t to stdout`} {
					cmd := pgtest.Command(b, "psql", append(args, "-c", sql)...)
					cmd.Stdin, cmd.Stdout = bytes.NewReader(rows.Bytes()), io.Discard
					start := time.Now()
					if err := cmd.Run(); err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(time.Since(start).Seconds(), strings.Fields(sql)[2]+"-s")
				}
				pgtest.Exec(b, db, "TRUNCATE t")
			}
		})
	}
}
