package history

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"go.uber.org/goleak"
)

// hard is a history without a linearization that is long to refute: changes that all overlap and return nothing, and then a
// read that saw none of them.
func hard(changes int) *History {
	h := &History{Ops: []Op{{Kind: GetOrCreate, Outcome: OK, Created: true, Tag: NewTag(0, 0), Return: 1}}}
	for i := range changes {
		h.Ops = append(h.Ops, Op{Kind: Append, Outcome: OK, User: int32(i), Tag: NewTag(i, 1), Call: 2, Return: 3})
	}
	h.Ops = append(h.Ops, Op{Kind: ReadMessages, Outcome: OK, Parts: PartMessages, Call: 4, Return: 5})
	return h
}

func TestSearchNeedsNoVersions(t *testing.T) {
	for _, row := range []struct {
		sentence string
		want     porcupine.CheckResult
		history  string
	}{
		{"What was read fits the order C, B.", porcupine.Ok, `
			A 0-1 mints A1
			B 2-5 appends B1
			C 2-5 appends C1
			A 6-7 reads [C1 B1]`},
		{"Two readers disagree about the order.", porcupine.Illegal, `
			A 0-1 mints A1
			B 2-5 appends B1
			C 2-5 appends C1
			A 6-7 reads [C1 B1]
			A 6-7 reads [B1 C1]`},
		{"A deleted session is found.", porcupine.Illegal, `
			A 0-1 mints A1
			A 2-3 deletes
			B 4-5 reads []`},
		{"Two messages got the same number.", porcupine.Illegal, `
			A 0-1 mints A1
			B 2-5 appends B1 #1
			C 2-5 appends C1 #1`},
	} {
		h := written(t, row.history)
		for i := range h.Ops {
			h.Ops[i].Parts &^= PartIncarnation
		}
		if got := search(t.Context(), h, searchTime, searchMemory); got != row.want {
			t.Errorf("%s: %s, want %s", row.sentence, got, row.want)
		}
		if certified, found := resolve(h); certified || !found.Undecided {
			if !certified || row.want != porcupine.Ok {
				t.Errorf("%s: the witness returned %v, %+v", row.sentence, certified, found)
			}
		}
	}
}

func TestSearchTimeLimit(t *testing.T) {
	defer goleak.VerifyNone(t)
	if got := search(t.Context(), hard(40), 20*time.Millisecond, searchMemory); got != porcupine.Unknown {
		t.Errorf("%s, want Unknown", got)
	}
}

func TestSearchMemoryLimit(t *testing.T) {
	if got := search(t.Context(), hard(40), math.MaxInt64, 4<<20); got != porcupine.Unknown {
		t.Errorf("%s, want Unknown", got)
	}
	if got := search(t.Context(), hard(4), math.MaxInt64, 4<<20); got != porcupine.Illegal {
		t.Errorf("a shorter one: %s, want Illegal", got)
	}
}

func TestSearchStopsWithItsContext(t *testing.T) {
	defer goleak.VerifyNone(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	begin := time.Now()
	if got := search(ctx, hard(40), time.Hour, searchMemory); got != porcupine.Unknown {
		t.Errorf("%s, want Unknown", got)
	}
	if took := time.Since(begin); took > time.Minute { // detects that it went on, not that it was slow
		t.Errorf("stopped after %v", took)
	}
	if got := search(ctx, hard(1), time.Hour, searchMemory); got != porcupine.Unknown {
		t.Errorf("after its end: %s, want Unknown", got)
	}
}

func TestSearchAllReturnsResultsInOrder(t *testing.T) {
	defer goleak.VerifyNone(t)
	var histories []*History
	var want []porcupine.CheckResult
	for i := range 40 {
		h, result := hard(3), porcupine.Illegal
		if i%3 == 0 {
			h.Ops, result = h.Ops[:4], porcupine.Ok
		}
		histories, want = append(histories, h), append(want, result)
	}
	if got := searchAll(t.Context(), histories, searchTime); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := searchAll(t.Context(), nil, searchTime); len(got) != 0 {
		t.Errorf("no histories: %v", got)
	}
}

// The easy history is searched when the time of a hard one is over: there are as many of these as searchers.
func TestSearchAllLimitsEachSearch(t *testing.T) {
	defer goleak.VerifyNone(t)
	histories, want := []*History{}, []porcupine.CheckResult{}
	for range runtime.GOMAXPROCS(0) {
		histories, want = append(histories, hard(40)), append(want, porcupine.Unknown)
	}
	histories, want = append(histories, hard(2)), append(want, porcupine.Illegal)
	var got []porcupine.CheckResult
	for range 20 { // on a busy machine the time of the easy one, too, may be over
		if got = searchAll(t.Context(), histories, 20*time.Millisecond); fmt.Sprint(got) == fmt.Sprint(want) {
			return
		}
	}
	t.Errorf("%v, want %v", got, want)
}

func TestOperationsPointIntoTheHistory(t *testing.T) {
	h := written(t, `
		A 0-1 creates A1 v0
		C 2-? appends C1 unknown`)
	list := Operations(h)
	if len(list) != 2 || list[1].Input != &h.Ops[1] || list[1].ClientId != 2 || list[1].Return != Never {
		t.Errorf("%+v", list)
	}
}

func TestModelDescriptions(t *testing.T) {
	h := written(t, `
		A 0-1 creates A1 v0 #0
		B 2-3 appends B1 @A1 v1 #1
		B 2-3 updates B2 failed @A1 v2 #1
		B 2-3 updates B3 rolled_back @A1 v2 #1
		C 4-5 reads @A1 v2 #1 [B1]
		C 4-5 views @A1 v2 <B2 B2>
		C 4-5 nests C1 refused
		C 4-5 deletes not_found
		C 6-? nests C3 unknown`)
	m := Model(false)
	s := m.Init()
	var lines []string
	for _, o := range Operations(h) {
		lines = append(lines, m.DescribeOperation(o.Input, o.Output))
	}
	for _, o := range Operations(h)[:6] {
		var ok bool
		if ok, s = m.Step(s, o.Input, o.Output); !ok {
			t.Fatalf("%s does not fit", m.DescribeOperation(o.Input, o.Output))
		}
	}
	lines = append(lines, m.DescribeState(m.Init()), m.DescribeState(s))
	want := `A created the session: incarnation A1, version 0, 0 messages so far
B added message B1: incarnation A1, version 1, 1 messages so far
B's update of B2 failed, and its change stays: incarnation A1, version 2, 1 messages so far
B's update of B3 failed and was rolled back: incarnation A1, version 2, 1 messages so far
C read the history: incarnation A1, version 2, 1 messages so far, messages [B1]
C read the fields: incarnation A1, version 2, fields B2 and B2
C's double append of C1: not applied
C's delete: no such session
C's double append of C3: no response
no session
incarnation A1, version 2, messages [B1] of 1, fields B2`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
