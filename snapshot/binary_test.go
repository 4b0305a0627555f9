package snapshot

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

// testConstants gives one constant to columns of many types in a table that goes in binary form and in one that goes in text. SQL means one
// character or bit by the names of some types, and sessions of the source find another type by the name of one of them.
func testConstants(t *testing.T, server *pgtest.Server) {
	source := pgtest.New(t, `
CREATE SCHEMA own; CREATE DOMAIN own.inet AS text; CREATE DOMAIN code AS char(5);
CREATE TABLE in_binary (a char(10), b bit(3), c char(4)[], d varbit(6), e code, f inet, g varchar(9), h "char", i bit(2)[], j timestamp(0), k numeric(6,2));
INSERT INTO in_binary VALUES ('raw', '000', '{raw}', '0', 'raw', '10.0.0.1', 'raw', 'r', '{00}', '2001-01-01', 77);
CREATE TABLE in_text (LIKE in_binary); ALTER TABLE in_text ADD x xml; INSERT INTO in_text SELECT * FROM in_binary;`)
	pgtest.Exec(t, source, "ALTER DATABASE "+ident(source.Database)+" SET search_path = own, pg_catalog, public")
	masks := map[string]string{}
	for column, value := range map[string]string{
		"a": "REDACTED", "b": "101", "c": "{ab,cd}", "d": "1011", "e": "abc", "f": "192.0.2.1", "g": "REDACTED", "h": "x", "i": "{10,01}", "j": "2020-02-03 04:05:06.7", "k": "1.005",
	} {
		for _, table := range []string{"in_binary", "in_text"} {
			masks["public."+table+"."+column] = "{mask: constant, value: '" + value + "'}"
		}
	}
	target := newTarget(t, server)
	result := copied(t, source, target, masks, CopyOptions{})
	for _, table := range result.Tables {
		if want := table.Name == "in_binary"; table.Binary != want {
			t.Errorf("%s: binary %t, want %t", table.Name, table.Binary, want)
		}
	}
	const columns = "SELECT a, b, c, d, e, f, g, h, i, j, k FROM public."
	want := `("REDACTED  ",101,"{""ab  "",""cd  ""}",1011,"abc  ",192.0.2.1,REDACTED,x,"{10,01}","2020-02-03 04:05:07",1.01)`
	for _, table := range []string{"in_binary", "in_text"} {
		if diff := cmp.Diff(want, rowsOf(t, target.Config(), columns+table)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", table, diff)
		}
	}
}
