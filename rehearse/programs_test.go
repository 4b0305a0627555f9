package rehearse

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rehearse-db/rehearse/sanitize"
)

// asked is what a program makes of the values of column v, with column w beside it.
func asked(t *testing.T, ctx context.Context, command string, values ...string) (string, error) {
	t.Helper()
	all := newPrograms(ctx)
	defer all.Close()
	rules, err := sanitize.ParseRules("m.yaml", []byte("version: 1\ntables:\n  t.t: {v: {mask: exec, command: [sh, -c, '"+strings.ReplaceAll(command, "'", "''")+"'], timeout: 2s, with: w}, w: keep}\n"))
	if err != nil {
		t.Fatal(err)
	}
	column := func(name string) sanitize.Column {
		return sanitize.Column{Name: name, Type: "text", BaseType: "text", TypeKind: 'b'}
	}
	plan, err := rules.Plan(sanitize.Database{Tables: []sanitize.Table{{Schema: "t", Name: "t", Columns: []sanitize.Column{column("v"), column("w")}}}}, sanitize.NewKey(), sanitize.WithPrograms(all))
	if err != nil {
		t.Fatal(err)
	}
	row := plan.Table("t", "t").Row()
	var out []byte
	for _, v := range values {
		if out, err = row.Append(out, []byte(v+"\tbeside\n")); err != nil {
			break
		}
	}
	return string(out), err
}

func TestPrograms(t *testing.T) {
	t.Parallel()
	const number = `n=0; while read -r line; do n=$((n+1)); echo "{\"value\":\"$n\"}"; done`
	for _, c := range []struct{ name, command, want, problem string }{
		{"one process for all values", number, "1\tbeside\n2\tbeside\n\\N\tbeside\n3\tbeside\n", ""},
		{"it is given the row", `sed -u 's/.*"row":{"w":"\([a-z]*\)"}.*/{"value":"\1"}/'`, strings.Repeat("beside\tbeside\n", 2) + "\\N\tbeside\nbeside\tbeside\n", ""},
		{"escapes", `sed -u 's/,"row".*/}/'`, "SECRET\\ta\\\\\"\tbeside\né\tbeside\n\\N\tbeside\nx\tbeside\n", ""},
		{"NULL", `sed -u 's/.*/{"value":null}/'`, strings.Repeat("\\N\tbeside\n", 4), ""},
		{"slow", "sleep 60", "", "a value was not masked: its program gave no answer within 2s"},
		{"dead", "read -r line; echo \"$line\" >&2; exit 3", "", "a value was not masked: its program has ended"},
		{"never there", "exit 1", "", "a value was not masked: its program has ended"},
		{"no JSON", `sed -u 's/.*/SECRET/'`, "", `a value was not masked: its program answered something else than {"value":"..."}`},
		{"two lines", `sed -u 's/.*/{"value":"a"}\n{"value":"b"}/'`, "", "a value was not masked: its program answered with more than one line"},
		{"another key", `sed -u 's/.*/{"value":"a","x":1}/'`, "", `a value was not masked: its program answered something else than {"value":"..."}`},
		{"a number", `sed -u 's/.*/{"value":1}/'`, "", `a value was not masked: its program answered something else than {"value":"..."}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := asked(t, t.Context(), c.command, `SECRET\ta\\"`, "é", `\N`, "x")
			problem := ""
			if err != nil {
				problem = strings.TrimPrefix(err.Error(), "mask t.t.v with exec: ")
				got = ""
			}
			if got != c.want || problem != c.problem || strings.Contains(problem, "SECRET") {
				t.Errorf("got %q, %q, want %q, %q", got, problem, c.want, c.problem)
			}
		})
	}
}

func TestProgramsSeeNoSecrets(t *testing.T) {
	t.Parallel()
	got := harmless([]string{"PATH=/bin", "PGPASSWORD=x", "REHEARSE_SOURCE_URL=x", "HOME=/", "REHEARSE_MASK_KEY_FILE=x"})
	if strings.Join(got, " ") != "PATH=/bin HOME=/" {
		t.Errorf("programs see %q", got)
	}
}

// TestProgramsEndWithTheRun: a run that is interrupted waits for no program, and none is left.
func TestProgramsEndWithTheRun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	p := newPrograms(ctx)
	if _, err := p.Ask(nil, []string{"cat"}, time.Minute, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	one := p.idle["cat"][0]
	var asking sync.WaitGroup
	var err error
	asking.Go(func() { _, err = p.Ask(nil, []string{"sleep", "600"}, time.Hour, []byte("{}")) })
	time.Sleep(50 * time.Millisecond)
	cancel()
	asking.Wait()
	if err == nil || err.Error() != "was interrupted" {
		t.Errorf("asked while interrupted: %v", err)
	}
	p.Close()
	if one.cmd.ProcessState == nil {
		t.Error("an idle program is left")
	}
	if _, err := newPrograms(t.Context()).Ask(nil, []string{"/no/such/program"}, time.Second, nil); err == nil || err.Error() != "could not be started" {
		t.Errorf("no such program: %v", err)
	}
}

// TestProgramsMustBeAllowed: without a word for it no raw value leaves.
func TestProgramsMustBeAllowed(t *testing.T) {
	t.Parallel()
	rules, err := sanitize.ParseRules("m.yaml", []byte("version: 1\ntables:\n  t.t: {v: {mask: exec, command: [cat, x]}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = rules.Plan(sanitize.Database{Tables: []sanitize.Table{{Schema: "t", Name: "t", Columns: []sanitize.Column{{Name: "v", Type: "text", BaseType: "text", TypeKind: 'b'}}}}}, sanitize.NewKey())
	var refused *sanitize.PlanError
	if !errors.As(err, &refused) || !refused.Programs || err.Error() != "m.yaml:3:9: t.t.v: mask exec gives raw values to the program cat, which has not been allowed" {
		t.Errorf("got %v", err)
	}
}
