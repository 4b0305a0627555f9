package snapshot

import (
	"os"
	"strings"
	"testing"
)

// The README promises the literal list of statements sent to production.
func TestReadmeListsEveryStatement(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range Statements() {
		if !strings.Contains(string(readme), statement+";") {
			t.Errorf("README.md lacks\n%s;", statement)
		}
	}
}
