package snapshot

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// dump writes the schema archive to c.archive, with the staging server's own pg_dump or the one asked for.
func (c *copier) dump(ctx context.Context, view *frozen) error {
	if c.opts.PgDump != "" {
		return c.dumpHere(ctx, view)
	}
	tools, cfg := c.target.Tools, c.src.cfg
	if clientCertificate(cfg) != nil {
		return &DumpError{Program: "pg_dump", Kind: DumpClientCert}
	}
	hostaddr, port, closeRoute, err := tools.Reach(ctx, func(ctx context.Context) (io.ReadWriteCloser, error) { return dial(ctx, cfg) })
	if err != nil {
		return fmt.Errorf("make the source reachable from staging: %w", err)
	}
	defer func() { _ = closeRoute() }()
	root, err := rootCertificate(cfg, c.src.conn)
	if err != nil {
		return fmt.Errorf("source's certificate: %w", err)
	}
	to := route{host: cfg.Host, hostaddr: hostaddr, port: port}
	if strings.HasPrefix(cfg.Host, "/") {
		to.host = "localhost" // libpq takes a path for a socket; there is no TLS on sockets whose name could matter
	}
	if root != nil {
		to.rootcert = tools.TempPath("source-ca.pem")
		if err := c.writeLines(ctx, to.rootcert, strings.Split(strings.TrimSpace(string(root)), "\n")); err != nil {
			return err
		}
	}
	var stdout, stderr bytes.Buffer
	args := append(dumpArgs(view.id, c.archive, c.src), "--dbname="+to.conninfo(cfg))
	if err := tools.Exec(ctx, "pg_dump", args, c.dumpEnv(), &stdout, &stderr); err != nil {
		return interruptedOr(ctx, dumpError("pg_dump", stderr.String(), err))
	}
	return nil
}

// dumpHere runs a pg_dump of this machine against the source and hands the archive over through the staging server.
func (c *copier) dumpHere(ctx context.Context, view *frozen) (err error) {
	dir, err := os.MkdirTemp("", "rehearse-dump-") // mode 0700
	if err != nil {
		return fmt.Errorf("dump the schema: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cfg := c.src.cfg
	to := route{host: cfg.Host, port: cfg.Port}
	if err := to.certificates(dir, cfg, c.src.conn); err != nil {
		return err
	}
	file := filepath.Join(dir, "schema.dump")
	cmd := exec.CommandContext(ctx, c.opts.PgDump, append(dumpArgs(view.id, file, c.src), "--dbname="+to.conninfo(cfg))...)
	cmd.Env = append(withoutPG(os.Environ()), c.dumpEnv()...)
	cmd.WaitDelay = 5 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return interruptedOr(ctx, dumpError(c.opts.PgDump, stderr.String(), err))
	}
	archive, err := os.ReadFile(file)
	if err != nil {
		return dumpError(c.opts.PgDump, stderr.String(), errors.New("it wrote no archive"))
	}
	return c.handOver(ctx, archive, c.archive)
}

// dumpArgs are pg_dump's. It takes ACCESS SHARE on every table, waits for no longer than a statement of ours, and never asks for a password.
// Its statements are in the encoding of our own sessions, which run some of them.
func dumpArgs(snapshot, file string, src *Source) []string {
	encoding := "UTF8"
	if src.server.Encoding == "SQL_ASCII" {
		encoding = "SQL_ASCII"
	}
	return []string{
		"--encoding=" + encoding,
		"--format=custom", "--schema-only", "--no-subscriptions", "--no-password", "--snapshot=" + snapshot,
		"--lock-wait-timeout=" + strconv.FormatInt(src.opts.LockTimeout.Milliseconds(), 10), "--file=" + file,
	}
}

// dumpEnv is pg_dump's environment: the password, and what makes its session like ours.
func (c *copier) dumpEnv() []string {
	cfg := c.src.cfg
	env := []string{"LC_ALL=C", "PGAPPNAME=rehearse", "PGPASSWORD=" + cfg.Password}
	options := cfg.RuntimeParams["options"]
	if !c.src.server.Pooled { // a pooler refuses options it does not know
		options += " -c default_transaction_read_only=on -c idle_in_transaction_session_timeout=" + milliseconds(idleLimit)
	}
	return append(env, "PGOPTIONS="+strings.TrimSpace(options))
}

// route is where a program finds the source.
type route struct {
	host     string // true name, which a certificate is checked against
	hostaddr string // where to connect to; "" means host
	port     uint16
	rootcert string // files of certificates and key, "" for none
	cert     string
	key      string
}

// conninfo is a libpq connection string with the TLS mode that cfg amounts to, and without a password.
func (r route) conninfo(cfg *pgx.ConnConfig) string {
	var b strings.Builder
	for _, p := range [][2]string{
		{"host", r.host},
		{"hostaddr", r.hostaddr},
		{"port", strconv.Itoa(int(r.port))},
		{"user", cfg.User},
		{"dbname", cfg.Database},
		{"sslmode", sslMode(cfg.TLSConfig)},
		{"sslrootcert", r.rootcert},
		{"sslcert", r.cert},
		{"sslkey", r.key},
		{"gssencmode", "disable"},
		{"connect_timeout", "30"},
	} {
		if p[1] != "" {
			fmt.Fprintf(&b, "%s=%s ", p[0], conninfo(p[1]))
		}
	}
	return strings.TrimSpace(b.String())
}

// sslMode names what pgx made of an sslmode.
func sslMode(t *tls.Config) string {
	switch {
	case t == nil:
		return "disable"
	case !t.InsecureSkipVerify:
		return "verify-full"
	case t.VerifyPeerCertificate != nil || t.VerifyConnection != nil:
		return "verify-ca"
	}
	return "require"
}

// rootCertificate is the authority that vouches for the source, in PEM, when cfg asks for one. Pools of certificates do not tell what
// they hold, so it is taken from the chain by which the server's certificate on conn verifies.
func rootCertificate(cfg *pgx.ConnConfig, conn *pgx.Conn) ([]byte, error) {
	secure, ok := conn.PgConn().Conn().(*tls.Conn)
	if !ok || !strings.HasPrefix(sslMode(cfg.TLSConfig), "verify") {
		return nil, nil
	}
	peers := secure.ConnectionState().PeerCertificates
	options := x509.VerifyOptions{Roots: cfg.TLSConfig.RootCAs, Intermediates: x509.NewCertPool()}
	for _, p := range peers[1:] {
		options.Intermediates.AddCert(p)
	}
	chains, err := peers[0].Verify(options)
	if err != nil {
		return nil, err
	}
	root := chains[0][len(chains[0])-1]
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}), nil
}

func clientCertificate(cfg *pgx.ConnConfig) *tls.Certificate {
	if cfg.TLSConfig == nil || len(cfg.TLSConfig.Certificates) == 0 {
		return nil
	}
	return &cfg.TLSConfig.Certificates[0]
}

// certificates writes what a program of this machine needs into dir, which only we can read.
func (r *route) certificates(dir string, cfg *pgx.ConnConfig, conn *pgx.Conn) error {
	root, err := rootCertificate(cfg, conn)
	if err != nil {
		return fmt.Errorf("source's certificate: %w", err)
	}
	files := map[string][]byte{}
	if root != nil {
		r.rootcert = filepath.Join(dir, "root.pem")
		files[r.rootcert] = root
	}
	if own := clientCertificate(cfg); own != nil {
		r.cert, r.key = filepath.Join(dir, "client.pem"), filepath.Join(dir, "client.key")
		for _, der := range own.Certificate {
			files[r.cert] = append(files[r.cert], pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
		}
		der, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
		if err != nil {
			return errors.New("the key of the client certificate cannot be handed to pg_dump")
		}
		files[r.key] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	for path, content := range files {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return fmt.Errorf("dump the schema: %w", err)
		}
	}
	return nil
}

// withoutPG drops libpq's variables: all that is needed is passed on purpose.
func withoutPG(env []string) []string {
	var rest []string
	for _, e := range env {
		if !strings.HasPrefix(e, "PG") {
			rest = append(rest, e)
		}
	}
	return rest
}

// dumpError sorts a failed client program by what it said.
func dumpError(program, stderr string, err error) error {
	e := &DumpError{Program: program, Kind: DumpFailed, Text: withoutValues("", firstError(stderr)), Err: err}
	switch {
	case strings.Contains(stderr, "server version mismatch"):
		e.Kind, e.Text = DumpVersion, versions(stderr)
	case strings.Contains(stderr, "statement timeout"), strings.Contains(stderr, "lock timeout"):
		e.Kind = DumpLock
	case strings.Contains(stderr, "connection to server"), strings.Contains(stderr, "connection to database"):
		e.Kind = DumpUnreachable
	case program != "pg_restore" && strings.Contains(e.Text, "query failed: "):
		e.Kind = DumpRefused
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrNotExist):
		e.Kind = DumpMissing
	}
	return e
}

// versions is pg_dump's "server version: 17.2; pg_dump version: 15.4".
func versions(stderr string) string {
	for line := range strings.Lines(stderr) {
		if i := strings.Index(line, "server version: "); i >= 0 {
			return "it is older than the source: " + strings.TrimSpace(line[i:])
		}
	}
	return "it is older than the source"
}

// interruptedOr prefers the reason why ctx ended to what that did to a program.
func interruptedOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
