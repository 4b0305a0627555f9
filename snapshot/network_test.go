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
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

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
	standby.Port = primary.Standby(t).Port
	target = newTarget(t, targets)
	result := copied(t, standby, target, nil, CopyOptions{})
	if got := pgtest.Value(t, target.Config(), "SELECT string_agg(t, ',' ORDER BY i) || nextval('a_i_seq') FROM a"); got != "x,y3" {
		t.Errorf("from the standby: %s", got)
	}
	if result.LSN == "" {
		t.Error("no position in the WAL")
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

// TestPooler goes through pgbouncer: refused where sessions are shared, usable in session mode.
func TestPooler(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	db := server.New(t, "CREATE TABLE a (i int); INSERT INTO a VALUES (1)")
	for mode, refused := range map[string]bool{"statement": true, "transaction": true, "session": false} {
		cfg := db.Copy()
		cfg.Port = server.Pooler(t, mode)
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
	if _, err := src.Describe(testContext(t)); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("locked: public.a by process %d", other.conn.PgConn().PID())) {
		t.Errorf("%v does not say who locked what", err)
	}
}
