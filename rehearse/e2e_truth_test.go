package rehearse_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/internal/pgtest"
	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// loadPeople makes a table whose values are in the way of many a release: addresses that are equal but for case (one pair short, one pair of
// long mixed case), a NULL, an age that is no number, a note that is too long, a city that is nowhere.
func loadPeople(t testing.TB, cfg *pgx.ConnConfig) {
	pgtest.Exec(t, cfg, gooseTable+`; INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, true);
		CREATE TABLE cities (name text PRIMARY KEY); INSERT INTO cities SELECT 'Town ' || i FROM generate_series(1, 9) i;
		CREATE TABLE people (id int PRIMARY KEY, email text, token text, age text, note text, city text);
		INSERT INTO people SELECT i, format('marker-%s@example.org', i), format('Marker Token %s', i), i::text, 'marker', 'Town ' || i % 9 + 1 FROM generate_series(1, 300) i;
		UPDATE people SET email = 'MARKER-7@Example.ORG' WHERE id = 8;
		UPDATE people SET token = 'mArKeRtOkEnThAtGoEsOnAnDoNiNmIxEdCaSe' WHERE id = 1;
		UPDATE people SET token = 'MaRkErToKeNtHaTgOeSoNaNdOnInMiXeDcAsE' WHERE id = 2;
		UPDATE people SET age = 'marker years' WHERE id IN (3, 4); UPDATE people SET age = '99999999999' WHERE id = 5;
		UPDATE people SET note = NULL WHERE id = 6; UPDATE people SET note = repeat('marker', 20) WHERE id IN (9, 10, 11); UPDATE people SET city = 'Nowhere' WHERE id = 12`)
}

// releasedOn runs a release against the people with the masks given for some columns.
func releasedOn(t *testing.T, masks map[string]string, pending ...string) *report.Result {
	t.Helper()
	source := fresh(t, "people", loadPeople)
	masks = maps.Clone(masks)
	for column, mask := range maps.Clone(masks) {
		masks["public.people."+column] = mask
	}
	where := rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}
	cfg := configured(t, source, where, rulesFor(t, source, masks))
	cfg.Migrations, cfg.Policy, cfg.Passes = os.DirFS(release(t, pending...)), verdict.Policy{AllowRewriteBelow: -1}, []string{}
	result, err := rehearse.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for form, write := range map[string]func(*bytes.Buffer) error{
		"json": func(b *bytes.Buffer) error { return report.JSON(b, result) },
		"text": func(b *bytes.Buffer) error { return report.Text(b, result, report.TextOptions{}) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		for _, marker := range []string{"marker", "MARKER", "Nowhere", "99999999999", "mArKeR"} {
			if strings.Contains(b.String(), marker) {
				t.Errorf("%s holds a value of the source, %q:\n%s", form, marker, b.String())
			}
		}
		if form == "text" && t.Failed() {
			t.Log(b.String())
		}
	}
	return result
}

// concluded are the checks in short.
func concluded(r *report.Result) []string {
	var all []string
	say := func(n *int64) string {
		if n == nil {
			return "?"
		}
		return fmt.Sprint(*n)
	}
	for _, c := range r.Fidelity.Checks {
		all = append(all, fmt.Sprintf("%d %s %s %s/%s: %s", c.Migration, c.Kind, strings.Join(c.Columns, ","), say(c.Source), say(c.Staging), c.Conclusion))
	}
	return all
}

func weighty(r *report.Result) []string {
	var all []string
	for _, f := range r.Findings {
		if f.Level.Weight() > 1 {
			all = append(all, fmt.Sprintf("%s %s %d", f.Code, f.Level, f.Migration))
		}
	}
	slices.Sort(all)
	return all
}

// decision is a release whose outcome depends on masked values, and what is to be said of it.
type decision struct {
	masks   map[string]string
	pending []string
	verdict report.Verdict
	exit    int
	checks  []string
	found   []string
}

const years = "ALTER TABLE people ALTER COLUMN age TYPE int USING age::int;"

var decisions = map[string]decision{
	"fails as production does": {
		map[string]string{"email": "email"},
		[]string{"CREATE UNIQUE INDEX people_email ON people (lower(email));"},
		report.NoGo, 10,
		[]string{"2 unique email 1/1: confirmed at source"},
		[]string{"migration-failed fail 2"},
	},
	"masks hide it": {
		map[string]string{"token": "hash", "age": "{mask: constant, value: '1'}", "note": "{mask: hash, length: 20}", "email": "email"},
		[]string{
			"CREATE UNIQUE INDEX people_token ON people (lower(token));",
			years,
			"ALTER TABLE people ADD CONSTRAINT brief CHECK (char_length(note) <= 50);",
			"ALTER TABLE people ADD CONSTRAINT address CHECK (char_length(email) > 3);",
		},
		report.NoGo, 10,
		[]string{
			"2 unique token 1/0: only at source", "3 cast age 3/0: only at source", "4 check note 3/0: only at source",
			"5 check email 0/0: nothing in the way",
		},
		[]string{"only-at-source fail 2", "only-at-source fail 3", "only-at-source fail 4"},
	},
	"masks make it up": {
		map[string]string{"email": "hash"},
		[]string{"ALTER TABLE people ADD CHECK (email LIKE '%@%' OR email IS NULL);"},
		report.Inconclusive, 14,
		[]string{"2 check email 0/300: only in the masked copy"},
		[]string{"migration-failed unknown 2", "only-in-masked-copy unknown 2"},
	},
	"a missing value": {
		map[string]string{"note": "hash"},
		[]string{"ALTER TABLE people ALTER note SET NOT NULL;"},
		report.NoGo, 10,
		[]string{"2 not null note 1/1: confirmed at source"},
		[]string{"migration-failed fail 2"},
	},
	"a constraint validated later": {
		map[string]string{"note": "{mask: hash, length: 20}"},
		[]string{"ALTER TABLE people ADD CONSTRAINT brief CHECK (char_length(note) <= 50) NOT VALID;", "ALTER TABLE people VALIDATE CONSTRAINT brief;"},
		report.NoGo, 10,
		[]string{"3 check note 3/0: only at source"},
		[]string{"only-at-source fail 3"},
	},
	"statements before may mend it": {
		map[string]string{"age": "{mask: constant, value: '1'}"},
		[]string{"UPDATE people SET age = NULL WHERE age !~ '^[0-9]{1,9}$';", years},
		report.Inconclusive, 14,
		[]string{"2 other age ?/?: not checked at the source", "3 cast age 3/0: only at source"},
		[]string{"only-at-source unknown 3"},
	},
	"what the source does not have yet": {
		map[string]string{"note": "hash", "age": "hash", "token": "hash"},
		[]string{"ALTER TABLE people RENAME COLUMN note TO remark;", "CREATE UNIQUE INDEX ON people ((age || remark), id);", "ALTER TABLE people ALTER token TYPE date USING now();"},
		report.Go, 0,
		[]string{"3 unique age ?/?: not checked at the source", "4 cast token ?/?: not checked at the source"},
		nil,
	},
	"a key": {
		map[string]string{"city": "keep", "public.cities.name": "keep"},
		[]string{"ALTER TABLE people ADD FOREIGN KEY (city) REFERENCES cities;"},
		report.NoGo, 10, nil,
		[]string{"migration-failed fail 2"},
	},
	"a masked key": {
		map[string]string{"city": "{mask: hash, domain: city}", "public.cities.name": "{mask: hash, domain: city}"},
		[]string{"ALTER TABLE people ADD FOREIGN KEY (city) REFERENCES cities;"},
		report.NoGo, 10,
		[]string{"2 foreign key city 1/1: confirmed at source"},
		[]string{"migration-failed fail 2"},
	},
}

// TestMaskedValuesDecide rehearses releases whose outcome depends on masked values, and compares with what is known to be in production.
func TestMaskedValuesDecide(t *testing.T) {
	t.Parallel()
	for name, c := range decisions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := releasedOn(t, c.masks, c.pending...)
			if r.Verdict != c.verdict || r.ExitCode != c.exit {
				t.Errorf("%s, exit code %d: %s", r.Verdict, r.ExitCode, r.Reason)
			}
			if r.Fidelity != nil || c.checks != nil {
				if d := cmp.Diff(c.checks, concluded(r)); d != "" {
					t.Errorf("checks (-want +got):\n%s", d)
				}
			}
			if d := cmp.Diff(c.found, weighty(r)); d != "" {
				t.Errorf("findings (-want +got):\n%s", d)
			}
		})
	}
}

// TestSnapshotKnowsItsMasking rehearses from a snapshot: what was seen of the source when it was made is told, and that nobody asked it now.
func TestSnapshotKnowsItsMasking(t *testing.T) {
	t.Parallel()
	source := fresh(t, "people", loadPeople)
	where := rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}
	cfg := configured(t, source, where, rulesFor(t, source, map[string]string{"public.people.note": "{mask: hash, length: 20}"}))
	run := fromSnapshot(t, snapshotted(t, cfg), where)
	run.Migrations = os.DirFS(release(t, "ALTER TABLE people ADD CHECK (char_length(note) <= 50);"))
	r, err := rehearse.Run(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"2 check note ?/?: not checked at the source"}, concluded(r)); d != "" {
		t.Errorf("checks (-want +got):\n%s", d)
	}
	c := r.Fidelity.Columns
	if len(c) != 1 || c[0].Before == nil || c[0].Before.Chars.Max != 120 || c[0].After.Chars.Max != 20 || c[0].Before.Nulls != 1 || len(c[0].Touches) != 1 {
		t.Errorf("what is known of the columns: %+v", c)
	}
	if why := r.Fidelity.Checks[0].Why; !strings.Contains(why, "snapshot") {
		t.Errorf("not checked because %q", why)
	}
}

// TestPartitionsAreOneColumn profiles the partitions of a table as one, and counts in all of them.
func TestPartitionsAreOneColumn(t *testing.T) {
	t.Parallel()
	source := pgtest.New(t, gooseTable+`; INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, true);
		CREATE TABLE calls (id int, phone text) PARTITION BY RANGE (id); CREATE TABLE calls_a PARTITION OF calls FOR VALUES FROM (0) TO (100);
		CREATE TABLE calls_b PARTITION OF calls FOR VALUES FROM (100) TO (200); INSERT INTO calls SELECT i, 'x' || i % 150 FROM generate_series(0, 199) i`)
	where := rehearse.Staging{Provider: staging.ProviderLocal, BinDir: pgtest.BinDir(t), StateDir: publicDir(t)}
	cfg := configured(t, source, where, rulesFor(t, source, map[string]string{"public.calls.phone": "hash"}))
	cfg.Migrations = os.DirFS(release(t, "ALTER TABLE calls ADD CHECK (phone <> 'x1');"))
	r, err := rehearse.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"2 check phone 2/0: only at source"}, concluded(r)); d != "" {
		t.Errorf("checks (-want +got):\n%s", d)
	}
	if c := r.Fidelity.Columns; len(c) != 1 || c[0].Table != "public.calls" || c[0].Before.Rows != 200 || c[0].Before.Distinct != 150 || c[0].After.Distinct != 150 {
		t.Errorf("what is known of the columns: %+v", c)
	}
}
