package compare_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/rehearse/compare"
)

func planOf(t *testing.T, node string) compare.Plan {
	t.Helper()
	p, err := compare.ReadPlan(fmt.Appendf(nil, `[{"Plan": %s}]`, node))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const (
	seqOrders    = `{"Node Type": "Seq Scan", "Schema": "shop", "Relation Name": "orders", "Alias": "o", "Total Cost": %v}`
	indexOrders  = `{"Node Type": "Index Scan", "Index Name": "orders_k", "Schema": "shop", "Relation Name": "orders", "Alias": "o", "Total Cost": %v}`
	bitmapOrders = `{"Node Type": "Bitmap Heap Scan", "Schema": "shop", "Relation Name": "orders", "Alias": "o", "Total Cost": %v,
		"Plans": [{"Node Type": "Bitmap Index Scan", "Index Name": "orders_k", "Total Cost": 4}]}`
)

func TestWorsePlans(t *testing.T) {
	t.Parallel()
	large, small := map[string]int64{"shop.orders": 10 << 20}, map[string]int64{"shop.orders": 8 << 10}
	for name, c := range map[string]struct {
		before, after string
		bytes         map[string]int64
		want          string
	}{
		"same form, dearer":       {fmt.Sprintf(seqOrders, 500), fmt.Sprintf(seqOrders, 5000), large, ""},
		"index lost":              {fmt.Sprintf(indexOrders, 8.4), fmt.Sprintf(seqOrders, 15.0), large, "reads all of shop.orders, where it used index orders_k"},
		"bitmap lost":             {fmt.Sprintf(bitmapOrders, 80), fmt.Sprintf(seqOrders, 150), large, "reads all of shop.orders, where it used index orders_k"},
		"index of a small table":  {fmt.Sprintf(indexOrders, 8.4), fmt.Sprintf(seqOrders, 15.0), small, ""},
		"bitmap for index":        {fmt.Sprintf(indexOrders, 8.4), fmt.Sprintf(bitmapOrders, 4200), large, "costs 500 times as much by the planner's reckoning"},
		"somewhat dearer":         {fmt.Sprintf(indexOrders, 300), fmt.Sprintf(bitmapOrders, 590), large, ""},
		"dearer, still for cheap": {fmt.Sprintf(indexOrders, 8.4), fmt.Sprintf(bitmapOrders, 90), large, ""},
		"better":                  {fmt.Sprintf(seqOrders, 5000), fmt.Sprintf(indexOrders, 8.4), large, ""},
	} {
		if got := planOf(t, c.after).WorseThan(planOf(t, c.before), c.bytes); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestReadPlan(t *testing.T) {
	t.Parallel()
	p := planOf(t, `{"Node Type": "ModifyTable", "Operation": "Update", "Schema": "shop", "Relation Name": "stock", "Total Cost": 12.5, "Plans": [
		{"Node Type": "Hash Join", "Join Type": "Left", "Plans": [`+fmt.Sprintf(bitmapOrders, 4)+`, {"Node Type": "Hash", "Plans": [`+fmt.Sprintf(seqOrders, 4)+`]}]}]}`)
	const form = "Update ModifyTable on shop.stock (Left Hash Join (Bitmap Heap Scan on shop.orders (Bitmap Index Scan using orders_k), Hash (Seq Scan on shop.orders)))"
	if p.Form != form || p.Cost != 12.5 {
		t.Errorf("%v %s", p.Cost, p.Form)
	}
	want := []compare.PlanScan{{"shop.orders", "shop.orders o", "Bitmap Heap Scan", "orders_k"}, {"shop.orders", "shop.orders o", "Seq Scan", ""}}
	if diff := cmp.Diff(want, p.Scans); diff != "" {
		t.Error(diff)
	}
	for relation, reads := range map[string]bool{"shop.orders": true, "shop.stock": true, "shop.order": false, "hop.stock": false} {
		if p.Reads(map[string]bool{relation: true}) != reads {
			t.Errorf("reads %s: %v", relation, !reads)
		}
	}
	insert := planOf(t, `{"Node Type": "CTE Scan", "Plans": [{"Node Type": "ModifyTable", "Operation": "Insert", "Schema": "s", "Relation Name": "t", "Plans": [
		{"Node Type": "Result", "Parent Relationship": "InitPlan", "Output": ["NULL::text"]}, {"Node Type": "Result", "Parent Relationship": "Outer", "Output": ["$1", "NULL::text", "(NULL::text)", "NULL::integer"]}]}]}`)
	if diff := cmp.Diff([]compare.PlanInsert{{Relation: "s.t", Nulls: []int{2, 4}}}, insert.Inserts); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{"", "[]", `[{"Utility": 1}]`} {
		if _, err := compare.ReadPlan([]byte(text)); err == nil {
			t.Errorf("%q is read as a plan", text)
		}
	}
}
