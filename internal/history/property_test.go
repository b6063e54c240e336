package history

import (
	"flag"
	"math"
	"strconv"
	"testing"

	"github.com/anishathalye/porcupine"
	"pgregory.net/rapid"
)

// checks sets how many histories a property is tried on, unless -rapid.checks says so.
func checks(t *testing.T, n int) {
	const name = "rapid.checks"
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if given {
		return
	}
	was := flag.Lookup(name).Value.String()
	if err := flag.CommandLine.Lookup(name).Value.Set(strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { flag.Lookup(name).Value.Set(was) })
}

// sides counts verdicts, so that a property which holds because there was nothing to decide does not pass.
type sides struct{ linearizable, not int }

func (n *sides) add(linearizable bool) {
	if linearizable {
		n.linearizable++
	} else {
		n.not++
	}
}

func (n *sides) wantBoth(t *testing.T) {
	t.Helper()
	if t.Failed() {
		return
	}
	all := n.linearizable + n.not
	t.Logf("%d histories: %d linearizable, %d not", all, n.linearizable, n.not)
	if 5*min(n.linearizable, n.not) < all {
		t.Errorf("%d linearizable and %d not: want a fifth of each at least", n.linearizable, n.not)
	}
}

// mustSearch is porcupine's verdict. The histories are small enough for it to come to one.
func mustSearch(t *rapid.T, h *History) bool {
	result := search(t.Context(), h, math.MaxInt64, searchMemory)
	if result == porcupine.Unknown {
		t.Fatalf("porcupine was undecided on\n%s", listing(h))
	}
	return result == porcupine.Ok
}

// wantSame fails t when two checkers disagree. An Open finding is no verdict.
func wantSame(t *rapid.T, h *History, certified bool, found *Finding, linearizable bool, by string) {
	switch {
	case certified != linearizable:
		t.Fatalf("the witness returned %v (%+v), %s returned %v of\n%s", certified, found, by, linearizable, listing(h))
	case !certified && found.Undecided:
		t.Fatalf("the witness was undecided (%+v) on\n%s", found, listing(h))
	case !certified && (found.Anomaly == "" || found.Why == "" || len(found.Ops) == 0):
		t.Fatalf("a refutation without a reason: %+v of\n%s", found, listing(h))
	}
}

func TestWitnessAndPorcupineAgree(t *testing.T) {
	checks(t, 20000)
	var n sides
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t, rapid.SampledFrom([]int{12, 12, 12, 30}).Draw(t, "most"))
		linearizable := mustSearch(t, h)
		certified, found := Witness(h)
		wantSame(t, h, certified, found, linearizable, "porcupine")
		n.add(linearizable)
	})
	n.wantBoth(t)
}

func TestWitnessAndPorcupineAgreeWithBruteForce(t *testing.T) {
	checks(t, 3000)
	var n sides
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t, 6)
		linearizable := bruteForce(h)
		certified, found := Witness(h)
		wantSame(t, h, certified, found, linearizable, "brute force")
		if porcupine := mustSearch(t, h); porcupine != linearizable {
			t.Fatalf("porcupine returned %v, brute force %v of\n%s", porcupine, linearizable, listing(h))
		}
		n.add(linearizable)
	})
	n.wantBoth(t)
}

func TestResolveAgreesWithPorcupine(t *testing.T) {
	checks(t, 5000)
	var n sides
	rapid.Check(t, func(t *rapid.T) {
		h := drawSpoilt(t, 10)
		forget(t, h, maxIndeterminate)
		linearizable := mustSearch(t, h)
		if len(h.Ops) <= 6 && bruteForce(h) != linearizable {
			t.Fatalf("porcupine returned %v, brute force differs, of\n%s", linearizable, listing(h))
		}
		certified, found := resolve(h)
		if certified != linearizable {
			t.Fatalf("resolve returned %v (%+v), porcupine %v of\n%s", certified, found, linearizable, listing(h))
		}
		n.add(linearizable)
	})
	n.wantBoth(t)
}

func TestClaimedVersionsDecideNothing(t *testing.T) {
	checks(t, 3000)
	var n sides
	rapid.Check(t, func(t *rapid.T) {
		h := drawSpoilt(t, 8)
		forget(t, h, 2)
		h.Claimed = true
		linearizable := mustSearch(t, h)
		if len(h.Ops) <= 6 && bruteForce(h) != linearizable {
			t.Fatalf("porcupine returned %v, brute force differs, of\n%s", linearizable, listing(h))
		}
		certified, found := resolve(h)
		switch {
		case certified && !linearizable:
			t.Fatalf("certified a history that is not linearizable:\n%s", listing(h))
		case !certified && !found.Undecided:
			t.Fatalf("refuted by a claimed version: %+v\n%s", found, listing(h))
		}
		n.add(linearizable)
	})
	n.wantBoth(t)
}

func TestPartialResultsAreSound(t *testing.T) {
	checks(t, 3000)
	var n sides
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t, 8)
		for i := range h.Ops { // as from a target that tells a part of it
			h.Ops[i].Parts &= Parts(rapid.SampledFrom([]int{0xff, 0xff, 0xff, 0xfe, 0xfd, 0xfb, 0}).Draw(t, "parts"))
		}
		linearizable := mustSearch(t, h)
		certified, found := resolve(h)
		switch {
		case certified && !linearizable:
			t.Fatalf("certified a history that is not linearizable:\n%s", listing(h))
		case !certified && !found.Undecided && linearizable:
			t.Fatalf("refuted a linearizable history: %+v\n%s", found, listing(h))
		}
		n.add(linearizable)
	})
	n.wantBoth(t)
}

func TestProposedOrderHoldsEachOperationOnce(t *testing.T) {
	checks(t, 1000)
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t, 20)
		order, found := propose(h.Ops)
		if found != nil {
			return
		}
		times := make([]int, len(h.Ops))
		for _, i := range order {
			times[i]++
		}
		for i, n := range times {
			want := 1
			if h.Ops[i].Outcome == NotApplied {
				want = 0
			}
			if n != want {
				t.Fatalf("operation %d is there %d times in the order of\n%s", i, n, listing(h))
			}
		}
	})
}
