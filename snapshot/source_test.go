package snapshot

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

// TestParseSourceHidesPassword gives malformed URLs.
func TestParseSourceHidesPassword(t *testing.T) {
	t.Parallel()
	for _, u := range []string{
		"postgres://u:hunter2@host:port/db", "postgres://u:hunter2@host/db?sslmode=perhaps", "host=h password=hunter2 sslmode=perhaps",
		"postgres://u:hunter2@ho st/db", "host=h password='hunter2",
	} {
		_, err := ParseSource(u)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", u, err)
		}
	}
}

// TestOpenFails tells apart why a source cannot be used, without its password.
func TestOpenFails(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for name, c := range map[string]struct {
		change func(u *url.URL)
		want   SourceKind
	}{
		"nobody listens": {func(u *url.URL) { u.Host = closed.Addr().String() }, Unreachable},
		"no such host":   {func(u *url.URL) { u.Host = "nowhere.invalid:5432" }, Unreachable},
		"no such socket": {func(u *url.URL) { u.Host = ""; u.RawQuery = "host=/nonexistent" }, Unreachable},
		"wrong password": {func(u *url.URL) { u.User = url.UserPassword("postgres", "wrong-secret") }, Unauthorized},
		"no such role":   {func(u *url.URL) { u.User = url.UserPassword("nobody at all", "wrong-secret") }, Unauthorized},
		"no such base":   {func(u *url.URL) { u.Path = "/nothing here" }, NoDatabase},
		"wants TLS":      {func(u *url.URL) { u.RawQuery = "sslmode=require" }, Unreachable},
		"standby wanted": {func(u *url.URL) { u.RawQuery = "sslmode=disable&target_session_attrs=standby" }, Unreachable},
		"bad setting":    {func(u *url.URL) { u.RawQuery = "sslmode=disable&work_mem=none" }, Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u, err := url.Parse(pgtest.URL(db))
			if err != nil {
				t.Fatal(err)
			}
			c.change(u)
			cfg, err := ParseSource(u.String())
			if err != nil {
				t.Fatal(err)
			}
			src, err := Open(testContext(t), cfg, SourceOptions{})
			if err == nil {
				src.Close(testContext(t))
				t.Fatal("it opened")
			}
			var failed *SourceError
			if !errors.As(err, &failed) || failed.Kind != c.want {
				t.Errorf("got %v, want kind %s", err, c.want)
			}
			for _, secret := range []string{"wrong-secret", db.Password, url.QueryEscape(db.Password)} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error tells a password: %v", err)
				}
			}
		})
	}
}

// TestOpenTakesSecondHost has a list of hosts, the first of which is down.
func TestOpenTakesSecondHost(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	cfg, err := ParseSource(fmt.Sprintf("host=127.0.0.1,127.0.0.1 port=1,%d user=postgres password='%s' dbname='%s' search_path=app work_mem=5MB", db.Port, db.Password, db.Database))
	if err != nil {
		t.Fatal(err)
	}
	src, err := Open(testContext(t), cfg, SourceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close(testContext(t))
	v := src.Server()
	if !strings.HasSuffix(v.Address, fmt.Sprintf(":%d/%s", db.Port, db.Database)) || v.Major() < 13 || v.Pooled || v.Standby || v.SystemIdentifier == "" || v.SizeBytes == 0 {
		t.Errorf("server: %+v", v)
	}
	if v.SearchPath != "app" || v.RuntimeParams["work_mem"] != "5MB" {
		t.Errorf("search path %q, parameters %v", v.SearchPath, v.RuntimeParams)
	}
}

// TestOpenIsReadOnly asks the server what the session may do.
func TestOpenIsReadOnly(t *testing.T) {
	t.Parallel()
	src := openSource(t, pgtest.New(t, "CREATE TABLE a (i int)"))
	for _, sql := range []string{"INSERT INTO a VALUES (1)", "CREATE TABLE b (i int)", "SELECT nextval(pg_get_serial_sequence('a', 'i'))", "DELETE FROM a WHERE false OR true"} {
		if _, err := src.conn.Exec(testContext(t), strings.ReplaceAll(sql, " a ", " public.a ")); err == nil {
			t.Errorf("%s was carried out", sql)
		}
	}
	for name, want := range map[string]string{
		"default_transaction_read_only": "on", "lock_timeout": "10s", "statement_timeout": "5min", "idle_in_transaction_session_timeout": "1min",
		"application_name": "rehearse", "row_security": "off", "search_path": "pg_catalog",
	} {
		var got string
		if err := src.conn.QueryRow(testContext(t), "SELECT current_setting($1)", name).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, want %q (%v)", name, got, want, err)
		}
	}
}

// TestApplied reads goose's history under its usual and unusual names.
func TestApplied(t *testing.T) {
	t.Parallel()
	const columns = "(id int GENERATED ALWAYS AS IDENTITY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp)"
	db := pgtest.New(t, `CREATE SCHEMA app; CREATE TABLE app.goose_db_version `+columns+`; CREATE TABLE "app"."Odd Name" `+columns+`;
INSERT INTO app.goose_db_version (version_id, is_applied, tstamp) VALUES (0, true, '2025-01-02 03:04:05'), (7, true, NULL), (7, false, NULL);
CREATE TABLE app.other (i int)`)
	db = db.Copy()
	db.RuntimeParams["search_path"] = "app"
	src := openSource(t, db)
	want := []AppliedVersion{{0, true, "2025-01-02 03:04:05"}, {7, true, ""}, {7, false, ""}}
	for _, name := range []string{"goose_db_version", "app.goose_db_version", `"app".goose_db_version`} {
		got, err := src.Applied(testContext(t), name)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	if got, err := src.Applied(testContext(t), `app."Odd Name"`); err != nil || len(got) != 0 {
		t.Errorf("empty history: %v, %v", got, err)
	}
	for _, name := range []string{"public.goose_db_version", "no_such_table", "a.b.c.d", `"`, ""} {
		_, err := src.Applied(testContext(t), name)
		if !errors.As(err, new(*SourceError)) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := src.Applied(testContext(t), "no_such_table"); !errors.Is(err, ErrNoVersionTable) {
		t.Errorf("got %v, want ErrNoVersionTable", err)
	}
	var failed *SourceError
	if _, err := src.Applied(testContext(t), "other"); !errors.As(err, &failed) || failed.SQLState != "42703" {
		t.Errorf("a table of another shape: %v", err)
	}
	noneLeft(t, db)
}

// TestSamples reads values of ordinary and partitioned tables.
func TestSamples(t *testing.T) {
	t.Parallel()
	src := openSource(t, pgtest.New(t, `CREATE TABLE "A" ("x.y" text, n int, j jsonb, long text); INSERT INTO "A" SELECT CASE WHEN i > 1 THEN 'v' || i END, i, '{"k": 1}', repeat('z', 1000) FROM generate_series(1, 5) i;
CREATE TABLE p (k int) PARTITION BY LIST (k); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); INSERT INTO p VALUES (1); CREATE TABLE none (); CREATE TABLE parent (i int); CREATE TABLE child () INHERITS (parent); INSERT INTO child VALUES (9)`))
	d, err := src.Describe(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	got, err := src.Samples(testContext(t), d.Tables, 3)
	if err != nil {
		t.Fatal(err)
	}
	z := strings.Repeat("z", 256)
	want := map[string]map[string][]string{
		"public.A":      {"x.y": {"v2", "v3"}, "n": {"1", "2", "3"}, "j": {`{"k": 1}`, `{"k": 1}`, `{"k": 1}`}, "long": {z, z, z}},
		"public.p":      {"k": {"1"}},
		"public.parent": {}, "public.child": {"i": {"9"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestStatementsAreWhatIsSent compares the list with what the server logs during a copy, catalog and pg_dump aside.
func TestStatementsAreWhatIsSent(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, "log_statement = all", "log_line_prefix = '%a|'")
	source := server.New(t, "CREATE TABLE a (i serial, t text); INSERT INTO a (t) VALUES ('MARKER')")
	copied(t, source, newTarget(t, pgtest.Start(t)), map[string]string{"public.a.t": "hash"}, CopyOptions{})
	log, err := os.ReadFile(filepath.Join(server.Dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	verbs := map[string]bool{}
	for line := range strings.Lines(string(log)) {
		_, sql, ok := strings.Cut(line, ": ")
		if who, _, _ := strings.Cut(line, "|"); !ok || who != "rehearse" || !strings.Contains(line, "LOG:  ") {
			continue
		}
		if _, rest, ok := strings.Cut(line, "statement: "); ok {
			sql = rest
		} else if _, rest, ok := strings.Cut(line, "execute <unnamed>: "); ok {
			sql = rest
		} else {
			continue
		}
		verbs[strings.ToUpper(strings.Fields(strings.TrimRight(sql, ";\n"))[0])] = true
	}
	for verb := range verbs {
		switch verb {
		case "SELECT", "BEGIN", "START", "SET", "COPY", "ROLLBACK", "SAVEPOINT", "RELEASE", "WITH", "COMMIT", "LOCK", "PREPARE", "EXECUTE", "--", "(SELECT":
		default:
			t.Errorf("the source was sent %s", verb)
		}
	}
	if len(verbs) < 5 {
		t.Errorf("the log shows only %v", verbs)
	}
	if strings.Contains(strings.Join(Statements(), " "), "INSERT") {
		t.Error("Statements writes")
	}
}

// TestSocketAndStandby copies over a unix socket, and from a hot standby.
func TestSocketAndStandby(t *testing.T) {
	t.Parallel()
	primary := pgtest.Start(t, "wal_level = replica", "max_wal_senders = 4")
	source := primary.New(t, "CREATE TABLE a (i serial, t text); INSERT INTO a (t) VALUES ('x'), ('y')")
	targets := pgtest.Start(t)

	socket := source.Copy()
	socket.Host, socket.Password = primary.Dir, ""
	target := newTarget(t, targets)
	copied(t, socket, target, nil, CopyOptions{})
	if got := pgtest.Value(t, target.Config(), "SELECT count(*) FROM a"); got != "2" {
		t.Errorf("%s rows over the socket", got)
	}

	standby := source.Copy()
	standby.Port = startStandby(t, primary)
	target = newTarget(t, targets)
	result := copied(t, standby, target, nil, CopyOptions{})
	if got := pgtest.Value(t, target.Config(), "SELECT string_agg(t, ',' ORDER BY i) || nextval('a_i_seq') FROM a"); got != "x,y3" {
		t.Errorf("from the standby: %s", got)
	}
	if result.LSN == "" {
		t.Error("no position in the WAL")
	}
}

// startStandby makes a hot standby of primary and returns its port.
func startStandby(t *testing.T, primary *pgtest.Server) uint16 {
	t.Helper()
	dir := primary.Mkdir(t, "standby")
	data := filepath.Join(dir, "data")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	asOwner(t, primary, filepath.Join(primary.Bin, "pg_basebackup"), "-D", data, "-R", "-c", "fast", "-h", primary.Dir, "-p", fmt.Sprint(primary.Port), "-U", "postgres")
	asOwner(t, primary, filepath.Join(primary.Bin, "pg_ctl"), "-D", data, "-w", "-t", "60", "-l", filepath.Join(dir, "log"),
		"-o", fmt.Sprintf("-p %d -c unix_socket_directories=%s", port, dir), "start")
	t.Cleanup(func() {
		asOwner(t, primary, filepath.Join(primary.Bin, "pg_ctl"), "-D", data, "-m", "immediate", "stop")
	})
	// What the primary has by now must have arrived.
	lsn := pgtest.Value(t, primary.Config("postgres"), "SELECT pg_current_wal_lsn()")
	cfg := primary.Config("postgres")
	cfg.Port = port
	for range 100 {
		if pgtest.Value(t, cfg, "SELECT (pg_last_wal_replay_lsn() >= '"+lsn+"')::text") == "true" {
			return port
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("the standby does not catch up")
	return 0
}

// asOwner runs a program as the user who owns the server's files.
func asOwner(t *testing.T, s *pgtest.Server, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.SysProcAttr = s.Dir, ownerOf(t, s.Dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(program), err, out)
	}
}

// TestVerifiesTLS copies from a server whose certificate is checked by us and, through the relay, by pg_dump.
func TestVerifiesTLS(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	dir := server.Mkdir(t, "tls")
	root := writeCertificates(t, dir)
	chownAll(t, server, dir)
	db := server.New(t, "CREATE TABLE a (i int); INSERT INTO a VALUES (1)")
	for _, setting := range []string{"ssl_cert_file = '" + dir + "/server.pem'", "ssl_key_file = '" + dir + "/server.key'", "ssl = on"} {
		pgtest.Exec(t, db, "ALTER SYSTEM SET "+setting)
	}
	pgtest.Exec(t, db, "SELECT pg_reload_conf()")
	time.Sleep(300 * time.Millisecond)
	targets := pgtest.Start(t)
	for _, mode := range []string{"require", "verify-ca", "verify-full"} {
		for _, own := range []string{"", filepath.Join(pgtest.BinDir(t), "pg_dump")} {
			cfg, err := ParseSource(fmt.Sprintf("host=localhost port=%d user=postgres password='%s' dbname='%s' sslmode=%s sslrootcert='%s'", db.Port, db.Password, db.Database, mode, root))
			if err != nil {
				t.Fatal(err)
			}
			target := newTarget(t, targets)
			copied(t, cfg, target, nil, CopyOptions{PgDump: own})
			if got := pgtest.Value(t, target.Config(), "SELECT count(*) FROM a"); got != "1" {
				t.Errorf("%s: %s rows", mode, got)
			}
		}
	}
}

// TestPooler goes through pgbouncer, where there is one: refused in transaction mode, usable in session mode.
func TestPooler(t *testing.T) {
	t.Parallel()
	program := os.Getenv("REHEARSE_TEST_PGBOUNCER")
	if program == "" {
		var err error
		if program, err = exec.LookPath("pgbouncer"); err != nil {
			t.Skip("pgbouncer is not here")
		}
	}
	server := pgtest.Start(t)
	db := server.New(t, "CREATE TABLE a (i int); INSERT INTO a VALUES (1)")
	for mode, refused := range map[string]bool{"transaction": true, "session": false} {
		cfg := db.Copy()
		cfg.Port = startPooler(t, server, program, mode)
		src, err := Open(testContext(t), cfg, SourceOptions{})
		var failed *SourceError
		switch {
		case refused && (!errors.As(err, &failed) || failed.Kind != Pooled):
			t.Errorf("%s mode: %v", mode, err)
		case !refused && err != nil:
			t.Errorf("%s mode: %v", mode, err)
		case !refused:
			if !src.Server().Pooled {
				t.Error("the pooler was not seen")
			}
			src.Close(testContext(t))
			target := newTarget(t, pgtest.Start(t))
			copied(t, cfg, target, nil, CopyOptions{})
			if got := pgtest.Value(t, target.Config(), "SELECT count(*) FROM a"); got != "1" {
				t.Errorf("%s rows through the pooler", got)
			}
		}
	}
}

func startPooler(t *testing.T, server *pgtest.Server, program, mode string) uint16 {
	t.Helper()
	dir := server.Mkdir(t, mode)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	cfg := server.Config("postgres")
	conf := fmt.Sprintf("[databases]\n* = host=127.0.0.1 port=%d user=postgres password='%s'\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port=%d\nunix_socket_dir=\nauth_type=any\npool_mode=%s\nlogfile=%s/log\n",
		cfg.Port, cfg.Password, port, mode, dir)
	if err := os.WriteFile(filepath.Join(dir, "ini"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-q", filepath.Join(dir, "ini"))
	cmd.Dir, cmd.SysProcAttr = dir, ownerOf(t, server.Dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for range 100 {
		if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			conn.Close()
			return port
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the pooler does not listen")
	return 0
}

// writeCertificates makes an authority and a certificate for localhost in dir and returns the path of the authority's.
func writeCertificates(t *testing.T, dir string) string {
	t.Helper()
	authority := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	server := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	caKey, key := newKey(t), newKey(t)
	caDER, err := x509.CreateCertificate(rand.Reader, authority, authority, &caKey.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, server, authority, &key.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"root.pem": {Type: "CERTIFICATE", Bytes: caDER}, "server.pem": {Type: "CERTIFICATE", Bytes: der}, "server.key": {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "root.pem")
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// testLocked has somebody hold a table for longer than we wait.
func testLocked(t *testing.T, server *pgtest.Server) {
	db := pgtest.New(t, "CREATE TABLE a (i int); INSERT INTO a VALUES (1)")
	src, err := Open(testContext(t), db, SourceOptions{LockTimeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close(context.Background())
	d, err := src.Describe(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	plan := planFor(t, d, nil)
	target := newTarget(t, server)
	other := openSource(t, db)
	if _, err := other.conn.PgConn().Exec(testContext(t), "BEGIN READ WRITE; LOCK TABLE public.a IN ACCESS EXCLUSIVE MODE").ReadAll(); err != nil {
		t.Fatal(err)
	}
	_, err = Copy(testContext(t), src, plan, target, CopyOptions{})
	var dump *DumpError
	var failed *SourceError
	if !errors.As(err, &dump) && !errors.As(err, &failed) {
		t.Errorf("got %v", err)
	}
	if dump != nil && dump.Kind != DumpLock || failed != nil && failed.Kind != Conflict {
		t.Errorf("got %v, want it told as a lock", err)
	}
}
