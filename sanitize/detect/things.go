package detect

import (
	"slices"
	"strings"
)

// This file knows columns that name things, not people: the title of a film, the name of a product, the cities of a table of cities. They are
// kept where their values look like nothing personal, and marked for the reader.

// things are what tables hold that have names or titles of their own, in the singular.
var things = words(`product item article good film movie book song track album genre playlist brand model game plan tariff feature category subject
	course lesson ingredient recipe part material color colour unit tag label currency language country city town region state province county
	produkt artikel buch lied marke kategorie produit livre marque categorie producto libro marca categoria prodotto produto`)

// listed are what a table may be a list of under its own name: city.city, country.country.
var listed = words(`city town country region state province county language category genre currency brand label tag`)

// titles are columns that call a thing by its name, beside those of className.
var titles = words(`title titel titre titulo titolo`)

// isThing tells whether a column names the things that its table holds.
func isThing(c Column) bool {
	table, column := tokenise(c.Table), tokenise(c.Name)
	if len(table) == 0 || len(column) == 0 {
		return false
	}
	for i := range table {
		table[i] = singular(table[i])
	}
	kind, last := table[len(table)-1], column[len(column)-1]
	if len(column) == 1 && len(table) == 1 && singular(last) == kind {
		return listed[kind]
	}
	if classes[last] != className && !titles[last] {
		return false
	}
	others := slices.ContainsFunc(column[:len(column)-1], func(word string) bool { return !slices.Contains(table, singular(word)) })
	return !others && (things[kind] || classes[kind] == classHarmless)
}

func singular(word string) string {
	if stem, ok := strings.CutSuffix(word, "ies"); ok {
		return stem + "y"
	}
	return strings.TrimSuffix(word, "s")
}

// keepThing keeps the names of things, to be looked at.
func keepThing() Guess {
	g := keep("by name, of things")
	g.Doubtful = true
	return g
}
