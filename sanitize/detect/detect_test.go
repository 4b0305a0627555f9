package detect_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rehearse-db/rehearse/sanitize/detect"
)

func ExampleClassify() {
	g := detect.Classify(detect.Column{Schema: "shop", Table: "orders", Name: "contact", BaseType: "text"}, []string{"jane@corp.example", "joe@corp.example", ""})
	fmt.Println(g.Class, g.Rules[0])
	fmt.Println(g.Evidence)
	// Output:
	// email email
	// 2 of 2 values are e-mail addresses
}

// TestNames gives names of columns in a table of no meaning; "table.column" sets the table.
func TestNames(t *testing.T) {
	t.Parallel()
	tests := map[string]string{ // class -> names of text columns
		"email":        "email e_mail EMAIL Email contactEmail email_address customeremail EMailAddress correo_electronico courriel adres_email eposta e-mail posta_elettronica mail2 billing_email_1 correo",
		"first name":   "first_name firstName FIRSTNAME given_name Vorname prénom PRENOM voornaam imię imie first-name customer_first_name on_ad primeiro_nome",
		"last name":    "last_name LastName surname Nachname Familienname apellidos cognome sobrenome achternaam nazwisko soyadı nom_de_famille maidenName",
		"person name":  "full_name customers.name Users.Name Kunden.name usuarios.nombre müşteri.recipient card_holder_name employees.NAME author_name kullanıcılar.ad clients.nom shippingName",
		"phone":        "phone Phone1 mobile_number telefon Telefonnummer handy movil celular téléphone telefoonnummer komórka cep_telefonu contact_phone fax userphone",
		"card number":  "card_number CreditCard cc_number Kreditkartennummer numero_tarjeta numer_karty cardNo",
		"bank account": "iban IBAN bank_account account_number Kontonummer numer_konta rekeningnummer",
		"national id":  "ssn passport_number nationalId tax_id codice_fiscale pesel bsn cpf dni tc_kimlik steuernummer driver_license",
		"secret":       "password passwordHash pwd api_key apiKey access_token reset_token secret otp Kennwort hasło contraseña mot_de_passe senha wachtwoord şifre",
		"login":        "username userName login Benutzername nombre_usuario kullanıcı_adı gebruikersnaam",
		"employer":     "company company_name firma arbeitgeber entreprise empresa azienda bedrijf employer",
		"address":      "address street address_line1 Straße strasse PLZ city zip_code postalCode rue code_postal dirección calle indirizzo endereço woonplaats ulica place_of_birth şehir",
		"birth date":   "birth_date dob date_of_birth Geburtsdatum fecha_nacimiento data_urodzenia doğum_tarihi",
		"free text":    "note notes comment Comments body message description Bemerkung commentaire observaciones messaggio opmerking uwagi açıklama customer_notes bio",
		"income":       "salary annual_income Gehalt salaire stipendio",
		"":             "title x data value product_name products.name file_name categories.nombre",
	}
	for class, names := range tests {
		for _, name := range strings.Fields(names) {
			c := detect.Column{Schema: "s", Table: "things", Name: name, BaseType: "text"}
			if table, column, ok := strings.Cut(name, "."); ok {
				c.Table, c.Name = table, column
			}
			if g := detect.Classify(c, nil); g.Class != class {
				t.Errorf("%s: class %q, want %q", name, g.Class, class)
			}
		}
	}
}

// TestTextIsMaskedUnlessHarmless checks the default: text of unknown content is never kept.
func TestTextIsMaskedUnlessHarmless(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]string{
		"xyz": "shape", "title": "shape", "": "shape", "日本": "shape", "status": "keep", "currency": "keep", "country_code": "keep", "LanguageCode": "keep", "notes": "shape",
	} {
		for _, typ := range []string{"text", "varchar", "bpchar", "citext"} {
			if g := detect.Classify(detect.Column{Name: name, BaseType: typ}, nil); g.Rules[0] != rule {
				t.Errorf("%q %s: %s, want %s", name, typ, g.Rules[0], rule)
			}
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, column string
		values       []string
		class, rule  string
		evidence     string
	}{
		{"e-mail beats the name", "code", []string{"a@b.example", "c@d.example", "x"}, "email", "email", "2 of 3 values are e-mail addresses"},
		{"too few are e-mail", "code", []string{"a@b.example", "x", "y", "z"}, "free text", "shape", "1 of 4 values hold contact data"},
		{"blank values do not count", "x", []string{"", " ", "a@b.example"}, "email", "email", "1 of 1 values are e-mail addresses"},
		{"phone", "x", []string{"+49 30 901820", "(555) 123-4567", "+15551234567"}, "phone", "phone", "3 of 3 values look like phone numbers"},
		{"bare digits are no phone", "x", []string{"5551234567", "123456789"}, "", "shape", "text of unknown content"},
		{"dates are no phone", "x", []string{"2026-11-23", "23.11.2026", "2026-11-23 10:00:00"}, "", "shape", "text of unknown content"},
		{"card", "x", []string{"4111111111111111", "5500 0000 0000 0004", "3400-0000-0000-009"}, "card number", "{mask: card, keep_bin: true}", "3 of 3 values are card numbers with a valid checksum"},
		{"no card", "x", []string{"4111111111111112", "0000000000000000"}, "", "shape", "text of unknown content"},
		{"IBAN", "x", []string{"DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "fr1420041010050500013m02606"}, "bank account", "iban", "3 of 3 values are IBANs with a valid checksum"},
		{"no IBAN", "x", []string{"DE88370400440532013000"}, "", "shape", "text of unknown content"},
		{"addresses of machines", "x", []string{"192.168.1.1", "2001:db8::1", "10.0.0.0/8"}, "network address", "shape", "3 of 3 values are IP addresses"},
		{"UUIDs are kept", "x", []string{"123e4567-e89b-12d3-a456-426614174000"}, "", "keep", "1 of 1 values are UUIDs"},
		{"UUIDs that are secrets are not", "token", []string{"123e4567-e89b-12d3-a456-426614174000"}, "secret", "hash", "by name"},
		{"prose", "x", []string{"one two three four five six", strings.Repeat("long ", 30)}, "free text", "shape", "2 of 2 values are prose"},
		{"harmless name, harmless values", "status", []string{"new", "in transit", "done"}, "", "keep", "by name"},
		{"harmless name, long values", "status", []string{"new", "was seen by a neighbour of the customer"}, "", "shape", "text of unknown content"},
		{"harmless name, contact data", "status", []string{"new", "see jane@corp.example", "ok"}, "free text", "shape", "1 of 3 values hold contact data"},
		{"name wins over prose", "password", []string{"correct horse battery staple and so on"}, "secret", "hash", "by name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := detect.Classify(detect.Column{Table: "t", Name: tt.column, BaseType: "text"}, tt.values)
			if g.Class != tt.class || g.Rules[0] != tt.rule || g.Evidence != tt.evidence {
				t.Errorf("got %q %q %q\nwant %q %q %q", g.Class, g.Rules[0], g.Evidence, tt.class, tt.rule, tt.evidence)
			}
		})
	}
}

// TestDigitsOnlyOfLongNumbers: the mask digits refuses numbers of few digits, so it is proposed where there are samples of longer ones.
func TestDigitsOnlyOfLongNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []string
		want   string
	}{{nil, "int_permute"}, {[]string{"491512345678", "15155550123"}, "digits"}, {[]string{"491512345678", "112"}, "int_permute"}} {
		if g := detect.Classify(detect.Column{Table: "t", Name: "phone", BaseType: "int8", TypeKind: 'b'}, c.values); g.Rules[0] != c.want {
			t.Errorf("%q: %s, want %s", c.values, g.Rules[0], c.want)
		}
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		column, typ string
		kind        byte
		rule        string
		doubtful    bool
	}{
		{"id", "int8", 'b', "keep", false},
		{"phone", "int8", 'b', "int_permute", false},
		{"salary", "int4", 'b', "null", false},
		{"total", "numeric", 'b', "keep", false},
		{"salary", "numeric", 'b', "null", false},
		{"latitude", "float8", 'b', "null", false},
		{"created_at", "timestamptz", 'b', "keep", false},
		{"dob", "date", 'b', "{mask: date_shift, days: 180}", false},
		{"email_verified", "bool", 'b', "keep", false},
		{"email_kind", "mood", 'e', "keep", false},
		{"phone_span", "int4range", 'r', "keep", false},
		{"phone_spans", "int4multirange", 'm', "keep", false},
		{"id", "uuid", 'b', "keep", false},
		{"last_ip", "inet", 'b', `{mask: constant, value: "192.0.2.1"}`, false},
		{"search", "tsvector", 'b', `{mask: constant, value: ""}`, false},
		{"photo", "bytea", 'b', "hash", false},
		{"where_at", "geometry", 'b', "null", true},
		{"home", "address_type", 'c', "null", true},
		{"emails", "_text", 'b', "{mask: array, each: email}", false},
		{"phones", "_text", 'b', "{mask: array, each: phone}", false},
		{"tags", "_text", 'b', "{mask: array, each: shape}", true},
		{"country_codes", "_text", 'b', "keep", false},
		{"parts", "_address_type", 'b', `{mask: constant, value: "{}"}`, true},
		{"docs", "_jsonb", 'b', `{mask: constant, value: "{}"}`, true},
		{"salaries", "_int4", 'b', "keep", false},
		{"salary", "_int4", 'b', `{mask: constant, value: "{}"}`, false},
		{"api_key", "uuid", 'b', "uuid", false},
		{"pin", "int4", 'b', "int_permute", false},
		{"account_number", "int8", 'b', "int_permute", false},
		{"birth_year", "int4", 'b', "keep", true},
		{"zip", "int4", 'b', "keep", true},
		{"diagnosis_at", "date", 'b', "{mask: date_shift, days: 180}", false},
		{"disability", "bool", 'b', "keep", true},
		{"gender", "mood", 'e', "keep", true},
		{"names", "text_range", 'r', "keep", true},
		{"created_by", "name", 'b', "null", true},
		{"scores", "_int4", 'b', "keep", false},
		{"doc", "jsonb", 'b', "{mask: json, default: shape}", false},
	}
	for _, tt := range tests {
		g := detect.Classify(detect.Column{Table: "t", Name: tt.column, BaseType: tt.typ, TypeKind: tt.kind}, nil)
		if g.Rules[0] != tt.rule || g.Doubtful != tt.doubtful {
			t.Errorf("%s %s: %s (doubtful %v), want %s (%v)", tt.column, tt.typ, g.Rules[0], g.Doubtful, tt.rule, tt.doubtful)
		}
		if g.Evidence == "" {
			t.Errorf("%s %s: no evidence", tt.column, tt.typ)
		}
	}
	if g := detect.Classify(detect.Column{Name: "moods", BaseType: "_mood", Enum: true}, nil); g.Rules[0] != "keep" || g.Doubtful {
		t.Errorf("array of an enum: %+v", g)
	}
	g := detect.Classify(detect.Column{Name: "tags", BaseType: "_text"}, []string{"{a,b}", "{jane@corp.example}"})
	if g.Rules[0] != `{mask: constant, value: "{}"}` || g.Evidence != "1 of 2 values hold contact data" {
		t.Errorf("array with an address: %+v", g)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 50) + `"a@b.example"` + strings.Repeat("}", 50)
	tests := []struct {
		name   string
		values []string
		rule   string
	}{
		{"no values", nil, "{mask: json, default: shape}"},
		{"not JSON", []string{"{", ""}, "{mask: json, default: shape}"},
		{"scalars", []string{`"x"`, "1", "null"}, "{mask: json, default: shape}"},
		{"a bare address", []string{`"a@b.example"`}, `{mask: json, default: shape, paths: {"$": email}}`},
		{"names and values", []string{`{"email": "n/a", "name": {"first": "Jo", "last_name": "X"}, "contact": "a@b.example", "n": 1}`}, `{mask: json, default: shape, paths: {"$.contact": email, "$.email": email, "$.name.first": first_name, "$.name.last_name": last_name}}`},
		{"prose by name and by value", []string{`{"note": "call Jane", "x": "one two three four five six seven", "y": "mail a@b.example now"}`}, `{mask: json, default: shape}`},
		{"two keys make a name", []string{`{"name": {"first": "Jo", "last": "X"}, "user": {"name": "Jo X"}, "product": {"name": "y"}, "first": 1}`}, `{mask: json, default: shape, paths: {"$.name.first": first_name, "$.name.last": last_name, "$.user.name": full_name}}`},
		{"arrays", []string{`{"phones": ["+49 30 901820"], "people": [{"mail": "a@b.example"}, {"mail": "c@d.example"}]}`}, `{mask: json, default: shape, paths: {"$.people[*].mail": email, "$.phones[*]": phone}}`},
		{"odd keys are not named", []string{`{"odd key": {"email": "a@b.example"}, "Jane Doe": "a@b.example", "ok-key": "a@b.example"}`}, `{mask: json, default: shape, paths: {"$[\"ok-key\"]": email}}`},
		{"addresses as keys", []string{`{"jane@corp.example": {"visits": 3}}`}, `{mask: constant, value: "{}"}`},
		{"too deep", []string{deep}, "{mask: json, default: shape}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, typ := range []string{"json", "jsonb"} {
				if g := detect.Classify(detect.Column{Table: "t", Name: "doc", BaseType: typ}, tt.values); g.Rules[0] != tt.rule {
					t.Errorf("%s:\n got %s\nwant %s", typ, g.Rules[0], tt.rule)
				}
			}
		})
	}
}

// TestWideJSON gives a document whose keys are data: the number of paths must stay bounded, and the answer the same each time.
func TestWideJSON(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("{")
	for i := range 5000 {
		fmt.Fprintf(&b, `"k%d": {"email": "a@b.example"},`, i)
	}
	doc := strings.TrimSuffix(b.String(), ",") + "}"
	first := detect.Classify(detect.Column{Name: "doc", BaseType: "jsonb"}, []string{doc}).Rules[0]
	if n := strings.Count(first, ".email"); n == 0 || n > 100 {
		t.Errorf("%d paths, want at most 100", n)
	}
	if again := detect.Classify(detect.Column{Name: "doc", BaseType: "jsonb"}, []string{doc}).Rules[0]; again != first {
		t.Error("the same documents give another answer")
	}
}

// FuzzClassify looks for panics, for guesses without a rule, and for values quoted in evidence.
func FuzzClassify(f *testing.F) {
	f.Add("email", "text", "jane@corp.example")
	f.Add("Ünï", "jsonb", `{"a": [{"b@c.example": 1}]}`)
	f.Add("x", "_text", `{"+49 30 901820"}`)
	f.Fuzz(func(t *testing.T, name, typ, value string) {
		g := detect.Classify(detect.Column{Table: name, Name: name, BaseType: typ}, []string{value, value + "x"})
		if len(g.Rules) == 0 || g.Rules[0] == "" || g.Evidence == "" {
			t.Errorf("incomplete guess %+v", g)
		}
		if len(value) > 8 && strings.Contains(g.Evidence, value) && !strings.Contains(typ, value) {
			t.Errorf("evidence quotes the value: %q", g.Evidence)
		}
	})
}

// TestThings keeps what names a thing, unless its values look like something personal, or the table holds people.
func TestThings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		table, name string
		values      []string
		kept        bool
	}{
		{"products", "name", []string{"Green lamp", "Table for six persons"}, true},
		{"Track", "Name", nil, true},
		{"film", "title", []string{"ANNA KARENINA", "EVA PERON"}, true},
		{"product_categories", "category_name", nil, true},
		{"city", "city", []string{"Berlin"}, true},
		{"countries", "country", []string{"Holy See (Vatican City State)"}, true},
		{"address", "address", nil, false},
		{"customers", "city", nil, false},
		{"customers", "name", nil, false},
		{"Artist", "Name", nil, false},
		{"books", "author_name", nil, false},
		{"books", "owner", nil, false},
		{"documents", "title", nil, false},
		{"products", "name", []string{"anna@firma.de", "eva@firma.de"}, false},
		{"products", "name", []string{"lamp", "made for anna@firma.de"}, false},
		{"products", "description", nil, false},
	} {
		g := detect.Classify(detect.Column{Table: c.table, Name: c.name, BaseType: "text"}, c.values)
		if (g.Rules[0] == "keep") != c.kept || c.kept && !g.Doubtful {
			t.Errorf("%s.%s %q: %+v", c.table, c.name, c.values, g)
		}
	}
}
