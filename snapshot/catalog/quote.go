package catalog

import "strings"

// keywords are the words that quote_ident quotes: every one that pg_get_keywords() of PostgreSQL 13 to 18 does not call unreserved.
const keywords = ` all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case cast char
character check coalesce collate collation column concurrently constraint create cross current_catalog current_date current_role
current_schema current_time current_timestamp current_user dec decimal default deferrable desc distinct do else end except exists extract
false fetch float for foreign freeze from full grant greatest group grouping having ilike in initially inner inout int integer intersect
interval into is isnull join json json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar json_serialize
json_table json_value lateral leading least left like limit localtime localtimestamp merge_action national natural nchar none normalize
not notnull null nullif numeric offset on only or order out outer overlaps overlay placing position precision primary real references
returning right row select session_user setof similar smallint some substring symmetric system_user table tablesample then time timestamp
to trailing treat trim true union unique user using values varchar variadic verbose when where window with xmlattributes xmlconcat
xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable `

var reserved = func() map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.Fields(keywords) {
		words[w] = true
	}
	return words
}()

// Quote writes a name as SQL has it: as it is where that is safe, else in double quotes, as the server's quote_ident does.
func Quote(name string) string {
	safe := name != "" && !reserved[name] && (name[0] < '0' || name[0] > '9')
	for i := 0; i < len(name) && safe; i++ {
		c := name[i]
		safe = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_'
	}
	if safe {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

func ident(schema, name string) string { return Quote(schema) + "." + Quote(name) }
