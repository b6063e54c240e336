package history

import (
	"context"
	"slices"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// refuted decides as a run does: by the witness.
func refuted(h *History) bool {
	certified, found := Witness(h)
	return !certified && !found.Undecided
}

// searched decides by search, for histories without versions.
func searched(h *History) bool {
	return search(context.Background(), h, searchTime, searchMemory) == porcupine.Illegal
}

// withholdVersions removes from h what the witness needs.
func withholdVersions(h *History) {
	for i := range h.Ops {
		h.Ops[i].Parts &^= PartIncarnation | PartVersion
		h.Ops[i].Incarnation, h.Ops[i].Version = 0, 0
	}
}

// TestPrefixesOfGoodHistoriesDoNotFail: what is cut from a linearizable history never fails, wherever it is cut and
// whatever was under way. Otherwise the evidence against a bad history might be made by cutting.
func TestPrefixesOfGoodHistoriesDoNotFail(t *testing.T) {
	for name, prepare := range map[string]func(*rapid.T, *History){
		"versions":    func(*rapid.T, *History) {},
		"no versions": func(_ *rapid.T, h *History) { withholdVersions(h) },
		"claimed versions": func(t *rapid.T, h *History) {
			h.Claimed = true
			for i := range h.Ops {
				h.Ops[i].Version = rapid.Uint64Max(3).Draw(t, "claim") // a lie
			}
		},
		"unknown outcomes": func(t *rapid.T, h *History) { forget(t, h, 2) },
	} {
		t.Run(name, func(t *testing.T) {
			checks(t, 300)
			rapid.Check(t, func(t *rapid.T) {
				h := drawGood(t, 10)
				prepare(t, h)
				c := newCutter(t.Context(), h, searched)
				for k := 1; k <= len(c.byReturn); k++ {
					if p, sound := c.prefix(k); sound && c.fails(p, nil) {
						cut, _ := c.build(p.variants[0], p.end, nil)
						t.Fatalf("the first %d returns of\n%sare said not to be linearizable:\n%s", k, listing(h), listing(cut))
					}
				}
			})
		})
	}
}

// TestShortenKeepsTheViolation: what comes out still violates, is part of what went in, keeps every write that anything
// in it came after, and no single read more than is needed.
func TestShortenKeepsTheViolation(t *testing.T) {
	for name, decide := range map[string]func(*History) bool{"versions": refuted, "no versions": searched} {
		t.Run(name, func(t *testing.T) {
			checks(t, 500)
			drawn, violated := 0, 0
			rapid.Check(t, func(t *rapid.T) {
				drawn++
				h := drawSpoilt(t, 14)
				if name == "no versions" {
					withholdVersions(h)
				}
				short, origin := shorten(t.Context(), h, decide)
				if !decide(h) {
					if short != h {
						t.Fatalf("a good history was cut:\n%s", listing(short))
					}
					return
				}
				violated++
				checkShort(t, h, short, origin, decide)
			})
			if violated < drawn/10 {
				t.Errorf("only %d of %d histories violate anything", violated, drawn)
			}
		})
	}
}

func checkShort(t *rapid.T, h, short *History, origin []int, decide func(*History) bool) {
	if !decide(short) {
		t.Fatalf("%sbecame, and that is no violation:\n%s", listing(h), listing(short))
	}
	if len(origin) != len(short.Ops) || short.ID != h.ID || short.Claimed != h.Claimed {
		t.Fatalf("%d operations from %d places", len(short.Ops), len(origin))
	}
	for n, i := range origin {
		got, want := short.Ops[n], h.Ops[i]
		if got.Outcome == Indeterminate && want.Outcome != Indeterminate { // it had not returned by then
			got = Op{Call: got.Call, User: got.User, Kind: got.Kind, Tag: got.Tag}
			want = Op{Call: want.Call, User: want.User, Kind: want.Kind, Tag: want.Tag}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("operation %d is not what it was:\n%s", i, diff)
		}
	}
	for i := range h.Ops {
		if !h.Ops[i].MayChange() || slices.Contains(origin, i) {
			continue
		}
		if slices.ContainsFunc(short.Ops, func(op Op) bool { return h.Ops[i].Precedes(&op) }) {
			t.Fatalf("write %d is missing from\n%s, cut from\n%s", i, listing(short), listing(h))
		}
	}
}

// TestPendingWritesAndRemovals: D finds nothing while B's append and A's delete are under way, and both may have taken
// effect, although neither was seen. Without the append the delete would come too late, without the delete D would be wrong.
func TestPendingWritesAndRemovals(t *testing.T) {
	h := &History{Ops: []Op{
		began(0, 0, 1, a0(1)),
		wrote(1, 2, 20, Append, b0(1), a0(1), 1),
		removed(0, 3, 21, a0(1), 1),
		{User: 3, Kind: ReadMessages, Outcome: NotFound, Call: 4, Return: 5},
		viewed(2, 30, 31, a0(1), 9, 0, 0), // the violation is elsewhere
	}}
	short, origin := shorten(t.Context(), h, refuted)
	if want := []int{0, 1, 2, 4}; !slices.Equal(origin, want) || !refuted(short) {
		t.Errorf("operations %v are said to prove it, want %v", origin, want)
	}
}

// TestShortenTooManyPendingRemovals: where there would be too many cases, the prefix is not taken to fail.
func TestShortenTooManyPendingRemovals(t *testing.T) {
	h := &History{Ops: []Op{began(0, 0, 1, a0(1)), read(1, 2, 3, a0(1), 5)}}
	for u := range int32(maxPending + 1) {
		h.Ops = append(h.Ops, removed(u, 2, 10, a0(1), 7+uint64(u)))
	}
	c := newCutter(t.Context(), h, refuted)
	if _, sound := c.prefix(2); sound {
		t.Error("more cases than are decided, and yet a prefix")
	}
	if short, _ := shorten(t.Context(), h, refuted); !refuted(short) {
		t.Error("no violation is left")
	}
}

// TestShortenFindsThePlantedViolation: of hundreds of operations before a stale read, and as many after it, the writes up
// to it are left and hardly any read.
func TestShortenFindsThePlantedViolation(t *testing.T) {
	h := longStaleRead(t).History
	last := h.Ops[len(h.Ops)-1].Return
	for n := range int64(200) {
		version := uint64(121)
		h.Ops = append(h.Ops, viewed(int32(n%4), last+10*n+5, last+10*n+9, a0(1), version, 0, 0))
	}
	decided := 0
	short, origin := shorten(t.Context(), h, func(h *History) bool { decided++; return refuted(h) })
	var reads []int
	for n := range short.Ops {
		if short.Ops[n].Kind.Reads() {
			reads = append(reads, origin[n])
		}
	}
	if want := []int{243}; !slices.Equal(reads, want) { // alone against B's append
		t.Errorf("reads %v are left, want %v", reads, want)
	}
	if writes := len(short.Ops) - len(reads); writes != 122 {
		t.Errorf("%d writes are left, want 122", writes)
	}
	if decided > 100 {
		t.Errorf("%d histories were decided: reads were dropped one at a time", decided)
	}
}

// TestShortenKeepsWhatWasSeen: a write that was not applied stays if it was read: without it the anomaly would be another.
func TestShortenKeepsWhatWasSeen(t *testing.T) {
	h := &History{Ops: []Op{
		began(0, 0, 1, a0(1)),
		{User: 1, Kind: Append, Tag: b0(1), Outcome: NotApplied, Call: 2, Return: 3},
		{User: 1, Kind: Append, Tag: b0(2), Outcome: NotApplied, Call: 4, Return: 5},
		read(2, 6, 7, a0(1), 0, b0(1)),
	}}
	short, origin := shorten(t.Context(), h, refuted)
	if want := []int{0, 1, 3}; !slices.Equal(origin, want) {
		t.Errorf("%v is left, want %v", origin, want)
	}
	if _, found := Witness(short); found == nil || found.Anomaly != AbortedRead {
		t.Errorf("%+v, want an aborted read", found)
	}
}

// TestShortenEndsWithItsContext: what was reached by then is returned, and still violates.
func TestShortenEndsWithItsContext(t *testing.T) {
	h := longStaleRead(t).History
	for _, most := range []int{0, 1, 2, 3, 5, 8, 13} {
		ctx, cancel := context.WithCancel(t.Context())
		decided := 0
		short, _ := shorten(ctx, h, func(h *History) bool {
			if decided++; decided >= most {
				cancel()
			}
			return refuted(h)
		})
		cancel()
		if !refuted(short) {
			t.Errorf("after %d decisions: no violation is left", most)
		}
		if decided > max(most, 1) {
			t.Errorf("%d decisions, %d after the end", decided, decided-most)
		}
	}
}

func TestDdmin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 60).Draw(t, "items")
		needed := rapid.SliceOfNDistinct(rapid.IntRange(0, max(0, n-1)), 0, min(n, 5), rapid.ID[int]).Draw(t, "needed")
		slices.Sort(needed)
		got := ddmin(identity(n), func(kept []int) bool {
			return !slices.ContainsFunc(needed, func(i int) bool { return !slices.Contains(kept, i) })
		})
		if !slices.Equal(got, needed) {
			t.Fatalf("%v are left, want %v", got, needed)
		}
	})
}
