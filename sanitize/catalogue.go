package sanitize

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/rehearse-db/rehearse/sanitize/mask"
)

// MaskInfo describes a mask as people and machines read it.
type MaskInfo struct {
	Name       string      `json:"name"`
	Summary    string      `json:"summary"`
	Types      []string    `json:"types"`
	Params     []MaskParam `json:"parameters"`
	Keeps      []string    `json:"keeps"`             // always
	MayKeep    []string    `json:"may_keep"`          // besides, as depends says
	Depends    string      `json:"depends,omitempty"` // on what
	Guarantees []string    `json:"guarantees"`
}

// MaskParam describes a parameter of a mask.
type MaskParam struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Default string `json:"default,omitempty"`
	Meaning string `json:"meaning"`
}

// Masks describes every mask there is, sorted by name.
func Masks() []MaskInfo {
	var all []MaskInfo
	for _, i := range mask.Catalogue() {
		m := MaskInfo{
			Name: i.Name, Summary: i.Summary, Types: i.Types, Params: []MaskParam{}, Guarantees: i.Guarantees,
			Keeps: append([]string{}, i.AtLeast.Names()...), MayKeep: append([]string{}, (i.AtBest &^ i.AtLeast).Names()...), Depends: i.Depends,
		}
		for _, p := range i.Params {
			m.Params = append(m.Params, MaskParam{Name: p.Name, Type: p.Type, Default: p.Default, Meaning: p.Meaning})
		}
		all = append(all, m)
	}
	return all
}

// docsHeader begins docs/masks.md.
const docsHeader = `# The masks

Written by ` + "`rehearse sanitize masks --format markdown`" + `; a test holds it to what the masks are.

A rule is the name of a mask, or ` + "`{mask: NAME, parameter: value}`" + `. Every mask also takes ` + "`domain`" + ` (the same value in the same domain of the same
mask has the same result everywhere; without it the domain is the mask's name) and ` + "`reason`" + `, a note to the reader.

What a mask *keeps* is checked against unique keys, NOT NULL and the like before anything is copied:

| word | meaning |
|---|---|
| nulls | NULL stays NULL, and nothing else becomes it |
| equality | equal values stay equal |
| case equality | values equal under lower() stay so, where capitals and small letters do not mix beyond the letters of the result |
| uniqueness | distinct values stay distinct, by construction or but for a chance below 2^-60 a pair |
| case uniqueness | values distinct under lower() stay so |
| length, bytes | the length in characters, in bytes |
| shape | the class of every character: digit, capital, small letter, the character itself for all else |
| order | no two values change places; they may become equal |
| check digits | right check digits stay right, wrong ones wrong |
| validity | a valid value of its kind stays valid, an invalid one invalid |
`

// MasksMarkdown is docs/masks.md.
func MasksMarkdown() []byte {
	var b bytes.Buffer
	b.WriteString(docsHeader)
	for _, m := range Masks() {
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n", m.Name, capitalised(m.Summary))
		fmt.Fprintf(&b, "- **works on** %s\n", strings.Join(m.Types, ", "))
		fmt.Fprintf(&b, "- **keeps** %s\n", m.KeepsText())
		for _, p := range m.Params {
			fmt.Fprintf(&b, "- `%s`: %s\n", p.Name, p.Text())
		}
		b.WriteByte('\n')
		for _, g := range m.Guarantees {
			fmt.Fprintf(&b, "- %s\n", g)
		}
	}
	return b.Bytes()
}

// KeepsText says what a mask keeps, always and under which condition.
func (m MaskInfo) KeepsText() string {
	text := "nothing"
	if len(m.Keeps) > 0 {
		text = strings.Join(m.Keeps, ", ")
	}
	if len(m.MayKeep) > 0 {
		text += "; at best also " + strings.Join(m.MayKeep, ", ") + " (" + m.Depends + ")"
	}
	return text
}

// Text is the type, the meaning and the default of a parameter.
func (p MaskParam) Text() string {
	text := p.Type + "; " + p.Meaning
	if p.Default != "" {
		text += "; default " + p.Default
	}
	return text
}

func capitalised(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
