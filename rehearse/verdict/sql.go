package verdict

import (
	"strings"
	"unicode"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// sqlCut is the length from which a statement's text in the result may be cut; what follows was not seen.
const sqlCut = 2000

// tokens splits SQL into words, quoted names, and single signs, the way PostgreSQL folds them: an unquoted word in lower
// case, a quoted name as it is. What stands inside strings and dollar quotes is split too, because DO blocks and EXECUTE
// keep code there; comments are dropped.
func tokens(sql string) []string {
	var out []string
	for i := 0; i < len(sql); {
		rest := sql[i:]
		switch c := sql[i]; {
		case strings.HasPrefix(rest, "--"):
			i += lineEnd(rest)
		case strings.HasPrefix(rest, "/*"):
			i += blockEnd(rest)
		case c == '"':
			name, n := quotedName(rest)
			out = append(out, name)
			i += n
		case isWord(c):
			n := wordEnd(rest)
			out = append(out, strings.ToLower(rest[:n]))
			i += n
		case unicode.IsSpace(rune(c)), c == '\'', c == '$':
			i++
		default:
			out = append(out, string(c))
			i++
		}
	}
	return out
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// wordEnd is the length of the word that s begins with; a dollar sign may stand inside one.
func wordEnd(s string) int {
	n := 0
	for n < len(s) && (isWord(s[n]) || s[n] == '$' && n > 0) {
		n++
	}
	return n
}

func lineEnd(s string) int {
	if n := strings.IndexByte(s, '\n'); n >= 0 {
		return n
	}
	return len(s)
}

func blockEnd(s string) int {
	if n := strings.Index(s, "*/"); n >= 0 {
		return n + 2
	}
	return len(s)
}

// quotedName reads a name in double quotes and returns it with the number of bytes it took.
func quotedName(s string) (string, int) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		return b.String(), i + 1
	}
	return b.String(), len(s)
}

// relation is a name as the result has it, taken apart: shop."Order" is {shop, Order}.
type relation struct{ schema, name string }

func parseRelation(s string) relation {
	toks := tokens(s)
	switch n := len(toks); {
	case n == 0:
		return relation{}
	case n >= 3 && toks[1] == ".":
		return relation{schema: toks[0], name: toks[2]}
	default:
		return relation{name: toks[0]}
	}
}

// at tells whether the relation is named by the tokens at i: by its bare name, or under its own schema.
func (rel relation) at(toks []string, i int) bool {
	if rel.name == "" || toks[i] != rel.name {
		return false
	}
	return i < 2 || toks[i-1] != "." || rel.schema == "" || toks[i-2] == rel.schema
}

// script is the text of a migration's statements, ready to be asked what it names.
type script struct {
	statements [][]string
	cut        bool // some statement is longer than what was kept
}

func readScript(m *report.Migration) script {
	var s script
	for _, st := range m.Statements {
		s.statements = append(s.statements, tokens(st.SQL))
		s.cut = s.cut || len(st.SQL) >= sqlCut
	}
	return s
}

// names tells whether any statement names the relation.
func (s script) names(rel relation) bool {
	for _, toks := range s.statements {
		for i := range toks {
			if rel.at(toks, i) {
				return true
			}
		}
	}
	return false
}

// removes tells whether a statement takes rows from the relation by name: DELETE FROM, TRUNCATE, DROP TABLE, MERGE INTO, or its
// whole schema dropped.
func (s script) removes(rel relation) bool {
	for _, toks := range s.statements {
		target, schema, prev := false, false, ""
		for i, t := range toks {
			starts := startsRemoval(prev, t)
			prev = t
			switch {
			case starts:
				target, schema = true, t == "schema"
			case endsTargets[t]:
				target = false
			case target && (rel.at(toks, i) && !schema || schema && t == rel.schema && t != ""):
				return true
			}
		}
	}
	return false
}

// startsRemoval tells whether the names of tables that lose rows follow the two words, of which the first may be empty.
func startsRemoval(a, b string) bool {
	switch a {
	case "delete":
		return b == "from"
	case "merge":
		return b == "into"
	case "drop":
		return b == "table" || b == "schema" || b == "foreign" || b == "materialized"
	}
	return b == "truncate"
}

// endsTargets are the words after which no more target tables follow.
var endsTargets = map[string]bool{";": true, "using": true, "where": true, "returning": true, "cascade": true, "restrict": true, "for": true, "on": true}

// has tells whether the tokens contain the words in a row.
func has(toks []string, words ...string) bool {
	for i := 0; i+len(words) <= len(toks); i++ {
		same := true
		for k, w := range words {
			same = same && toks[i+k] == w
		}
		if same {
			return true
		}
	}
	return false
}

// listAfter is the plain names of the parenthesised list that follows the first of the words; nil when an element is more
// than a name.
func listAfter(toks []string, word string) []string {
	var names []string
	for i, t := range toks {
		if t != word {
			continue
		}
		for k := i + 1; k < len(toks); k++ {
			if toks[k] != "(" {
				continue
			}
			for k++; k+1 < len(toks); k += 2 {
				names = append(names, toks[k])
				if toks[k+1] == ")" {
					return names
				}
				if toks[k+1] != "," {
					return nil
				}
			}
			return nil
		}
	}
	return nil
}

// ident quotes a plain name for SQL where it must be.
func ident(name string) string {
	plain := name != "" && !reserved[name]
	for i := range len(name) {
		c := name[i]
		plain = plain && (c == '_' || c >= 'a' && c <= 'z' || i > 0 && c >= '0' && c <= '9')
	}
	if plain {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

func idents(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = ident(n)
	}
	return strings.Join(out, ", ")
}

// reserved are the words that PostgreSQL takes as a name only in quotes (SQL Key Words appendix, "reserved" and
// "reserved (can be function or type)").
var reserved = wordSet(`all analyse analyze and any array as asc asymmetric authorization binary both case cast check
	collate collation column concurrently constraint create cross current_catalog current_date current_role
	current_schema current_time current_timestamp current_user default deferrable desc distinct do else end except
	false fetch for foreign freeze from full grant group having ilike in initially inner intersect into is isnull join
	lateral leading left like limit localtime localtimestamp natural not notnull null offset on only or order outer
	overlaps placing primary references returning right select session_user similar some symmetric system_user table
	tablesample then to trailing true union unique user using variadic verbose when where window with`)

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		set[w] = true
	}
	return set
}
