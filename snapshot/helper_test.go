package snapshot

import (
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// toolbox runs the client programs on this machine, and reaches the source through a relay as a container would.
type toolbox struct {
	t      testing.TB
	dir    string
	target *pgx.ConnConfig
}

func (b toolbox) Exec(ctx context.Context, program string, args, env []string, stdout, stderr io.Writer) error {
	bin := pgtest.BinDir(b.t)
	cmd := exec.CommandContext(ctx, filepath.Join(bin, program), args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append([]string{"PATH=" + bin + ":/usr/bin:/bin"}, env...), stdout, stderr
	return cmd.Run()
}

func (b toolbox) Reach(ctx context.Context, dial func(context.Context) (io.ReadWriteCloser, error)) (string, uint16, func() error, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", 0, nil, err
	}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := dial(ctx)
			if err != nil {
				in.Close()
				continue
			}
			go func() { io.Copy(out, in); out.Close() }()
			go func() { io.Copy(in, out); in.Close() }()
		}
	}()
	return "127.0.0.1", uint16(l.Addr().(*net.TCPAddr).Port), l.Close, nil
}

func (b toolbox) TempPath(name string) string { return filepath.Join(b.dir, name) }
func (b toolbox) Self() []string              { return pgtest.Env(b.target) }

// dirs makes names of directories distinct on a shared server.
var dirs struct {
	sync.Mutex
	n int
}

// newTarget is an empty database on a server that is not the source's.
func newTarget(t testing.TB, server *pgtest.Server) Target {
	t.Helper()
	cfg := server.New(t)
	dirs.Lock()
	dirs.n++
	dir := server.Mkdir(t, fmt.Sprintf("tmp%d", dirs.n))
	dirs.Unlock()
	return Target{Config: cfg.Copy, Tools: toolbox{t: t, dir: dir, target: cfg}}
}

func openSource(t testing.TB, cfg *pgx.ConnConfig) *Source {
	t.Helper()
	src, err := Open(testContext(t), cfg, SourceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = src.Close(context.Background()) })
	return src
}

// planFor keeps every column but those named in masks as "schema.table.column", quoted as in SQL.
func planFor(t testing.TB, d *Description, masks map[string]string) *sanitize.Plan {
	t.Helper()
	return planWith(t, d, masks, "")
}

// planWith is planFor with more sections of the rules file.
func planWith(t testing.TB, d *Description, masks map[string]string, sections string) *sanitize.Plan {
	t.Helper()
	rules, key := rulesFor(t, d, masks, sections)
	plan, err := rules.Plan(Database(d), key)
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	return plan
}

// rulesFor are the rules of planWith, and a key.
func rulesFor(t testing.TB, d *Description, masks map[string]string, sections string) (*sanitize.Rules, sanitize.Key) {
	t.Helper()
	var b strings.Builder
	b.WriteString("version: 1\ntables:\n")
	for _, table := range Database(d).Tables {
		if table.Verbatim {
			continue
		}
		name := show(table.Schema, table.Name)
		fmt.Fprintf(&b, "  %q:", name)
		none := true
		for _, c := range table.Columns {
			if c.Generated {
				continue
			}
			rule, ok := masks[name+"."+catalog.Quote(c.Name)]
			if !ok {
				rule = "keep"
			}
			fmt.Fprintf(&b, "\n    %q: %s", c.Name, rule)
			none = false
		}
		if none {
			b.WriteString(" {}")
		}
		b.WriteByte('\n')
	}
	b.WriteString(sections)
	rules, err := sanitize.ParseRules("test.yaml", []byte(b.String()))
	if err != nil {
		t.Fatalf("rules: %v\n%s", err, b.String())
	}
	key, err := sanitize.ParseKey(strings.Repeat("a test's key ", 4))
	if err != nil {
		t.Fatal(err)
	}
	return rules, key
}

// copied copies source into target and returns the result.
func copied(t testing.TB, source *pgx.ConnConfig, target Target, masks map[string]string, opts CopyOptions) *Result {
	t.Helper()
	src := openSource(t, source)
	ctx := testContext(t)
	d, err := src.Describe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	result, err := Copy(ctx, src, planFor(t, d, masks), target, opts)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// part copies the part of source that sections of the rules file choose.
func part(t testing.TB, source *pgx.ConnConfig, target Target, sections string) *Result {
	t.Helper()
	return partWith(t, source, target, sections, CopyOptions{Jobs: 2})
}

func partWith(t testing.TB, source *pgx.ConnConfig, target Target, sections string, opts CopyOptions) *Result {
	t.Helper()
	src := openSource(t, source)
	ctx := testContext(t)
	d, err := src.Describe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	result, err := Copy(ctx, src, planWith(t, d, nil, sections), target, opts)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// rowsOf is every row of a query, as text.
func rowsOf(t testing.TB, cfg *pgx.ConnConfig, query string) string {
	t.Helper()
	return pgtest.Value(t, cfg, "SELECT coalesce(string_agg(r, E'\\n'), '') FROM (SELECT q::text r FROM ("+query+") q ORDER BY 1) s")
}
