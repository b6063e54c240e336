package history

import (
	"testing"

	"github.com/anishathalye/porcupine"
)

// histories that the witness must certify (no anomaly) or refute, with the anomaly.
var histories = []struct {
	sentence string
	anomaly  Anomaly
	history  string
}{
	{"No operations.", "", ``},
	{"One user runs one operation after another, and two fail.", "", `
		A 0-1 creates A1 v0 #0
		A 2-3 appends A2 @A1 v1 #1
		A 4-5 nests A3 @A1 v3 #3
		A 6-7 updates A5 @A1 v4 #3
		A 8-9 appends A6 failed @A1 v5 #4
		A 10-11 appends A7 rolled_back @A1 v5 #4
		A 12-13 appends A8 refused
		A 14-15 reads @A1 v5 #4 [A2 A3 A4 A6]
		A 16-17 views @A1 v5 #4 <A5 A5>
		A 18-19 finds A9 @A1 v5
		A 20-21 looks @A1 v5
		A 22-23 sweeps @A1 v5 #4 [A2 A3 A4 A6] <A5 A5>
		A 24-25 reads not_found`},
	{"Two appends overlap, and readers see either order's states.", "", `
		A 0-0 creates A1 v0
		B 1-9 appends B1 @A1 v2
		C 2-8 appends C1 @A1 v1
		D 3-4 reads @A1 v0 []
		D 5-6 reads @A1 v1 [C1]
		D 7-10 reads @A1 v2 [C1 B1]`},
	{"An operation called at the instant at which another returns may precede it: intervals are closed.", "", `
		A 0-1 creates A1 v0
		A 2-5 appends A2 @A1 v1
		B 5-6 reads @A1 v0 []`},
	{"One instant later it may not.", StaleRead, `
		A 0-1 creates A1 v0
		A 2-4 appends A2 @A1 v1
		B 5-6 reads @A1 v0 []`},

	// Incarnations and the gaps between them.
	{"Incarnations whose operations all overlap can be ordered.", "", `
		A 0-9 creates A1 v0
		B 0-9 deletes @A1 v0
		B 0-9 creates B1 v0
		C 0-9 deletes @B1 v0
		C 0-9 creates C1 v0`},
	{"An incarnation that overlaps two others fits between them.", "", `
		A 0-1 creates A1 v0
		A 4-5 deletes @A1 v0
		B 1-9 creates B1 v0
		B 1-9 deletes @B1 v0
		C 5-6 creates C1 v0`},
	{"Two incarnations meet at one instant.", "", `
		A 0-1 creates A1 v0
		A 3-5 deletes @A1 v0
		B 5-7 creates B1 v0`},
	{"No session is found before, at the instant between two incarnations, and after.", "", `
		D 0-1 reads not_found
		A 1-2 creates A1 v0
		A 4-5 deletes @A1 v0
		B 5-6 creates B1 v0
		D 3-9 appends D1 not_found
		B 8-9 deletes @B1 v0
		D 9-9 deletes not_found`},
	{"Nothing is found by one whose call overlaps the creation, and by one whose call overlaps the deletion.", "", `
		A 0-4 creates A1 v0
		B 3-5 reads not_found
		A 6-9 deletes @A1 v0
		B 7-8 reads not_found`},
	{"An incarnation ends and the next begins during a read, in a gap that only ties leave open.", "", `
		A 0-2 creates A1 v0
		B 2-2 deletes @A1 v0
		C 2-2 reads not_found
		D 2-3 creates D1 v0`},

	{"Both add to version 0.", LostUpdate, `
		A 0-1 creates A1 v0
		A 2-5 appends A2 @A1 v1
		B 3-4 appends B1 @A1 v1`},
	{"A confirmed message is missing from what is read later.", LostUpdate, `
		A 0-1 creates A1 v0
		A 2-3 appends A2 @A1 v1 #1
		A 4-5 appends A3 @A1 v2 #2
		B 6-7 reads @A1 v2 #2 [A3]`},
	{"A change leaves the session at version 0.", LostUpdate, `
		A 0-1 creates A1 v0
		A 2-3 appends A2 @A1 v0`},
	{"What the deletion handed out lacks a change confirmed to one who overlapped it.", LostUpdate, `
		A 0-1 creates A1 v0
		A 2-9 appends A2 @A1 v1
		B 3-8 deletes @A1 v0`},
	{"A version goes back for one user.", StaleRead, `
		A 0-1 creates A1 v0
		B 2-9 appends B1 @A1 v1
		A 3-4 reads @A1 v1 [B1]
		A 5-6 reads @A1 v0 []`},
	{"Fields of an older version.", FracturedRead, `
		A 0-1 creates A1 v0
		A 2-3 updates A2 @A1 v1
		A 4-5 updates A3 @A1 v2
		B 6-7 views @A1 v2 <A2 A2>`},
	{"A message is read before its append is called.", FutureRead, `
		A 0-1 creates A1 v0
		B 2-3 reads @A1 v1 [A2]
		A 4-5 appends A2 @A1 v1`},
	{"It was refused and is there all the same.", AbortedRead, `
		A 0-1 creates A1 v0
		A 2-3 appends A2 refused
		B 4-5 reads @A1 v1 [A2]`},
	{"It was rolled back and is there all the same.", AbortedRead, `
		A 0-1 creates A1 v0
		A 2-3 updates A2 rolled_back @A1 v0
		B 4-5 views @A1 v0 <A2 A2>`},
	{"Somebody sees the first of two messages that are added in one update.", IntermediateRead, `
		A 0-1 creates A1 v0
		A 2-5 nests A2 @A1 v2
		B 3-4 reads @A1 v1 [A2]`},
	{"Two fields that are written together are read apart.", FracturedRead, `
		A 0-1 creates A1 v0
		A 2-3 updates A2 @A1 v1
		A 4-5 updates A3 @A1 v2
		B 4-6 views @A1 v2 <A3 A2>`},
	{"A message that no user wrote.", GarbageRead, `
		A 0-1 creates A1 v0
		A 2-3 appends A2 @A1 v1
		B 4-5 reads @A1 v1 [D7]`},
	{"A retry added the message twice, and counted it twice.", DuplicateWrite, `
		A 0-1 creates A1 v0
		A 2-3 appends A2 @A1 v2 #2
		B 4-5 reads @A1 v2 #2 [A2 A2]`},
	{"The message is there twice, although it was counted once.", DuplicateWrite, `
		A 0-1 creates A1 v0
		A 2-3 appends A2 @A1 v1 #1
		B 4-5 reads @A1 v1 #1 [A2 A2]`},
	{"A change stands before one that was confirmed before it began.", WriteReordering, `
		A 0-1 creates A1 v0
		A 2-3 appends A2 @A1 v2
		B 4-5 appends B1 @A1 v1`},
	{"Two callers created the same incarnation.", DoubleCreation, `
		A 0-3 creates A1 v0
		B 1-2 creates B1 @A1 v0`},
	{"Two callers create one incarnation each, and both are in use.", DoubleCreation, `
		A 0-3 creates A1 v0
		B 1-2 creates B1 v0
		A 4-5 appends A2 @A1 v1
		B 4-5 appends B2 @B1 v1`},
	{"A second incarnation begins before the first one ends.", DoubleCreation, `
		A 0-1 creates A1 v0
		B 2-3 creates B1 v0
		A 4-5 reads @A1 v0 []`},
	{"A caller gets its incarnation, but the result says that it existed before.", DoubleCreation, `
		A 0-3 creates A1 v0
		B 1-2 finds B1 @B1 v0`},
	{"Two callers get the last state of one incarnation.", DoubleDeletion, `
		A 0-1 creates A1 v0
		A 2-5 deletes @A1 v0
		B 3-4 sweeps @A1 v0`},
	{"The session is read after its deletion was confirmed.", DeletedRead, `
		A 0-1 creates A1 v0
		A 2-3 deletes @A1 v0
		B 4-5 reads @A1 v0 []`},
	{"The old incarnation is read after another user read the next one.", DeletedRead, `
		A 0-1 creates A1 v0
		A 2-9 deletes @A1 v0
		B 2-9 creates B1 v0
		C 3-4 reads @B1 v0 []
		C 5-6 reads @A1 v0 []
		B 10-11 deletes @B1 v0`},
	{"A change is made to an incarnation whose deletion was confirmed.", Resurrection, `
		A 0-1 creates A1 v0
		A 2-3 deletes @A1 v0
		B 4-5 appends B1 @A1 v1`},
	{"A change is made to an incarnation after another user read the next one.", Resurrection, `
		A 0-1 creates A1 v0
		B 2-9 deletes @A1 v1
		C 2-9 creates C1 v0
		C 3-4 reads @C1 v0 []
		D 5-6 appends D1 @A1 v1
		C 10-11 deletes @C1 v0`},
	{"No session is found between two operations that met it.", LostSession, `
		A 0-1 creates A1 v0
		B 2-3 reads not_found
		A 4-5 reads @A1 v0 []`},
	{"Nobody removed it, and it is gone.", LostSession, `
		A 0-1 creates A1 v0
		B 2-3 deletes not_found
		C 2-3 deletes not_found`},
	{"A caller chose the id, and a session came with it.", AdoptedID, `
		A 0-1 appends A1 @A7 v1
		A 2-3 reads @A7 v1 [A1]`},
	{"A session without an incarnation, as from a zero value.", AdoptedID, `
		A 0-1 reads @– v0 []`},
	{"Sixteen messages.", UnboundedHistory, `
		A 0-1 creates A1 v0
		A 2-3 nests A2 @A1 v2
		A 4-5 nests A4 @A1 v4
		A 6-7 nests A6 @A1 v6
		A 8-9 nests A8 @A1 v8
		A 10-11 nests A10 @A1 v10
		A 12-13 nests A12 @A1 v12
		A 14-15 nests A14 @A1 v14
		A 16-17 nests A16 @A1 v16
		B 18-19 reads @A1 v16 [A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 A16 A17]`},
	{"The newest fifteen.", "", `
		A 0-1 creates A1 v0
		A 2-3 nests A2 @A1 v2
		A 4-5 nests A4 @A1 v4
		A 6-7 nests A6 @A1 v6
		A 8-9 nests A8 @A1 v8
		A 10-11 nests A10 @A1 v10
		A 12-13 nests A12 @A1 v12
		A 14-15 nests A14 @A1 v14
		A 16-17 nests A16 @A1 v16
		B 18-19 reads @A1 v16 [A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 A16 A17]`},
	{"Messages in another order than that of their versions.", WriteReordering, `
		A 0-1 creates A1 v0
		A 2-3 appends A2 @A1 v1
		A 4-5 appends A3 @A1 v2
		B 6-7 reads @A1 v2 [A3 A2]`},
	{"A creation returns a version that is not the first.", WrongAnswer, `
		A 0-1 creates A1 v3
		A 2-3 reads @A1 v0 []`},
	{"An incarnation begins before the previous one was removed: it was dropped.", LostSession, `
		A 0-1 creates A1 v0
		A 2-3 appends A2 @A1 v1
		B 4-5 creates B1 v0
		B 6-7 reads @B1 v0 []`},
	{"Two callers create one incarnation each at the same time, and only one is used again.", DoubleCreation, `
		A 0-3 creates A1 v0
		B 1-4 creates B1 v0
		A 5-6 appends A2 @B1 v1`},
	{"It was refused, and only the version shows that it was applied.", AbortedRead, `
		A 0-1 creates A1 v0
		A 2-3 appends A2 refused
		B 4-5 appends B1 @A1 v2`},
	{"A version that no operation wrote.", WrongAnswer, `
		A 0-1 creates A1 v0
		B 2-3 reads @A1 v1`},
	{"A number of messages that does not fit the version.", WrongAnswer, `
		A 0-1 creates A1 v0
		A 2-3 appends A2 @A1 v1 #2`},
}

func TestWitness(t *testing.T) {
	for _, row := range histories {
		t.Run(row.sentence, func(t *testing.T) {
			h := written(t, row.history)
			certified, found := Witness(h)
			if certified != (row.anomaly == "") {
				t.Fatalf("certified: %v (%+v)\n%s", certified, found, listing(h))
			}
			if searched := search(t.Context(), h, searchTime, searchMemory); (searched == porcupine.Ok) != certified {
				t.Errorf("porcupine returned %s", searched)
			}
			if len(h.Ops) <= 14 && bruteForce(h) != certified {
				t.Errorf("brute force returned %v", !certified)
			}
			if certified {
				return
			}
			t.Log(found.Why)
			if found.Anomaly != row.anomaly {
				t.Errorf("%s (%s), want %s", found.Anomaly, found.Why, row.anomaly)
			}
			if found.Undecided || found.Why == "" || len(found.Ops) == 0 {
				t.Errorf("a refutation without a reason: %+v", found)
			}
			for _, i := range found.Ops {
				if i < 0 || i >= len(h.Ops) {
					t.Errorf("operation %d is at fault, of %d", i, len(h.Ops))
				}
			}
		})
	}
}

// TestWitnessIgnoresTheOrderOfOperations: the record's order means nothing.
func TestWitnessIgnoresTheOrderOfOperations(t *testing.T) {
	for _, row := range histories {
		h := written(t, row.history)
		for range h.Ops {
			h.Ops = append(h.Ops[1:], h.Ops[0])
			certified, found := Witness(h)
			if certified != (row.anomaly == "") {
				t.Errorf("%s: certified %v (%+v) of\n%s", row.sentence, certified, found, listing(h))
			}
		}
	}
}

func TestWitnessWithoutVersionsIsUndecided(t *testing.T) {
	h := written(t, `
		A 0-1 creates A1 v0
		B 2-3 reads []`)
	if certified, found := Witness(h); certified || !found.Undecided {
		t.Errorf("certified %v, %+v: want an open finding", certified, found)
	}
}

func TestWitnessIsUndecidedOnIndeterminate(t *testing.T) {
	h := written(t, `
		A 0-1 creates A1 v0
		B 2-? appends B1 unknown`)
	if certified, found := Witness(h); certified || !found.Undecided {
		t.Errorf("certified %v, %+v: want an open finding", certified, found)
	}
}

func TestClaimedVersionsDoNotRefute(t *testing.T) {
	for _, row := range []struct {
		sentence string
		search   porcupine.CheckResult
		history  string
	}{
		{"The store miscounts its versions, and the messages are right.", porcupine.Ok, `
			A 0-1 creates A1 v0
			A 2-3 appends A2 @A1 v7 #1
			B 4-5 reads @A1 v3 #1 [A2]`},
		{"Its incarnations are wrong, too.", porcupine.Ok, `
			A 0-1 creates A1 v0
			A 2-3 appends A2 @C4 v1 #1
			B 4-5 reads @D5 v1 #1 [A2]`},
		{"The messages are wrong.", porcupine.Illegal, `
			A 0-1 creates A1 v0
			A 2-3 appends A2 @A1 v1
			B 4-5 reads @A1 v1 []`},
		{"The count of messages is wrong.", porcupine.Illegal, `
			A 0-1 creates A1 v0
			A 2-3 appends A2 @A1 v1 #2`},
	} {
		h := written(t, row.history)
		h.Claimed = true
		if certified, found := Witness(h); certified || !found.Undecided {
			t.Errorf("%s: certified %v, %+v: want an open finding", row.sentence, certified, found)
		}
		if searched := search(t.Context(), h, searchTime, searchMemory); searched != row.search {
			t.Errorf("%s: porcupine returned %s", row.sentence, searched)
		}
	}
}

// TestCertifyRejectsWrongOrders: certify does not rely on its caller.
func TestCertifyRejectsWrongOrders(t *testing.T) {
	h := written(t, `
		A 0-1 creates A1 v0
		A 2-3 appends A2 @A1 v1
		B 4-5 reads @A1 v1 [A2]`)
	if found := certify(h.Ops, []int32{0, 1, 2}); found != nil {
		t.Errorf("the right order: %+v", found)
	}
	for _, order := range [][]int32{{0, 2, 1}, {1, 0, 2}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}} {
		if certify(h.Ops, order) == nil {
			t.Errorf("certified %v", order)
		}
	}
}
