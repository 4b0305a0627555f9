package rehearse_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/snapshot"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// TestMaskedKeysJoin masks keys, follows them nowhere by hand, and has both servers count what joins: the same number of rows by every foreign
// key and by e-mail addresses that no key ties, as many distinct values where they are unique, and no value left as it was.
func TestMaskedKeysJoin(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		load  func(t testing.TB, cfg *pgx.ConnConfig)
		masks map[string]string
		same  []string // counts that must be equal
		gone  string   // a count that must be 0 in staging, and is not at the source
	}{
		"bench": {
			load: loadBench,
			masks: map[string]string{
				"shop.customers.id": "int_permute", "shop.customers.email": "email", "shop.customers.public_id": "uuid", "shop.orders.id": "int_permute",
				"shop.orders.contact_email": "email", "shop.products.id": "int_permute", "shop.products.sku": "hash", "shop.addresses.id": "int_permute",
				"shop.messages.sender": "email", "audit.events.actor_email": "email", "shop.payments.card_number": "digits",
				"audit.events.payload": "{mask: json, default: keep, paths: {$.user.email: email}}",
			},
			same: []string{
				"SELECT count(*) FROM shop.orders o JOIN shop.customers c ON c.email = o.contact_email",
				"SELECT count(*) FROM shop.orders o JOIN shop.customers c ON lower(c.email) = lower(o.contact_email) AND c.id = o.customer_id",
				"SELECT count(*) FROM shop.messages m JOIN shop.customers c ON c.email = m.sender AND c.id = m.customer_id",
				"SELECT count(*) FROM audit.events e JOIN shop.customers c ON c.email = e.actor_email AND e.payload->'user'->>'email' = c.email",
				"SELECT count(DISTINCT email) || ' ' || count(DISTINCT lower(email)) || ' ' || count(DISTINCT public_id) FROM shop.customers",
				"SELECT count(DISTINCT contact_email) FROM shop.orders",
			},
			gone: "SELECT count(*) FROM shop.customers WHERE email NOT LIKE '%@example.com'",
		},
		"pagila": {
			load: loadPagila,
			masks: map[string]string{
				"public.customer.customer_id": "int_permute", "public.customer.email": "email", "public.rental.rental_id": "int_permute",
				"public.staff.staff_id": "int_permute", "public.store.store_id": "int_permute", "public.film.film_id": "int_permute",
				"public.address.address_id": "int_permute", "public.inventory.inventory_id": "int_permute", "public.staff.email": "email",
			},
			same: []string{
				"SELECT count(DISTINCT email) FROM customer",
				"SELECT count(*) FROM payment p JOIN rental r USING (rental_id, customer_id) JOIN inventory USING (inventory_id) JOIN film USING (film_id)",
			},
			gone: "SELECT count(*) FROM customer WHERE email NOT LIKE '%@example.com'",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := pgtest.New(t)
			c.load(t, source)
			where := rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}
			_, copied := staged(t, configured(t, source, where, keyRules(t, source, c.masks)))
			for _, query := range append(c.same, keyJoins(t, source)...) {
				there, here := pgtest.Value(t, source, query), pgtest.Value(t, copied, query)
				if there != here || there == "0" && strings.Contains(query, "JOIN") && !strings.Contains(query, "IS NULL") {
					t.Errorf("%s: %s at the source, %s in staging", query, there, here)
				}
			}
			if there, here := pgtest.Value(t, source, c.gone), pgtest.Value(t, copied, c.gone); there == "0" || here != "0" {
				t.Errorf("%s: %s at the source, %s in staging", c.gone, there, here)
			}
			const broken = `SELECT (SELECT count(*) FROM pg_constraint WHERE contype IN ('p', 'u', 'f', 'c', 'x') AND NOT convalidated) +
				(SELECT count(*) FROM pg_index WHERE indisunique AND NOT indisvalid)`
			if n := pgtest.Value(t, copied, broken); n != "0" {
				t.Errorf("%s constraints or unique indexes do not hold in staging", n)
			}
		})
	}
}

// keyJoins asks, for every foreign key that joins rows at the source, how many.
func keyJoins(t testing.TB, source *pgx.ConnConfig) []string {
	t.Helper()
	list := pgtest.Value(t, source, `SELECT string_agg(format('SELECT count(*) FROM %s c JOIN %s p ON %s', con.conrelid::regclass, con.confrelid::regclass,
		(SELECT string_agg(format('c.%I = p.%I', a.attname, b.attname), ' AND ')
		FROM unnest(con.conkey, con.confkey) k (child, parent)
		JOIN pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = k.child
		JOIN pg_attribute b ON b.attrelid = con.confrelid AND b.attnum = k.parent)), E'\n')
		FROM pg_constraint con WHERE con.contype = 'f' AND con.conparentid = 0`)
	var joins []string
	for join := range strings.SplitSeq(list, "\n") {
		if pgtest.Value(t, source, join) != "0" {
			joins = append(joins, join)
		}
	}
	if len(joins) == 0 {
		t.Fatal("no foreign key joins a row at the source")
	}
	return joins
}

// keyRules are rules with the given masks, in which columns of foreign keys have no line and all others are kept.
func keyRules(t testing.TB, source *pgx.ConnConfig, masks map[string]string) string {
	t.Helper()
	desc := described(t, source)
	db := snapshot.Database(desc)
	follows := map[string]bool{}
	for _, k := range db.ForeignKeys {
		for _, c := range k.ChildColumns {
			follows[k.Child.String()+"."+c] = true
		}
	}
	var b strings.Builder
	b.WriteString("version: 1\ntables:\n")
	used := 0
	for _, table := range db.Tables {
		name := catalog.Quote(table.Schema) + "." + catalog.Quote(table.Name)
		fmt.Fprintf(&b, "  %q:\n    {", name)
		for _, c := range table.Columns {
			rule, masked := masks[name+"."+c.Name]
			switch {
			case c.Generated, follows[name+"."+c.Name]:
				continue
			case masked:
				used++
			default:
				rule = "keep"
			}
			fmt.Fprintf(&b, "%q: %s, ", c.Name, rule)
		}
		b.WriteString("}\n")
	}
	if used != len(masks) {
		t.Fatalf("%d of %d masks found their column:\n%s", used, len(masks), b.String())
	}
	return b.String()
}
