package snapshot

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/snapshot/archive"
)

// archived copies source into target and keeps the copy in an archive, in small chunks.
func archived(t testing.TB, source *pgx.ConnConfig, target Target, masks map[string]string) (string, *Result) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "one.snapshot")
	w, err := archive.Create(path, archive.CreateOptions{RunID: "test", WriteOptions: archive.WriteOptions{ChunkSize: 4096}})
	if err != nil {
		t.Fatal(err)
	}
	result := copied(t, source, target, masks, CopyOptions{Jobs: 3, Archive: w})
	if _, err := w.Finish(archive.Manifest{}); err != nil {
		t.Fatal(err)
	}
	return path, result
}

// restored loads an archive into target.
func restored(t testing.TB, path string, target Target) *Result {
	t.Helper()
	a := openArchived(t, path)
	result, err := Restore(testContext(t), a, target, CopyOptions{Jobs: 3, splitFrom: 4096})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func openArchived(t testing.TB, path string) *Archived {
	t.Helper()
	r, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	a, err := OpenArchived(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close(context.Background()) })
	return a
}

// sameStaging holds two stagings against each other with pg_dump.
func sameStaging(t *testing.T, direct, again Target) {
	t.Helper()
	if diff := cmp.Diff(pgtest.Dump(t, direct.Config(), "--schema-only"), pgtest.Dump(t, again.Config(), "--schema-only")); diff != "" {
		t.Errorf("schemas differ (-direct copy +restored):\n%s", diff)
	}
	if diff := cmp.Diff(rowLines(t, direct), rowLines(t, again)); diff != "" {
		t.Errorf("rows or sequences differ (-direct copy +restored):\n%s", diff)
	}
}

// rowLines are the rows in any order: chunks are loaded in their own.
func rowLines(t *testing.T, target Target) []string {
	lines := strings.Split(sortedLines(pgtest.Dump(t, target.Config(), "--data-only")), "\n")
	slices.Sort(lines)
	return lines
}

// TestRestoreEqualsCopy makes an archive of one of nearly everything, and of it a staging that must be the one it was made with.
func TestRestoreEqualsCopy(t *testing.T) {
	t.Parallel()
	source, server := everything(t), pgtest.Start(t)
	direct := newTarget(t, server)
	path, first := archived(t, source, direct, map[string]string{
		"app.customer.email": "email", "app.event.at": "{mask: date_shift, days: 300}", // rows leave their partition
	})
	again := newTarget(t, pgtest.Start(t))
	second := restored(t, path, again)
	sameStaging(t, direct, again)
	const totals = "SELECT * FROM app.mv_totals"
	if diff := cmp.Diff(rowsOf(t, direct.Config(), totals), rowsOf(t, again.Config(), totals)); diff != "" {
		t.Errorf("materialised view differs:\n%s", diff)
	}
	if diff := cmp.Diff(rowCounts(first), rowCounts(second)); diff != "" {
		t.Errorf("rows told differ:\n%s", diff)
	}
	if diff := cmp.Diff(first.LeftOut, second.LeftOut); diff != "" {
		t.Errorf("left out differs:\n%s", diff)
	}
}

func rowCounts(r *Result) map[string]int64 {
	n := map[string]int64{}
	for _, table := range r.Tables {
		n[show(table.Schema, table.Name)] = table.Rows
	}
	return n
}

// TestRestoreRefuses loads nothing of an archive that is not as it was written, and nothing into another major version.
func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	source := pgtest.New(t, "CREATE TABLE a (b int, c text); INSERT INTO a SELECT i, 'row ' || i FROM generate_series(1, 5000) i")
	server := pgtest.Start(t)
	path, _ := archived(t, source, newTarget(t, server), nil)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	a := openArchived(t, path)
	table := &a.Reader().Manifest().Tables[0]
	if len(table.Chunks) < 4 {
		t.Fatalf("only %d chunks", len(table.Chunks))
	}
	chunk := bytes.Clone(whole)
	chunk[table.Chunks[2].Offset+7] ^= 1
	if err := os.WriteFile(path, chunk, 0o600); err != nil {
		t.Fatal(err)
	}
	refused := func(what string, from *Archived, kind archive.Kind, part string) {
		target := newTarget(t, server)
		_, err := Restore(testContext(t), from, target, CopyOptions{Jobs: 2})
		var ours *archive.Error
		if !errors.As(err, &ours) || ours.Kind != kind || ours.Part != part {
			t.Errorf("%s: %v", what, err)
		}
		if n := pgtest.Value(t, target.Config(), "SELECT count(*) FROM pg_class WHERE relname = 'a'"); n != "0" && rowsOf(t, target.Config(), "SELECT 1 FROM a") != "" {
			t.Errorf("%s: rows were loaded", what)
		}
	}
	refused("altered", openArchived(t, path), archive.Altered, "chunk 3 of public.a")
	other := openArchived(t, path)
	other.source.Server.VersionNum += 10000
	refused("other major", other, archive.OtherMajor, "")
	other = openArchived(t, path)
	other.reader.Manifest().Tables[0].Name = "z"
	refused("not described", other, archive.Foreign, "table public.z")
}

// TestArchiveFails ends a copy whose archive cannot be written, with the archive's own reason.
func TestArchiveFails(t *testing.T) {
	t.Parallel()
	source := pgtest.New(t, "CREATE TABLE a (b int, c text); INSERT INTO a SELECT i, 'row ' || i FROM generate_series(1, 5000) i")
	w := archive.Stream("a pipe", &narrow{room: 1000}, archive.WriteOptions{ChunkSize: 4096})
	src := openSource(t, source)
	d, err := src.Describe(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Copy(testContext(t), src, planFor(t, d, nil), newTarget(t, pgtest.Start(t)), CopyOptions{Archive: w})
	var ours *archive.Error
	if !errors.As(err, &ours) || ours.Kind != archive.Full || ours.Archive != "a pipe" {
		t.Errorf("got %v", err)
	}
}

// narrow is a pipe onto a full disk.
type narrow struct{ room int }

func (n *narrow) Write(p []byte) (int, error) {
	if n.room -= len(p); n.room < 0 {
		return 0, syscall.ENOSPC
	}
	return len(p), nil
}
