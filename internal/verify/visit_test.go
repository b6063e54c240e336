package verify

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/scenarios"
)

// TestScenariosFit: what cannot be verified is refused, and what can has a kind for each of its operations.
func TestScenariosFit(t *testing.T) {
	fitting := 0
	for _, s := range scenarios.All() {
		err := Fits(s)
		if unfit := s.Creates() || s.Sweeps(); unfit != (err != nil) {
			t.Errorf("%s: %v", s.Name, err)
		}
		if err != nil {
			continue
		}
		fitting++
		for _, op := range s.Ops() {
			if actOf(op).kind == 0 {
				t.Errorf("%s: nothing stands for %s", s.Name, op)
			}
		}
	}
	if fitting < 3 {
		t.Errorf("%d scenarios fit", fitting)
	}
}

// Users perform an operation itself, or what includes it; the choice does not depend on the order of other operations' rows.
func TestActs(t *testing.T) {
	for _, test := range []struct {
		op   scenarios.Op
		want act
	}{
		{scenarios.Append, act{scenarios.Append, history.Append}},
		{scenarios.Update, act{scenarios.Update, history.Update}},
		{scenarios.Touch, act{scenarios.Update, history.Update}},
		{scenarios.Read, act{scenarios.Read, history.ReadFields}},
		{scenarios.Validate, act{scenarios.Read, history.ReadFields}},
		{scenarios.Sweep, act{}},
	} {
		if got := actOf(test.op); got != test.want {
			t.Errorf("%s: %v, want %v", test.op, got, test.want)
		}
	}
	for op := range scenarios.NumOps {
		if a := actOf(op); a.kind != 0 && history.KindOf(a.op.Properties()) != a.kind {
			t.Errorf("%s: users perform %s, which is of another kind", op, a.op)
		}
	}
}

// A scenario with an operation that histories do not have is refused.
func TestUnknownKindsDoNotFit(t *testing.T) {
	s := scenarios.Recorded()
	s.Visit = []scenarios.Op{scenarios.Append, scenarios.Sweep}
	if err := Fits(&s); err == nil || !strings.Contains(err.Error(), "trace has the operation sweep") {
		t.Errorf("error %v", err)
	}
}

// acts draws what a user of a scenario does to three sessions.
func acts(t *testing.T, name string) user {
	t.Helper()
	s, err := scenarios.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return drawVisits(rand.New(rand.NewPCG(1, 2)), s, func(history.Kind) bool { return true })(3)
}

// TestVisits: a user does a visit's operations in their order on one session, some reads aside.
func TestVisits(t *testing.T) {
	next, want := acts(t, "churn"), []history.Kind{history.GetOrCreate, history.Append, history.Append, history.Append, history.Delete}
	var done []history.Kind
	sessions, reads := map[uint32]bool{}, 0
	at := uint32(0)
	for range 2000 {
		a, slot := next()
		k := a.kind
		switch {
		case k.Reads():
			reads++
			continue
		case len(done) > 0 && slot != at:
			t.Fatalf("from session %d to %d within a visit", at, slot)
		}
		at, sessions[slot] = slot, true
		if done = append(done, k); len(done) == len(want) {
			if !slices.Equal(done, want) {
				t.Fatalf("%v, want %v", done, want)
			}
			done = nil
		}
	}
	if len(sessions) != 3 || reads < 2000/14 || reads > 2000/4 {
		t.Errorf("%d sessions and %d reads of 2000 operations: want 3 and a seventh", len(sessions), reads)
	}
}

// If a scenario expects sessions to exist, the first visit of each creates it.
func TestVisitsCreateSessions(t *testing.T) {
	next, made := acts(t, "hot-session"), map[uint32]bool{}
	for range 200 {
		switch a, slot := next(); {
		case a.kind == history.GetOrCreate && made[slot]:
			t.Fatalf("session %d was made a second time", slot)
		case a.kind == history.GetOrCreate:
			made[slot] = true
		case a.kind == history.Append && !made[slot]:
			t.Fatalf("an append to session %d, which was not created", slot)
		}
	}
	if len(made) != 3 {
		t.Errorf("%d sessions of 3 were made", len(made))
	}
}

// TestMixesAreDrawnByWeight: a visit of a mix is one operation.
func TestMixesAreDrawnByWeight(t *testing.T) {
	s, err := scenarios.Lookup("rag")
	if err != nil {
		t.Fatal(err)
	}
	rng, n := rand.New(rand.NewPCG(1, 2)), map[history.Kind]int{}
	for range 2000 {
		visit := visitOf(rng, s)
		if len(visit) != 1 {
			t.Fatalf("%v: want one operation", visit)
		}
		n[visit[0].kind]++
	}
	if n[history.Append] < 60 || n[history.Append] > 140 || n[history.ReadMessages] != 2000-n[history.Append] {
		t.Errorf("%v: want one append in twenty", n)
	}
}
