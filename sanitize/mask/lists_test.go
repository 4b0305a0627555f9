package mask

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// frozen are the sums of the lists. A list that changes changes pseudonyms: make a new version instead.
var frozen = map[string]string{
	"lists/v1/companies.txt":      "e6138bba4e9f4344",
	"lists/v1/de/first_names.txt": "6a86327328f9687d",
	"lists/v1/de/last_names.txt":  "7680323dfcd50a97",
	"lists/v1/en/first_names.txt": "86a4854723026376",
	"lists/v1/en/last_names.txt":  "5d458324c8ddc95c",
	"lists/v1/es/first_names.txt": "5db46281aaca7c4f",
	"lists/v1/es/last_names.txt":  "24824194e25c2eeb",
	"lists/v1/first_names.txt":    "dde31fdc7e587018",
	"lists/v1/fr/first_names.txt": "a14a836c96635d8a",
	"lists/v1/fr/last_names.txt":  "85a553cea1fdd3ce",
	"lists/v1/it/first_names.txt": "d1a22a1e2c6dbd90",
	"lists/v1/it/last_names.txt":  "bbfd77719d23f942",
	"lists/v1/ja/first_names.txt": "b21b6f18e46d6c65",
	"lists/v1/ja/last_names.txt":  "a6dce5466500e73c",
	"lists/v1/job_titles.txt":     "9a3bb6555a471743",
	"lists/v1/last_names.txt":     "5a319f580ea4028e",
	"lists/v1/lorem.txt":          "1acfdf4675efc88c",
	"lists/v1/nl/first_names.txt": "cc8c69bb3682d8dc",
	"lists/v1/nl/last_names.txt":  "443c484389f8bbcc",
	"lists/v1/pl/first_names.txt": "2ccbbbd04e617344",
	"lists/v1/pl/last_names.txt":  "5a348b200c9fb720",
	"lists/v1/places/de.txt":      "9cf3be858c78ff99",
	"lists/v1/places/en_GB.txt":   "00fae06f4533e704",
	"lists/v1/places/en_US.txt":   "e44a8822f8947ae5",
	"lists/v1/places/es.txt":      "9c88416ec328b4a0",
	"lists/v1/places/fr.txt":      "8c0bfebb1ab06c71",
	"lists/v1/places/it.txt":      "f730533940ce1990",
	"lists/v1/places/nl.txt":      "07cff70a88d026a6",
	"lists/v1/pt/first_names.txt": "74fb9879bfd15c50",
	"lists/v1/pt/last_names.txt":  "f499fd7b91aade8b",
	"lists/v1/sv/first_names.txt": "715f06112d2773b3",
	"lists/v1/sv/last_names.txt":  "f24cad80371089f1",
	"lists/v1/user_agents.txt":    "51255ac12e418532",
}

func TestListsAreFrozen(t *testing.T) {
	t.Parallel()
	found := 0
	err := fs.WalkDir(lists, "lists/v1", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		found++
		text, err := lists.ReadFile(path)
		sum := sha256.Sum256(text)
		if got := hex.EncodeToString(sum[:8]); frozen[path] != got {
			t.Errorf("%q: %q,", path, got)
		}
		return err
	})
	if err != nil || found != len(frozen) {
		t.Errorf("%d lists, want %d; %v", found, len(frozen), err)
	}
}

// TestLists: every list has enough entries, none twice, none empty or with blanks around it.
func TestLists(t *testing.T) {
	t.Parallel()
	files := []string{"companies", "job_titles", "user_agents", "lorem"}
	for _, l := range locales() {
		files = append(files, l+"/first_names", l+"/last_names")
	}
	for _, file := range files {
		names := slices.Clone(namesOf(file).names)
		least := 60
		if file == "user_agents" {
			least = 15
		}
		if slices.Sort(names); len(names) < least || len(slices.Compact(names)) != len(namesOf(file).names) {
			t.Errorf("%s: %d entries", file, len(names))
		}
		for _, n := range names {
			if n == "" || strings.TrimSpace(n) != n || !utf8.ValidString(n) {
				t.Errorf("%s: %q", file, n)
			}
		}
	}
}
