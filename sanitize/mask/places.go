package mask

import (
	"encoding/binary"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// PlacesVersion names the lists that street, city and the like pick from; it changes when their results do.
const PlacesVersion = "v1"

// placeLocales are the countries there are places of; the order decides what "any" picks.
func placeLocales() []string { return []string{"de", "en_GB", "en_US", "es", "fr", "it", "nl"} }

// country is what a file of places holds.
type country struct {
	name, alpha2, alpha3 string
	street, address      string // how they are written
	streets              []string
}

// town is one line of it.
type town struct {
	*country
	city, region, postcode string // # of the postcode stands for a digit, @ for a letter
}

// placeLists are all towns, by locale.
var placeLists = sync.OnceValue(func() map[string][]town {
	all := map[string][]town{}
	for _, locale := range placeLocales() {
		file, err := lists.ReadFile("lists/v1/places/" + locale + ".txt")
		if err != nil {
			panic("mask: " + err.Error()) // it is part of the program
		}
		all[locale] = readTowns(string(file))
		all["any"] = append(all["any"], all[locale]...)
	}
	return all
})

func readTowns(file string) []town {
	in, towns := &country{}, []town(nil)
	for line := range strings.Lines(file) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch f[0] {
		case "country":
			in.name, in.alpha2, in.alpha3 = f[1], f[2], f[3]
		case "street":
			in.street = f[1]
		case "address":
			in.address = f[1]
		case "name":
			in.streets = append(in.streets, f[1])
		case "place":
			towns = append(towns, town{in, f[1], f[2], f[3]})
		}
	}
	return towns
}

// placeFamilies: a place that is not the person's.
func placeFamilies() []family {
	var all []family
	for _, f := range []struct{ name, summary, more string }{
		{"street", "a street with a number", ""},
		{"city", "a city", ""},
		{"region", "the region, state or county of a city", ""},
		{"postcode", "a postcode of a city, of the country's form", ""},
		{"country", "a country", "a column of two or three characters gets the code of ISO 3166"},
		{"address", "street, city, region and postcode on one line, as the country writes them", ""},
	} {
		info := Info{
			Name: f.name, Summary: f.summary, Types: textTypes(),
			Params: []ParamInfo{
				{Name: "locale", Type: "string", Default: "any", Meaning: "the country: " + strings.Join(placeLocales(), ", ") + ", or any of them"},
				{Name: "per", Type: "column", Meaning: "a column that identifies a subject: all masks of places with the same per, locale and domain agree, also where a foreign key leads to it from another table"},
			},
			Guarantees: []string{
				"picked from frozen lists (" + PlacesVersion + ") of real cities and common names of streets: an address that exists may come up, by chance",
				"with per, street, city, region, postcode, country and address of one subject agree with each other; without, each goes by its own value",
				"equal values become equal, with per those of one subject; distinct values may become equal",
				"a result that is too long for the column is cut; the empty text stays empty",
			},
			AtLeast: KeepsNulls, AtBest: keepsFolded, Depends: "without per, equal values stay equal",
		}
		if f.more != "" {
			info.Guarantees = append(info.Guarantees, f.more)
		}
		all = append(all, family{Info: info, compile: compilePlace})
	}
	return all
}

func compilePlace(c *compiler) (*Mask, error) {
	locale := c.params.choice("locale", append([]string{"any"}, placeLocales()...)...)
	per, sibling := c.column("per")
	if c.rule.Domain == "" { // one for all of them, so that they agree
		c.domain = "place"
	}
	key, trim := subkey(c.keys, c.domain, "place"), trimmer(c.target)
	newPlace := func() *placeFunc {
		return &placeFunc{part: c.rule.Name, towns: placeLists()[locale], limit: c.target.MaxLength, trim: trim, prf: newPRF(key)}
	}
	if per == "" {
		return &Mask{Keeps: keepsFolded, New: func() Func { return newPlace() }}, nil
	}
	who := c.newSubject("place", sibling)
	return &Mask{Keeps: KeepsNulls, Needs: []string{per}, NewRow: func() RowFunc { return &placePerFunc{newPlace(), who.teller()} }}, nil
}

type placeFunc struct {
	part   string
	towns  []town
	limit  int
	trim   func([]byte) []byte
	prf    *prf
	folded casing
}

func (f *placeFunc) Append(dst, src []byte) ([]byte, error) {
	if src = f.trim(src); len(src) == 0 {
		return dst, nil
	}
	f.folded.fold(src)
	return f.pick(dst, f.prf.sum(f.folded.folded)), nil
}

// placePerFunc gives a subject's own place. A row without a subject goes by the value.
type placePerFunc struct {
	*placeFunc
	who *teller
}

func (f *placePerFunc) Append(dst, src []byte, others [][]byte) ([]byte, error) {
	if others[0] == nil || len(f.trim(src)) == 0 {
		return f.placeFunc.Append(dst, src)
	}
	return f.pick(dst, f.who.sum(others[0])), nil
}

// pick appends the part of the place that a sum stands for.
func (f *placeFunc) pick(dst []byte, sum *[16]byte) []byte {
	t := &f.towns[binary.LittleEndian.Uint64(sum[:8])%uint64(len(f.towns))]
	more, start := binary.LittleEndian.Uint64(sum[8:]), len(dst)
	switch f.part {
	case "country":
		dst = append(dst, t.called(f.limit)...)
	case "address":
		dst = t.fill(dst, t.address, more)
	default:
		dst = t.append(dst, f.part, more)
	}
	if f.limit > 0 && utf8.RuneCount(dst[start:]) > f.limit {
		dst = dst[:start+runesSize(dst[start:], f.limit)]
	}
	return dst
}

// runesSize is the length in bytes of the first n characters.
func runesSize(b []byte, n int) int {
	size := 0
	for ; n > 0; n-- {
		_, width := utf8.DecodeRune(b[size:])
		size += width
	}
	return size
}

// called is the country's name, or its code where there is no room for names.
func (t *town) called(limit int) string {
	switch limit {
	case 2:
		return t.alpha2
	case 3:
		return t.alpha3
	}
	return t.name
}

// append appends a part of the place; more decides what the town leaves open.
func (t *town) append(dst []byte, part string, more uint64) []byte {
	switch part {
	case "city":
		return append(dst, t.city...)
	case "region":
		return append(dst, t.region...)
	case "postcode":
		return appendPostcode(dst, t.postcode, more)
	case "number":
		return strconv.AppendUint(dst, 1+mix(more)%199, 10)
	case "name":
		return append(dst, t.streets[mix(more+1)%uint64(len(t.streets))]...)
	}
	return t.fillStreet(dst, more)
}

func (t *town) fillStreet(dst []byte, more uint64) []byte {
	for form := t.country.street; form != ""; {
		var literal, part string
		literal, part, form = nextPart(form)
		dst = append(dst, literal...)
		switch part {
		case "street":
			dst = t.append(dst, "name", more)
		case "number":
			dst = t.append(dst, "number", more)
		}
	}
	return dst
}

// fill appends a form in which names of parts stand in braces.
func (t *town) fill(dst []byte, form string, more uint64) []byte {
	for form != "" {
		var literal, part string
		literal, part, form = nextPart(form)
		dst = append(dst, literal...)
		if part != "" {
			dst = t.append(dst, part, more)
		}
	}
	return dst
}

// nextPart takes a form apart at its first part in braces.
func nextPart(form string) (literal, part, rest string) {
	literal, rest, found := strings.Cut(form, "{")
	if !found {
		return form, "", ""
	}
	part, rest, _ = strings.Cut(rest, "}")
	return literal, part, rest
}

// postLetters are those of the second half of a British postcode; Dutch ones have them as well.
const postLetters = "ABDEFGHJLNPQRSTUWXYZ"

func appendPostcode(dst []byte, form string, more uint64) []byte {
	for i := range len(form) {
		switch more = mix(more); form[i] {
		case '#':
			dst = append(dst, '0'+byte(more%10))
		case '@':
			dst = append(dst, postLetters[more%uint64(len(postLetters))])
		default:
			dst = append(dst, form[i])
		}
	}
	return dst
}

// mix spreads a number over all bits (splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
