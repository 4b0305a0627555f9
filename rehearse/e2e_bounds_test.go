package rehearse_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

// TestFullSource has a source that takes so many sessions more: too few for any, for pg_dump beside the first, for all jobs, and enough for one.
func TestFullSource(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, "max_connections = 12", "superuser_reserved_connections = 3", "max_wal_senders = 0")
	source := server.New(t, "CREATE TABLE a (i int); CREATE TABLE b (i int); CREATE TABLE c (i int); CREATE TABLE d (i int)",
		"CREATE ROLE reader LOGIN PASSWORD 'pw'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
	masks := write(t, t.TempDir(), "masks.yaml", rulesFor(t, source, nil))
	reader := source.Copy()
	reader.User, reader.Password = "reader", "pw"
	for _, c := range []struct {
		free, jobs, code int
		as               *pgx.ConnConfig
	}{{0, 4, 20, reader}, {1, 4, 20, reader}, {2, 4, 20, reader}, {2, 1, 0, reader}, {3, 4, 20, source}, {5, 4, 0, source}} {
		t.Run(fmt.Sprintf("%d free for %d jobs of %s", c.free, c.jobs, c.as.User), func(t *testing.T) {
			usable := 12
			if c.as == reader {
				usable -= 3
			}
			taken := make([]*pgx.Conn, 0, 12)
			for range usable - c.free {
				conn, err := pgx.ConnectConfig(t.Context(), source.Copy())
				if err != nil {
					t.Fatal(err)
				}
				taken = append(taken, conn)
			}
			p := localStage(t, c.as, masks, "--jobs", fmt.Sprint(c.jobs))
			code := p.exitCode(t)
			for _, conn := range taken {
				_ = conn.Close(t.Context())
			}
			if code != c.code {
				t.Errorf("exit %d, want %d:\n%s", code, c.code, p.stderr.String())
			}
			if said := p.stderr.String(); c.code == 20 && (!strings.Contains(said, "fewer --jobs") || strings.Contains(said, "pg_dump runs where staging does")) {
				t.Errorf("it does not say what to do:\n%s", said)
			}
			p.destroyed(t)
			eventually(t, "its sessions have ended", 5*time.Second, func() bool {
				return pgtest.Value(t, source, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'") == "1"
			})
		})
	}
}

// TestBehindAPooler is refused where sessions are shared, with the way out, before anything is started.
func TestBehindAPooler(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	source := server.New(t, "CREATE TABLE a (i int PRIMARY KEY); INSERT INTO a VALUES (7)")
	masks := write(t, t.TempDir(), "masks.yaml", "version: 1\ntables:\n  public.a: {i: keep}\n")
	for _, mode := range []string{"transaction", "statement", "session"} {
		through := source.Copy()
		through.Port = server.Pooler(t, mode)
		p := localStage(t, through, masks)
		code := p.exitCode(t)
		said := p.stderr.String()
		switch {
		case mode == "session" && code != 0:
			t.Errorf("session mode: exit %d:\n%s", code, said)
		case mode == "session":
			if got := query(t, stagingConfig(t, strings.TrimSpace(p.stdout.String())), "SELECT i FROM a"); got != "7" {
				t.Errorf("the copy holds %q", got)
			}
		case code != 20 || !strings.Contains(said, "in transaction or statement mode, is in between") || !strings.Contains(said, "connect past the pooler"):
			t.Errorf("%s mode: exit %d:\n%s", mode, code, said)
		}
		p.destroyed(t)
	}
}

// localStage is a masked copy by the command, on local binaries and where no other test's servers are.
func localStage(t *testing.T, source *pgx.ConnConfig, masks string, args ...string) *process {
	t.Helper()
	p := command(t, source, append([]string{"stage", "--provider", "local", "--masks", masks, "--progress", "plain"}, args...)...)
	p.Env = append(p.Env, "TMPDIR="+p.state, "DOCKER_HOST=tcp://127.0.0.1:1")
	return p
}

// destroyed ends what a copy left running, if it did.
func (p *process) destroyed(t *testing.T) {
	t.Helper()
	if p.ProcessState.ExitCode() != 0 {
		return
	}
	destroy := exec.Command(p.Path, "staging", "destroy")
	destroy.Env = p.Env
	if out, err := destroy.CombinedOutput(); err != nil {
		t.Errorf("destroy: %v\n%s", err, out)
	}
}
