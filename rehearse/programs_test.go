package rehearse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rehearse-db/rehearse/sanitize"
)

// asked is what a program makes of the values of column v, with column w beside it, given to it as a copy does: so many at once.
func asked(t *testing.T, ctx context.Context, command string, batch int, values ...string) (string, error) {
	t.Helper()
	all := newPrograms(ctx)
	defer all.Close()
	rules, err := sanitize.ParseRules("m.yaml", fmt.Appendf(nil, "version: 1\ntables:\n  t.t: {v: {mask: exec, command: [sh, -c, '%s'], timeout: 2s, batch: %d, with: w}, w: keep}\n", strings.ReplaceAll(command, "'", "''"), batch))
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
	for some := range slices.Chunk(values, row.Batch()) {
		for _, v := range some {
			if row.Batch() > 1 {
				if err := row.Expect([]byte(v + "\tbeside\n")); err != nil {
					return "", err
				}
			}
		}
		for _, v := range some {
			if out, err = row.Append(out, []byte(v+"\tbeside\n")); err != nil {
				return "", err
			}
		}
	}
	return string(out), nil
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
		{"two lines", `sed -u 's/.*/{"value":"a"}\n{"value":"b"}/'`, "", "a value was not masked: its program answered with more than one line for a value"},
		{"another key", `sed -u 's/.*/{"value":"a","x":1}/'`, "", `a value was not masked: its program answered something else than {"value":"..."}`},
		{"a number", `sed -u 's/.*/{"value":1}/'`, "", `a value was not masked: its program answered something else than {"value":"..."}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, batch := range []int{1, 2, 64} {
				got, err := asked(t, t.Context(), c.command, batch, `SECRET\ta\\"`, "é", `\N`, "x")
				problem := ""
				if err != nil {
					problem = strings.TrimPrefix(err.Error(), "mask t.t.v with exec: ")
				}
				want := c.problem
				if c.name == "slow" && batch > 1 {
					want = fmt.Sprintf("a value was not masked: its program gave 0 of %d answers within 2s (timeout is for a batch; batch says how many values one has)", min(batch, 3))
				}
				if got != c.want || problem != want || strings.Contains(problem, "SECRET") {
					t.Errorf("in batches of %d: got %q, %q, want %q, %q", batch, got, problem, c.want, want)
				}
			}
		})
	}
}

// TestProgramsInBatches: a program that waits for three values before it answers gets them, and what it answers is theirs in their order;
// many large values stand in neither pipe's way.
func TestProgramsInBatches(t *testing.T) {
	t.Parallel()
	const three = `while read -r a; do read -r b; read -r c; for x in "$a" "$b" "$c"; do echo "$x"; done; done | sed -u 's/,"row".*/}/'`
	var values []string
	for i := range 9 {
		values = append(values, fmt.Sprint("v", i))
	}
	got, err := asked(t, t.Context(), three, 3, values...)
	if want := strings.Join(values, "\tbeside\n") + "\tbeside\n"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	_, err = asked(t, t.Context(), three, 3, values[:5]...)
	if err == nil || !strings.Contains(err.Error(), "its program gave 0 of 2 answers within 2s") {
		t.Errorf("two of three: %v", err)
	}
	_, err = asked(t, t.Context(), `head -n 2 | sed -u 's/,"row".*/}/'; sleep 60`, 4, values...)
	if err == nil || !strings.Contains(err.Error(), "its program gave 2 of 4 answers within 2s") {
		t.Errorf("two answers: %v", err)
	}
	for i := range values {
		values[i] = strings.Repeat(values[i], 100_000)
	}
	got, err = asked(t, t.Context(), `sed -u 's/,"row".*/}/'`, 64, values...)
	if want := strings.Join(values, "\tbeside\n") + "\tbeside\n"; err != nil || got != want {
		t.Errorf("large values: %d bytes, %v, want %d", len(got), err, len(want))
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
	if _, err := p.Ask(nil, []string{"cat"}, time.Minute, []byte("{}\n"), 1); err != nil {
		t.Fatal(err)
	}
	one := p.idle["cat"][0]
	var asking sync.WaitGroup
	var err error
	asking.Go(func() { _, err = p.Ask(nil, []string{"sleep", "600"}, time.Hour, []byte("{}\n"), 1) })
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
	if _, err := newPrograms(t.Context()).Ask(nil, []string{"/no/such/program"}, time.Second, nil, 1); err == nil || err.Error() != "could not be started" {
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
