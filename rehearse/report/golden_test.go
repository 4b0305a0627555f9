package report_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden shows every form of every sample. Read the files as somebody who has to decide at night.
func TestGolden(t *testing.T) {
	t.Parallel()
	for name, r := range samples() {
		for ext, render := range map[string]func(*bytes.Buffer) error{
			".json":       func(b *bytes.Buffer) error { return report.JSON(b, r) },
			".md":         func(b *bytes.Buffer) error { return report.Markdown(b, r) },
			".txt":        func(b *bytes.Buffer) error { return report.Text(b, r, report.TextOptions{Width: 160}) },
			".narrow.txt": func(b *bytes.Buffer) error { return report.Text(b, r, report.TextOptions{Width: 40, ASCII: true}) },
		} {
			t.Run(name+ext, func(t *testing.T) {
				t.Parallel()
				var b bytes.Buffer
				if err := render(&b); err != nil {
					t.Fatal(err)
				}
				golden(t, name+ext, b.Bytes())
			})
		}
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (make it with: go test ./rehearse/report -update)", err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-golden +rendered):\n%s", name, d)
	}
}
