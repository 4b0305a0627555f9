package audit

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

// BenchmarkWatcher has a watcher see the values of a column: addresses that come once, names of people that come seldom, cities that come often.
// The figure ns/value is the time of a processor, whatever else the machine does.
func BenchmarkWatcher(b *testing.B) {
	const n = 1 << 20
	for name, tc := range map[string]struct {
		holds     Holds
		unguessed bool
		value     func(i int) (was, is string)
	}{
		"email": {Anything, true, func(i int) (string, string) {
			return fmt.Sprintf("anna.meier%d@mail.example", i), "qwertzuiopasdfghj@example.com"
		}},
		"phone": {Numbers, false, func(i int) (string, string) {
			return fmt.Sprintf("+49 551 8%06d", i), fmt.Sprintf("+49 30 23125%03d", i%1000)
		}},
		"name": {People, false, func(i int) (string, string) { return fmt.Sprintf("Anna%c Meier%c", 'a'+i%23, 'a'+i%19), "Eva Kimura" }},
		"city": {Anything, false, func(i int) (string, string) { return []string{"Stockholm", "San Francisco"}[i%2], "Lake Town" }},
		"street": {Anything, false, func(i int) (string, string) {
			return fmt.Sprintf("%d High Street", i), fmt.Sprintf("%d Abcd Efghij", i)
		}},
	} {
		b.Run(name, func(b *testing.B) {
			was, is := make([][]byte, n), make([][]byte, n)
			for i := range was {
				w, m := tc.value(i)
				was[i], is[i] = []byte(w), []byte(m)
			}
			b.ReportAllocs()
			w := NewCollector().Watcher("s.t.c", Plain, tc.unguessed)
			w.Holding(tc.holds)
			began := processor(b)
			at := 0
			for b.Loop() {
				w.Saw(was[at], is[at])
				at = (at + 1) % n
			}
			b.ReportMetric(float64((processor(b)-began).Nanoseconds())/float64(b.N), "ns/value")
		})
	}
}

func processor(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
