package sanitize_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/sanitize"
)

// grown is a database that has more than the rules files of TestUpdate know.
func grown() sanitize.Database {
	return withKeys(database(
		table("shop.customers", "id int8!", "email text!", "phone text", "active bool"),
		table("shop.orders", "id int8!", "customer_id int8!", "at timestamptz"),
		table("audit.log", "at timestamptz"),
	), fk("f", "shop.orders(customer_id) -> shop.customers(id)"))
}

const updatedBlock = `# mine
version: 1
tables:

    # people
    shop.customers:   # all of them
        id:    keep      # a number
        email: {
          mask: email,   # or hash
          domain: people
        }
        phone: phone  # phone: by name
        active: keep  # type bool
        # nothing below

    shop.orders:
      id: keep  # number
      at: keep  # time

    audit.log:
      at: keep  # time


    # the end
data: {}
`

const updatedFlow = `version: 1
tables:
  shop.customers: {id: keep, 'email': "hash" ,  # a } brace
    
    phone: phone,  # phone: by name
    active: keep,  # type bool
  }  # { not this }
  shop.orders: {
    id: keep,  # number
    at: keep,  # time
  }
  audit.log:
    at: keep  # time
`

// TestUpdate adds to files as people write them. Every byte that was there stays, in its order.
func TestUpdate(t *testing.T) {
	t.Parallel()
	tests := map[string][2]string{
		"block": {dropLines(updatedBlock, "phone", "active", "shop.orders", "      id: keep", "at: keep", "audit.log"), updatedBlock},
		"flow": {`version: 1
tables:
  shop.customers: {id: keep, 'email': "hash" ,  # a } brace
    }  # { not this }
  shop.orders: {}
  audit.log:`, updatedFlow},
		"no tables":   {"version: 1\nclasses: {}", "version: 1\nclasses: {}\ntables:\n" + allTables},
		"none listed": {"version: 1\ntables:\n# to be done\n", "version: 1\ntables:\n" + allTables + "# to be done\n"},
		"CRLF":        {"version: 1\r\nclasses: {}\r\n", strings.ReplaceAll("version: 1\nclasses: {}\ntables:\n"+allTables, "\n", "\r\n")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u, err := sanitize.Update("m.yaml", []byte(tt[0]), grown(), nil)
			if err != nil {
				t.Fatal(err)
			}
			accepted(t, u.Text, grown())
			if !holds(string(u.Text), tt[0]) {
				t.Errorf("something of the file is lost:\n%s", tt[0])
			}
			if diff := cmp.Diff(tt[1], string(u.Text)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			again, err := sanitize.Update("m.yaml", u.Text, grown(), nil)
			if err != nil || len(again.Added) > 0 || string(again.Text) != string(u.Text) {
				t.Errorf("an update of what is complete: %v, added %q", err, again.Added)
			}
		})
	}
}

const allTables = `
  shop.customers:
    id: keep  # number
    email: email  # email: by name
    phone: phone  # phone: by name
    active: keep  # type bool

  shop.orders:
    id: keep  # number
    at: keep  # time

  audit.log:
    at: keep  # time
`

// dropLines leaves out the lines that hold one of the words, and empty ones that would stand double.
func dropLines(text string, words ...string) string {
	var kept []string
next:
	for line := range strings.Lines(text) {
		for _, w := range words {
			if strings.Contains(line, w) {
				if n := len(kept); strings.HasPrefix(line, "    ") && !strings.HasPrefix(line, "     ") && n > 0 && kept[n-1] == "\n" {
					kept = kept[:n-1]
				}
				continue next
			}
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "")
}

// holds says whether text has all bytes of part in their order.
func holds(text, part string) bool {
	for _, c := range []byte(part) {
		i := strings.IndexByte(text, c)
		if i < 0 {
			return false
		}
		text = text[i+1:]
	}
	return true
}

// TestUpdateTells says what was added, why, and what matches nothing, which stays.
func TestUpdateTells(t *testing.T) {
	t.Parallel()
	const old = `version: 1
tables:
  shop.clients: {id: keep, email: {mask: hash, length: 9}, phone: phone}
  shop.orders: {id: keep, moment: keep}
  audit.log: {at: keep}
`
	u, err := sanitize.Update("m.yaml", []byte(old), grown(), nil)
	if err != nil {
		t.Fatal(err)
	}
	const former = "(the rule of what may have been its former name)"
	want := []string{
		"shop.customers.id: keep " + former, "shop.customers.email: {mask: hash, length: 9} " + former, "shop.customers.phone: phone " + former,
		"shop.customers.active: keep (type bool)", "shop.orders.at: keep " + former,
	}
	if diff := cmp.Diff(want, u.Added); diff != "" {
		t.Errorf("added (-want +got):\n%s", diff)
	}
	var gone []string
	for _, i := range u.Gone {
		gone = append(gone, i.String())
	}
	want = []string{
		"m.yaml:3:3: there is no table shop.clients; renamed to shop.customers?",
		"m.yaml:4:27: table shop.orders has no column moment; renamed to at?",
	}
	if diff := cmp.Diff(want, gone); diff != "" {
		t.Errorf("gone (-want +got):\n%s", diff)
	}
	if !strings.Contains(string(u.Text), "shop.clients: {id: keep") {
		t.Error("the lines that match nothing are gone")
	}
}

// TestUpdateKeepsTheLanguage: where the file has a class for a kind of data, with the mask that would be proposed, the class is proposed.
func TestUpdateKeepsTheLanguage(t *testing.T) {
	t.Parallel()
	for mask, want := range map[string]string{"phone": "contact.phone", "hash": "phone"} {
		old := "version: 1\nclasses: {contact.phone: " + mask + "}\ntables:\n  shop.people: {tel: contact.phone}\n"
		u, err := sanitize.Update("m.yaml", []byte(old), database(table("shop.people", "tel text", "mobile text")), nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"shop.people.mobile: " + want + " (phone: by name)"}, u.Added); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestUpdateRefuses leaves files alone that have no place for a line.
func TestUpdateRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"all in braces":    "{version: 1, tables: {}}\n",
		"tables in braces": "version: 1\ntables: {audit.log: {at: keep}}\n",
		"a null":           "version: 1\ntables: {}\n",
	} {
		_, err := sanitize.Update("m.yaml", []byte(text), grown(), nil)
		var layout *sanitize.LayoutError
		if !errors.As(err, &layout) || !strings.Contains(layout.Paste, "    phone: phone\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	var rules *sanitize.RulesError
	if _, err := sanitize.Update("m.yaml", []byte("version: 1\ntabels: {}\n"), grown(), nil); !errors.As(err, &rules) {
		t.Errorf("a file with a mistake: %v", err)
	}
}
