package rehearse_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/snapshot/archive"
)

// snapshotted is an archive of a source, in chunks small enough that most tables have several.
func snapshotted(t testing.TB, cfg rehearse.Config, recipients ...age.Recipient) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.snapshot")
	w, err := archive.Create(path, archive.CreateOptions{RunID: "test", WriteOptions: archive.WriteOptions{ChunkSize: 1 << 20, Recipients: recipients}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rehearse.Archive(t.Context(), cfg, w); err != nil {
		t.Fatalf("archive: %v", err)
	}
	return path
}

// fromSnapshot is a rehearsal that knows no source.
func fromSnapshot(t testing.TB, path string, where rehearse.Staging, keys ...age.Identity) rehearse.Config {
	t.Helper()
	r, err := archive.Open(path, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return rehearse.Config{Archive: r, Staging: where, Jobs: 2}
}

// TestRestoredEqualsCopied holds a staging that was restored against one that was copied with the same key, with pg_dump and with sums
// that the servers compute, and what is told of both.
func TestRestoredEqualsCopied(t *testing.T) {
	t.Parallel()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range fidelityCases() {
		if tc.name == "pagila" {
			continue // nothing that the others have not
		}
		t.Run(tc.name, func(t *testing.T) {
			source := tc.source(t)
			rules := tc.rules(t, source)
			eachProvider(t, func(t *testing.T, where rehearse.Staging) {
				if where.Provider == staging.ProviderContainer && tc.name != "shop" {
					return // the same code, with other tools
				}
				path := snapshotted(t, configured(t, source, where, rules), key.Recipient())
				direct, copied := staged(t, configured(t, source, where, rules))
				again, restored := staged(t, fromSnapshot(t, path, where, key))
				equal(t, "pg_dump --schema-only", pgtest.Dump(t, copied, "--schema-only"), pgtest.Dump(t, restored, "--schema-only"))
				equal(t, "rows", contents(t, copied, nil), contents(t, restored, nil))
				equal(t, "sequences", sequences(t, copied), sequences(t, restored))
				equal(t, "differences", differencesTold(direct), differencesTold(again))
				equal(t, "masking", asJSON(t, direct.Masking), asJSON(t, again.Masking))
				equal(t, "tables", tablesTold(direct), tablesTold(again))
				if again.Snapshot.Archive == nil || again.Snapshot.HeldFor != 0 || again.Snapshot.TakenAt.IsZero() || again.Snapshot.LSN == "" {
					t.Errorf("the snapshot is not told: %+v", again.Snapshot)
				}
			})
		})
	}
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// tablesTold is what is told of each table but for the time it took and its bytes, which count chunks' headers too.
func tablesTold(s *rehearse.Staged) string {
	var b strings.Builder
	for _, table := range s.Snapshot.Tables {
		table.Duration, table.Bytes = 0, 0
		line, _ := json.Marshal(table)
		b.Write(append(line, '\n'))
	}
	return b.String()
}

// differencesTold is what is told to differ from the source, but for the age of a snapshot.
func differencesTold(s *rehearse.Staged) string {
	var b strings.Builder
	for _, d := range s.Differences {
		if d.What != "time" {
			fmt.Fprintf(&b, "%s: %s there, %s here\n", d.What, d.Source, d.Staging)
		}
	}
	return b.String()
}

const plantedSecrets = `
CREATE EXTENSION postgres_fdw;
CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'far.example');
CREATE USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (user 'me', password 'zzmarkerpassword1');
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET app.token TO ''zzmarkertoken1''', current_database()); END $$;`

// TestNoPlantedValueIsArchived looks for values of the source, and for secrets kept beside them, in all of a snapshot.
func TestNoPlantedValueIsArchived(t *testing.T) {
	t.Parallel()
	source := plantedShop(t)
	markers := strings.Split(pgtest.Value(t, source, markersSQL), "\n")
	pgtest.Exec(t, source, plantedSecrets)
	with := source.Copy()
	with.RuntimeParams = map[string]string{"app.secret": "zzmarkerparameter1"}
	where := rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}
	path := snapshotted(t, shopConfig(t, with, where))
	r, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	m := r.Manifest()
	clean(t, "the manifest", markers, []byte(asJSON(t, m)))
	if text := asJSON(t, m); strings.Contains(text, source.Host) || strings.Contains(text, source.Password) {
		t.Error("the manifest tells where the source is")
	}
	for _, d := range m.Documents {
		text, err := r.Document(d.Name)
		if err != nil {
			t.Fatal(err)
		}
		clean(t, d.Name, markers, text)
		if bytes.Contains(text, []byte(source.Host+":")) || bytes.Contains(text, []byte(source.Password)) {
			t.Errorf("%s tells where the source is", d.Name)
		}
	}
	rows := 0
	for i := range m.Tables {
		for k := range m.Tables[i].Chunks {
			in, err := r.Chunk(&m.Tables[i], k)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(in)
			if err != nil {
				t.Fatal(err)
			}
			in.Close()
			clean(t, m.Tables[i].Name, markers, text)
			rows++
		}
	}
	if rows < 10 || len(m.Documents) != 4 {
		t.Errorf("only %d chunks and %d documents were searched", rows, len(m.Documents))
	}
}

// creating prepares the making of a snapshot in dir.
func creating(t testing.TB, source *pgx.ConnConfig, dir string, more ...string) *process {
	t.Helper()
	p := command(t, source, append([]string{
		"snapshot", "create", "--provider", "local", "--snapshot", "a", "--snapshot-dir", dir, "--jobs", "2", "--masks", shopFile(t, "rehearse.masks.yaml"),
	}, more...)...)
	p.Env = append(p.Env, "TMPDIR="+p.state)
	return p
}

// TestSnapshotKilled ends the making of a snapshot as the kernel would: none has the name, and the next prune removes what there is of it.
func TestSnapshotKilled(t *testing.T) {
	t.Parallel()
	source, dir := fresh(t, "shop", loadShop), publicDir(t)
	p := creating(t, source, dir, "--progress", "json", "--rate-limit", "4MB")
	l := &longProcess{process: p, ended: make(chan struct{})}
	l.starts(t)
	l.until(t, inData)
	eventually(t, "a snapshot is begun", shortly, func() bool { return len(filesIn(t, dir)) == 1 })
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	l.ends(shortly)
	if got := filesIn(t, dir); len(got) != 1 || !strings.HasPrefix(got[0], ".a.partial-") {
		t.Errorf("a killed run left %q", got)
	}
	prune := exec.Command(commandPath(t), "staging", "prune", "--snapshot-dir", dir)
	prune.Env = p.Env
	out, err := prune.CombinedOutput()
	if err != nil || !strings.Contains(string(out), ".a.partial-") {
		t.Errorf("prune: %v: %s", err, out)
	}
	if got := filesIn(t, dir); len(got) > 0 {
		t.Errorf("after prune there are %q", got)
	}
}

// shortly is for what takes no time but on a busy machine.
const shortly = 20 * time.Second

func filesIn(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names
}
