package sanitize_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/sanitize"
)

// TestParseSharesMistakes gives the sections data: and subset: with the mistakes in them.
func TestParseSharesMistakes(t *testing.T) {
	t.Parallel()
	const name, columns = `is not the name of a table: ` + nameHint, "want a table and columns of it as SQL writes them, such as shop.orders(customer_id), not a single value"
	for _, c := range []struct {
		src  string
		want []string
	}{
		{"data: [a]", []string{"2:7: data must be a mapping (key: value), not a list"}},
		{"data: {a.b: most, b: none, a.c: {row: x}, a.d: {rows: x, percent: 3}, a.e: [1]}", []string{
			`2:13: the data of a.b must be all, none, verbatim, or {rows: "a condition in SQL"}`,
			`2:19: "b" ` + name,
			`2:34: unknown key "row" in the data of a.c; did you mean "rows"?`,
			`2:48: the data of a.d must have one key of rows`,
			`2:58: unknown key "percent" in the data of a.d`,
			`2:76: the data of a.e must be all, none, verbatim, or {rows: "a condition in SQL"}`,
		}},
		{`data: {a.b: none, a."b": all}`, []string{"2:19: table a.b is listed twice, first in line 2"}},
		{`data: {a.b: {rows: ""}, a.c: {rows: 1) OR (1=1}, a.d: {rows: "x; DROP TABLE y"}, a.e: {rows: "x = 'y"}, a.f: {rows: "x -- y"}, a.g: {rows: "(x"}, a.h: {rows: "x = $1"}}`, []string{
			"2:20: rows must be a condition in SQL, as after WHERE",
			"2:37: rows must be one condition in SQL: it closes a bracket that it has not opened",
			"2:62: rows must be one condition in SQL: it has a semicolon",
			"2:94: rows must be one condition in SQL: it does not close a quote",
			"2:117: rows must be one condition in SQL: it has a comment",
			"2:140: rows must be one condition in SQL: it does not close a bracket",
			"2:159: rows must be one condition in SQL: it has a parameter, $1",
		}},
		{"subset: {}", []string{"2:1: subset lacks roots: the tables to begin with, such as roots: {shop.customers: {percent: 5}}"}},
		{"subset: {roots: {a.b: {percent: 0}, a.c: {percent: 101}, a.d: {percent: half}, a.e: 5, a.f: {}, a.g: {percent: 5, rows: x}}, wole: []}", []string{
			"2:33: percent must be a number above 0 and up to 100",
			"2:52: percent must be a number above 0 and up to 100",
			"2:73: percent must be a number above 0 and up to 100",
			"2:85: the root a.e must be a mapping (key: value), not a single value",
			"2:93: the root a.f must have one key of rows, percent",
			"2:102: the root a.g must have one key of rows, percent",
			`2:126: unknown key "wole" in subset; did you mean "whole"?`,
		}},
		{"subset: {roots: {a.b: {percent: 5}}, whole: a.c, keys: {a: b}, break: [a.b, a.b(, 'a.b(c', {a: b}]}", []string{
			"2:45: whole must be a list, not a single value",
			"2:56: keys must be a list of {from: table(column), to: table(column)}, not a mapping",
			"2:72: " + columns, "2:77: " + columns, "2:83: " + columns,
			"2:92: break must be a list of single values, not a mapping",
		}},
		{`subset: {roots: {a.b: {percent: 5}}, keys: [{from: a.b(c), to: "a.d(e, f)"}, {from: a.b(c)}, {frm: a.b(c)}], whole: [x]}`, []string{
			"2:45: a key needs from and to, each a table with as many columns: {from: audit.events(actor_email), to: shop.customers(email)}",
			"2:78: a key needs from and to, each a table with as many columns: {from: audit.events(actor_email), to: shop.customers(email)}",
			`2:95: unknown key "frm" in a key; it has from and to`,
			`2:118: "x" ` + name,
		}},
	} {
		_, err := sanitize.ParseRules("m.yaml", []byte("version: 1\n"+c.src+"\n"))
		var got []string
		var rules *sanitize.RulesError
		if errors.As(err, &rules) {
			for _, i := range rules.Issues {
				got = append(got, strings.TrimPrefix(i.String(), "m.yaml:"))
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.src, diff)
		}
	}
}

// TestConditions gives texts that are one condition, as far as brackets and quotes go.
func TestConditions(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"a > 1", "a IN (1, 2)", "a = ')'", `"a)" = 1`, "a = 'it''s (;'", `a = E'it\'s (;'`, "a = $$(;'$$", "a = $x$ $$ ( $x$", "a[1] = 2", "a = 'x' 'y'", "price$ > 3",
		"a = '--' AND b = '/*'",
	} {
		if _, err := sanitize.ParseRules("m.yaml", fmt.Appendf(nil, "version: 1\ndata: {a.b: {rows: %q}}\n", text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"a = 'x", `a = "x`, "a = $$x", "a = E'x\\'", "a)", "(a", "a; b", "a -- b", "a /* b */", "a = 'x' -- '", "a = $x$y$$"} {
		if _, err := sanitize.ParseRules("m.yaml", fmt.Appendf(nil, "version: 1\ndata: {a.b: {rows: %q}}\n", text)); err == nil {
			t.Errorf("%s is taken for one condition", text)
		}
	}
}

// shareDB is a shop with a circle, a partitioned table and tables that nothing ties to it.
func shareDB() sanitize.Database {
	events := table("shop.events", "id int4!", "customer int4", "mail text")
	events.Partitions = []sanitize.Relation{{Schema: "shop", Name: "events_old"}, {Schema: "shop", Name: "events_new"}}
	versions := table("public.goose_db_version", "id int4!")
	versions.Verbatim = true
	return withKeys(database(
		versions, table("shop.countries", "code text!"), table("shop.customers", "id int4!", "country text", "address int4", "mail text"),
		table("shop.addresses", "id int4!", "customer int4!", "city int4"), table("shop.cities", "id int4!"), table("shop.mayors", "id int4!", "city int4"),
		table("shop.orders", "id int4!", "customer int4!", "address int4"), table("shop.items", "id int4!", "orders int4!"), events, table("shop.log", "id int4!", "mail text"),
	),
		fk("customers_country", "shop.customers(country) -> shop.countries(code)"), fk("customers_address", "shop.customers(address) -> shop.addresses(id)"),
		fk("addresses_customer", "shop.addresses(customer) -> shop.customers(id)"), fk("addresses_city", "shop.addresses(city) -> shop.cities(id)"),
		fk("mayors_city", "shop.mayors(city) -> shop.cities(id)"), fk("orders_customer", "shop.orders(customer) -> shop.customers(id)"),
		fk("orders_address", "shop.orders(address) -> shop.addresses(id)"), fk("items_order", "shop.items(orders) -> shop.orders(id)"),
		fk("events_customer", "shop.events_old(customer) -> shop.customers(id)"),
	)
}

// shareRules covers shareDB but for the tables left out.
func shareRules(t *testing.T, sections string, without ...string) *sanitize.Rules {
	t.Helper()
	var b strings.Builder
	b.WriteString("version: 1\n" + sections + "\ntables:\n")
	for _, table := range shareDB().Tables {
		name := table.Schema + "." + table.Name
		if table.Verbatim || strings.Contains(" "+strings.Join(without, " ")+" ", " "+name+" ") {
			continue
		}
		b.WriteString("  " + name + ":\n")
		for _, c := range table.Columns {
			b.WriteString("    " + c.Name + ": keep\n")
		}
	}
	r, err := sanitize.ParseRules("m.yaml", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSelection tells which share each table has, and in which order a subset is come to.
func TestSelection(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sections, shares string
		rounds           []string
	}{
		"everything": {"", "", nil},
		"a root": {
			"subset: {roots: {shop.customers: {percent: 5}}}",
			"addresses=reached cities=referenced countries=referenced customers=root events=reached events_new=reached events_old=reached items=reached mayors=reached orders=reached",
			[]string{"customers addresses events orders items / cities countries", "mayors / "},
		},
		"from below": {
			"subset: {roots: {shop.orders: {rows: id < 5}}}",
			"addresses=referenced cities=referenced countries=referenced customers=referenced events=reached events_new=reached events_old=reached items=reached mayors=reached orders=root",
			[]string{"orders items / addresses cities countries customers", "events mayors / "},
		},
		"whole and none": {
			"data: {shop.cities: all, shop.events_old: none, shop.items: none}\nsubset: {roots: {shop.customers: {percent: 5}}, whole: [shop.countries]}",
			"addresses=reached customers=root events=reached events_new=reached events_old=none items=none orders=reached",
			[]string{"customers addresses events orders / "},
		},
		"a virtual key and a broken one": {
			"subset: {roots: {shop.customers: {percent: 5}}, keys: [{from: shop.log(mail), to: shop.customers(mail)}], break: [shop.addresses(city), shop.customers(country)]}",
			"addresses=reached customers=root events=reached events_new=reached events_old=reached items=reached log=reached orders=reached",
			[]string{"customers addresses events orders items log / "},
		},
		"without a subset": {"data: {shop.log: {rows: id < 5}, shop.events_new: none}", "events_new=none log=rows", nil},
	} {
		plan, err := shareRules(t, c.sections).Plan(shareDB(), mustKey(t, hexKey))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s := plan.Selection()
		var shares, rounds []string
		for _, n := range []string{"addresses", "cities", "countries", "customers", "events", "events_new", "events_old", "items", "log", "mayors", "orders"} {
			if part := s.Part("shop", n); !part.Whole() {
				shares = append(shares, n+"="+string(part.Share))
			}
		}
		for _, r := range s.Rounds {
			rounds = append(rounds, names(r.Down)+" / "+names(r.Referenced))
		}
		if diff := cmp.Diff(c.shares, strings.Join(shares, " ")); diff != "" {
			t.Errorf("%s: shares (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(c.rounds, rounds); diff != "" {
			t.Errorf("%s: rounds (-want +got):\n%s", name, diff)
		}
		if s.Whole() != (c.shares == "") {
			t.Errorf("%s: whole is %v", name, s.Whole())
		}
	}
}

func names(all []sanitize.Relation) string {
	var out []string
	for _, r := range all {
		out = append(out, r.Name)
	}
	return strings.Join(out, " ")
}

// TestSelectionMistakes gives sections that do not fit the database.
func TestSelectionMistakes(t *testing.T) {
	t.Parallel()
	for sections, want := range map[string][]string{
		"data: {shop.order: none, public.goose_db_version: none, shop.events_old: verbatim}": {
			`2:8: there is no table shop."order"; did you mean shop.orders?`,
			`2:26: table public.goose_db_version is bookkeeping and copied as it is`,
			`2:57: shop.events_old is a partition of shop.events and follows its rules; only shop.events can be verbatim`,
		},
		"data: {shop.orders: none}": {
			"2:8: shop.orders has not all its rows, and shop.items references it (foreign key items_order)",
		},
		"data: {shop.countries: {rows: code = 'de'}}\nsubset: {roots: {shop.customers: {percent: 5}}}": {
			"2:8: shop.countries has just the rows that the subset references: rows: has no effect on it",
		},
		"data: {shop.cities: none, shop.customers: all}\nsubset: {roots: {shop.customers: {percent: 5}, shop.events_old: {percent: 5}, shop.citys: {percent: 1}, public.goose_db_version: {percent: 5}}}": {
			"2:8: shop.cities has not all its rows, and shop.addresses references it (foreign key addresses_city)",
			"2:8: shop.cities has not all its rows, and shop.mayors references it (foreign key mayors_city)",
			"3:18: shop.customers is a root of the subset, but line 2 says how much of it there is already",
			"3:48: shop.events_old is a partition of shop.events; a subset begins with shop.events",
			"3:79: there is no table shop.citys; did you mean shop.cities?",
			"3:105: table public.goose_db_version is bookkeeping and copied as it is",
		},
		"data: {shop.log: none, shop.events_old: all}\nsubset: {roots: {shop.customers: {percent: 5}}, whole: [shop.log, shop.nix], break: [shop.orders(customer), shop.orders(id), shop.orders(adress)], keys: [{from: shop.events_old(mail), to: shop.customers(mail)}, {from: shop.log(mial), to: shop.customers(mail)}]}": {
			"2:24: shop.events_old is part of a table in the subset; name shop.events whole, or leave the line out",
			"3:57: shop.log is named in line 2 already, with data none",
			"3:67: there is no table shop.nix",
			"3:86: shop.orders.customer cannot be NULL, so that its key cannot be broken",
			"3:109: no foreign key of shop.orders has the column id",
			`3:126: table shop.orders has no column adress; did you mean "address"?`,
			"3:162: shop.events_old is a partition of shop.events; name shop.events",
			`3:219: table shop.log has no column mial; did you mean "mail"?`,
		},
	} {
		_, err := shareRules(t, sections).Plan(shareDB(), mustKey(t, hexKey))
		var plan *sanitize.PlanError
		var got []string
		if errors.As(err, &plan) {
			for line := range strings.SplitSeq(plan.Error(), "\n") {
				got = append(got, strings.TrimPrefix(line, "m.yaml:"))
			}
		}
		if diff := cmp.Diff(byPlace(want), byPlace(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", sections, diff)
		}
	}
}

// byPlace makes an order of its own: lines that match nothing are told before the others.
func byPlace(lines []string) map[string]bool {
	all := map[string]bool{}
	for _, l := range lines {
		all[l] = true
	}
	return all
}

// TestVerbatimAndEmptyTables need no rules, and take none of others.
func TestVerbatimAndEmptyTables(t *testing.T) {
	t.Parallel()
	plan, err := shareRules(t, "data: {shop.countries: verbatim, shop.items: none}", "shop.countries", "shop.items").Plan(shareDB(), mustKey(t, hexKey))
	if err != nil {
		t.Fatal(err)
	}
	if c := plan.Counts(); c.Kept != 19 || c.Masked != 0 {
		t.Errorf("%d columns are kept, %d masked, want 19 and none", c.Kept, c.Masked)
	}
	if got := plan.Table("shop", "countries"); got == nil || len(got.Masked()) != 0 || plan.Table("shop", "items") == nil {
		t.Errorf("the plan of shop.countries is %v", got)
	}
	_, err = shareRules(t, "data: {shop.countries: verbatim}").Plan(shareDB(), mustKey(t, hexKey))
	if err == nil || !strings.Contains(err.Error(), "table shop.countries is copied as it is and takes no rules") {
		t.Errorf("rules for a verbatim table: %v", err)
	}
	// A column must not follow, unmasked, the key of a table that needs no rules.
	db := shareDB()
	rules := strings.NewReplacer("orders: keep\n", "").Replace("version: 1\ndata: {shop.orders: none}\nsubset: {break: []}\n")
	if _, err := sanitize.ParseRules("m.yaml", []byte(rules)); err == nil {
		t.Error("a subset without roots and breaks is taken")
	}
	_, err = shareRules(t, "data: {shop.orders: none}", "shop.orders", "shop.items").Plan(db, mustKey(t, hexKey))
	var pe *sanitize.PlanError
	if !errors.As(err, &pe) || cmp.Diff([]string{"shop.items"}, pe.Tables) != "" || !strings.Contains(pe.Paste, "orders: ") {
		t.Errorf("the column that references a table without rules: %v\n%s", err, pe.Paste)
	}
}
