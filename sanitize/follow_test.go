package sanitize_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rehearse-db/rehearse/sanitize"
)

// TestRandomForeignKeys draws graphs of foreign keys, with circles and self references, and checks what must hold of each: the
// lines that the error asks for, and no fewer, make the plan succeed, and both sides of every foreign key get the same mask.
func TestRandomForeignKeys(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		db := randomDatabase(rng)
		rules := ""
		for _, table := range db.Tables {
			rules += "  s." + table.Name + ": {}\n"
		}
		err := planError(t, rules, db)
		if err == nil {
			t.Fatalf("seed %d: no rules, no error", seed)
		}
		choice := []string{"keep", "int_permute", "{mask: int_permute, domain: d}"}
		full := map[string]string{}
		for _, column := range err.Columns {
			full[column] = choice[rng.IntN(len(choice))]
		}
		missing := tryRules(t, db, full)
		if missing != nil && len(missing.Columns)+len(missing.Tables)+len(missing.Unmatched) > 0 {
			t.Fatalf("seed %d: the lines asked for do not do:\n%v", seed, missing)
		}
		if missing == nil {
			checkSides(t, seed, mustPlan(t, ruleText(db, full), db), db)
		}
		for _, column := range err.Columns {
			fewer := map[string]string{}
			for c, r := range full {
				if c != column {
					fewer[c] = r
				}
			}
			if tryRules(t, db, fewer) == nil {
				t.Fatalf("seed %d: %s is asked for but not needed", seed, column)
			}
		}
	}
}

func randomDatabase(rng *rand.Rand) sanitize.Database {
	var db sanitize.Database
	tables := 1 + rng.IntN(5)
	for i := range tables {
		db.Tables = append(db.Tables, table(fmt.Sprintf("s.t%d", i), "a int8!", "b int8"))
	}
	for i := range rng.IntN(2 * tables) {
		db.ForeignKeys = append(db.ForeignKeys, sanitize.ForeignKey{
			Name:  fmt.Sprint("fk", i),
			Child: sanitize.Relation{Schema: "s", Name: fmt.Sprint("t", rng.IntN(tables))}, ChildColumns: []string{string("ab"[rng.IntN(2)])},
			Parent: sanitize.Relation{Schema: "s", Name: fmt.Sprint("t", rng.IntN(tables))}, ParentColumns: []string{string("ab"[rng.IntN(2)])},
		})
	}
	return db
}

func ruleText(db sanitize.Database, rules map[string]string) string {
	src := "version: 1\ntables:\n"
	for _, table := range db.Tables {
		src += "  s." + table.Name + ":\n"
		for _, c := range table.Columns {
			if r, ok := rules["s."+table.Name+"."+c.Name]; ok {
				src += "    " + c.Name + ": " + r + "\n"
			}
		}
	}
	return src
}

func tryRules(t *testing.T, db sanitize.Database, rules map[string]string) *sanitize.PlanError {
	t.Helper()
	return planError(t, strings.TrimPrefix(ruleText(db, rules), "version: 1\ntables:\n"), db)
}

// checkSides finds the mask of each column by name, without the planner's help, and compares the sides of all foreign keys.
func checkSides(t *testing.T, seed uint64, plan *sanitize.Plan, db sanitize.Database) {
	t.Helper()
	masks := map[string]string{}
	for _, tp := range plan.Tables() {
		for _, c := range tp.Columns {
			masks[tp.Name+"."+c.Name] = c.Mask.Name + " " + c.Mask.Domain
		}
	}
	for _, k := range db.ForeignKeys {
		child, parent := masks[k.Child.Name+"."+k.ChildColumns[0]], masks[k.Parent.Name+"."+k.ParentColumns[0]]
		if child == "" || child != parent {
			t.Errorf("seed %d: %s masks %q and references %q", seed, k.Name, child, parent)
		}
	}
}

// TestKeysThatFollow: the columns of composite keys, of keys that the rules declare, of keys between partitioned tables and of references to the
// table itself have the mask of what they reference, without a line of their own.
func TestKeysThatFollow(t *testing.T) {
	t.Parallel()
	rel := func(name string) sanitize.Relation { return sanitize.Relation{Schema: "s", Name: name} }
	parent, child, mails := table("s.parent", "tenant int8!", "id int8!", "boss int8", "email text"), table("s.child", "tenant int8!", "parent int8"), table("s.mails", "sender text")
	child.Partitions = []sanitize.Relation{rel("child_1")}
	db := sanitize.Database{
		Tables: []sanitize.Table{parent, child, mails},
		ForeignKeys: []sanitize.ForeignKey{
			{Name: "composite", Child: rel("child_1"), Parent: rel("parent"), ChildColumns: []string{"tenant", "parent"}, ParentColumns: []string{"tenant", "id"}},
			{Name: "self", Child: rel("parent"), Parent: rel("parent"), ChildColumns: []string{"tenant", "boss"}, ParentColumns: []string{"tenant", "id"}},
		},
	}
	const virtual = "subset: {roots: {s.parent: {percent: 50}}, keys: [{from: s.mails(sender), to: s.parent(email)}]}\n"
	rules := "  s.parent: {tenant: {mask: int_permute, domain: tenants}, id: int_permute, email: {mask: email, domain: people}}\n  s.child: {}\n  s.mails: {}\n" + virtual
	plan := mustPlan(t, "version: 1\ntables:\n"+rules, db)
	for column, want := range map[string]string{
		"parent.boss": "int_permute int_permute", "child.tenant": "int_permute tenants", "child.parent": "int_permute int_permute",
		"child_1.parent": "int_permute int_permute", "mails.sender": "email people",
	} {
		name, column, _ := strings.Cut(column, ".")
		got := "none"
		for _, c := range plan.Table("s", name).Columns {
			if c.Name == column {
				got = c.Mask.Name + " " + c.Mask.Domain
			}
		}
		if got != want {
			t.Errorf("%s.%s has %s, want %s", name, column, got, want)
		}
	}
	err := planError(t, strings.Replace(rules, "s.mails: {}", "s.mails: {sender: email}", 1), db)
	if err == nil || !strings.Contains(err.Error(), "s.mails.sender has mask email but references s.parent.email, which has mask email in domain people (foreign key of line") {
		t.Errorf("another mask on one side of a declared key: %v", err)
	}
}

func TestMatchFull(t *testing.T) {
	t.Parallel()
	rel := func(name string) sanitize.Relation { return sanitize.Relation{Schema: "s", Name: name} }
	db := sanitize.Database{
		Tables: []sanitize.Table{table("s.parent", "a int8", "b int8"), table("s.child", "a int8", "b int8")},
		ForeignKeys: []sanitize.ForeignKey{{
			Name: "whole", Child: rel("child"), Parent: rel("parent"), ChildColumns: []string{"a", "b"}, ParentColumns: []string{"a", "b"}, Full: true,
		}},
	}
	if err := planError(t, "  s.parent: {a: \"null\", b: keep}\n  s.child: {}\n", db); err == nil || !strings.Contains(err.Error(), "s.child.a becomes NULL and s.child.b does not, but foreign key whole") {
		t.Errorf("a part of a reference becomes NULL: %v", err)
	}
	mustPlan(t, "version: 1\ntables:\n  s.parent: {a: \"null\", b: \"null\"}\n  s.child: {}\n", db)
	db.ForeignKeys[0].Full = false
	mustPlan(t, "version: 1\ntables:\n  s.parent: {a: \"null\", b: keep}\n  s.child: {}\n", db)
}
