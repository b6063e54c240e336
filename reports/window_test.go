package reports

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/sessbench/sessbench/reports/result"
)

// shortWindow is a result whose trials lasted 20 ms. In the first empty of them no operation was completed; those that
// began in them took latency.
func shortWindow(empty int, hold, latency time.Duration) *result.Document {
	r := build("global", 40, 6)
	r.HoldNs, r.WindowNs = int64(hold), int64(20*time.Millisecond)
	r.Summary.HarnessBound = true
	for i := range r.Trials {
		t := &r.Trials[i]
		t.ElapsedNs, t.LatencyNs = r.WindowNs, result.Latency{Mean: int64(latency), Max: int64(latency), Count: 3}
		if i < empty {
			t.Ops, t.OpsPerSec, t.Usage.CPUNsPerOp = 0, 0, 0
		}
	}
	return document(r)
}

func TestEmptyWindows(t *testing.T) {
	tests := []struct {
		why           string
		empty         int
		hold, latency time.Duration
		want, not     string
	}{
		{"the hold is longer than the window", 6, 100 * time.Millisecond, 101 * time.Millisecond,
			"global: no operation was completed within 20ms in 6 of 6 trials: the hold of 100ms is longer than that; -d 1.1s would suffice.", "faster than"},
		{"the store is slower than the window", 6, time.Millisecond, 3 * time.Second,
			"in 6 of 6 trials: the fastest took 3.00 s; -d 30s would suffice.", "faster than"},
		{"in some trials", 2, 15 * time.Millisecond, 16 * time.Millisecond,
			"in 2 of 6 trials: the fastest took 16.0 ms; -d 160ms would suffice.", ""},
		{"an operation in each", 0, time.Millisecond, time.Millisecond, "faster than this table can show", "no operation"},
	}
	for _, tt := range tests {
		d := shortWindow(tt.empty, tt.hold, tt.latency)
		for _, format := range []string{"table", "markdown"} {
			f, _ := Lookup(format)
			var b bytes.Buffer
			if err := f.Write(&b, d, Options{Width: 1000}); err != nil {
				t.Fatal(err)
			}
			if text := b.String(); !strings.Contains(text, tt.want) || tt.not != "" && strings.Contains(text, tt.not) {
				t.Errorf("%s, %s: want %q and not %q in\n%s", tt.why, format, tt.want, tt.not, text)
			}
		}
	}
}

func TestRoundUp(t *testing.T) {
	for d, want := range map[time.Duration]time.Duration{
		1: 1, 99: 99, 100: 100, 101: 110, time.Second: time.Second, time.Second + 1: 1100 * time.Millisecond,
		1001 * time.Millisecond: 1100 * time.Millisecond, 12345 * time.Microsecond: 13 * time.Millisecond,
	} {
		if got := roundUp(d); got != want {
			t.Errorf("roundUp(%v) = %v, want %v", d, got, want)
		}
	}
}
