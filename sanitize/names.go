package sanitize

import (
	"errors"
	"strings"

	"github.com/xrash/smetrics"
)

// String writes the relation as SQL would have it, each part quoted where PostgreSQL's quote_ident would quote it.
func (r Relation) String() string { return quoteIdent(r.Schema) + "." + quoteIdent(r.Name) }

// column names a column of the relation for messages.
func (r Relation) column(name string) string { return r.String() + "." + quoteIdent(name) }

var errName = errors.New(`want schema.table as SQL writes it, each part in double quotes where it needs them, such as shop.customers or "My Schema"."T.1"`)

// ParseRelation reads a schema-qualified table name as SQL writes it. Quoted parts may hold anything, with "" for a quote;
// a part without quotes is taken exactly as written, without folding to lower case.
func ParseRelation(s string) (Relation, error) {
	schema, rest, ok := cutIdent(s)
	if !ok || !strings.HasPrefix(rest, ".") {
		return Relation{}, errName
	}
	name, rest, ok := cutIdent(rest[1:])
	if !ok || rest != "" {
		return Relation{}, errName
	}
	return Relation{Schema: schema, Name: name}, nil
}

// cutIdent takes one identifier off the front of s.
func cutIdent(s string) (ident, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, `."`)
		if end < 0 {
			end = len(s)
		}
		ident = s[:end]
		return ident, s[end:], ident != "" && !strings.ContainsAny(ident, " \t\r\n")
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] != '"':
			b.WriteByte(s[i])
		case i+1 < len(s) && s[i+1] == '"':
			b.WriteByte('"')
			i++
		default:
			return b.String(), s[i+1:], b.Len() > 0
		}
	}
	return "", "", false
}

// quoteIdent is PostgreSQL's quote_ident: quotes unless the name is lower case, plain and no keyword.
func quoteIdent(s string) string {
	plain := s != "" && !isKeyword(s)
	for i := 0; i < len(s) && plain; i++ {
		c := s[i]
		plain = c == '_' || 'a' <= c && c <= 'z' || i > 0 && '0' <= c && c <= '9'
	}
	if plain {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// keywords are the words that quote_ident quotes: all that pg_get_keywords() of PostgreSQL 18 does not call unreserved.
const keywords = ` all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case ` +
	`cast char character check coalesce collate collation column concurrently constraint create cross ` +
	`current_catalog current_date current_role current_schema current_time current_timestamp current_user dec ` +
	`decimal default deferrable desc distinct do else end except exists extract false fetch float for foreign ` +
	`freeze from full grant greatest group grouping having ilike in initially inner inout int integer intersect ` +
	`interval into is isnull join json json_array json_arrayagg json_exists json_object json_objectagg json_query ` +
	`json_scalar json_serialize json_table json_value lateral leading least left like limit localtime ` +
	`localtimestamp merge_action national natural nchar none normalize not notnull null nullif numeric offset on ` +
	`only or order out outer overlaps overlay placing position precision primary real references returning right ` +
	`row select session_user setof similar smallint some substring symmetric system_user table tablesample then ` +
	`time timestamp to trailing treat trim true union unique user using values varchar variadic verbose when where ` +
	`window with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot ` +
	`xmlserialize xmltable `

func isKeyword(s string) bool {
	return !strings.Contains(s, " ") && strings.Contains(keywords, " "+s+" ")
}

// closest returns the candidate most like name, or "" when none is near enough to be what was meant.
func closest(name string, candidates []string) string {
	best, score := "", 0.85
	for _, c := range candidates {
		if s := smetrics.JaroWinkler(strings.ToLower(name), strings.ToLower(c), 0.7, 4); s > score {
			best, score = c, s
		}
	}
	return best
}

// didYouMean is the tail of a message that proposes the nearest candidate, or "".
func didYouMean(name string, candidates []string) string {
	if c := closest(name, candidates); c != "" {
		return `; did you mean "` + c + `"?`
	}
	return ""
}
