package sanitize

import (
	"crypto/sha256"
	"encoding/hex"

	yaml "go.yaml.in/yaml/v4"

	"github.com/rehearse-db/rehearse/sanitize/mask"
)

// version is the only version of the rules file there is.
const version = "1"

// Rules are a rules file, read and checked as far as that goes without a database.
type Rules struct {
	file   string
	hash   string
	tables []*tableRules // in the file's order
	// pending are rules for tables and columns that are still to come: they may match nothing.
	pending  []*tableRules
	defaults []*fallback
	literals literalRules
	shares   shares

	anonymity    []anonymityLine
	largeObjects LargeObjects
	accepted     []acceptLine
}

// tableRules are the rules of one table.
type tableRules struct {
	table   Relation
	at      position
	columns map[string]*rule
	order   []string
}

// rule is what one column is to become, its class resolved.
type rule struct {
	mask.Rule
	class     string // "" when the column names a mask
	reason    string
	byDefault int // the number of the default that it belongs to; 0 for none
	at        position
	node      *yaml.Node // as it is written; nil for rules that are not in a file
	// checked tells that the rule's author knows that its results meet the CHECK constraints on the column.
	checked bool
	// params are the places of the parameters, by the names that mask.ParamError gives them.
	params map[string]position
}

// position is a place in the rules file, counted from 1; zero is no place.
type position struct{ line, column int }

// ParseRules reads a rules file (rehearse.masks.yaml). The file's name is for messages only.
//
// Every mistake that shows without a database is told at once, as a *[RulesError]: YAML that cannot be read, keys that are
// unknown or written twice, masks and classes that do not exist, parameters that a mask does not have. Anchors, aliases and
// merge keys are refused: classes do what they would.
func ParseRules(file string, src []byte) (*Rules, error) {
	sum := sha256.Sum256(src)
	p := &parser{file: file, masks: mask.Catalogue(), classes: make(map[string]*class), objects: NoLargeObjects}
	r := &Rules{file: file, hash: hex.EncodeToString(sum[:])}
	if root := p.document(src); root != nil {
		r.tables = p.body(root)
		r.pending, r.defaults, r.literals = p.pending, p.defaults, p.literals
		r.shares, r.largeObjects, r.anonymity, r.accepted = p.shares, p.objects, p.groups, p.accepted
	}
	if len(p.issues) > 0 {
		return nil, &RulesError{File: file, Issues: sortIssues(p.issues)}
	}
	return r, nil
}

// HasDefaults says whether the rules decide for some columns by name or type.
func (r *Rules) HasDefaults() bool { return len(r.defaults) > 0 }

// Hash is the SHA-256 of the file's bytes in hexadecimal.
func (r *Rules) Hash() string { return r.hash }
