package report

import "strings"

// SchemaLiteral is what looks like personal data in a definition of the schema: a default, a view, a comment. The data stand nowhere here.
type SchemaLiteral struct {
	Object string   `json:"object"` // kind and name as SQL writes it: "view shop.staff"
	Part   string   `json:"part"`   // "definition", "default", "comment"
	Kinds  []string `json:"kinds"`  // how many of what: "1 e-mail address"
}

// String is a literal in words.
func (l SchemaLiteral) String() string {
	return l.Object + ", " + l.Part + ": " + strings.Join(l.Kinds, ", ")
}
