// Package detect guesses what a column holds from its name, its type and sampled values, and which masks would do for it.
//
// It is a help for writing a rules file, not a guard: names lie, samples miss, and people's names are words like any other. A guess is
// therefore cautious. What looks like personal data gets a mask, text that looks like nothing known gets one too, and only what
// is obviously harmless (numbers, times, keys, short codes) is proposed to be kept. A person must read the result.
//
// The package is pure. Evidence counts values and never quotes one.
package detect

import "strings"

// Column is what is known of a column without looking at its values.
type Column struct {
	Schema, Table, Name string
	BaseType            string // the pg_catalog type name below domains: "text", "int8", "jsonb", "_text" for text[]
	TypeKind            byte   // pg_type.typtype: 'b', 'c', 'd', 'e', 'r', 'm'
	Enum                bool   // an enum, or an array of one
	Comment             string // what the schema says of it
}

// Guess is what a column seems to hold.
type Guess struct {
	// Class names the kind of data in words, such as "email" or "free text"; it is empty when nothing was recognised.
	Class string
	// Rules are the masks that would do, best first, each as YAML for the rules file on one line. The first that fits the
	// column's type, length and unique keys is the one to take. There is at least one.
	Rules []string
	// Evidence says what the guess rests on, such as "by name" or "9 of 10 values are e-mail addresses".
	Evidence string
	// Doubtful guesses keep, or empty, something that was not understood; they deserve the reader's eye first.
	Doubtful bool
}

// Classify guesses what a column holds. Values are samples in PostgreSQL's text form, without NULLs; there may be none.
func Classify(c Column, values []string) Guess {
	if c.Enum || c.TypeKind == 'e' {
		return classifyPlain(c, "enum")
	}
	if c.TypeKind == 'r' || c.TypeKind == 'm' {
		g := keep("range")
		g.Doubtful = !builtinRanges[c.BaseType] // of text, perhaps
		return g
	}
	switch kindOf(c.BaseType) {
	case kindText:
		return classifyText(c, values)
	case kindInteger:
		return classifyInteger(c, values)
	case kindNumber:
		return classifyNumber(c)
	case kindDate:
		return classifyDate(c, values)
	case kindJSON:
		return classifyJSON(c, values)
	case kindArray:
		return classifyArray(c, values)
	case kindPlain:
		return classifyPlain(c, "type "+c.BaseType)
	}
	return classifyOther(c)
}

// builtinRanges hold numbers and times only.
var builtinRanges = words(`int4range int8range numrange tsrange tstzrange daterange int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange`)

// classifyPlain keeps types whose values tell nothing by themselves, but for tokens that are uuids, and with doubt where the name
// says that they tell of a person's health, belief or sex.
func classifyPlain(c Column, evidence string) Guess {
	class := classOfName(c.Table, c.Name)
	switch {
	case class == classSecret && c.BaseType == "uuid":
		return Guess{Class: class, Rules: []string{"uuid", "keep"}, Evidence: "by name"}
	case class == classSpecial:
		return Guess{Class: class, Rules: []string{"keep"}, Evidence: "by name", Doubtful: true}
	}
	return keep(evidence)
}

type kind int

const (
	kindOther kind = iota
	kindText
	kindInteger
	kindNumber
	kindDate
	kindJSON
	kindArray
	kindPlain
)

func kindOf(baseType string) kind {
	switch baseType {
	case "text", "varchar", "bpchar", "citext":
		return kindText
	case "int2", "int4", "int8":
		return kindInteger
	case "numeric", "float4", "float8", "money":
		return kindNumber
	case "date", "timestamp", "timestamptz":
		return kindDate
	case "json", "jsonb":
		return kindJSON
	case "bool", "time", "timetz", "interval", "uuid", "oid", "bit", "varbit", "pg_lsn", "xid", "xid8", "tid", "char", "regclass", "regtype":
		return kindPlain
	}
	if strings.HasPrefix(baseType, "_") {
		return kindArray
	}
	return kindOther
}

func keep(evidence string) Guess { return Guess{Rules: []string{"keep"}, Evidence: evidence} }

// classifyText lets values that are plainly of one kind overrule the name, and the name overrule everything else.
func classifyText(c Column, values []string) Guess {
	byName := classOfName(c.Table, c.Name)
	byValue, evidence := classOfValues(values)
	switch {
	case byValue == classNational:
		return Guess{Class: byValue, Rules: nationalRules(nonEmpty(values)), Evidence: evidence}
	case byValue != "" && byValue != classFree && byValue != classUUID:
		return Guess{Class: byValue, Rules: textRules(byValue), Evidence: evidence}
	case byValue == "" && isThing(c) && classOfComment(c) == "":
		return keepThing()
	case byName != "" && byName != classHarmless:
		g := Guess{Class: byName, Rules: textRules(byName), Evidence: "by name"}
		if byName == classFree {
			g.Evidence += "; redact_text would leave the words, and with them the names of people"
		}
		return g
	case byValue == classUUID:
		return keep(evidence)
	case byValue == classFree:
		// Nothing says that the prose is not about people, so all of it is masked, not only what redact_text would find.
		return Guess{Class: classFree, Rules: textRules(""), Evidence: evidence}
	}
	return classifyHints(c, byName, values)
}

// classifyHints goes by what hints at a class and does not prove it, where name and values do not say.
func classifyHints(c Column, byName string, values []string) Guess {
	if class, evidence := classOfPeople(values); class != "" {
		return Guess{Class: class, Rules: textRules(class), Evidence: evidence}
	}
	if class := classOfComment(c); class != "" {
		return Guess{Class: class, Rules: textRules(class), Evidence: "by comment"}
	}
	if byName == classHarmless && shortWords(values) {
		return keep("by name")
	}
	if codes, evidence := fewCodes(values); codes {
		g := keep(evidence)
		g.Doubtful = true // the other rows may hold something else
		return g
	}
	return Guess{Rules: textRules(""), Evidence: "text of unknown content"}
}

// nationalRules are the masks for identity numbers of the country that the values are of.
func nationalRules(values []string) []string {
	rules := textRules(classNational)
	if id, _ := nationalOf(values); id != nil {
		rules = append([]string{"{mask: national_id, country: " + id.country + "}"}, rules...)
	}
	return rules
}

// textRules lists the masks for text of a class, best first; the later ones are for unique keys and narrow columns.
func textRules(class string) []string {
	switch class {
	case classEmail:
		return []string{"email", "hash", "shape"}
	case classFirst:
		return []string{"first_name", "shape", "hash"}
	case classLast:
		return []string{"last_name", "shape", "hash"}
	case classPerson:
		return []string{"full_name", "shape", "hash"}
	case classPhone:
		return []string{"phone", "{mask: phone, to: same_form}", "digits", "hash", "shape"} // of numbers that nobody has there are too few for unique keys
	case classCard:
		return []string{"{mask: card, keep_bin: true}", "shape", "hash"}
	case classIBAN:
		return []string{"iban", "{mask: shape, keep_prefix: 2}", "digits", "hash"}
	case classEmployer:
		return []string{"company", "shape", "hash"}
	case classSecret, classLogin:
		return []string{"hash", "shape"}
	case classFree:
		return []string{"shape", "redact_text", "hash"}
	}
	return []string{"shape", "hash", "digits"}
}

func classifyInteger(c Column, values []string) Guess {
	rules := digitRules(values)
	class := classOfName(c.Table, c.Name)
	if class == "" || class == classHarmless {
		if byComment := classOfComment(c); byComment != "" {
			class = byComment
		}
	}
	switch class {
	case classPhone, classCard, classNational, classIBAN, classSecret, classPII:
		return Guess{Class: class, Rules: rules, Evidence: byNameOr(c)}
	case classMoney, classSpecial:
		return Guess{Class: class, Rules: []string{"null", "{mask: constant, value: 0}", "int_permute", "keep"}, Evidence: byNameOr(c)}
	case classBirth, classAddress: // a year of birth, a post code; or the number of another row
		return Guess{Class: class, Rules: []string{"keep"}, Evidence: byNameOr(c), Doubtful: true}
	}
	if class, evidence := classOfValues(values); class == classCard || class == classNational {
		return Guess{Class: class, Rules: rules, Evidence: evidence}
	}
	return keep("number")
}

// digitRules are the masks for numbers that are rows of digits. That of digits stops the copy at numbers of fewer than six, so it is for those
// of which there are samples, all of seven or more.
func digitRules(values []string) []string {
	for _, v := range values {
		if len(strings.TrimPrefix(v, "-")) < 7 {
			return []string{"int_permute", "keep"}
		}
	}
	if len(values) == 0 {
		return []string{"int_permute", "keep"}
	}
	return []string{"digits", "int_permute", "keep"}
}

// byNameOr says whether the name gave the class, or the comment.
func byNameOr(c Column) string {
	if class := classOfName(c.Table, c.Name); class == "" || class == classHarmless {
		return "by comment"
	}
	return "by name"
}

func classifyNumber(c Column) Guess {
	switch class := classOfName(c.Table, c.Name); class {
	case classPhone, classCard, classNational, classIBAN, classSecret, classMoney, classPlace, classSpecial:
		return Guess{Class: class, Rules: []string{"null", "{mask: constant, value: 0}", "keep"}, Evidence: "by name"}
	}
	return keep("number")
}

func classifyDate(c Column, values []string) Guess {
	class, evidence := classOfName(c.Table, c.Name), "by name"
	if class == "" || class == classHarmless {
		class, evidence = classOfComment(c), "by comment"
	}
	if class == "" && c.BaseType == "date" {
		if births, why := areBirths(values); births {
			class, evidence = classBirth, why
		}
	}
	if class == classBirth || class == classSpecial || class == classPII {
		return Guess{Class: class, Rules: []string{"{mask: date_shift, days: 180}", "keep"}, Evidence: evidence}
	}
	return keep("time")
}

// classifyArray keeps arrays of numbers, times and the like, and codes. Others are masked by element, or emptied where no mask can.
func classifyArray(c Column, values []string) Guess {
	g := Guess{Class: classOfName(c.Table, c.Name), Rules: []string{`{mask: constant, value: "{}"}`, "null", "keep"}, Evidence: "by name"}
	element := kindOf(strings.TrimPrefix(c.BaseType, "_"))
	var elements []string
	for _, v := range values {
		elements = append(elements, elementsOf(v)...)
	}
	embedded := countEmbedded(values)
	harmless := g.Class == classHarmless
	if harmless {
		g.Class = ""
	}
	byValue, evidence := classOfValues(elements)
	if byValue == "" {
		byValue, evidence = classOfPeople(elements)
	}
	switch {
	case byValue != "" && byValue != classFree && byValue != classUUID && element == kindText:
		g.Class, g.Evidence = byValue, strings.Replace(evidence, "values", "elements", 1)
		g.Rules = append(arrayRules(byValue), g.Rules...)
	case embedded > 0:
		g.Class, g.Evidence = classFree, count(embedded, len(values), "hold contact data")
	case g.Class != "" && element == kindText:
		g.Rules = append(arrayRules(g.Class), g.Rules...)
	case g.Class != "":
	case element == kindText && harmless && shortWords(values):
		return keep("by name")
	case element == kindText:
		if codes, evidence := fewCodes(elements); codes {
			g := keep(strings.Replace(evidence, "values", "elements", 1))
			g.Doubtful = true // as of a single text
			return g
		}
		g.Rules = append([]string{"{mask: array, each: shape}"}, g.Rules...)
		g.Evidence, g.Doubtful = "array of unknown content", true
	case element == kindJSON, element == kindOther:
		g.Evidence, g.Doubtful = "array of unknown content", true
	default:
		return keep("array")
	}
	return g
}

// arrayRules are the masks for arrays of texts of a class.
func arrayRules(class string) []string {
	rules := textRules(class)
	if class != classPhone {
		rules = rules[:1]
	}
	var each []string
	for _, rule := range rules {
		each = append(each, "{mask: array, each: "+rule+"}")
	}
	return each
}

// elementsOf are the elements of an array in PostgreSQL's text form, of all its dimensions; of one that is cut off, as many as there are.
func elementsOf(v string) []string {
	var elements []string
	var b strings.Builder
	quoted, some := false, false
	flush := func() {
		if text := b.String(); some && text != "NULL" {
			elements = append(elements, text)
		}
		b.Reset()
		some = false
	}
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '\\' && i+1 < len(v):
			i++
			b.WriteByte(v[i])
			some = true
		case c == '"':
			quoted, some = !quoted, true
		case !quoted && (c == '{' || c == '}' || c == ','):
			flush()
		default:
			b.WriteByte(c)
			some = true
		}
	}
	flush()
	return elements
}

// classifyOther empties what can hold personal data in types that no mask understands.
func classifyOther(c Column) Guess {
	constant := map[string]string{
		"inet": "192.0.2.1", "cidr": "192.0.2.0/24", "macaddr": "00:00:5e:00:53:01", "macaddr8": "00:00:5e:ff:fe:00:53:01",
		"tsvector": "", "hstore": "", "xml": "<redacted/>", "point": "(0,0)", "jsonpath": "$",
	}
	if value, ok := constant[c.BaseType]; ok {
		return Guess{Rules: []string{`{mask: constant, value: "` + value + `"}`, "null", "keep"}, Evidence: "type " + c.BaseType}
	}
	if c.BaseType == "bytea" {
		return Guess{Rules: []string{"hash", "null", "keep"}, Evidence: "bytes of unknown content"}
	}
	return Guess{Rules: []string{"null", "keep"}, Evidence: "type " + c.BaseType + ", which no mask understands", Doubtful: true}
}
