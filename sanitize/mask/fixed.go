package mask

import (
	"bytes"
	"fmt"
)

// fixedFamilies are masks whose results depend on the type, or on the size of a value at most.
func fixedFamilies() []family {
	return []family{emptyFamily(), defaultFamily(), passwordFamily(), byteaFamily()}
}

// emptyOf gives what is empty of a type, in text form.
func emptyOf(t Target) (string, bool) {
	if t.isArray() {
		return "{}", true
	}
	switch base := t.BaseType; base {
	case "text", "varchar", "bpchar", "citext", "name", "tsvector", "hstore", "xml", "bit", "varbit":
		return "", base != "bit"
	case "json", "jsonb", "datemultirange", "tsmultirange", "tstzmultirange", "int4multirange", "int8multirange", "nummultirange":
		return "{}", true
	case "bytea":
		return `\x`, true
	case "daterange", "tsrange", "tstzrange", "int4range", "int8range", "numrange":
		return "empty", true
	}
	return "", false
}

func emptyTypes() []string {
	return []string{
		"text", "varchar", "bpchar", "citext", "name", "bytea", "tsvector", "hstore", "xml", "varbit", "json", "jsonb", typeArray,
		"daterange", "tsrange", "tstzrange", "int4range", "int8range", "numrange",
		"datemultirange", "tsmultirange", "tstzmultirange", "int4multirange", "int8multirange", "nummultirange",
	}
}

// fixed makes the mask of one value for all.
func fixed(value string) *Mask {
	constant := append(make([]byte, 0, len(value)+1), value...)
	return &Mask{Keeps: keepsFolded, constant: constant, New: func() Func { return constantFunc(constant) }}
}

// emptyFamily: nothing, but not NULL.
func emptyFamily() family {
	return family{
		Info: Info{
			Name: "empty", Summary: "the empty value of the type: an empty text, array, document, range, tsvector", Types: emptyTypes(),
			Guarantees: []string{"nothing of the value is left", "NULL stays NULL"},
			AtLeast:    keepsFolded, AtBest: keepsFolded,
		},
		compile: func(c *compiler) (*Mask, error) {
			value, _ := emptyOf(c.target)
			return fixed(value), nil
		},
	}
}

// neutral are the values that types begin with.
func neutral() map[string]string {
	return map[string]string{
		"bool": "f", "int2": "0", "int4": "0", "int8": "0", "numeric": "0", "float4": "0", "float8": "0", "oid": "0",
		"date": "2000-01-01", "timestamp": "2000-01-01 00:00:00", "timestamptz": "2000-01-01 00:00:00+00", "time": "00:00:00", "timetz": "00:00:00+00",
		"interval": "00:00:00", "uuid": "00000000-0000-0000-0000-000000000000", "inet": "0.0.0.0", "cidr": "0.0.0.0/32",
		"macaddr": "00:00:00:00:00:00", "macaddr8": "00:00:00:00:00:00:00:00", "point": "(0,0)",
	}
}

// defaultFamily: the value a type begins with.
func defaultFamily() family {
	types := []string{"bool", "int2", "int4", "int8", "numeric", "float4", "float8", "oid", "date", "timestamp", "timestamptz", "time", "timetz", "interval", "uuid", "inet", "cidr", "macaddr", "macaddr8", "point", typeEnum}
	return family{
		Info: Info{
			Name: "default", Summary: "the value that the type begins with: 0, false, 2000-01-01, the first label, an empty text", Types: append(types, emptyTypes()...),
			Guarantees: []string{"nothing of the value is left", "NULL stays NULL", "it is the type's, not what the column's DEFAULT says: constant gives any other"},
			AtLeast:    keepsFolded, AtBest: keepsFolded,
		},
		compile: func(c *compiler) (*Mask, error) {
			switch value, ok := neutral()[c.target.BaseType]; {
			case c.target.isEnum():
				return fixed(c.target.Labels[0]), nil
			case ok:
				return fixed(value), nil
			}
			value, _ := emptyOf(c.target)
			return fixed(value), nil
		},
	}
}

// devPassword is bcrypt, cost 10, of the word password; the letters before it differ by who wrote it and mean the same.
const devPassword = "10$92IXUNpkjO0rOQ5byMi.Ye4oKoEa3Ro9llC/.og/at2.uheWG/igi"

// devArgon is argon2id of the same word (RFC 9106: 64 MiB, three passes, four lanes).
const devArgon = "$argon2id$v=19$m=65536,t=3,p=4$cmVoZWFyc2Ugc3RhZ2luZw$hgxgb4aarW1F+6IDoCTYbalRRII3kfmaSCEk0cQIA+Q"

// passwordFamily: the hash of a password that all developers know.
func passwordFamily() family {
	return family{
		Info: Info{
			Name: "password", Summary: `the bcrypt or argon2id hash of the word "password", so that every account of the copy can be used`, Types: textTypes(),
			Params:     []ParamInfo{{Name: "version", Type: "string", Default: "2a", Meaning: "2a, 2b or 2y of bcrypt, as the application's library writes it, or argon2id"}},
			Guarantees: []string{"nothing of the value is left", "NULL stays NULL", "whoever reaches the copy can log in as anybody: that is what it is for"},
			AtLeast:    keepsFolded, AtBest: keepsFolded,
		},
		compile: func(c *compiler) (*Mask, error) {
			version := c.params.choice("version", "2a", "2b", "2y", "argon2id")
			value := "$" + version + "$" + devPassword
			if version == "argon2id" {
				value = devArgon
			}
			if limit := c.target.MaxLength; limit > 0 && limit < len(value) {
				return nil, &TypeError{Mask: "password", Type: c.target.narrow(), Want: []string{fmt.Sprintf("texts of %d characters or more", len(value))}}
			}
			return fixed(value), nil
		},
	}
}

// Placeholders are the smallest files of their kinds: an image of one transparent pixel, and a document of one empty page.
const (
	placeholderPNG = `\x89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000b4944415478da636000020000050001e9fadcd80000000049454e44ae426082`
	pdfText        = "%PDF-1.1\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\n" +
		"xref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n0000000052 00000 n \n0000000101 00000 n \ntrailer<</Root 1 0 R/Size 4>>\nstartxref\n160\n%%EOF\n"
)

// byteaFamily: other bytes for files.
func byteaFamily() family {
	least := keepsFolded
	return family{
		Info: Info{
			Name: "bytea", Summary: "no bytes, as many noughts, or a placeholder for a file", Types: []string{"bytea"},
			Params:     []ParamInfo{{Name: "with", Type: "string", Default: "same_size_zero", Meaning: "same_size_zero, empty, png (an image of one pixel) or pdf (a document of one empty page)"}},
			Guarantees: []string{"nothing of the value is left but its size, with same_size_zero", "noughts are compressed by the server, so tables are smaller than at the source"},
			AtLeast:    least, AtBest: least | KeepsLength | KeepsBytes, Depends: "same_size_zero keeps lengths",
		},
		compile: func(c *compiler) (*Mask, error) {
			switch c.params.choice("with", "same_size_zero", "empty", "png", "pdf") {
			case "empty":
				return fixed(`\x`), nil
			case "png":
				return fixed(placeholderPNG), nil
			case "pdf":
				return fixed(fmt.Sprintf(`\x%x`, pdfText)), nil
			}
			return &Mask{Keeps: least | KeepsLength | KeepsBytes, New: func() Func { return appender(zeros) }}, nil
		},
	}
}

// zeros gives as many bytes, all nought, whether the server writes hexadecimal digits or escapes.
func zeros(dst, src []byte) ([]byte, error) {
	dst = append(dst, `\x`...)
	if bytes.HasPrefix(src, []byte(`\x`)) {
		for range len(src) - 2 {
			dst = append(dst, '0')
		}
		return dst, nil
	}
	for i := 0; i < len(src); i++ {
		if src[i] == '\\' && byteAt(src, i+1) == '\\' {
			i++
		} else if src[i] == '\\' {
			i += 3
		}
		dst = append(dst, "00"...)
	}
	return dst, nil
}
