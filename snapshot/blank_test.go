package snapshot

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

// TestBlankDump has the secrets of a dump go and all else stay, as pg_restore reads it.
func TestBlankDump(t *testing.T) {
	t.Parallel()
	source := pgtest.New(t, `CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'far.example');
CREATE USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (password 'a secret of the mapping');
CREATE TABLE a (b int PRIMARY KEY, c text DEFAULT 'a default'); CREATE VIEW v AS SELECT b FROM a; COMMENT ON TABLE a IS 'a comment';
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET app.token TO ''a secret of the database''', current_database()); END $$`)
	path := filepath.Join(t.TempDir(), "schema.dump")
	pgtest.Dump(t, source, "--format=custom", "--schema-only", "--file="+path)
	dump, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before := restoreScript(t, path)
	if !bytes.Contains(dump, []byte("a secret of the mapping")) || !bytes.Contains(dump, []byte("a secret of the database")) {
		t.Fatal("the dump holds no secrets: nothing is tried")
	}
	for n := range dump { // cut off anywhere, it is refused or at least no panic
		_ = blankDump(bytes.Clone(dump[:n]))
	}
	if err := blankDump(dump); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(dump, []byte("a secret")) {
		t.Error("a secret is left")
	}
	if err := os.WriteFile(path, dump, 0o600); err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(before, "CREATE USER MAPPING FOR postgres SERVER far OPTIONS (\n    password 'a secret of the mapping'\n);\n", "", 1)
	if diff := cmp.Diff(strings.Fields(want), strings.Fields(restoreScript(t, path))); diff != "" {
		t.Errorf("pg_restore's script (-before +after):\n%s", diff)
	}
	for _, odd := range [][]byte{nil, []byte("PGDMP"), []byte("PGDMP\x01\x20\x00\x04\x08\x01 and more"), []byte("-- a script of pg_dump")} {
		if err := blankDump(odd); err == nil {
			t.Errorf("%q was taken for a dump", odd)
		}
	}
}

// TestExactJSON refuses names that would come back as others.
func TestExactJSON(t *testing.T) {
	t.Parallel()
	for name, whole := range map[string]bool{"caf\xe9": false, "café": true, "\ufffd": true, "\x00\n": true} {
		text, err := ExactJSON(map[string]string{"name": name})
		if (err == nil) != whole {
			t.Errorf("%q: %v", name, err)
		}
		var back map[string]string
		if whole && (json.Unmarshal(text, &back) != nil || back["name"] != name) {
			t.Errorf("%q came back as %q", name, back["name"])
		}
	}
}

func restoreScript(t testing.TB, path string) string {
	t.Helper()
	out, err := pgtest.Command(t, "pg_restore", "--file=-", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "restrict ") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}
