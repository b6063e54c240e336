package explain

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// drawMixture returns operations whose phases are cut into pieces, and the timeline that has a span for each piece. truth is what the pieces
// add up to, counted while they are drawn.
func drawMixture(t *rapid.T) (list []Operation, spans Timeline, stopped []Span, truth Breakdown) {
	now := int64(0)
	piece := func(p Part, most int) {
		for range rapid.IntRange(0, most).Draw(t, "pieces") {
			state := State(rapid.IntRange(0, int(Collecting)).Draw(t, "state"))
			d := int64(rapid.IntRange(1, 1000).Draw(t, "ns"))
			switch hidden := rapid.IntRange(0, 19).Draw(t, "hidden") == 0; {
			case hidden:
				truth.Parts[Unexplained] += float64(d)
			case state == Collecting:
				truth.Parts[GC] += float64(d)
				spans = append(spans, Span{now, now + d, state})
			case state == Running && rapid.IntRange(0, 3).Draw(t, "stopped") == 0:
				truth.Parts[GC] += float64(d)
				spans = append(spans, Span{now, now + d, state})
				stopped = append(stopped, Span{From: now, To: now + d})
			case state == Runnable || state == Yielded && p != LockWait:
				truth.Parts[CPU] += float64(d)
				spans = append(spans, Span{now, now + d, state})
			default:
				truth.Parts[p] += float64(d)
				spans = append(spans, Span{now, now + d, state})
			}
			now += d
			truth.TotalNs += float64(d)
		}
	}
	for range rapid.IntRange(1, 20).Draw(t, "operations") {
		now++ // a moment of 0 is none
		o := Operation{Op: 2, Called: now, Calls: 1, Shard: -1}
		c := &o.Call[0]
		before := Before
		if rapid.Bool().Draw(t, "hooks") {
			before = Index
			piece(Index, 3)
			c.Asked = now
			piece(LockWait, 5)
			if c.Granted = now; c.Granted-c.Asked < freeLock {
				now += freeLock // else a lock that is granted at once may have been free
				spans = append(spans, Span{c.Granted, now, Blocked})
				truth.Parts[LockWait] += freeLock
				truth.TotalNs += freeLock
				c.Granted = now
			}
		}
		if rapid.IntRange(0, 4).Draw(t, "closure") > 0 {
			piece(before, 3)
			c.Entered = now
			if rapid.Bool().Draw(t, "repeats") {
				piece(Repeats, 3)
				c.Repeated = now
			}
			piece(Closure, 5)
			c.Left = now
			piece(After, 2)
		} else if c.Granted != 0 {
			piece(After, 3)
		} else {
			piece(Before, 3)
		}
		o.Returned = now
		truth.Ops++
		list = append(list, o)
	}
	return list, spans, stopped, truth
}

// Any mixture of phases and states is taken apart as it was put together.
func TestMixtures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list, spans, stopped, want := drawMixture(t)
		tr := &Trace{Users: map[int]Timeline{3: spans}, Processors: 2}
		for _, s := range stopped {
			tr.Stopped.set(s.From, 1)
			tr.Stopped.set(s.To, 0)
		}
		got := Analyse(tr, map[int][]Operation{3: list}, 0, false).All
		if got.Ops != want.Ops || got.TotalNs != want.TotalNs {
			t.Fatalf("%d operations of %v ns, want %d of %v", got.Ops, got.TotalNs, want.Ops, want.TotalNs)
		}
		for _, p := range Parts() {
			if math.Abs(got.Parts[p]-want.Parts[p]) > 1e-6 {
				t.Errorf("%v: %v ns, want %v", p, got.Parts[p], want.Parts[p])
			}
		}
	})
}

// An operation that waits for a processor waits for the garbage collector in proportion to the processors that it has.
func TestCollectorTakesProcessors(t *testing.T) {
	tr := &Trace{Users: map[int]Timeline{0: {{1, 101, Running}, {101, 501, Runnable}, {501, 601, Running}}}, Processors: 4}
	tr.Collecting.set(201, 1)
	tr.Collecting.set(301, 4)
	tr.Collecting.set(401, 0)
	got := Analyse(tr, map[int][]Operation{0: {{Called: 1, Returned: 601, Calls: 1, Call: [MostCalls]Call{{Entered: 1, Left: 601}}, Shard: -1}}}, 0, false).All
	if got.Parts[GC] != 125 || got.Parts[CPU] != 275 || got.Parts[Closure] != 200 {
		t.Errorf("%+v", got)
	}
}

// The readings of the clock are taken off the phases that they are in, and off the whole.
func TestReadingsOfTheClock(t *testing.T) {
	tr := &Trace{Users: map[int]Timeline{0: {{1, 1001, Running}}}, Processors: 1}
	o := Operation{Called: 1, Returned: 1001, Calls: 1, Call: [MostCalls]Call{{Asked: 101, Granted: 201, Entered: 301, Left: 701}}, Shard: -1}
	got := Analyse(tr, map[int][]Operation{0: {o}}, 20, false).All
	if got.TotalNs != 900 || got.Parts[Closure] != 380 || got.Parts[Index] != 240 || got.Parts[After] != 280 {
		t.Errorf("%+v", got)
	}
}

// A lock that is taken at once was free. One that takes longer, or for which the goroutine leaves its processor, was waited for.
func TestFreeLock(t *testing.T) {
	for _, row := range []struct {
		name  string
		wait  int64
		state State
		want  Part
	}{
		{"free", 100, Running, Index},
		{"polled", 5000, Running, LockWait},
		{"blocked", 100, Blocked, LockWait},
		{"polled, with others in between", 100, Yielded, LockWait},
	} {
		tr := &Trace{Users: map[int]Timeline{0: {{1, 11, Running}, {11, 11 + row.wait, row.state}, {11 + row.wait, 100_000, Running}}}, Processors: 1}
		o := Operation{Called: 1, Returned: 8000, Calls: 1, Call: [MostCalls]Call{{Asked: 11, Granted: 11 + row.wait, Entered: 11 + row.wait, Left: 8000}}, Shard: -1}
		a := Analyse(tr, map[int][]Operation{0: {o}}, 0, false)
		want := float64(row.wait)
		if row.want == Index {
			want += 10
		}
		if got := a.All.Parts[row.want]; got != want || a.Each[0].Contended != int64(row.want)-int64(Index) {
			t.Errorf("%s: %v of %v, %d contended", row.name, got, row.want, a.Each[0].Contended)
		}
	}
}

// A read that records a use calls the store twice; each call has its own lock and closure.
func TestTwoCalls(t *testing.T) {
	tr := &Trace{Users: map[int]Timeline{0: {{1, 101, Running}, {101, 5101, Blocked}, {5101, 5301, Running}, {5301, 9301, Blocked}, {9301, 9501, Running}}}, Processors: 1}
	o := Operation{Called: 1, Returned: 9501, Calls: 2, Shard: -1, Call: [MostCalls]Call{
		{Asked: 101, Granted: 5101, Entered: 5101, Left: 5201},
		{Asked: 5301, Granted: 9301, Entered: 9301, Left: 9401},
	}}
	a := Analyse(tr, map[int][]Operation{0: {o}}, 0, false)
	if got := a.All.Parts; got[Index] != 200 || got[LockWait] != 9000 || got[Closure] != 200 || got[After] != 100 || got[Repeats] != 0 || a.Each[0].Repeated != 0 {
		t.Errorf("%v", got)
	}
}

// An operation of a target is this process's work, the work under the lock that the target reports, and the rest of the wait for its answer.
func TestTarget(t *testing.T) {
	tr := &Trace{Users: map[int]Timeline{0: {{1, 101, Running}, {101, 901, Blocked}, {901, 951, Runnable}, {951, 1001, Running}}}, Processors: 1}
	got := Analyse(tr, map[int][]Operation{0: {{Called: 1, Returned: 1001, Held: 300, Shard: -1}}}, 0, true).All
	if got.Parts[Client] != 150 || got.Parts[Closure] != 300 || got.Parts[Answer] != 500 || got.Parts[CPU] != 50 {
		t.Errorf("%+v", got)
	}
}
