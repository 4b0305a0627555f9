package mask

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Programs asks programs outside of this one for masks. It is used by many goroutines at once.
type Programs interface {
	// Ask gives a program n lines, of JSON, and appends the n lines that it answers with to dst, all with their ends. The program is started where
	// none of its kind is idle, and has the timeout for all of them. An error says what the program did, to follow "its program", and holds
	// nothing of what was asked or answered.
	Ask(dst []byte, command []string, timeout time.Duration, lines []byte, n int) ([]byte, error)
}

// Expecting is implemented by a Func or RowFunc that is faster where it knows the values to come. What is not expected is masked all the same.
type Expecting interface {
	// Expect takes note of a value that Append will be given, after those expected before it, with the others of its row, nil without Needs.
	Expect(src []byte, others [][]byte) error
	// Batch is how many values it is best to expect before they are masked.
	Batch() int
}

const (
	patience     = 10 * time.Second
	mostPatience = time.Hour
	usualBatch   = 64
	mostBatch    = 10_000
)

// execFamily: what a program of the user's own makes of values.
func execFamily() family {
	return family{
		Info: Info{
			Name: "exec", Summary: "what a program makes of the value: one line of JSON for each value, one in answer", Types: []string{"any"},
			Params: []ParamInfo{
				{Name: "command", Type: "value", Row: true, Meaning: "the program and its arguments, a list; no shell is between; required"},
				{Name: "timeout", Type: "string", Default: "10s", Meaning: "how long the answers to one batch may take"},
				{Name: "batch", Type: "integer", Default: strconv.Itoa(usualBatch), Meaning: "how many values the program is given at most before it must have answered, from 1 to " + strconv.Itoa(mostBatch)},
				{Name: "with", Type: "columns", Meaning: "columns of the same row whose raw values the program is given too"},
			},
			Guarantees: []string{
				"raw values leave to the program, on this machine: that must be allowed for the run, and the plan says so",
				`it is given {"value":"...","row":{"column":"..."}} and answers {"value":"..."}, or null for NULL; as long as its input lasts, and for many columns and workers at once by as many processes`,
				"it is given the values of a batch at once, fewer at the end of a table, and answers each with one line, in their order",
				"nothing is guaranteed of the result, neither that it is masked nor that equal values stay equal",
				"no answer in time, an answer that is no such line, and the program's end are errors, without the value; NULL stays NULL",
			},
		},
		compile: compileExec,
	}
}

func compileExec(c *compiler) (*Mask, error) {
	command := c.command()
	timeout, batch := c.duration("timeout", patience), int(c.params.integer("batch", usualBatch, 1, mostBatch))
	columns := c.columns("with")
	switch {
	case c.params.failed != nil:
		return nil, c.params.err()
	case c.target.Row == nil:
		return nil, &ParamError{Param: "command", Text: "has no row here; only the rule of a whole column can have it"}
	}
	programs := c.target.Row.Programs()
	if programs == nil {
		return nil, &ProgramError{Command: command}
	}
	var needed needs
	for _, name := range columns {
		needed.place(name)
	}
	m := &Mask{Needs: needed.names, command: command, outside: true}
	newExec := func() *execFunc {
		return &execFunc{programs: programs, command: command, timeout: timeout, batch: batch, names: needed.names, target: c.target}
	}
	if len(m.Needs) == 0 {
		m.New = func() Func { return newExec() }
		return m, nil
	}
	m.NewRow = func() RowFunc { return execRowFunc{newExec()} }
	return m, nil
}

// command reads the program and its arguments; a single text is a program without any.
func (c *compiler) command() []string {
	v, ok := c.params.values["command"]
	list, isList := v.([]any)
	if !isList {
		list = []any{v}
	}
	var words []string
	for _, item := range list {
		if word, ok := item.(string); ok && !strings.ContainsRune(word, 0) {
			words = append(words, word)
		}
	}
	switch {
	case !ok:
		c.params.fail("command", "is missing")
	case len(words) != len(list) || len(words) == 0 || words[0] == "":
		c.params.fail("command", "must be a program and its arguments, a list of texts")
	}
	return words
}

// duration gives a parameter such as 5s, or def without it.
func (c *compiler) duration(name string, def time.Duration) time.Duration {
	text := c.params.text(name, def.String())
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Millisecond || d > mostPatience {
		c.params.fail(name, "must be a time such as 500ms or 10s, up to 1h")
	}
	return d
}

// execFunc asks the program, for one goroutine.
type execFunc struct {
	programs Programs
	command  []string
	timeout  time.Duration
	batch    int
	names    []string
	target   Target

	line    []byte // of the value at hand
	lines   []byte // of values to be masked, in their order
	masked  int    // bytes of them whose values have been
	waiting int    // how many have not
	heard   []byte // answers of the program
	answers []byte // those of them that are still to be used
}

type execRowFunc struct{ *execFunc }

func (f *execFunc) Append(dst, src []byte) ([]byte, error) { return f.ask(dst, src, nil) }

func (f execRowFunc) Append(dst, src []byte, others [][]byte) ([]byte, error) {
	return f.ask(dst, src, others)
}

// Batch implements Expecting.
func (f *execFunc) Batch() int { return f.batch }

// Expect implements Expecting.
func (f *execFunc) Expect(src []byte, others [][]byte) error {
	if err := f.write(src, others); err != nil {
		return err
	}
	if f.waiting == 0 {
		f.lines, f.masked = f.lines[:0], 0
	}
	f.lines = append(f.lines, f.line...)
	f.waiting++
	return nil
}

// ask gives the answer to a value, which is one of those that wait, or is asked about alone.
func (f *execFunc) ask(dst, src []byte, others [][]byte) ([]byte, error) {
	if f.waiting == 0 {
		if err := f.Expect(src, others); err != nil {
			return dst, err
		}
	} else if err := f.write(src, others); err != nil {
		return dst, err
	}
	if len(f.answers) == 0 {
		var err error
		if f.heard, err = f.programs.Ask(f.heard[:0], f.command, f.timeout, f.lines[f.masked:], f.waiting); err != nil {
			return dst, &ValueError{Mask: "exec", Reason: fmt.Sprintf("was not masked: its program %v", err)}
		}
		f.answers = f.heard
	}
	if !bytes.HasPrefix(f.lines[f.masked:], f.line) {
		return dst, &ValueError{Mask: "exec", Reason: "was not masked: it came before others that were expected"}
	}
	answer, answers, _ := bytes.Cut(f.answers, []byte{'\n'})
	f.answers, f.masked, f.waiting = answers, f.masked+len(f.line), f.waiting-1
	return f.result(dst, answer)
}

// write makes the line of a value.
func (f *execFunc) write(src []byte, others [][]byte) error {
	valid := utf8.Valid(src)
	f.line = append(quote(append(f.line[:0], `{"value":"`...), src), '"')
	for i, name := range f.names {
		f.line = append(f.line, map[bool]string{true: `,"row":{"`, false: `,"`}[i == 0]...)
		f.line = append(quote(f.line, []byte(name)), `":`...)
		if others[i] == nil {
			f.line = append(f.line, "null"...)
			continue
		}
		f.line = append(quote(append(f.line, '"'), others[i]), '"')
		valid = valid && utf8.Valid(others[i])
	}
	if len(f.names) > 0 {
		f.line = append(f.line, '}')
	}
	if !valid {
		return &ValueError{Mask: "exec", Reason: "is not valid UTF-8"}
	}
	f.line = append(f.line, "}\n"...)
	return nil
}

// result reads the answer.
func (f *execFunc) result(dst, answer []byte) ([]byte, error) {
	text, null, ok := answered(answer)
	switch {
	case !ok:
		return dst, &ValueError{Mask: "exec", Reason: `was not masked: its program answered something else than {"value":"..."}`}
	case null && f.target.NotNull:
		return dst, &ValueError{Mask: "exec", Reason: "was masked as NULL by its program, in a column that is NOT NULL"}
	case null:
		return dst, ErrNull
	}
	if reason := unfit([]byte(text), f.target); reason != "" {
		return dst, &ValueError{Mask: "exec", Reason: "has a result of its program that " + reason}
	}
	return append(dst, text...), nil
}

// ProgramError tells that a mask would give raw values to a program, which was not allowed.
type ProgramError struct{ Command []string }

func (e *ProgramError) Error() string {
	return fmt.Sprintf("mask exec gives raw values to the program %s, which has not been allowed", e.Command[0])
}
