package judge

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/reports/result"
)

// What would have decided everything is what would have decided the most doubtful.
func TestPairsNeeded(t *testing.T) {
	c := checking(t, duet(12, 0.97, 0.12, "per-session", "sharded"))
	first, last := &c.Scenarios[0].Rows[0].Metrics[1], &c.Scenarios[0].Rows[1].Metrics[1]
	first.Needed, last.Needed = 600, 12
	if words, want := c.explain(), "; about 600 pairs would suffice."; !strings.HasSuffix(words, want) {
		t.Errorf("%s: want %q", words, want)
	}
	last.Needed = 0
	if words := c.explain(); strings.Contains(words, "would suffice") {
		t.Errorf("no number of pairs would suffice for all: %s", words)
	}
}

// wobble is what the machine does to one process of a duet, the same whenever it is asked: within spread of 1, evenly.
func wobble(block, salt int, spread float64) float64 {
	return 1 + spread*(2*rand.New(rand.NewPCG(uint64(block), uint64(salt))).Float64()-1)
}

// arm is one binary's document of a duet: a trial a block of each strategy, rate times as fast as usual and with so much
// noise of its own.
func arm(n int, rate, noise float64, salt int, strategies ...string) *result.Document {
	var all []result.Result
	for _, name := range strategies {
		r := build(name, 76_100, 0)
		for b := range n {
			f := rate * wobble(b, 0, 0.1) * wobble(b, salt, noise) // what slows a block slows all its processes
			t := build(name, 76_100*f, 1).Trials[0]
			t.Order, t.Block = b, b
			r.Trials = append(r.Trials, t)
		}
		all = append(all, r)
	}
	d := withoutBaseline(all...)
	d.Config.Runs = n
	return d
}

// duet is one of n blocks, in which the new binary is rate times as fast.
func duet(n int, rate, noise float64, strategies ...string) Duet {
	d := Duet{
		Old: arm(n, 1, noise, 1, strategies...), Copied: arm(n, 1, noise, 2, strategies...), Fresh: arm(n, rate, noise, 3, strategies...),
		OldLabel: "old", NewLabel: "new", OldFile: "./old-sessbench", NewFile: "./sessbench",
		Planned: n, Tolerance: 0.05,
		Gating: Gating{MinEffect: 0.025, Command: "sessbench check --against ./old-sessbench"},
	}
	d.Fresh.Tool = result.Tool{Version: "v1.1.0", Commit: "fedcba9876543210"}
	return d
}

func checking(t testing.TB, d Duet) *Check {
	t.Helper()
	c, err := CheckDuet(d)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
