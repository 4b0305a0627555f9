package premise

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Target is what must be known of a database to find the rows that break a premise.
type Target struct {
	Table         string // as SQL: shop."Order", with ONLY before it where that is to be
	Parent        string // of a foreign key, likewise
	ParentColumns []string
	BaseType      string   // of the column that is cast: "text", "int8"
	Major         int      // of the server
	Texts         []string // columns of text, plain names
}

// Broken is what stands after SELECT FROM to find the rows that break a premise, of Unique the keys that several rows have; or why it cannot
// be told.
func (f *Premise) Broken(t Target) (from, why string) {
	if f.Why != "" {
		return "", f.Why
	}
	if slices.ContainsFunc(f.CastColumns, func(c string) bool { return slices.Contains(t.Texts, c) }) {
		return "", mayFail
	}
	var fails []string
	for _, c := range f.Casts {
		condition, why := c.refused(t)
		if why != "" && why != noneRefused {
			return "", why
		}
		if why == "" {
			fails = append(fails, condition)
		}
	}
	switch f.Kind {
	case Unique:
		return f.duplicates(t.Table, fails), ""
	case NotNull:
		return fmt.Sprintf("%s WHERE %s IS NULL", t.Table, Quote(f.Column)), ""
	case Check:
		return t.Table + " WHERE " + unless(fails, fmt.Sprintf("NOT (%s)", f.Expr)), ""
	case ForeignKey:
		return f.orphans(t)
	case Cast:
		condition, why := f.refused(t)
		if f.Where != "" {
			condition = "(" + f.Where + ") AND " + condition
		}
		return fmt.Sprintf("%s WHERE %s", t.Table, condition), why
	}
	return "", "there is no condition for it"
}

// Groups are the expressions by which the rows that Broken finds belong together: the key that is not unique, the one that references nothing,
// the value that cannot be cast; none where each row stands for itself.
func (f *Premise) Groups() []string {
	switch f.Kind {
	case Unique:
		return f.Keys
	case ForeignKey:
		groups := make([]string, len(f.Columns))
		for i, column := range f.Columns {
			groups[i] = "c." + Quote(column)
		}
		return groups
	case Cast:
		if f.Expr != "" {
			return []string{"(" + f.Expr + ")"}
		}
		return []string{Quote(f.Column)}
	}
	return nil
}

// unless is a condition that is looked at only where no cast in it fails: rows that one fails for are in the way of that.
func unless(fails []string, condition string) string {
	if len(fails) == 0 {
		return condition
	}
	return "CASE WHEN " + strings.Join(fails, " OR ") + " THEN false ELSE " + condition + " END"
}

func (f *Premise) duplicates(table string, fails []string) string {
	var where, filled []string
	if f.Where != "" {
		where = append(where, "("+f.Where+")")
	}
	for _, key := range f.Keys {
		if !f.NullsOne {
			filled = append(filled, "("+key+") IS NOT NULL")
		}
	}
	switch {
	case len(filled) > 0:
		where = append(where, unless(fails, strings.Join(filled, " AND ")))
	case len(fails) > 0:
		where = append(where, unless(fails, "true"))
	}
	from := table
	if len(where) > 0 {
		from += " WHERE " + strings.Join(where, " AND ")
	}
	return from + " GROUP BY " + strings.Join(f.Keys, ", ") + " HAVING count(*) > 1"
}

func (f *Premise) orphans(t Target) (from, why string) {
	parents := f.ParentColumns
	if len(parents) == 0 {
		parents = t.ParentColumns
	}
	if len(parents) != len(f.Columns) || len(parents) == 0 {
		return "", "the columns that it references are not known"
	}
	var filled, match []string
	for i, column := range f.Columns {
		filled = append(filled, "c."+Quote(column)+" IS NOT NULL")
		match = append(match, fmt.Sprintf("p.%s = c.%s", Quote(parents[i]), Quote(column)))
	}
	return fmt.Sprintf("%s c WHERE %s AND NOT EXISTS (SELECT FROM %s p WHERE %s)", t.Table, strings.Join(filled, " AND "), t.Parent, strings.Join(match, " AND ")), ""
}

// limited is a type of characters with a length.
var limited = regexp.MustCompile(`^(?:varchar|character varying|char|character|bpchar) ?\( ?([0-9]{1,8}) ?\)$`)

// sizes are the ranges of the integer types.
var sizes = map[string]string{
	"smallint": "-32768 AND 32767", "int2": "-32768 AND 32767",
	"integer": "-2147483648 AND 2147483647", "int": "-2147483648 AND 2147483647", "int4": "-2147483648 AND 2147483647",
	"bigint": "-9223372036854775808 AND 9223372036854775807", "int8": "-9223372036854775808 AND 9223372036854775807",
}

// forms are regular expressions of what a type reads up to PostgreSQL 15, white space around it aside.
var forms = map[string]string{
	"numeric": `([-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?|[Nn][Aa][Nn])`,
	"uuid":    `(([0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}|[{]([0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}[}])`,
	"boolean": `([tT]|[tT][rR]|[tT][rR][uU]|[tT][rR][uU][eE]|[fF]|[fF][aA]|[fF][aA][lL]|[fF][aA][lL][sS]|[fF][aA][lL][sS][eE]|` +
		`[yY]|[yY][eE]|[yY][eE][sS]|[nN]|[nN][oO]|[oO][nN]|[oO][fF]|[oO][fF][fF]|[01])`,
}

var synonyms = map[string]string{"decimal": "numeric", "bool": "boolean"}

const (
	figures = `'^[[:space:]]*[-+]?[0-9]+[[:space:]]*$'`
	anyForm = `'^[[:space:]]*%s[[:space:]]*$'`
)

// pretty is what a type may be called in a statement that is sent: a name, perhaps qualified, with numbers in brackets.
var pretty = regexp.MustCompile(`^[\pL_][\pL\pN_. ]*(\( ?[0-9]+ ?(, ?[0-9]+ ?)?\))?(\[\])?$`)

// IsText tells the types of characters, by their pg_type.typname.
func IsText(base string) bool { return textTypes[base] }

var textTypes = map[string]bool{"text": true, "varchar": true, "bpchar": true, "citext": true, "name": true}

// textArrays take what any array of texts holds.
var textArrays = map[string]bool{"text[]": true, "varchar[]": true, "character varying[]": true}

var numberTypes = map[string]bool{"int2": true, "int4": true, "int8": true, "numeric": true, "float4": true, "float8": true}

// noneRefused is why there is no condition for a cast that every value passes.
const noneRefused = "no value is refused"

// refused is the condition that the type does not take a value.
func (f *Premise) refused(t Target) (condition, why string) {
	value := "(" + f.Expr + ")"
	if f.Expr == "" {
		value = Quote(f.Column)
	}
	asText := "(" + value + ")::text"
	length := limited.FindStringSubmatch(f.Type)
	size, number := sizes[f.Type], numberTypes[t.BaseType] && !f.Text
	switch {
	case length != nil && !f.Using:
		return fmt.Sprintf("char_length(rtrim(%s, ' ')) > %s", asText, length[1]), ""
	case length != nil || f.Type == "text" || f.Type == "varchar" || f.Type == "character varying":
		return "", noneRefused
	case f.Expr != "" && !f.Using:
		return "", "its USING is not one cast of an expression"
	case number && size != "":
		return fmt.Sprintf("round((%s)::numeric) NOT BETWEEN %s", value, size), ""
	case strings.HasPrefix(t.BaseType, "_") && textTypes[t.BaseType[1:]] && textArrays[f.Type]:
		return "", noneRefused
	case !textTypes[t.BaseType] && !f.Text:
		return "", fmt.Sprintf("casts from %s are not recognised", t.BaseType)
	case t.Major >= 16 && pretty.MatchString(f.Type):
		return fmt.Sprintf("NOT pg_input_is_valid(%s, '%s')", asText, f.Type), ""
	case size != "":
		return fmt.Sprintf("CASE WHEN %[1]s ~ %[2]s THEN trim(%[1]s, E' \\t\\n\\r\\f\\v')::numeric NOT BETWEEN %[3]s ELSE %[1]s IS NOT NULL END", asText, figures, size), ""
	}
	name := f.Type
	if other := synonyms[name]; other != "" {
		name = other
	}
	if form := forms[name]; form != "" {
		return fmt.Sprintf("%s !~ "+anyForm, asText, form), ""
	}
	return "", fmt.Sprintf("before PostgreSQL 16 nothing asks whether a value is a %s without raising an error, which would put the value into the server's log", f.Type)
}
