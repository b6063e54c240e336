package history

import (
	"testing"

	"github.com/anishathalye/porcupine"
)

func TestResolve(t *testing.T) {
	for _, row := range []struct {
		sentence  string
		certified bool
		history   string
	}{
		{"Nothing is unknown.", true, `
			A 0-1 creates A1 v0`},
		{"No operation saw the message: it need not have been added.", true, `
			A 0-1 creates A1 v0
			B 2-? appends B1 unknown
			A 4-5 reads @A1 v0 []`},
		{"Everybody saw it: it must have been added.", true, `
			A 0-1 creates A1 v0
			B 2-? appends B1 unknown
			A 4-5 reads @A1 v1 [B1]
			A 6-7 appends A2 @A1 v2
			A 8-9 reads @A1 v2 [B1 A2]`},
		{"It took effect late.", true, `
			A 0-1 creates A1 v0
			B 2-? appends B1 unknown
			A 4-5 appends A2 @A1 v1
			A 6-7 reads @A1 v1 [A2]
			A 8-9 reads @A1 v2 [A2 B1]`},
		{"Two unknown changes: the fields tell which made version 1.", true, `
			A 0-1 creates A1 v0
			B 2-? updates B1 unknown
			C 2-? updates C1 unknown
			A 4-5 views @A1 v1 <C1 C1>
			A 6-7 views @A1 v2 <B1 B1>`},
		{"A double append fills two versions, beside a single one.", true, `
			A 0-1 creates A1 v0
			B 2-? nests B1 unknown
			C 2-? appends C1 unknown
			A 4-5 appends A2 @A1 v4
			A 6-7 reads @A1 v4 [C1 B1 B2 A2]`},
		{"The deletion did not return, and another user created the next incarnation.", true, `
			A 0-1 creates A1 v0
			B 2-? deletes unknown
			C 4-5 creates C1 v0`},
		{"The change came to nothing before the deletion, or after it.", true, `
			A 0-1 creates A1 v0
			B 2-? appends B1 unknown
			A 4-5 deletes @A1 v0
			A 6-7 reads not_found`},
		{"The creation did not return, and another user met the session.", true, `
			A 0-? creates A1 unknown
			B 2-3 finds B1 @A1 v0
			B 4-5 appends B2 @A1 v1`},
		{"Neither the creation nor the deletion returned.", true, `
			A 0-? creates A1 unknown
			B 2-? deletes unknown
			C 4-5 reads @A1 v0 []
			C 6-7 creates C1 v0
			D 8-? deletes unknown
			D 10-11 reads not_found`},
		{"One deletion and two incarnations: the first must have ended.", true, `
			A 0-1 creates A1 v0
			B 2-? deletes unknown
			C 4-5 creates C1 v0
			D 6-7 reads @C1 v0 []`},

		{"The message was read before its append was called.", false, `
			A 0-1 creates A1 v0
			A 2-3 reads @A1 v1 [B1]
			B 4-? appends B1 unknown`},
		{"The deletion came after the next incarnation began.", false, `
			A 0-1 creates A1 v0
			C 2-3 creates C1 v0
			B 4-? deletes unknown`},
		{"One deletion for two ends.", false, `
			A 0-1 creates A1 v0
			B 0-? deletes unknown
			C 4-5 creates C1 v0
			D 6-7 reads not_found`},
		{"Two versions are missing, and one change is unknown.", false, `
			A 0-1 creates A1 v0
			B 2-? appends B1 unknown
			A 4-5 appends A2 @A1 v3`},
		{"The version could be the unknown change's, but its message is not there.", false, `
			A 0-1 creates A1 v0
			B 2-? appends B1 unknown
			A 4-5 appends A2 @A1 v2
			A 6-7 reads @A1 v2 [A2]`},
		{"The unknown change was applied twice.", false, `
			A 0-1 creates A1 v0
			B 2-? appends B1 unknown
			A 4-5 reads @A1 v2 [B1 B1]`},
		{"An incarnation that not even an indeterminate creation began.", false, `
			A 0-? creates A1 unknown
			B 2-3 reads @C1 v0 []`},
		{"A version beyond counting.", false, `
			A 0-1 creates A1 v0
			B 2-? appends B1 unknown
			A 4-5 reads @A1 v18446744073709551615 []`},
		{"What is known is wrong on its own.", false, `
			A 0-1 creates A1 v0
			A 2-3 appends A2 @A1 v1
			B 2-3 appends B1 @A1 v1
			C 2-? deletes unknown`},
	} {
		t.Run(row.sentence, func(t *testing.T) {
			h := written(t, row.history)
			certified, found := resolve(h)
			if certified != row.certified {
				t.Errorf("certified: %v (%+v)", certified, found)
			}
			if !certified && !found.Undecided {
				t.Errorf("%+v: want it open", found)
			}
			if searched := search(t.Context(), h, searchTime, searchMemory); (searched == porcupine.Ok) != row.certified {
				t.Errorf("porcupine returned %s", searched)
			}
			if bruteForce(h) != row.certified {
				t.Errorf("brute force returned %v", !row.certified)
			}
		})
	}
}

func TestResolveIsUndecidedOnManyIndeterminate(t *testing.T) {
	h := written(t, `
		A 0-1 creates A1 v0
		B 2-? appends B1 unknown
		B 2-? appends B2 unknown
		B 2-? appends B3 unknown
		B 2-? appends B4 unknown
		B 2-? appends B5 unknown`)
	if certified, found := resolve(h); certified || !found.Undecided || found.Anomaly != "" {
		t.Errorf("certified %v, %+v: want it undecided", certified, found)
	}
	if searched := search(t.Context(), h, searchTime, searchMemory); searched != porcupine.Ok {
		t.Errorf("porcupine returned %s", searched)
	}
}

func TestResolveDoesNotChangeTheHistory(t *testing.T) {
	text := `
		A 0-1 creates A1 v0
		B 2-? appends B1 unknown
		C 2-? deletes unknown
		A 4-5 reads @A1 v1 [B1]
		A 6-7 reads not_found`
	h := written(t, text)
	if certified, found := resolve(h); !certified {
		t.Fatalf("%+v", found)
	}
	if got, want := listing(h), listing(written(t, text)); got != want {
		t.Errorf("the history became\n%swant\n%s", got, want)
	}
}
