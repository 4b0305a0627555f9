package sanitize_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/sanitize"
)

const defaultRules = `version: 1
classes:
  public: {mask: keep, reason: nothing about a person}
defaults:
  - {type: bool, class: public}
  - {name: "^(created|updated)_at$", type: [timestamptz], mask: keep, reason: times of the system}
  - {name: mail, table: "^shop[.]", mask: email}
  - {name: mail, mask: hash}
tables:
  shop.customers: {id: keep, vip: "null"}
  shop.orders: {}
  audit.log: {}
pending:
  shop.customers: {note: redact_text, gone: hash}
  shop.later: {id: keep}
`

func shops() sanitize.Database {
	return withKeys(database(
		table("shop.customers", "id int8!", "vip bool", "active bool", "created_at timestamptz", "email text", "note text"),
		table("shop.orders", "customer int8", "mail text"),
		table("audit.log", "mail text", "updated_at timestamptz"),
	), fk("f", "shop.orders(customer) -> shop.customers(id)"), fk("g", "shop.orders(mail) -> shop.customers(email)"))
}

func planOf(t *testing.T, rules string, db sanitize.Database) (*sanitize.Plan, error) {
	t.Helper()
	r, err := sanitize.ParseRules("m.yaml", []byte(rules))
	if err != nil {
		t.Fatal(err)
	}
	return r.Plan(db, mustKey(t, hexKey))
}

// TestDefaultsDecideLast: a line of its own and the key that a column references come first, then the first default that matches.
func TestDefaultsDecideLast(t *testing.T) {
	t.Parallel()
	plan, err := planOf(t, defaultRules, shops())
	if err != nil {
		t.Fatal(err)
	}
	const want = `audit.log.mail text -> hash (default 4)
audit.log.updated_at timestamptz -> keep (default 2)
shop.customers.active bool -> public/keep (default 1)
shop.customers.created_at timestamptz -> keep (default 2)
shop.customers.email text -> email (default 3)
shop.customers.id int8 -> keep (rule)
shop.customers.note text -> redact_text (rule)
shop.customers.vip bool -> null (rule)
shop.orders.customer int8 -> keep (follows shop.customers.id)
shop.orders.mail text -> email (follows shop.customers.email)
`
	var lines []string
	for line := range strings.Lines(string(plan.Lock().Text())) {
		if line[0] != '#' {
			lines = append(lines, line)
		}
	}
	if diff := cmp.Diff(want, strings.Join(lines, "")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDefaultsOpenNoTable: a table that is not listed stops the copy, whatever defaults there are for its columns.
func TestDefaultsOpenNoTable(t *testing.T) {
	t.Parallel()
	db := shops()
	db.Tables = append(db.Tables, table("shop.flags", "active bool"))
	_, err := planOf(t, defaultRules, db)
	var pe *sanitize.PlanError
	if !errors.As(err, &pe) || cmp.Diff([]string{"shop.flags"}, pe.Tables) != "" || len(pe.Columns) > 0 {
		t.Errorf("error %v", err)
	}
}

// TestPendingRules match nothing, but must not repeat a rule, nor name a place where none may be.
func TestPendingRules(t *testing.T) {
	t.Parallel()
	db := shops()
	db.Tables[2].Partitions = []sanitize.Relation{{Schema: "audit", Name: "log_1"}}
	_, err := planOf(t, strings.Replace(defaultRules, "{note: redact_text,", "{id: hash, note: redact_text,", 1)+"  audit.log_1: {mail: hash}\n", db)
	var pe *sanitize.PlanError
	if !errors.As(err, &pe) {
		t.Fatalf("error %v", err)
	}
	const want = "m.yaml:16:3: audit.log_1 is a partition of audit.log and follows its rules; list audit.log\n" +
		"m.yaml:14:20: shop.customers.id has a rule under tables: already, in line 10"
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestLockCheck compares the lock of one plan with another plan.
func TestLockCheck(t *testing.T) {
	t.Parallel()
	before, err := planOf(t, defaultRules, shops())
	if err != nil {
		t.Fatal(err)
	}
	lock, err := sanitize.ParseLock("m.lock", before.Lock().Text())
	if err != nil {
		t.Fatal(err)
	}
	if notes, err := lock.Check(before); err != nil || len(notes) > 0 {
		t.Errorf("with itself: %v %q", err, notes)
	}
	db := shops()
	db.Tables[0].Columns = append(db.Tables[0].Columns, table("s.x", "optin bool", "gone text").Columns...)
	db.Tables[2].Columns = table("s.x", "mail varchar").Columns
	after, err := planOf(t, strings.Replace(defaultRules, `vip: "null"`, "vip: keep", 1), db)
	if err != nil {
		t.Fatal(err)
	}
	notes, err := lock.Check(after)
	var le *sanitize.LockError
	if !errors.As(err, &le) {
		t.Fatalf("error %v", err)
	}
	got := map[string][]string{"added": le.Added, "changed": le.Changed, "lines": le.Lines, "notes": notes}
	want := map[string][]string{
		"added":   {"shop.customers.optin"},
		"changed": {"shop.customers.vip was null and is keep (rule)"},
		"lines":   {"shop.customers.optin bool -> public/keep (default 1)", "shop.customers.vip bool -> keep (rule)"},
		"notes": {
			"audit.log.mail was text and is varchar", "shop.customers.gone has a rule and no line in m.lock yet", "audit.log.updated_at stands in m.lock and is not there",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestLockOfOddNames: whatever a schema and a rule hold, the lock reads back what it wrote.
func TestLockOfOddNames(t *testing.T) {
	t.Parallel()
	db := oddDatabase()
	plan := accepted(t, sanitize.Starter(db, nil, sanitize.StarterOptions{}), db)
	lock, err := sanitize.ParseLock("m.lock", plan.Lock().Text())
	if err != nil {
		t.Fatal(err)
	}
	if notes, err := lock.Check(plan); err != nil || len(notes) > 0 {
		t.Errorf("%v %q", err, notes)
	}
	if diff := cmp.Diff(string(plan.Lock().Text()), string(lock.Text())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	odd, err := planOf(t, `version: 1
classes: {"a -> b (c)": {mask: constant, value: "x -> y (z)", domain: " ("}}
tables: {shop.t: {x: "a -> b (c)"}}
`, database(table("shop.t", "x text")))
	if err != nil {
		t.Fatal(err)
	}
	if lock, err = sanitize.ParseLock("m.lock", odd.Lock().Text()); err != nil {
		t.Fatal(err)
	}
	if notes, err := lock.Check(odd); err != nil || len(notes) > 0 {
		t.Errorf("%v %q\n%s", err, notes, odd.Lock().Text())
	}
}
