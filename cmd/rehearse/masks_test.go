package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/sanitize"
)

// TestMasksAreDocumented holds docs/masks.md to the masks there are, and README's list to their names.
func TestMasksAreDocumented(t *testing.T) {
	t.Parallel()
	path, want := filepath.Join(pgtest.Root(t), "docs", "masks.md"), sanitize.MasksMarkdown()
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("docs/masks.md is not what rehearse sanitize masks --format markdown prints (%v); make golden writes it anew", err)
	}
	readme, err := os.ReadFile(filepath.Join(pgtest.Root(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(readme), "\nMasks: `")
	list, _, _ = strings.Cut(list, "`")
	named := map[string]bool{}
	for _, name := range strings.Fields(list) {
		named[name] = true
	}
	for _, m := range sanitize.Masks() {
		if !named[m.Name] {
			t.Errorf("README does not name the mask %s", m.Name)
		}
		delete(named, m.Name)
	}
	if len(named) > 0 {
		t.Errorf("README names masks that do not exist: %v", named)
	}
}
