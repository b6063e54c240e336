package reports

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sessbench/sessbench/reports/result"
)

// pointsOf reads what was written, as strictly as it goes.
func pointsOf(t *testing.T, d *result.Document) (list []actionPoint) {
	t.Helper()
	text := written(t, "benchmark-action", d, Options{})
	if !strings.HasPrefix(text, "[") {
		t.Errorf("no list: %s", text)
	}
	in := json.NewDecoder(strings.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(&list); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return list
}

func TestActionPoints(t *testing.T) {
	d := normal()
	d.Results = d.Results[1:2]
	extra := "trials: 6\nusers: 100\nhold: 1ms (sleep)\nsessbench v1.0.0 (01234567)"
	for i := range d.Results[0].Trials {
		trial := &d.Results[0].Trials[i]
		x := float64(i + 1) // 1 to 6: the interval is the range
		trial.OpsPerSec, trial.LatencyNs.P50, trial.LatencyNs.P99 = 1e9/(1234.56*x), ns(10*x), ns(x*x)
		trial.Usage.AllocsPerOp, trial.BytesPerSession = 0.01*x, 1000
	}
	want := []actionPoint{
		{"chatbot/per-session: time per operation", "ns/op", 4320.96, "± 3090", extra},
		{"chatbot/per-session: p50", "ns", 35, "± 25", extra},
		{"chatbot/per-session: p99", "ns", 12.5, "± 23.5", extra},
		{"chatbot/per-session: allocs/op", "allocs/op", 0.035, "± 0.025", extra},
		{"chatbot/per-session: bytes/session", "B", 1000, "± 0", extra},
	}
	if diff := cmp.Diff(want, pointsOf(t, d), cmpopts.EquateApprox(1e-12, 0)); diff != "" {
		t.Error(diff)
	}

	// Doing nothing has no kinds, and a version need not be a commit.
	d.Results[0].HoldNs, d.Tool = 0, result.Tool{Version: "devel"}
	if got, want := pointsOf(t, d)[0].Extra, "trials: 6\nusers: 100\nhold: 0s\nsessbench devel"; got != want {
		t.Errorf("extra %q, want %q", got, want)
	}
}

// The action knows a series by its name.
func TestActionNamesAreUniqueAndStable(t *testing.T) {
	for name, build := range documents {
		seen := map[string]bool{}
		for _, p := range pointsOf(t, build()) {
			if seen[p.Name] || p.Unit == "" || p.Extra == "" {
				t.Errorf("%s: %+v", name, p)
			}
			seen[p.Name] = true
		}
	}
	slower := normal()
	for i := range slower.Results {
		for j := range slower.Results[i].Trials {
			slower.Results[i].Trials[j].OpsPerSec /= 1e6
		}
	}
	series := func(d *result.Document) (list []string) {
		for _, p := range pointsOf(t, d) {
			list = append(list, p.Name+" in "+p.Unit)
		}
		return list
	}
	if diff := cmp.Diff(series(normal()), series(slower)); diff != "" {
		t.Errorf("a million times slower, and other series: %s", diff)
	}
}

func TestActionOmitsMissingValues(t *testing.T) {
	for _, tt := range []struct {
		why    string
		d      *result.Document
		absent string // in the names
		want   int    // points
	}{
		{"a failed audit", failedAudit(), "forgetful", 2 * 5},
		{"the baseline's failed audit", failedBaseline(), "global", 2 * 5},
		{"no trial was completed", interrupted(), "cow", 3 * 5},
		{"a percentile that the trials are too short for", missingPercentiles(), "global: p99", 2*5 - 1},
		{"nothing", empty(), "", 0},
	} {
		list := pointsOf(t, tt.d)
		if len(list) != tt.want {
			t.Errorf("%s: %d points, want %d", tt.why, len(list), tt.want)
		}
		if slices.ContainsFunc(list, func(p actionPoint) bool { return strings.Contains(p.Name, tt.absent) }) {
			t.Errorf("%s: there is a point of %s", tt.why, tt.absent)
		}
	}
	if got := written(t, "benchmark-action", empty(), Options{}); got != "[]\n" {
		t.Errorf("nothing is %q", got)
	}
}

// Five trials have no interval, six have.
func TestActionRange(t *testing.T) {
	for n, want := range map[int]bool{5: false, 6: true} {
		for _, p := range pointsOf(t, document(build("global", 940, n))) {
			if got := strings.HasPrefix(p.Range, "± "); got != want || !want && p.Range != "" {
				t.Errorf("%d trials: range %q", n, p.Range)
			}
		}
	}
}

// A file has one direction: whatever is in it gets larger when it gets worse.
func TestActionPointsSmallerIsBetter(t *testing.T) {
	worse := normal()
	for i := range worse.Results {
		for j := range worse.Results[i].Trials {
			trial := &worse.Results[i].Trials[j]
			trial.OpsPerSec /= 2
			*trial.LatencyNs.P50, *trial.LatencyNs.P99 = 2**trial.LatencyNs.P50, 2**trial.LatencyNs.P99
			trial.Usage.AllocsPerOp, trial.BytesPerSession = 2*trial.Usage.AllocsPerOp, 2*trial.BytesPerSession
		}
	}
	for i, p := range pointsOf(t, worse) {
		if before := pointsOf(t, normal())[i]; p.Name != before.Name || p.Value <= before.Value {
			t.Errorf("%s: %v where it was twice as good, %v now", p.Name, before.Value, p.Value)
		}
	}
}
