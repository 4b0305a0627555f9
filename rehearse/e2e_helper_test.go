package rehearse_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
	"github.com/rehearse-db/rehearse/testdata/shop"
)

// once keeps what is dear to make and shared by tests: the command, and the databases that tests clone.
var once struct {
	command   sync.Once
	dir, err  string
	templates sync.Map // name -> *template
}

type template struct {
	sync.Mutex
	cfg *pgx.ConnConfig
}

func TestMain(m *testing.M) {
	code := pgtest.Run(m)
	if once.dir != "" {
		_ = os.RemoveAll(once.dir)
	}
	os.Exit(code)
}

// commandPath builds the command once, as its users have it.
func commandPath(t testing.TB) string {
	t.Helper()
	once.command.Do(func() {
		dir, err := os.MkdirTemp("", "rehearse-e2e-")
		if err != nil {
			once.err = err.Error()
			return
		}
		once.dir = dir
		build := exec.Command("go", "build", "-o", filepath.Join(dir, "rehearse"), "./cmd/rehearse")
		build.Dir = pgtest.Root(t)
		if out, err := build.CombinedOutput(); err != nil {
			once.err = fmt.Sprintf("%v\n%s", err, out)
		}
	})
	if once.err != "" {
		t.Fatalf("build the command: %s", once.err)
	}
	return filepath.Join(once.dir, "rehearse")
}

// fresh is a copy of a database that load fills, on the shared server; it is filled once however many tests want one.
func fresh(t testing.TB, name string, load func(t testing.TB, cfg *pgx.ConnConfig)) *pgx.ConnConfig {
	t.Helper()
	v, _ := once.templates.LoadOrStore(name, &template{})
	tmpl := v.(*template)
	tmpl.Lock()
	defer tmpl.Unlock()
	if tmpl.cfg == nil {
		server := pgtest.Default(t)
		pgtest.Exec(t, server.Config("postgres"), "CREATE DATABASE template_"+name+" TEMPLATE template0")
		defer func() {
			if tmpl.cfg == nil { // what it is filled with is not here: the next test is to find the same
				pgtest.Exec(t, server.Config("postgres"), "DROP DATABASE template_"+name)
			}
		}()
		cfg := server.Config("template_" + name)
		load(t, cfg)
		tmpl.cfg = cfg
	}
	return pgtest.Clone(t, tmpl.cfg)
}

func loadShop(t testing.TB, cfg *pgx.ConnConfig) {
	t.Helper()
	if err := shop.Load(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
}

func loadPagila(t testing.TB, cfg *pgx.ConnConfig) { loadSample(t, cfg, "pagila-tables") }

// loadSample runs a file of the shared cases.
func loadSample(t testing.TB, cfg *pgx.ConnConfig, name string) {
	t.Helper()
	f, err := os.Open(filepath.Join(pgtest.Shared(t), "cases", name+".sql.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	script, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	psql(t, cfg, script, "--file=-")
}

func loadBench(t testing.TB, cfg *pgx.ConnConfig) {
	t.Helper()
	psql(t, cfg, nil, "-v", "scale=0.05", "--file="+filepath.Join(pgtest.Shared(t), "bench", "prod.sql"))
}

// psql runs a script with the client that its author used.
func psql(t testing.TB, cfg *pgx.ConnConfig, script io.Reader, args ...string) {
	t.Helper()
	cmd := pgtest.Command(t, "psql", append([]string{"-X", "-q", "-v", "ON_ERROR_STOP=1"}, args...)...)
	cmd.Env, cmd.Stdin = append(os.Environ(), pgtest.Env(cfg)...), script
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("psql: %v\n%.1000s", err, out)
	}
}

// publicDir is a directory that the user who runs local servers may enter, which t.TempDir is not.
func publicDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rehearse-e2e-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// eachProvider runs a test on local binaries, and on a container where an engine and an image of the source's major are.
func eachProvider(t *testing.T, test func(t *testing.T, where rehearse.Staging)) {
	t.Helper()
	t.Run("local", func(t *testing.T) {
		test(t, rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)})
	})
	t.Run("container", func(t *testing.T) {
		test(t, rehearse.Staging{Provider: staging.ProviderContainer, Image: testImage(t), Pull: "never", StateDir: publicDir(t)})
	})
}

// testImage is the image of the test server's own major: REHEARSE_TEST_IMAGE, which may hold a %d for it, or the one that
// scripts/setup-test-host.sh builds.
func testImage(t testing.TB) string {
	t.Helper()
	image := os.Getenv("REHEARSE_TEST_IMAGE")
	if image == "" {
		image = "rehearse-postgres:%d"
	}
	if strings.Contains(image, "%d") {
		image = strings.ReplaceAll(image, "%d", pgtest.Value(t, pgtest.Default(t).Config("postgres"), "SELECT current_setting('server_version_num')::int / 10000"))
	}
	return builtImage(t, image)
}

// shopConfig is a rehearsal of the shop with its own rules.
func shopConfig(t testing.TB, source *pgx.ConnConfig, where rehearse.Staging) rehearse.Config {
	t.Helper()
	text, err := shop.Files.ReadFile("rehearse.masks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cfg := configured(t, source, where, string(text))
	cfg.NoAudit = false
	return cfg
}

// configured is a rehearsal by rules. The copy is not audited: most of these rules keep what people would mask.
func configured(t testing.TB, source *pgx.ConnConfig, where rehearse.Staging, rules string) rehearse.Config {
	t.Helper()
	parsed, err := sanitize.ParseRules("rules.yaml", []byte(rules))
	if err != nil {
		t.Fatalf("%v\n%s", err, rules)
	}
	key, err := sanitize.ParseKey(strings.Repeat("a test's key ", 4))
	if err != nil {
		t.Fatal(err)
	}
	return rehearse.Config{Source: source.Copy(), Rules: parsed, Key: key, Staging: where, Jobs: 2, NoAudit: true, Passes: []string{}}
}

// described is what a database holds.
func described(t testing.TB, source *pgx.ConnConfig) *snapshot.Description {
	t.Helper()
	src, err := snapshot.Open(t.Context(), source.Copy(), snapshot.SourceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close(context.WithoutCancel(t.Context()))
	desc, err := src.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return desc
}

// rulesFor keeps every column but those named in masks as schema.table.column, quoted as in SQL.
func rulesFor(t testing.TB, source *pgx.ConnConfig, masks map[string]string) string {
	t.Helper()
	desc := described(t, source)
	var b strings.Builder
	b.WriteString("version: 1\ntables:\n")
	for _, table := range snapshot.Database(desc).Tables {
		if table.Verbatim {
			continue
		}
		name := catalog.Quote(table.Schema) + "." + catalog.Quote(table.Name)
		fmt.Fprintf(&b, "  %q:\n    {", name)
		for _, c := range table.Columns {
			rule := "keep"
			if mask, ok := masks[name+"."+catalog.Quote(c.Name)]; ok {
				rule = mask
			}
			if !c.Generated {
				fmt.Fprintf(&b, "%q: %s, ", c.Name, rule)
			}
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// staged is a masked copy that ends with the test.
func staged(t testing.TB, cfg rehearse.Config) (*rehearse.Staged, *pgx.ConnConfig) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	s, err := rehearse.Stage(ctx, cfg)
	if err != nil {
		t.Fatalf("stage: %v", err)
	}
	t.Cleanup(func() {
		if err := staging.Destroy(context.Background(), s.Info.RunID, staging.Options{StateDir: cfg.Staging.StateDir}); err != nil {
			t.Errorf("destroy staging: %v", err)
		}
	})
	return s, stagingConfig(t, s.Info.URL)
}

func stagingConfig(t testing.TB, url string) *pgx.ConnConfig {
	t.Helper()
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// process is a run of the command.
type process struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
	state          string
}

// command prepares a run of the command with nothing of the tests' environment but PATH; it has a state directory of its own.
func command(t testing.TB, source *pgx.ConnConfig, args ...string) *process {
	t.Helper()
	p := &process{state: publicDir(t)}
	p.Cmd = exec.Command(commandPath(t), append(args, "--state-dir", p.state)...)
	p.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "REHEARSE_SOURCE_URL=" + pgtest.URL(source), "REHEARSE_PG_BINDIR=" + pgtest.BinDir(t)}
	p.Dir, p.Stdout, p.Stderr = t.TempDir(), &p.stdout, &p.stderr
	return p
}

// exitCode runs the command to its end.
func (p *process) exitCode(t testing.TB) int {
	t.Helper()
	err := p.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return p.ProcessState.ExitCode()
}

// write makes a file in a directory, which may have to be made.
func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// eventually waits for something that happens by itself.
func eventually(t testing.TB, what string, limit time.Duration, is func() bool) bool {
	t.Helper()
	for deadline := time.Now().Add(limit); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("not within %v: %s", limit, what)
			return false
		}
	}
	return true
}
