package detect

import (
	"strings"
	"unicode"
)

// The classes, as Guess.Class tells them.
const (
	classEmail    = "email"
	classFirst    = "first name"
	classLast     = "last name"
	classPerson   = "person name"
	classPhone    = "phone"
	classCard     = "card number"
	classIBAN     = "bank account"
	classNational = "national id"
	classSecret   = "secret"
	classLogin    = "login"
	classAddress  = "address"
	classEmployer = "employer"
	classBirth    = "birth date"
	classNet      = "network address"
	classPlace    = "position"
	classMoney    = "income"
	classSpecial  = "special category"
	classFree     = "free text"
	classUUID     = "uuid"
	classPII      = "personal data" // a comment says so

	classHarmless = "harmless"
	className     = "name" // of a person when the table is one of persons
)

// Class is a kind of personal data.
type Class struct {
	Name string // as Guess.Class has it
	ID   string // a name for rules files: contact.email
}

// Personal lists the kinds of personal data, those first that tell most of a person.
func Personal() []Class {
	return []Class{
		{classFirst, "person.first_name"},
		{classLast, "person.last_name"},
		{classPerson, "person.name"},
		{classBirth, "person.birth_date"},
		{classNational, "person.national_id"},
		{classSpecial, "person.special_category"},
		{classMoney, "person.income"},
		{classPII, "person.data"},
		{classEmail, "contact.email"},
		{classPhone, "contact.phone"},
		{classAddress, "contact.address"},
		{classEmployer, "contact.company"},
		{classPlace, "contact.position"},
		{classNet, "contact.network_address"},
		{classCard, "account.card"},
		{classIBAN, "account.number"},
		{classLogin, "account.login"},
		{classSecret, "account.secret"},
		{classFree, "free_text"},
	}
}

// phrases are the column names that tell a class, in English, German, French, Spanish, Italian, Portuguese, Dutch, Polish, Swedish and Turkish,
// without accents; words of one phrase are joined by "_". A phrase matches anywhere in a name.
var phrases = map[string]string{
	classEmail: `email e_mail mail emails e_mails mail_address email_address courriel correo correo_electronico posta_elettronica
		correio adres_email eposta e_posta mailadresse emailadresse
		e_post epost epostadress e_postadress mejl mejladress e_mailadres`,
	classFirst: `first_name given_name forename firstname fname middle_name vorname vornamen rufname prenom prenoms nombre_pila
		primer_nombre nome_proprio primeiro_nome voornaam voornamen imie imiona on_ad onadi
		fornamn tilltalsnamn`,
	classLast: `last_name surname family_name lastname lname maiden_name nachname familienname zuname geburtsname nom_famille nom_de_famille
		apellido apellidos cognome sobrenome apelido achternaam familienaam nazwisko nazwisko_rodowe soyad soyadi
		efternamn familjenamn`,
	classPerson: `full_name display_name person_name contact_name customer_name client_name user_full_name card_holder cardholder holder_name
		account_holder recipient recipient_name sender sender_name nickname nick_name addressee beneficiary ship_name bill_name shipping_name billing_name
		author_name owner_name manager_name employee_name patient_name composer reports_to_name vollname ansprechpartner empfaenger kontoinhaber
		kundenname nom_complet nom_prenom destinataire titulaire nombre_completo destinatario titular nominativo intestatario nome_completo
		naam_volledig volledige_naam ontvanger imie_nazwisko odbiorca ad_soyad adsoyad isim_soyisim alici
		namn_fullstaendigt fullstaendigt_namn fullstandigt_namn mottagare kontaktperson`,
	classPhone: `phone phones telephone tel mobile cell cellphone fax phone_number mobile_number phone_no msisdn whatsapp telefon telefonnummer handy
		handynummer mobil mobilnummer rufnummer telefono telefonos movil celular cellulare telefone telemovel telefoon telefoonnummer mobiel gsm
		portable numero_telephone numer_telefonu komorka cep_telefonu ceptel faks
		telefonnr mobilnummer mobiltelefon telefoner telefonos`,
	classCard: `card_number credit_card creditcard cc_number ccnum pan cardno card_no kreditkarte kartennummer kreditkartennummer
		carte_bancaire numero_carte tarjeta numero_tarjeta carta_credito cartao cartao_credito kaartnummer numer_karty kart_no kart_numarasi
		kortnummer kreditkort`,
	classIBAN: `iban bic_iban bank_account account_number routing_number kontonummer bankverbindung compte_bancaire numero_compte cuenta_bancaria
		conto_corrente conta_bancaria rekeningnummer numer_konta konto_bankowe hesap_no banka_hesabi
		bankkonto kontonr bankgiro plusgiro clearingnummer`,
	classNational: `ssn social_security national_id nationalid passport passport_number passport_no tax_id taxid vat_id vat_number tin driver_license drivers_license
		license_number identity_number id_card personal_id steuernummer steuer_id sozialversicherungsnummer ausweisnummer reisepass personalausweis
		nir numero_securite_sociale passeport dni nie nif curp cpf cnpj pasaporte codice_fiscale partita_iva passaporto
		bsn burgerservicenummer paspoort pesel nip dowod_osobisty paszport tc_kimlik tckn kimlik_no vergi_no pasaport
		personnummer samordningsnummer passnummer koerkort insee_nummer nino`,
	classSecret: `password passwd pwd pass_word password_hash passphrase secret token api_key apikey access_key private_key secret_key auth_token access_token
		refresh_token session_token reset_token otp totp pin cvv cvc salt credential credentials session_key session_id signature kennwort passwort
		geheimnis mot_de_passe motdepasse contrasena clave_secreta senha parola wachtwoord haslo sifre
		loesenord losenord hemlighet`,
	classLogin: `username user_name login login_name userid_name screen_name handle benutzername anmeldename identifiant nom_utilisateur usuario
		nombre_usuario nome_utente nome_usuario utilizador gebruikersnaam nazwa_uzytkownika kullanici_adi kullanici
		anvaendarnamn anvandarnamn`,
	classAddress: `address addresses street street_address line1 address_line address1 address2 city town zip zip_code zipcode postcode postal_code postal district
		suburb house_number place_of_birth birthplace location
		adresse anschrift strasse hausnummer plz postleitzahl ort stadt wohnort rue code_postal ville commune
		direccion calle codigo_postal ciudad indirizzo via cap citta comune endereco rua cep cidade morada
		adres straat huisnummer woonplaats plaats ulica kod_pocztowy miasto miejscowosc sokak cadde posta_kodu sehir ilce
		adress gata gatuadress postnummer postnr postort ort_namn kommun kapunki`,
	classEmployer: `company company_name employer employer_name workplace firma firmenname arbeitgeber entreprise societe employeur raison_sociale empresa
		razon_social azienda ragione_sociale datore_lavoro bedrijf bedrijfsnaam werkgever pracodawca sirket isveren foeretag foretag arbetsgivare`,
	classBirth: `birth birth_year year_of_birth yob geburtsjahr birth_date birthdate birthday date_of_birth dob born born_on birth_day geburtsdatum geburtstag geboren date_naissance date_de_naissance
		naissance fecha_nacimiento fecha_de_nacimiento nacimiento data_nascita data_di_nascita nascita data_nascimento data_de_nascimento nascimento
		geboortedatum data_urodzenia urodziny dogum_tarihi dogumtarihi
		foedelsedatum fodelsedatum foedelsedag foedd`,
	classNet: `ip ip_address ipaddress ip_addr remote_addr remote_address client_ip last_ip mac_address host_name hostname user_agent useragent device_id
		ip_adresse adresse_ip direccion_ip indirizzo_ip endereco_ip ip_adres adres_ip
		ip_adress`,
	classPlace: `lat lon lng latitude longitude geo coordinates geolocation breitengrad laengengrad latitud longitud latitudine longitudine breedtegraad
		lengtegraad szerokosc dlugosc enlem boylam`,
	classMoney: `salary income wage wages payroll net_worth gehalt einkommen lohn salaire revenu salario ingresos sueldo stipendio reddito salario_base
		renda salaris inkomen wynagrodzenie pensja maas gelir
		loen inkomst`,
	classSpecial: `religion ethnicity race diagnosis disease health blood_type disability sexual_orientation political_party union_membership gender sex konfession ethnie
		krankheit diagnose geschlecht maladie diagnostic religione diagnosi diagnostico enfermedad doenca malattia godsdienst ziekte geslacht
		choroba diagnoza plec wyznanie hastalik tani cinsiyet din
		koen sjukdom diagnos religion_tillhoerighet`,
	classFree: `note notes comment comments remark remarks description message messages body text content memo bio biography about summary details
		feedback review reason subject bemerkung bemerkungen notiz notizen kommentar beschreibung nachricht betreff inhalt commentaire commentaires
		remarque texte contenu objet comentario comentarios nota notas mensaje descripcion observaciones asunto commento commenti note_interne
		descrizione messaggio oggetto testo observacao observacoes mensagem descricao opmerking opmerkingen bericht omschrijving
		onderwerp uwagi komentarz opis wiadomosc temat tresc yorum aciklama mesaj konu
		anteckning anteckningar kommentar_fri meddelande beskrivning aerende`,
	classHarmless: `id uuid guid key code status state type kind category currency country country_code locale language lang timezone time_zone unit color colour
		size level role version format mime mime_type content_type action coupon coupons media_type sku slug priority channel source method mode rating genre platform
		environment currency_code language_code iso iso_code region_code waehrung sprache land statut langue devise pays estado_pedido
		tipo idioma moneda pais lingua valuta paese moeda taal munteenheid jezyk waluta kraj dil para_birimi ulke`,
	className: `name names nom nombre nome naam namn nazwa isim ad adi`,
}

// persons are the words that make "name" in such a table the name of a person.
var persons = words(`account accounts actor actors author authors beneficiary candidate candidates client clients colleague contact contacts customer customers
	doctor doctors driver drivers employee employees guest guests holder holders lead leads member members owner owners passenger passengers patient patients people person persons
	profile profiles recipient recipients staff student students subscriber subscribers teacher teachers tenant tenants user users visitor visitors
	kunde kunden mitarbeiter benutzer person personen mitglied mitglieder patienten kontakt kontakte utilisateur utilisateurs clientes employe employes
	personne personnes usuario usuarios cliente empleado empleados persona personas utente utenti clienti dipendenti pessoa pessoas funcionario funcionarios
	klant klanten gebruiker gebruikers medewerker medewerkers personen klient klienci uzytkownik uzytkownicy pracownik pracownicy osoba osoby
	musteri musteriler kullanici kullanicilar calisan calisanlar kisi kisiler
	kund kunder anstaelld anstaellda anvaendare medlem medlemmar patienter`)

// classes maps each phrase, its words joined, to its class.
var classes = func() map[string]string {
	m := make(map[string]string)
	for class, list := range phrases {
		for phrase := range words(list) {
			m[strings.ReplaceAll(phrase, "_", "")] = class
		}
	}
	return m
}()

func words(list string) map[string]bool {
	m := make(map[string]bool)
	for _, w := range strings.Fields(list) {
		m[w] = true
	}
	return m
}

// classOfName finds the longest known phrase in a column's name; of two equally long ones the later says what the column is.
func classOfName(table, column string) string {
	tokens := tokenise(column)
	for n := min(len(tokens), 5); n > 0; n-- {
		for i := len(tokens) - n; i >= 0; i-- {
			if class := classes[strings.Join(tokens[i:i+n], "")]; class != "" {
				return ofPerson(class, tokens, table)
			}
		}
	}
	return classOfSuffix(tokens)
}

// ofPerson makes a bare name, such as "name" or "author_name", a person's when the other words, or the table's, say so, and
// harmless when they say that it names a kind of thing.
func ofPerson(class string, tokens []string, table string) string {
	if class != className {
		return class
	}
	if len(tokens) == 1 {
		tokens = append(tokens, tokenise(table)...)
	}
	for _, t := range tokens {
		if persons[t] {
			return classPerson
		}
		if classes[t] == classHarmless || classes[strings.TrimSuffix(t, "s")] == classHarmless || classes[strings.TrimSuffix(t, "ies")+"y"] == classHarmless {
			return classHarmless // the name of a category, a language, a country
		}
	}
	return ""
}

// told are the words of a comment that say by themselves that a column holds personal data.
var told = words(`pii gdpr dsgvo rgpd avg personal_data personal sensitive confidential personenbezogen`)

// classOfComment finds what a comment says of a column, in the words that a name would have. Only what is plainly personal counts.
func classOfComment(c Column) string {
	tokens := tokenise(c.Comment)
	if len(tokens) > 60 {
		tokens = tokens[:60]
	}
	for n := min(len(tokens), 3); n > 0; n-- {
		for i := range len(tokens) - n + 1 {
			switch class := classes[strings.Join(tokens[i:i+n], "")]; class {
			case classEmail, classFirst, classLast, classPerson, classPhone, classCard, classIBAN, classNational, classBirth, classMoney, classSpecial:
				return class
			}
		}
	}
	for _, t := range tokens {
		if told[t] {
			return classPII
		}
	}
	return ""
}

// classOfSuffix looks for a long phrase at the end of a word written without separators, such as "customeremail".
func classOfSuffix(tokens []string) string {
	for _, token := range tokens {
		for cut := 1; cut <= len(token)-5; cut++ {
			if class := classes[token[cut:]]; class != "" && class != classHarmless && class != classFree && class != classAddress {
				return class
			}
		}
	}
	return ""
}

// tokenise splits a name at separators, digits and humps, in lower case and without accents.
func tokenise(name string) []string {
	var tokens []string
	var word strings.Builder
	flush := func() {
		if word.Len() > 0 {
			tokens = append(tokens, word.String())
			word.Reset()
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		if !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) {
			flush()
			continue
		}
		afterLower := i > 0 && unicode.IsLower(runes[i-1])
		beforeLower := i > 0 && unicode.IsUpper(runes[i-1]) && i+1 < len(runes) && unicode.IsLower(runes[i+1])
		if unicode.IsUpper(r) && (afterLower || beforeLower) {
			flush()
		}
		word.WriteString(plain(unicode.ToLower(r)))
	}
	flush()
	return tokens
}

// plain writes a lower-case letter without its accent; German umlauts become two letters, as names in SQL have them.
func plain(r rune) string {
	const from = "àáâãåąçćčèéêëęěìíîïıłñńňòóôõøőřśšşșťţțùúûůűýÿźżžğ"
	const to = "aaaaaaccceeeeeeiiiiilnnnoooooorsssstttuuuuuyyzzzg"
	switch r {
	case 'ä', 'æ':
		return "ae"
	case 'ö', 'œ':
		return "oe"
	case 'ü':
		return "ue"
	case 'ß':
		return "ss"
	}
	if unicode.Is(unicode.Mn, r) {
		return ""
	}
	i := 0
	for _, f := range from {
		if f == r {
			return to[i : i+1]
		}
		i++
	}
	return string(r)
}
