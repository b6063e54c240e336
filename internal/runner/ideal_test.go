package runner

import (
	"math"
	"testing"
	"time"

	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// The ideal has holds like those that were measured.
func TestHoldsOf(t *testing.T) {
	h := result.NewHistogram()
	for i := range int64(1000) {
		_ = h.RecordValue(1_000_000 + i*i)
	}
	text, err := result.EncodeHistogram(h)
	if err != nil {
		t.Fatal(err)
	}
	hold := holdsOf(&result.Trial{Locks: result.Locks{HoldNs: int64(h.Mean()), Holds: text}}, 1)
	sum := 0.
	for range 100_000 {
		sum += float64(hold())
	}
	if got, want := sum/100_000, h.Mean(); math.Abs(got/want-1) > 0.01 {
		t.Errorf("mean hold %v, want %v", got, want)
	}
	if holdsOf(&result.Trial{}, 1) != nil {
		t.Error("holds, although none was measured")
	}
	if hold := holdsOf(&result.Trial{Locks: result.Locks{HoldNs: 7}}, 1); hold() != 7 {
		t.Error("work on the processor has its own duration")
	}
}

// A store that is slower than a perfect one has a perfect one beside it: one lock for all sessions does 1/(w·h) operations per
// second, and a lock per session all that arrive.
func TestIdealOfARun(t *testing.T) {
	doc, err := Run(t.Context(), Config{
		Subjects: []Subject{subject(t, "sharded")}, Scenarios: []scenarios.Scenario{openLoop(t, *lookUp(t, "chatbot"), "rate", "600/s", "hold", "10ms")},
		Runs: 2, Seed: 1, Window: 500 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	got := doc.Results[0].Ideal
	if got == nil || got.OneLock.Achieved < 0.1 || got.OneLock.Achieved > 0.5 { // two of three operations take 10 ms: 150 of 600 per second, and more while the queue is short
		t.Fatalf("%+v", got)
	}
	if one, each := got.OneLock.LatencyNs, got.PerSession.LatencyNs; got.PerSession.Achieved < 0.9 || each.Mean < int64(6*time.Millisecond) || each.Mean > one.Mean {
		t.Errorf("%+v, %+v", one, got.PerSession)
	}
}

func lookUp(t *testing.T, name string) *scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
