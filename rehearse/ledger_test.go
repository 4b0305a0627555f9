package rehearse

import (
	"strings"
	"testing"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// TestCollationVersions: what a server does not tell is no difference; a library other than the one that built production's indexes is told
// even where staging has the same.
func TestCollationVersions(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ recorded, there, here, want string }{
		{"2.31", "2.31", "2.31", ""},
		{"", "", "2.36", ""},
		{"2.31", "2.31", "2.36", "collation version 2.31/2.36"},
		{"2.28", "2.31", "2.31", "collation version of production's indexes 2.28, with a library of version 2.31/built anew"},
	} {
		r := &rehearsal{result: &report.Result{}}
		r.compareCollations(catalog.Database{CollationRecorded: tc.recorded, CollationVersion: tc.there}, catalog.Database{CollationVersion: tc.here})
		var told []string
		for _, d := range r.result.Differences {
			told = append(told, d.What+" "+d.Source+"/"+d.Staging)
		}
		if got := strings.Join(told, ", "); got != tc.want {
			t.Errorf("%+v: %q", tc, got)
		}
	}
}

// TestFingerprint: what belongs to a table moves the table's digest and no other's, and what is the whole server's moves nothing.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	schema := func(columnType, role string) catalog.Schema {
		table, column := catalog.ID{Class: 1, Object: 7}, catalog.ID{Class: 1, Object: 7, Sub: 1}
		return catalog.Schema{
			{Kind: "column", Name: "s.a.x", ID: column, Parent: table, Attrs: map[string]string{"type": columnType}},
			{Kind: "role", Name: role, Attrs: map[string]string{}},
			{Kind: "sequence", Name: "s.a_x_seq", ID: catalog.ID{Class: 1, Object: 9}, Parent: column, Attrs: map[string]string{"start": "1"}},
			{Kind: "table", Name: "s.a", ID: table, Attrs: map[string]string{"owner": "u"}},
			{Kind: "table", Name: "s.b", ID: catalog.ID{Class: 1, Object: 8}, Attrs: map[string]string{"owner": "u"}},
		}
	}
	one, same, other := fingerprint(schema("int", "u")), fingerprint(schema("int", "v")), fingerprint(schema("text", "u"))
	if one.SHA256 != same.SHA256 || len(one.Objects) != 1 || len(one.Objects["table"]) != 2 {
		t.Errorf("another role: %+v, %+v", one, same)
	}
	if one.SHA256 == other.SHA256 || one.Objects["table"]["s.a"] == other.Objects["table"]["s.a"] || one.Objects["table"]["s.b"] != other.Objects["table"]["s.b"] {
		t.Errorf("another type: %+v, %+v", one, other)
	}
	if fingerprint(nil) != nil {
		t.Error("a catalog that was not read has a fingerprint")
	}
}

// TestWithoutSource: nothing that may lead to the source is left in the environment of a check command.
func TestWithoutSource(t *testing.T) {
	t.Parallel()
	got := withoutSource([]string{
		"PATH=/bin", "PGHOST=prod", "REHEARSE_SOURCE_URL=x", "DATABASE_URL=mysql://x", "OTHER=postgresql://u@prod/x", "SECRET=see pa55 there", "LANG=C",
	}, "pa55")
	if s := strings.Join(got, " "); s != "PATH=/bin LANG=C" {
		t.Errorf("left: %s", s)
	}
}
