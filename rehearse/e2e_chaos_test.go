package rehearse_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
)

// TestChaos harms a copy at a random moment, over and over, each time in the next of some ways: no wrong copy is ever reported as right,
// and the next `staging prune` leaves nothing. What the command calls a success is compared with the source, by psql.
//
// REHEARSE_TEST_CHAOS is the number of times, without it the first harms come once; `make chaos` makes it 50. REHEARSE_TEST_CHAOS_SEED plays the
// moments of a seed again, as far as a machine can do the same twice.
func TestChaos(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	times := number(t, "REHEARSE_TEST_CHAOS", daily)
	moments := make([]float64, times) // spread over the length of the copy, in no order
	for i, at := range c.rand.Perm(int(times)) {
		moments[i] = (float64(at) + c.rand.Float64()) / float64(times)
	}
	successes := 0
	for i, moment := range moments {
		h := harms[i%len(harms)]
		if t.Failed() {
			break
		}
		began := time.Now()
		code := c.harmed(t, h, moment)
		t.Logf("%2d %-32s at %3.0f %%: exit %3d after %.1f s", i+1, h.name, 100*moment, code, time.Since(began).Seconds())
		if code == 0 {
			successes++
		}
	}
	t.Logf("%d times harmed; %d copies reported as right, and they were", times, successes)
}

// harm is something that befalls a copy.
type harm struct {
	name      string
	container bool  // staging is one, else local
	codes     []int // exit codes it may lead to, beside 0
	do        func(t *testing.T, c *chaos, p *longProcess)
	mend      func(t *testing.T, c *chaos) // what must be done before another copy, nil for nothing
}

// harms are in the order in which they come; the first few are for every day.
var harms = []harm{
	{name: "kill -9 the command", codes: []int{-1}, do: signalled(os.Kill)},
	{name: "end a session of the source", codes: []int{20}, do: inSource("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rehearse' ORDER BY random() LIMIT 1")},
	{name: "kill -9 staging's postmaster", codes: []int{21}, do: killPostmaster},
	{name: "stop the source", codes: []int{20}, do: func(t *testing.T, c *chaos, _ *longProcess) { c.server.Crash(t) }, mend: restart},
	{name: "kill -9 a process of staging", codes: []int{21}, do: killBackend},
	{name: "truncate a table", codes: []int{20}, do: inSource("TRUNCATE child")},
	{name: "terminate the command", codes: []int{143}, do: signalled(syscall.SIGTERM)},
	{name: "drop a table", codes: []int{12, 20}, do: inSource("DROP TABLE child")},
	{name: "alter a table", codes: []int{12, 20}, do: inSource("ALTER TABLE child ADD extra int DEFAULT 7; ALTER TABLE child RENAME pad TO dap")},
	{name: "kill -9 the command, container", codes: []int{-1}, do: signalled(os.Kill), container: true},
	{name: "rewrite a table", codes: []int{12, 20}, do: inSource("ALTER TABLE child ALTER i TYPE bigint; UPDATE child SET i = i + 1")},
	{name: "move a table", codes: []int{20}, do: inSource("VACUUM FULL big")},
	{name: "interrupt the command", codes: []int{130}, do: signalled(os.Interrupt)},
	{name: "docker kill", codes: []int{21}, do: killContainer, container: true},
}

// daily is how many of the harms come when no number is given.
const daily = 6

// chaos is the source, and what a copy of it must be.
type chaos struct {
	server *pgtest.Server
	golden *pgx.ConnConfig // of which every source is a clone
	source *pgx.ConnConfig
	masks  string
	whole  map[string]string // content of each table, hashed
	length time.Duration     // of an undisturbed copy
	rand   *rand.Rand
}

// chaosSource has a table that nothing happens to but appending: by its batches one can tell what it held at any moment.
const chaosSource = `CREATE TABLE big (i int PRIMARY KEY, pad text NOT NULL, at timestamptz); CREATE INDEX ON big (at);
INSERT INTO big SELECT i, repeat(md5(i::text), 8), now() + i * interval '1 s' FROM generate_series(1, 60000) i;
CREATE TABLE child (i int REFERENCES big, pad text); INSERT INTO child SELECT i, md5(i::text) FROM generate_series(1, 20000) i; CREATE INDEX ON child (pad);
CREATE UNLOGGED TABLE loose (i int UNIQUE, pad text);
CREATE TABLE filling (batch int, n int, pad text); INSERT INTO filling SELECT 0, i, md5(i::text) FROM generate_series(1, 5000) i;
CREATE MATERIALIZED VIEW few AS SELECT i % 7 AS k, count(*) FROM big GROUP BY 1; CREATE SEQUENCE free START 17`

// looseRows is what a crash takes from the source.
const looseRows = "INSERT INTO loose SELECT i, md5(i::text) FROM generate_series(1, 5000) i"

func newChaos(t *testing.T) *chaos {
	t.Helper()
	c := &chaos{server: pgtest.Start(t), whole: map[string]string{}}
	seed := number(t, "REHEARSE_TEST_CHAOS_SEED", rand.Uint64())
	t.Logf("REHEARSE_TEST_CHAOS_SEED=%d", seed)
	c.rand = rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // moments, not secrets
	c.golden = c.server.New(t, chaosSource, looseRows)
	c.source = c.golden.Copy()
	c.source.Database = "prod"
	c.masks = write(t, t.TempDir(), "masks.yaml", rulesFor(t, c.golden, nil))
	for _, table := range []string{"big", "child", "loose", "filling", "few"} {
		c.whole[table] = hashed(t, c.golden, table, "")
	}
	c.fresh(t)
	p := c.stage(t, false)
	p.until(t, inCopy)
	began := time.Now()
	if !p.ends(time.Minute) || p.ProcessState.ExitCode() != 0 {
		t.Fatalf("a copy that nothing befalls: %s", p.stderr.String())
	}
	c.length = time.Since(began)
	c.judge(t, p)
	return c
}

var inCopy = moment{phase: "copy", state: rehearse.PhaseStarted}

// fresh makes the source anew.
func (c *chaos) fresh(t *testing.T) {
	t.Helper()
	admin := c.server.Config("postgres")
	pgtest.Exec(t, admin, "DROP DATABASE IF EXISTS prod WITH (FORCE)")
	pgtest.Exec(t, admin, `CREATE DATABASE prod TEMPLATE "`+c.golden.Database+`"`)
}

// stage starts a copy. With local staging no engine is there for it: other tests' containers are none of its business.
func (c *chaos) stage(t *testing.T, container bool) *longProcess {
	t.Helper()
	p := &longProcess{process: command(t, c.source, "stage", "--progress", "json", "--jobs", "2", "--rate-limit", "15MB", "--format", "json", "--masks", c.masks), ended: make(chan struct{})}
	p.Env = append(p.Env, "TMPDIR="+p.state)
	if container {
		p.Args = append(p.Args, "--provider", "container", "--image", testImage(t), "--pull", "never")
	} else {
		p.Args, p.Env = append(p.Args, "--provider", "local"), append(p.Env, "DOCKER_HOST=tcp://127.0.0.1:1")
	}
	p.starts(t)
	return p
}

// harmed is one copy that something befalls at a moment of it, of which 1 is its usual end. It gives the exit code.
func (c *chaos) harmed(t *testing.T, h harm, at float64) int {
	t.Helper()
	c.fresh(t)
	p := c.stage(t, h.container)
	stop := removing(t, c.fill(t))
	p.until(t, inCopy)
	ended := make(chan bool)
	go func() { ended <- p.ends(2 * time.Minute) }()
	time.Sleep(time.Duration(at * float64(c.length)))
	h.do(t, c, p)
	if !<-ended {
		_ = p.Process.Kill()
		t.Fatalf("%s: the command does not end:\n%s", h.name, tail(p.stderr.String()))
	}
	stop()
	if h.mend != nil {
		h.mend(t, c)
	}
	code := p.ProcessState.ExitCode()
	if code != 0 && !slices.Contains(h.codes, code) {
		t.Errorf("%s: exit %d, want 0 or one of %v:\n%s", h.name, code, h.codes, tail(p.stderr.String()))
	}
	c.judge(t, p)
	return code
}

// fill appends to a table, a batch in each transaction, for as long as the source is there.
func (c *chaos) fill(t *testing.T) func() {
	var conn *pgx.Conn
	batch := 0
	return func() {
		if conn == nil || conn.IsClosed() {
			var err error
			if conn, err = pgx.ConnectConfig(t.Context(), c.source.Copy()); err != nil {
				return
			}
		}
		batch++
		_, _ = conn.Exec(t.Context(), "INSERT INTO filling SELECT $1, i, md5(i::text) FROM generate_series(1, 100) i", batch)
	}
}

// judge compares a copy that was called right with the source, and looks for what is left of it.
func (c *chaos) judge(t *testing.T, p *longProcess) {
	t.Helper()
	if p.ProcessState.ExitCode() == 0 {
		var record struct{ ID, URL string }
		if err := json.Unmarshal(p.stdout.Bytes(), &record); err != nil {
			t.Fatalf("%v: %s", err, p.stdout.String())
		}
		c.compare(t, stagingConfig(t, record.URL))
		p.staging(t, "destroy", "--staging", record.ID)
	}
	p.staging(t, "prune")
	p.leavesNothing(t, c.source, 20*time.Second)
}

// compare looks at every table of a copy. What was appended to one must be there as far as some batch; the others are as they were, or as
// what befell the source has left them: a truncated table is empty, but never half.
func (c *chaos) compare(t *testing.T, copied *pgx.ConnConfig) {
	t.Helper()
	if conn, err := pgx.ConnectConfig(t.Context(), copied.Copy()); err != nil {
		t.Log("the copy was right, and its server was killed after that was said")
		return
	} else {
		_ = conn.Close(t.Context())
	}
	last := query(t, copied, "SELECT coalesce(max(batch), 0) FROM filling")
	for table, want := range c.whole {
		got := hashed(t, copied, table, "")
		switch {
		case table == "filling":
			want = hashed(t, c.source, table, "WHERE batch <= "+last)
		case table == "child" && got != want:
			want = hashed(t, c.source, table, "")
		}
		if got != want {
			t.Errorf("a copy was called right, and table %s is not: hash %s, want %s", table, got, want)
		}
	}
	const schema = "SELECT string_agg(d, ', ' ORDER BY d) FROM (SELECT pg_get_indexdef(indexrelid) || indisvalid FROM pg_index WHERE indrelid::regclass::text !~ 'pg_' UNION ALL " +
		"SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid::regclass::text !~ 'pg_') all_of (d)"
	if there, here := query(t, c.golden, schema), query(t, copied, schema); there != here {
		t.Errorf("a copy was called right, and lacks indexes or keys: %s, want %s", here, there)
	}
}

// hashed is what psql makes of a table's rows.
func hashed(t *testing.T, cfg *pgx.ConnConfig, table, where string) string {
	t.Helper()
	return query(t, cfg, fmt.Sprintf(`SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, E'\n' ORDER BY t::text COLLATE "C")), '') FROM %s t %s`, table, where))
}

// query runs a query in psql.
func query(t *testing.T, cfg *pgx.ConnConfig, sql string) string {
	t.Helper()
	cmd := pgtest.Command(t, "psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql)
	cmd.Env = append(os.Environ(), pgtest.Env(cfg)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// staging runs a command about the staging servers of a run's place.
func (p *longProcess) staging(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command(commandPath(t), append([]string{"staging"}, args...)...)
	cmd.Env = p.Env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("staging %q: %v: %s", args, err, out)
	}
}

func restart(t *testing.T, c *chaos) {
	t.Helper()
	c.server.Restart(t)
	pgtest.Exec(t, c.golden, looseRows)
}

func signalled(s os.Signal) func(*testing.T, *chaos, *longProcess) {
	return func(_ *testing.T, _ *chaos, p *longProcess) { _ = p.Process.Signal(s) }
}

// inSource runs statements in the source. They may have to wait for the copy.
func inSource(sql string) func(*testing.T, *chaos, *longProcess) {
	return func(t *testing.T, c *chaos, _ *longProcess) {
		t.Helper()
		pgtest.Exec(t, c.source, sql)
	}
}

func killPostmaster(t *testing.T, _ *chaos, p *longProcess) {
	t.Helper()
	if pid := p.postmaster(t); pid > 0 {
		_ = killed(pid)
	}
}

// killBackend kills any child of the postmaster, whatever it does: the server then ends all sessions and recovers.
func killBackend(t *testing.T, c *chaos, p *longProcess) {
	t.Helper()
	postmaster := p.postmaster(t)
	if postmaster == 0 { // whose children are init and the kernel's
		return
	}
	children, _ := exec.Command("pgrep", "-P", strconv.Itoa(postmaster)).Output()
	if pids := strings.Fields(string(children)); len(pids) > 0 {
		pid, _ := strconv.Atoi(pids[c.rand.IntN(len(pids))])
		_ = killed(pid)
	}
}

func killContainer(t *testing.T, _ *chaos, p *longProcess) {
	t.Helper()
	ids, err := exec.Command("docker", "ps", "-q", "--filter", fmt.Sprintf("label=dev.rehearse.pid=%d", p.Process.Pid)).Output()
	if err != nil {
		t.Error(err)
	}
	for id := range strings.FieldsSeq(string(ids)) {
		_ = exec.Command("docker", "kill", "--signal", "KILL", id).Run() // it may be gone
	}
}

func killed(pid int) error {
	process, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return process.Kill()
}

// postmaster is the process of a run's staging server, 0 when there is none now.
func (p *longProcess) postmaster(t *testing.T) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.state, "rehearse-*", "data", "postmaster.pid"))
	if err != nil || len(files) != 1 {
		return 0
	}
	text, _ := os.ReadFile(files[0])
	first, _, _ := strings.Cut(string(text), "\n")
	pid, _ := strconv.Atoi(first)
	return pid
}

// number is a number of the environment.
func number(t *testing.T, name string, without uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return without
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
