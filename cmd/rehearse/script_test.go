package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

// TestMain lets scripts run the command as a program: this binary under another name.
func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){"rehearse": main})
}

var update = flag.Bool("update", false, "rewrite what the scripts compare with")

// tests ends the shared source server when all tests are over.
type tests struct{ m *testing.M }

func (t tests) Run() int { return pgtest.Run(t.m) }

// TestScripts runs the documents in testdata/script. Each is one idea; -update rewrites what they compare with. Verbs of our own:
//
//	prod [-db NAME] [-goose 1,2,...] FILE...   a source database loaded with SQL files, and goose's version table with those versions;
//	                                           REHEARSE_SOURCE_URL is it, $DB its name, $SERVER the server as host:port
//	                                           ($ENGINE is DOCKER_HOST as the test found it: scripts see no engine; $ROOT is the repository)
//	sql FILE                                   run a file in the source
//	role NAME                                  make a role, before prod
//	login ROLE                                 make REHEARSE_SOURCE_URL use a role, whose password is "pw"
//	exit CODE PROGRAM ARG...                   run a program that must end with CODE
//	scrub                                      make stdout and stderr the same every time: no durations, dates, ids, ports, versions
//
// Conditions: [docker] an engine has the image REHEARSE_TEST_IMAGE; [root].
func TestScripts(t *testing.T) {
	t.Parallel()
	o := theatre{bin: pgtest.BinDir(t), root: pgtest.Root(t)}
	o.image = testImage(t)
	o.docker = exec.Command("docker", "image", "inspect", o.image).Run() == nil
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join(o.root, "testdata", "script"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		ContinueOnError:     true,
		Setup:               o.setup,
		Condition:           o.condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"prod": prod, "sql": runSQL, "role": role, "login": login, "exit": exitCode, "scrub": scrub,
		},
	})
}

// testImage is an image of the source's major version: REHEARSE_TEST_IMAGE, which may hold a %d for it.
func testImage(t *testing.T) string {
	image := cmp.Or(os.Getenv("REHEARSE_TEST_IMAGE"), "rehearse-postgres:%d")
	out, err := pgtest.Command(t, "postgres", "--version").Output()
	m := regexp.MustCompile(`\(PostgreSQL\) (\d+)`).FindSubmatch(out)
	if err != nil || m == nil {
		t.Fatalf("postgres --version: %s (%v)", out, err)
	}
	return strings.ReplaceAll(image, "%d", string(m[1]))
}

// theatre is what all scripts share.
type theatre struct {
	bin, image string
	root       string // of the repository
	docker     bool   // an engine has the image
}

// scene is what a script has of its own.
type scene struct {
	theatre
	t      testing.TB
	tmp    string // TMPDIR: a place that a staging server run as another user can enter
	source *pgx.ConnConfig
}

type sceneKey struct{}

func sceneOf(ts *testscript.TestScript) *scene { return ts.Value(sceneKey{}).(*scene) }

func (o theatre) setup(env *testscript.Env) error {
	tmp, err := os.MkdirTemp("", "rs")
	if err != nil {
		return err
	}
	if err := os.Chmod(tmp, 0o755); err != nil { //nolint:gosec // the staging server's user must be able to enter
		return err
	}
	s := &scene{theatre: o, t: env.T().(testing.TB), tmp: tmp}
	env.Values[sceneKey{}] = s
	env.Defer(s.leftovers)
	for name, value := range map[string]string{
		"ROOT": o.root, "TMPDIR": tmp, "REHEARSE_PROVIDER": "local", "REHEARSE_PROGRESS": "none", "REHEARSE_PASSES": "none", "LC_ALL": "C.UTF-8",
		"ENGINE": os.Getenv("DOCKER_HOST"), "REHEARSE_PG_BINDIR": o.bin, "REHEARSE_IMAGE": o.image, "HOME": env.WorkDir,
		"DOCKER_HOST": "tcp://127.0.0.1:1", // no engine, so that no script sees or ends another's container; see container.txtar
	} {
		env.Setenv(name, value)
	}
	return nil
}

// leftovers fails the script that left something behind: a file or a server in TMPDIR, a process, a container, a session at the source.
func (s *scene) leftovers() {
	defer os.RemoveAll(s.tmp)
	for _, found := range []func() string{s.files, s.processes, s.sessions, s.containers} {
		what := found()
		for tries := 0; what != "" && tries < 30; tries++ { // a session takes a moment to end
			time.Sleep(100 * time.Millisecond)
			what = found()
		}
		if what != "" {
			s.t.Errorf("left behind: %s", what)
		}
	}
}

func (s *scene) files() string {
	var names []string
	entries, err := os.ReadDir(s.tmp)
	if err != nil {
		return err.Error()
	}
	for _, e := range entries {
		names = append(names, filepath.Join(s.tmp, e.Name()))
	}
	return strings.Join(names, ", ")
}

func (s *scene) processes() string {
	out, err := exec.Command("ps", "-A", "-ww", "-o", "pid=,args=").Output()
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, s.tmp) {
			return "process " + strings.TrimSpace(line)
		}
	}
	return ""
}

func (s *scene) sessions() string {
	if s.source == nil {
		return ""
	}
	const query = `SELECT string_agg(application_name || ' ' || coalesce(state, ''), ', ') FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`
	if what := pgtest.Value(s.t, s.source, query); what != "" {
		return "sessions at the source: " + what
	}
	return ""
}

func (s *scene) containers() string {
	if s.source == nil || !s.docker {
		return ""
	}
	out, err := exec.Command("docker", "ps", "-aq", "--filter", "label=dev.rehearse.database="+s.source.Database).Output()
	if err != nil || len(out) == 0 {
		return ""
	}
	return "containers " + strings.Join(strings.Fields(string(out)), ", ")
}

func (o theatre) condition(name string) (bool, error) {
	switch name {
	case "docker":
		if !o.docker && strings.Contains(os.Getenv("REHEARSE_TEST_REQUIRE"), "docker") {
			return false, fmt.Errorf("docker is required by REHEARSE_TEST_REQUIRE, but no engine has the image %s", o.image)
		}
		return o.docker, nil
	case "root":
		return os.Getuid() == 0, nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

func prod(ts *testscript.TestScript, neg bool, args []string) {
	s := sceneOf(ts)
	if neg {
		ts.Fatalf("unsupported: ! prod")
	}
	var name, versions string
	for len(args) > 1 && strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "-db":
			name = args[1]
		case "-goose":
			versions = args[1]
		default:
			ts.Fatalf("usage: prod [-db NAME] [-goose 1,2,...] FILE...")
		}
		args = args[2:]
	}
	s.source = pgtest.New(s.t)
	if name != "" {
		s.rename(name)
	}
	for _, file := range args {
		pgtest.Exec(s.t, s.source, ts.ReadFile(file))
	}
	if versions != "" {
		pgtest.Exec(s.t, s.source, gooseTable(versions))
	}
	ts.Setenv("REHEARSE_SOURCE_URL", sourceURL(s.source))
	ts.Setenv("DB", s.source.Database)
	ts.Setenv("SERVER", fmt.Sprintf("%s:%d", s.source.Host, s.source.Port))
}

// rename gives the source a name of the script's choice.
func (s *scene) rename(name string) {
	admin := pgtest.Default(s.t).Config("postgres")
	from, to := pgx.Identifier{s.source.Database}.Sanitize(), pgx.Identifier{name}.Sanitize()
	pgtest.Exec(s.t, admin, "ALTER DATABASE "+from+" RENAME TO "+to)
	s.source = s.source.Copy()
	s.source.Database = name
	s.t.Cleanup(func() { pgtest.Exec(s.t, admin, "DROP DATABASE IF EXISTS "+to+" WITH (FORCE)") })
}

// gooseTable is the version table as goose makes it.
func gooseTable(versions string) string {
	var b strings.Builder
	b.WriteString(`CREATE TABLE public.goose_db_version (id integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
		version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp NOT NULL DEFAULT now());
		INSERT INTO public.goose_db_version (version_id, is_applied) VALUES (0, true);`)
	for v := range strings.SplitSeq(versions, ",") {
		fmt.Fprintf(&b, "INSERT INTO public.goose_db_version (version_id, is_applied) VALUES (%s, true);", v)
	}
	return b.String()
}

// sourceURL is a URL with every reserved character of the database's name encoded.
func sourceURL(cfg *pgx.ConnConfig) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(cfg.User, cfg.Password), Host: fmt.Sprintf("%s:%d", cfg.Host, cfg.Port),
		Path: "/" + cfg.Database, RawPath: "/" + url.PathEscape(cfg.Database), RawQuery: "sslmode=disable",
	}
	return u.String()
}

func runSQL(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sql FILE")
	}
	pgtest.Exec(sceneOf(ts).t, sceneOf(ts).source, ts.ReadFile(args[0]))
}

// role makes a role for the script; it goes after the database, so it must be made before it.
func role(ts *testscript.TestScript, neg bool, args []string) {
	s := sceneOf(ts)
	if neg || len(args) != 1 || s.source != nil {
		ts.Fatalf("usage: role NAME, before prod")
	}
	admin, name := pgtest.Default(s.t).Config("postgres"), pgx.Identifier{args[0]}.Sanitize()
	pgtest.Exec(s.t, admin, "CREATE ROLE "+name)
	s.t.Cleanup(func() {
		if !s.t.Failed() { // a database that is kept still needs it
			pgtest.Exec(s.t, admin, "DROP ROLE "+name)
		}
	})
}

func login(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: login ROLE")
	}
	s := sceneOf(ts)
	pgtest.Exec(s.t, s.source, "ALTER ROLE "+pgx.Identifier{args[0]}.Sanitize()+" LOGIN PASSWORD 'pw'")
	cfg := s.source.Copy()
	cfg.User, cfg.Password = args[0], "pw"
	ts.Setenv("REHEARSE_SOURCE_URL", sourceURL(cfg))
}

func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("run %s: %v", args[1], err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// volatile are the parts of an output that differ from run to run.
var volatile = []struct {
	form *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`\d{8}-\d{6}-[0-9a-f]{4}`), "RUN"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?Z?`), "DATE"},
	{regexp.MustCompile(`key [0-9a-f]{16}`), "key KEY"},
	{regexp.MustCompile(`policy [0-9a-f]{12}`), "policy HASH"},
	{regexp.MustCompile(`LSN [0-9A-F]+/[0-9A-F]+`), "LSN"},
	{regexp.MustCompile(`\b\d+ m \d+ s\b|\b\d+(\.\d+)? (µs|us|ms|s|m)\b`), "TIME"},
	{regexp.MustCompile(`PostgreSQL \d+(\.\d+)?( \([^)]*\))?`), "PostgreSQL VERSION"},
}

func scrub(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: scrub")
	}
	s := sceneOf(ts)
	own := []string{ts.Getenv("WORK"), "$WORK", s.tmp, "$TMPDIR", s.bin, "$BIN"}
	if s.source != nil {
		own = append(own, fmt.Sprintf("%s:%d", s.source.Host, s.source.Port), "SERVER", s.source.Database, "DB")
	}
	clean := func(text string) string {
		text = strings.NewReplacer(own...).Replace(text)
		for _, v := range volatile {
			text = v.form.ReplaceAllString(text, v.as)
		}
		return text
	}
	stdout, stderr := clean(ts.ReadFile("stdout")), clean(ts.ReadFile("stderr"))
	fmt.Fprint(ts.Stdout(), stdout)
	fmt.Fprint(ts.Stderr(), stderr)
}
