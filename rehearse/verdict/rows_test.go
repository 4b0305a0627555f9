package verdict_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

func TestRows(t *testing.T) {
	t.Parallel()
	lost := func(table string) report.TableRows {
		return report.TableRows{Table: table, Before: num(200), After: num(50), Deleted: 150, Method: report.Exact}
	}
	updated := func(table string) report.TableRows {
		return report.TableRows{Table: table, Before: num(200), After: num(200), Updated: 9, Method: report.Exact}
	}
	gone := report.TableRows{Table: "shop.t", Before: num(200)}
	parted := func(partition string, before, after *int64, moved string) report.TableRows {
		left := int64(14)
		if moved == "" && after != nil {
			left += *after
		}
		return report.TableRows{Table: "shop.t", Before: num(20), After: num(left), Partitions: []report.PartitionRows{
			{Table: partition, Before: before, After: after, Moved: moved},
		}}
	}
	for name, c := range map[string]struct {
		sql  string
		rows report.TableRows
		want string // code, level; "" without a finding
	}{
		"deleted by name":          {"DELETE FROM shop.t WHERE old", lost("shop.t"), ""},
		"deleted by bare name":     {"DELETE FROM ONLY t", lost("shop.t"), ""},
		"deleted in a block":       {"DO $$ BEGIN DELETE FROM shop.t; END $$", lost("shop.t"), ""},
		"deleted by EXECUTE":       {"DO $$ BEGIN EXECUTE 'delete from shop.t'; END $$", lost("shop.t"), ""},
		"truncated in a list":      {"TRUNCATE TABLE shop.a, shop.t", lost("shop.t"), ""},
		"truncated, no TABLE":      {"TRUNCATE t", lost("shop.t"), ""},
		"truncated in a block":     {"DO $$ BEGIN TRUNCATE shop.t; END $$", lost("shop.t"), ""},
		"a trigger on TRUNCATE":    {"CREATE TRIGGER x BEFORE TRUNCATE ON shop.t EXECUTE FUNCTION f()", lost("shop.t"), "rows-lost fail"},
		"truncated by cascade":     {"TRUNCATE shop.a CASCADE", lost("shop.t"), "rows-lost fail"},
		"merged into":              {"MERGE INTO shop.t USING s ON true WHEN MATCHED THEN DELETE", lost("shop.t"), ""},
		"cascade":                  {"DELETE FROM shop.parent", lost("shop.t"), "rows-lost fail"},
		"only in USING":            {"DELETE FROM shop.parent USING shop.t WHERE true", lost("shop.t"), "rows-lost fail"},
		"only a column dropped":    {"ALTER TABLE shop.t DROP COLUMN x", lost("shop.t"), "rows-lost fail"},
		"a trigger dropped on it":  {"DROP TRIGGER trg ON shop.t", lost("shop.t"), "rows-lost fail"},
		"same name elsewhere":      {"DELETE FROM other.t", lost("shop.t"), "rows-lost fail"},
		"in a comment":             {"SELECT 1 -- DELETE FROM shop.t", lost("shop.t"), "rows-lost fail"},
		"in a block comment":       {"SELECT 1 /* DELETE FROM shop.t */", lost("shop.t"), "rows-lost fail"},
		"a longer name":            {"DELETE FROM shop.t2", lost("shop.t"), "rows-lost fail"},
		"upper case, folded":       {"DELETE FROM SHOP.T", lost("shop.t"), ""},
		"quoted is not folded":     {`DELETE FROM shop."T"`, lost("shop.t"), "rows-lost fail"},
		"quoted odd name":          {`DELETE FROM "My Schema"."a.""b"`, lost(`"My Schema"."a.""b"`), ""},
		"emptied by name":          {"DELETE FROM shop.t", report.TableRows{Table: "shop.t", Before: num(9), After: num(0), Deleted: 9}, "table-emptied warn"},
		"dropped by name":          {"DROP TABLE IF EXISTS shop.t CASCADE", gone, "table-dropped warn"},
		"dropped empty":            {"DROP TABLE shop.t", report.TableRows{Table: "shop.t", Before: num(0)}, ""},
		"dropped with its schema":  {"DROP SCHEMA shop CASCADE", gone, "table-dropped warn"},
		"dropped by a function":    {"SELECT clean_up()", gone, "rows-lost fail"},
		"empty, dropped unseen":    {"SELECT clean_up()", report.TableRows{Table: "shop.t", Before: num(0)}, ""},
		"updated by name":          {"UPDATE shop.t SET a = 1", updated("shop.t"), ""},
		"updated by a trigger":     {"UPDATE shop.a SET a = 1", updated("shop.t"), "rows-unexpected fail"},
		"new table":                {"SELECT fill()", report.TableRows{Table: "shop.t", After: num(5), Inserted: 5}, ""},
		"version table":            {"SELECT 1", updated("public.goose_db_version"), ""},
		"anew with fewer":          {"DROP TABLE shop.t; CREATE TABLE shop.t ()", report.TableRows{Table: "shop.t", Before: num(200), After: num(0), Replaced: true}, "rows-lost fail"},
		"anew with as many":        {"DROP TABLE shop.t; ALTER TABLE shop.n RENAME TO t", report.TableRows{Table: "shop.t", Before: num(200), After: num(200), Replaced: true}, "table-replaced warn"},
		"partition, root named":    {"DELETE FROM shop.root", report.TableRows{Table: "shop.t", Root: "shop.root", Before: num(9), After: num(1), Deleted: 8}, ""},
		"heir, parent named":       {"DELETE FROM shop.base", report.TableRows{Table: "shop.t", Parents: []string{"shop.mid", "shop.base"}, Before: num(9), After: num(1), Deleted: 8}, ""},
		"partition by its name":    {"DELETE FROM shop.p1", parted("shop.p1", num(6), num(1), ""), ""},
		"partition, other named":   {"DELETE FROM shop.p2", parted("shop.p1", num(6), num(1), ""), "rows-lost fail"},
		"partition dropped":        {"DROP TABLE shop.p1", parted("shop.p1", num(6), nil, ""), "table-dropped warn"},
		"partition gone unseen":    {"SELECT retention()", parted("shop.p1", num(6), nil, ""), "rows-lost fail"},
		"partition detached":       {"ALTER TABLE shop.t DETACH PARTITION shop.p1", parted("shop.p1", num(6), num(6), "detached"), ""},
		"detached by a function":   {"SELECT retention()", parted("shop.p1", num(6), num(6), "detached"), ""},
		"detached, and lost more":  {"SELECT retention()", parted("shop.p1", num(3), num(3), "detached"), "rows-lost fail"},
		"truncated unseen, refill": {"SELECT f()", report.TableRows{Table: "shop.t", Before: num(9), After: num(9), Truncated: true}, "rows-unexpected fail"},
		"text cut, so not sure":    {"SELECT '" + strings.Repeat("x", 2000) + "'", lost("shop.t"), "rows-lost warn"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := up(c.sql)
			m.Rows = []report.TableRows{c.rows}
			r := with(m)
			verdict.Judge(lenient, r)
			var got string
			if len(r.Findings) > 0 {
				got = r.Findings[0].Code + " " + string(r.Findings[0].Level)
			}
			if len(r.Findings) > 1 || got != c.want {
				t.Errorf("got %q, want %q", codes(r), c.want)
			}
		})
	}
}

func TestUnexpectedRowsOnlyWarnWhenThePolicySaysSo(t *testing.T) {
	t.Parallel()
	m := up("SELECT f()")
	m.Rows = []report.TableRows{{Table: "s.t", Before: num(2), After: num(1), Deleted: 1}}
	r := with(m)
	verdict.Judge(verdict.Policy{AllowRewriteBelow: -1, UnexpectedRowChanges: "warn"}, r)
	if d := cmp.Diff([]string{"rows-lost warn s.t"}, codes(r)); d != "" || r.Verdict != report.Go {
		t.Errorf("verdict %s (-want +got):\n%s", r.Verdict, d)
	}
}

func TestARenamedTableIsKnownByItsOldName(t *testing.T) {
	t.Parallel()
	m := up("DELETE FROM shop.a", "ALTER TABLE shop.a RENAME TO b")
	m.Rows = []report.TableRows{{Table: "shop.b", Before: num(2), After: num(1), Deleted: 1}}
	m.Schema = []report.Change{{Action: "renamed", Kind: "table", Name: "shop.b", OldName: "shop.a"}}
	r := with(m)
	verdict.Judge(lenient, r)
	if len(r.Findings) > 0 {
		t.Errorf("findings %q, want none", codes(r))
	}
}

// TestRowsByWayOfOthers: what triggers and foreign keys of named tables account for is told as that, and everything else is unexpected.
func TestRowsByWayOfOthers(t *testing.T) {
	t.Parallel()
	log := report.Through{Kind: "trigger", Name: "log", On: "s.orders", When: "AFTER UPDATE", Does: []string{"inserted"}}
	key := report.Through{Kind: "foreign key", Name: "items_order", On: "s.orders", When: "ON DELETE CASCADE", Does: []string{"deleted"}}
	further := report.Through{Kind: "trigger", Name: "count", On: "s.log", When: "AFTER INSERT", Does: []string{"updated"}}
	orders := report.TableRows{Table: "s.orders", Before: num(9), After: num(8), Updated: 3, Deleted: 1}
	logged := report.TableRows{Table: "s.log", Before: num(0), After: num(3), Inserted: 3, Through: []report.Through{log}}
	items := report.TableRows{Table: "s.items", Before: num(40), After: num(36), Deleted: 4, Through: []report.Through{key}}
	counted := report.TableRows{Table: "s.counts", Before: num(1), After: num(1), Updated: 3, Through: []report.Through{further}}
	more, cut := items, items
	more.Updated, cut.Truncated = 2, true
	for name, c := range map[string]struct {
		sql  string
		rows []report.TableRows
		want []string
	}{
		"a log":            {"UPDATE s.orders SET a = 1; DELETE FROM s.orders", []report.TableRows{orders, logged}, []string{"rows-indirect info s.log"}},
		"a cascade":        {"DELETE FROM orders", []report.TableRows{orders, items}, []string{"rows-indirect warn s.items"}},
		"from one to next": {"UPDATE orders SET a = 1; DELETE FROM orders", []report.TableRows{counted, logged, orders}, []string{"rows-indirect info s.log", "rows-indirect warn s.counts"}},
		"begins nowhere":   {"SELECT f()", []report.TableRows{counted, logged}, []string{"rows-unexpected fail s.counts", "rows-unexpected fail s.log"}},
		"triggers are off": {"SET session_replication_role = replica; DELETE FROM orders; SELECT f()", []report.TableRows{orders, items}, []string{"rows-lost fail s.items"}},
		"not all of it":    {"DELETE FROM orders", []report.TableRows{orders, more}, []string{"rows-lost fail s.items"}},
		"truncated":        {"DELETE FROM orders", []report.TableRows{orders, cut}, []string{"rows-lost fail s.items"}},
		"named, not cut":   {"DELETE FROM orders WHERE id NOT IN (SELECT order_id FROM items)", []report.TableRows{orders, more}, []string{"rows-indirect warn s.items"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := up(c.sql)
			m.Rows = c.rows
			r := with(m)
			verdict.Judge(lenient, r)
			got := codes(r)
			slices.Sort(got)
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestWhatCodeDoes(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"BEGIN INSERT INTO s.log SELECT NEW.*; RETURN NEW; END": "inserted", "insert into log values (1) on conflict (id) do update set n = 1": "inserted updated",
		"UPDATE ONLY log SET a = 1": "updated", `DELETE FROM "s"."log"`: "deleted", "MERGE INTO log USING x": "inserted updated deleted",
		"PERFORM 1 FROM log": "", "INSERT INTO other.log": "", "INSERT INTO logs": "", "-- UPDATE log": "", "EXECUTE 'UPDATE s.log SET a = 1'": "updated", "log": "",
	} {
		if got := strings.Join(verdict.Does(code, "s.log"), " "); got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
}
