package mask

import (
	"strings"
	"sync"
)

// nameSets are the lists of names of all languages, folded, to look a word up in.
var nameSets = sync.OnceValue(func() [2]map[string]bool {
	var sets [2]map[string]bool
	for i, list := range []string{"first_names", "last_names"} {
		sets[i] = map[string]bool{}
		files := []string{list}
		for _, locale := range locales() {
			files = append(files, locale+"/"+list)
		}
		for _, file := range files {
			for _, name := range namesOf(file).names {
				sets[i][strings.ToLower(name)] = true
			}
		}
	}
	return sets
})

// KnownFirstName tells whether a word is among the first names that masks pick from, in whatever case.
func KnownFirstName(word string) bool { return nameSets()[0][strings.ToLower(word)] }

// KnownLastName tells whether a word is among the last names that masks pick from, in whatever case.
func KnownLastName(word string) bool { return nameSets()[1][strings.ToLower(word)] }
