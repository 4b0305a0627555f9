package report

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"unicode"
)

// Title is the verdict as people read it: "NO-GO", "GO WITH CONDITIONS".
func (v Verdict) Title() string {
	switch v {
	case Go:
		return "GO"
	case GoWithConditions:
		return "GO WITH CONDITIONS"
	case NoGo:
		return "NO-GO"
	default:
		return "INCONCLUSIVE"
	}
}

// ShortName is the migration's file name without its ending: "00042_orders_total"; of a command, the command.
func (m Migration) ShortName() string {
	name := m.Name
	if m.Command {
		return name
	}
	if name == "" {
		name = path.Base(m.File)
	}
	if m.Migrator == GolangMigrate {
		name = strings.TrimSuffix(strings.TrimSuffix(name, ".up.sql"), ".down.sql")
	}
	return strings.TrimSuffix(strings.TrimSuffix(name, ".sql"), ".go")
}

// symbols are the signs that differ between a terminal with Unicode and one without.
type symbols struct {
	dot, arrow, ellipsis, none, ok, bad, warn string
}

func unicodeSymbols() symbols {
	return symbols{dot: " · ", arrow: " → ", ellipsis: "…", none: "–", ok: "✓ ", bad: "✗ ", warn: "! "}
}

func asciiSymbols() symbols {
	return symbols{dot: " - ", arrow: " -> ", ellipsis: "...", none: "-"}
}

// Count is n with its noun, in digits grouped by three: "1 row", "1,204 rows". The plural adds an s.
func Count(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return Digits(n) + " " + noun
}

// Digits groups the digits of n by three with commas: "12,204,331".
func Digits(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Bytes is a size for people, in powers of 1,024: "512 bytes", "14 kB", "1.4 GB".
func Bytes(n int64) string {
	if n < 0 {
		return "-" + Bytes(-max(n, -1<<62))
	}
	if n < 10<<10 {
		return Count(n, "byte")
	}
	f := float64(n) / 1024
	unit := 0
	for ; f >= 1023.5 && unit < len(byteUnits)-1; unit++ {
		f /= 1024
	}
	if f < 9.95 {
		return fmt.Sprintf("%.1f %s", f, byteUnits[unit])
	}
	return fmt.Sprintf("%.0f %s", f, byteUnits[unit])
}

var byteUnits = [...]string{"kB", "MB", "GB", "TB"}

// signedBytes is a growth: "+96 MB", "-14 kB".
func signedBytes(n int64) string {
	if n < 0 {
		return Bytes(n)
	}
	return "+" + Bytes(n)
}

// clean takes out what could move a terminal's cursor, turn text around or break a line; migrations are other people's text.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t', r == '\r':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return '\uFFFD'
		}
		return r
	}, s)
}

// oneLine is s cleaned, on one line, and cut to n runes.
func oneLine(s string, n int, ellipsis string) string {
	if most := 16 * n; len(s) > most { // the rest could not be shown
		s = strings.ToValidUTF8(s[:most], "") + ellipsis
	}
	s = strings.Join(strings.Fields(clean(s)), " ")
	return cut(s, n, ellipsis)
}

// cut shortens s to n runes, the ellipsis included.
func cut(s string, n int, ellipsis string) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return strings.TrimRight(string(r[:max(0, n-len([]rune(ellipsis)))]), " ") + ellipsis
}

// place is "file:line", "file" or nothing.
func place(file string, line int) string {
	if file == "" || line == 0 {
		return file
	}
	return file + ":" + strconv.Itoa(line)
}

// list joins names, at most n of them: "a, b, c and 4 more".
func list(names []string, n int) string {
	if len(names) <= n {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %s more", strings.Join(names[:n], ", "), Digits(int64(len(names)-n)))
}
