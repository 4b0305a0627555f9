package report

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Duration is a time span that is written to JSON both for programs and for people:
// {"ms": 7402.5, "text": "7.4 s"}. It is kept to the microsecond.
type Duration time.Duration

type durationJSON struct {
	MS   float64 `json:"ms"`
	Text string  `json:"text"`
}

// kept is the span as JSON keeps it. Its text is made of this, so that a result that was read back reads the same.
func (d Duration) kept() time.Duration {
	t := time.Duration(d)
	if t > 0 && t < time.Microsecond {
		return time.Microsecond
	}
	return t.Truncate(time.Microsecond)
}

// MarshalJSON writes milliseconds and text.
func (d Duration) MarshalJSON() ([]byte, error) {
	ms := float64(d.kept().Microseconds()) / 1000
	return json.Marshal(durationJSON{MS: ms, Text: d.String()})
}

// UnmarshalJSON reads what MarshalJSON wrote; the text is ignored.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var v durationJSON
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*d = Duration(math.Round(v.MS*1000) * float64(time.Microsecond))
	return nil
}

// String is the span for people, with at least two significant figures from 1 ms on: "0.4 ms", "41 ms", "7.4 s",
// "1 m 32 s", "2 h 05 m". A span that is not nought never reads as nought.
func (d Duration) String() string {
	t := d.kept()
	switch {
	case t < 0 && t != math.MinInt64: // whose negative is itself
		return "-" + Duration(-t).String()
	case t == 0:
		return "0 s"
	case t < 100*time.Microsecond:
		return "under 0.1 ms"
	case t < 9950*time.Microsecond:
		return fmt.Sprintf("%.1f ms", float64(t)/1e6)
	case t < 999500*time.Microsecond:
		return fmt.Sprintf("%.0f ms", float64(t)/1e6)
	case t < 9950*time.Millisecond:
		return fmt.Sprintf("%.1f s", t.Seconds())
	}
	switch t = t.Round(time.Second); {
	case t < time.Minute:
		return fmt.Sprintf("%.0f s", t.Seconds())
	case t < time.Hour:
		return fmt.Sprintf("%d m %02d s", int(t.Minutes()), int(t.Seconds())%60)
	default:
		t = t.Round(time.Minute)
		return fmt.Sprintf("%d h %02d m", int(t.Hours()), int(t.Minutes())%60)
	}
}
