package history

import (
	"slices"
	"strings"
	"testing"
)

// TestStatePerWorker: a session is deleted at one process and still read at the other, which is not so if they share the session.
func TestStatePerWorker(t *testing.T) {
	for _, test := range []struct {
		why, history string
		workers      []int
		want         bool
	}{
		{"each process has its session", `
			A 0-1 creates A1
			B 2-3 creates B1
			A 4-5 appends A2
			B 6-7 appends B2
			A 8-9 deletes
			B 10-11 reads [B2]`, []int{1, 2, 1, 2, 1, 2}, true},
		{"it is unknown which process answered", `
			A 0-1 creates A1
			B 2-3 creates B1
			A 8-9 deletes
			B 10-11 reads []`, []int{1, 2, 1, 0}, false},
		{"one process", `
			A 0-1 creates A1
			A 8-9 deletes
			B 10-11 reads []`, []int{1, 1, 1}, false},
		{"the processes share the session, and one caches it", `
			A 0-1 creates A1
			A 2-3 appends A2
			B 4-5 reads [A2]
			A 6-7 deletes
			B 8-9 reads [A2]`, []int{1, 1, 2, 1, 2}, false},
	} {
		h := inSeconds(t, test.history)
		for i := range h.Ops {
			h.Ops[i].Worker = test.workers[i]
		}
		r := Refutations(h, DefaultBound)
		if len(r) == 0 {
			t.Errorf("%s: not refuted", test.why)
			continue
		}
		v := r[0].Violation(t.Context(), h, []History{*h}, DefaultBound)
		if got := slices.ContainsFunc(v.Causes, func(c string) bool { return strings.Contains(c, "state kept per process:") }); got != test.want {
			t.Errorf("%s: causes %q of %s", test.why, v.Causes, v.Anomaly)
		}
	}
}
