package reports

import (
	"strings"
	"testing"

	"github.com/sessbench/sessbench/reports/result"
)

// The window of a ramp is its stages, which --duration does not set.
func TestLongerWindows(t *testing.T) {
	r := &result.Result{Trials: []result.Trial{{LatencyNs: result.Latency{Count: 1, Mean: 5e8}}}}
	r.WindowNs, r.Users = 1e8, 1
	if got := emptyWindows(r); !strings.Contains(got, "; -d ") {
		t.Error(got)
	}
	if r.Ramp = "100ms:1 users"; !strings.Contains(emptyWindows(r), "; stages of ") {
		t.Error(emptyWindows(r))
	}
}
