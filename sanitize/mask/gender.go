package mask

import (
	"slices"
	"strings"
)

// men is how many names for men a locale's list of first names begins with; those for women follow. The list of several languages has them
// mixed, with names that are both.
const men = 30

// gendered adds what masks of first names have by gender.
func gendered(i Info) Info {
	i.Params = append(i.Params, ParamInfo{
		Name: "gender_from", Type: "column",
		Meaning: "a column that tells whether the name is a woman's or a man's, with a locale: m, male, man, mr, herr, 1 or f, female, woman, mrs, ms, frau, w, 2, in any case; with anything else it is either",
	})
	i.Guarantees = append(i.Guarantees, "with gender_from, the lists have thirty names for each, and equal names are equal only under one gender")
	i.AtLeast, i.Depends = KeepsNulls, "without gender_from, equal values stay equal"
	return i
}

// genderedNames makes the mask of names that goes by another column.
func (c *compiler) genderedNames(all *nameList, newNames func() *nameFunc) (*Mask, error) {
	if !c.params.has("locale") {
		c.params.fail("gender_from", "needs a locale beside it: the list of several languages does not tell whose names are whose")
	}
	column, sibling := c.column("gender_from")
	if sibling.Own {
		c.params.fail("gender_from", "names the column itself; name the one that tells the gender")
	}
	if c.params.failed != nil {
		return nil, c.params.err()
	}
	forMen, forWomen := all.cut(0, men), all.cut(men, len(all.names))
	return &Mask{Keeps: KeepsNulls, Needs: []string{column}, NewRow: func() RowFunc {
		return &genderedFunc{nameFunc: newNames(), either: all, men: forMen, women: forWomen}
	}}, nil
}

// cut is a list of some of the names, by their places in the file.
func (l *nameList) cut(from, to int) *nameList {
	var lines []string
	for _, place := range l.shuffled[from:to] {
		lines = append(lines, l.names[place])
	}
	return newNameList(strings.Join(lines, "\n") + "\n")
}

// genderedFunc masks first names by the gender that another column tells.
type genderedFunc struct {
	*nameFunc
	either, men, women *nameList
	said               []byte
}

func (f *genderedFunc) Append(dst, src []byte, others [][]byte) ([]byte, error) {
	f.said = f.said[:0]
	for _, c := range others[0] {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != ' ' && c != '.' { // char(n) and "Mr."
			f.said = append(f.said, c)
		}
	}
	switch f.lists[0] = f.either; {
	case slices.Contains(menWords, string(f.said)):
		f.lists[0] = f.men
	case slices.Contains(womenWords, string(f.said)):
		f.lists[0] = f.women
	}
	return f.nameFunc.Append(dst, src)
}

// What a column says of a gender; the numbers are those of ISO/IEC 5218.
var (
	menWords   = []string{"m", "male", "man", "mr", "herr", "1"}
	womenWords = []string{"f", "female", "woman", "mrs", "ms", "frau", "w", "2"}
)
