package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"

	"github.com/rehearse-db/rehearse/rehearse"
)

// ui is how the command speaks on stderr. The rules:
//
//   - Everything has the prefix "rehearse:", no capital at the beginning and no full stop at the end.
//   - An error says what is; a hint says what to do.
//   - Values of rows and passwords never get here.
type ui struct{ err io.Writer }

func (u ui) error(format string, args ...any) {
	fmt.Fprintf(u.err, "rehearse: error: %s\n", harmless(fmt.Sprintf(format, args...)))
}

func (u ui) hint(text string) {
	if text != "" {
		fmt.Fprintf(u.err, "rehearse: hint: %s\n", harmless(strings.TrimRight(text, "\n")))
	}
}

func (u ui) note(format string, args ...any) {
	fmt.Fprintf(u.err, "rehearse: %s\n", harmless(fmt.Sprintf(format, args...)))
}

// harmless takes out what could move a terminal's cursor or turn text around: names are other people's text.
func harmless(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// oneLine is a name that cannot break the line it stands in.
func oneLine(name string) string { return strings.Join(strings.Fields(harmless(name)), " ") }

// finish says why the command ends and returns its exit code.
func (u ui) finish(ctx context.Context, err error) int {
	code := codeOf(ctx, err)
	var status *statusError
	switch {
	case err == nil || errors.As(err, &status):
	case interrupted(ctx) != nil:
		u.note("%s; %s", interrupted(ctx), aftermath(err))
		if leftover := (*rehearse.CleanupError)(nil); errors.As(err, &leftover) {
			u.error("%v", leftover)
		}
	default:
		u.error("%v", err)
		u.hint(hintFor(err))
	}
	return code
}

// count is a number with its noun, such as "1 table" or "3 tables".
func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// printJSON writes v as JSON that a person can read too: the & of a URL stays one.
func printJSON(w io.Writer, v any, indent string) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", indent)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// colour decides once for a stream whether escapes may be written to it.
func colour(mode string, w io.Writer) bool {
	switch {
	case mode == "always":
		return true
	case mode == "never", os.Getenv("NO_COLOR") != "", os.Getenv("TERM") == "dumb":
		return false
	}
	return isTerminal(w)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd()))
}

// width is the width of the terminal, 100 where there is none.
func width(w io.Writer) int {
	if f, ok := w.(interface{ Fd() uintptr }); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			return n
		}
	}
	return 100
}

// ascii says whether the locale cannot show more than ASCII.
func ascii() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := os.Getenv(name); v != "" {
			v = strings.ToUpper(v)
			return !strings.Contains(v, "UTF-8") && !strings.Contains(v, "UTF8")
		}
	}
	return false
}
