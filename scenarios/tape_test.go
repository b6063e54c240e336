package scenarios

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"
)

// everyScenario runs test over the catalogue.
func everyScenario(t *testing.T, test func(t *testing.T, s *Scenario)) {
	for _, s := range All() {
		t.Run(s.Name, func(t *testing.T) { test(t, s) })
	}
}

func TestDrawDependsOnTheSeedOnly(t *testing.T) {
	everyScenario(t, func(t *testing.T, s *Scenario) {
		first, again, other := Draw(s, 1), Draw(s, 1), Draw(s, 2)
		if first.Hash != again.Hash {
			t.Errorf("the same seed gave %s, then %s", first.Hash, again.Hash)
		}
		if first.Hash == other.Hash {
			t.Error("another seed gave the same tape")
		}
		bytes := make([]byte, 0, 8*len(first.Ops))
		for _, op := range first.Ops {
			bytes = binary.LittleEndian.AppendUint64(bytes, uint64(op))
		}
		if sum := sha256.Sum256(bytes); hex.EncodeToString(sum[:]) != first.Hash {
			t.Errorf("hash %s is not that of the operations", first.Hash)
		}
	})
}

func TestDrawMakesWholeVisits(t *testing.T) {
	everyScenario(t, func(t *testing.T, s *Scenario) {
		tape, length := Draw(s, 1), max(1, len(s.Visit))
		if tape.Visit != length || len(tape.Ops)%length != 0 {
			t.Fatalf("%d operations in visits of %d: want whole visits of %d", len(tape.Ops), tape.Visit, length)
		}
		if short := tapeLength - len(tape.Ops); short < 0 || short >= length {
			t.Errorf("%d operations: want %d but for the rest of a visit", len(tape.Ops), tapeLength)
		}
		largest := 0
		for i, op := range tape.Ops {
			within := i % length
			if op.Start() != (within == 0) {
				t.Fatalf("operation %d: start %v", i, op.Start())
			}
			if op.Slot() != tape.Ops[i-within].Slot() {
				t.Fatalf("operation %d goes to slot %d, its visit to slot %d", i, op.Slot(), tape.Ops[i-within].Slot())
			}
			if len(s.Mix) == 0 && op.Op() != s.Visit[within] {
				t.Fatalf("operation %d is %v: want %v", i, op.Op(), s.Visit[within])
			}
			if len(s.Mix) > 0 && s.Mix.Weight(op.Op()) == 0 {
				t.Fatalf("operation %d is %v, which is not in the mix %v", i, op.Op(), s.Mix)
			}
			if int(op.Slot()) >= s.SlotsPerUser() {
				t.Fatalf("operation %d goes to slot %d of %d", i, op.Slot(), s.SlotsPerUser())
			}
			largest = max(largest, op.Size())
		}
		if tape.MaxSize() != largest || largest > s.Sizes.Max() {
			t.Errorf("MaxSize is %d, the largest operation's size %d, the scenario's %d", tape.MaxSize(), largest, s.Sizes.Max())
		}
	})
}

func TestStartIsAtVisits(t *testing.T) {
	everyScenario(t, func(t *testing.T, s *Scenario) {
		tape := Draw(s, 1)
		for _, users := range []int{1, 2, 7, 100, 100_000} {
			last := -1
			for u := range users {
				at := tape.Start(u, users)
				if at < 0 || at >= len(tape.Ops) || !tape.Ops[at].Start() || at < last {
					t.Fatalf("user %d of %d starts at %d of %d, the one before at %d", u, users, at, len(tape.Ops), last)
				}
				last = at
			}
			if tape.Start(0, users) != 0 {
				t.Errorf("the first of %d users starts at %d", users, tape.Start(0, users))
			}
		}
	})
}

// Updates and Busiest are what a count of every user's operations gives.
func TestTapeFigures(t *testing.T) {
	everyScenario(t, func(t *testing.T, registered *Scenario) {
		s := *registered
		s.Users, s.Sessions = 5, min(s.Sessions, 20)
		tape := Draw(&s, 1)
		type session struct {
			user int // 0 where sessions are everybody's
			slot uint32
		}
		changes, updates, all, most := map[session]int{}, 0, 0, 0
		for user := range s.Users {
			for _, op := range tape.Ops {
				all++
				if !op.Op().Does(Mutates) {
					continue
				}
				updates++
				at := session{slot: op.Slot()}
				if s.OwnSessions {
					at.user = user
				}
				changes[at]++
				most = max(most, changes[at])
			}
		}
		if s.Creates() {
			most = 0 // each visit has a session of its own
		}
		if want := float64(updates) / float64(all); !near(tape.Updates, want) {
			t.Errorf("Updates is %v: want %v", tape.Updates, want)
		}
		if want := float64(most) / float64(all); !near(tape.Busiest, want) {
			t.Errorf("Busiest is %v: want %v", tape.Busiest, want)
		}
	})
}

// In order of use a tape is the same work on slots with other numbers, of which each is new when all lower ones have occurred.
func TestInOrderIsTheSameWork(t *testing.T) {
	everyScenario(t, func(t *testing.T, s *Scenario) {
		drawn, slots := Draw(s, 1), s.SlotsPerUser()
		in := drawn.InOrder(slots)
		if len(in.Ops) != len(drawn.Ops) || in.Hash != drawn.Hash || in.Visit != drawn.Visit || in.Updates != drawn.Updates || in.Busiest != drawn.Busiest {
			t.Errorf("%d operations, hash %s, visit %d, updates %v, busiest %v: want those of the drawn tape",
				len(in.Ops), in.Hash, in.Visit, in.Updates, in.Busiest)
		}
		if int(in.Hot) != in.SlotOf(int(drawn.Hot)) {
			t.Errorf("the hot slot is %d: want %d", in.Hot, in.SlotOf(int(drawn.Hot)))
		}
		seen := 0
		for i, op := range in.Ops {
			was := drawn.Ops[i]
			if op.Op() != was.Op() || op.Size() != was.Size() || op.Start() != was.Start() || int(op.Slot()) != in.SlotOf(int(was.Slot())) {
				t.Fatalf("operation %d is %x, was %x", i, uint64(op), uint64(was))
			}
			if int(op.Slot()) > seen {
				t.Fatalf("operation %d goes to slot %d, where %d have occurred", i, op.Slot(), seen)
			}
			seen = max(seen, int(op.Slot())+1)
		}
		if in.Touched != seen {
			t.Errorf("%d slots: want %d", in.Touched, seen)
		}
		numbers := map[int]bool{}
		for i := range slots + 3 { // of which the last are beyond those that the tape was drawn for
			numbers[in.SlotOf(i)] = true
		}
		for i := range slots + 3 {
			if !numbers[i] {
				t.Fatalf("no slot has number %d", i)
			}
		}
	})
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-12 }
