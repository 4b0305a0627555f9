package mask

import "time"

// Programs asks programs outside of this one for masks. It is used by many goroutines at once.
type Programs interface {
	// Ask gives a program one line, of JSON, and appends the line that it answers with to dst, without its end. The program is started where none
	// of its kind is idle. An error holds nothing of what was asked or answered.
	Ask(dst []byte, command []string, timeout time.Duration, line []byte) ([]byte, error)
}
