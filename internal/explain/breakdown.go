package explain

import (
	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/sessbench/sessbench/reports/result"
)

// Breakdown is where the time of operations went, in nanoseconds in all.
type Breakdown struct {
	Ops     int64
	TotalNs float64
	Parts   [NumParts + 1]float64
}

// Share returns the share of a part, from 0 to 1.
func (b *Breakdown) Share(p Part) float64 {
	if b.TotalNs <= 0 {
		return 0
	}
	return b.Parts[p] / b.TotalNs
}

// add adds what another breakdown has.
func (b *Breakdown) add(more *Breakdown) {
	b.Ops += more.Ops
	b.TotalNs += more.TotalNs
	for p := range b.Parts {
		b.Parts[p] += more.Parts[p]
	}
}

// Analysis is what operations show together.
type Analysis struct {
	All    Breakdown
	Each   map[uint8]*Kind // by kind of operation
	Slots  map[uint32]int64
	Shards map[int32]int64
}

// Kind is what the operations of one kind show.
type Kind struct {
	Breakdown
	LockWaits *hdr.Histogram // of calls that reported their lock
	Closures  *hdr.Histogram // durations of the last run of the closure
	Contended int64          // calls that had to wait for their lock
	Repeated  int64          // operations whose closure ran more than once
}

// Analyse finds where the time of operations went. operations are those of each user, by number, in the order of time. reading is the cost of
// one reading of the clock in nanoseconds, which is taken off each phase. remote: the operations are those of a target.
func Analyse(tr *Trace, operations map[int][]Operation, reading float64, remote bool) *Analysis {
	a := &Analysis{Each: map[uint8]*Kind{}, Slots: map[uint32]int64{}, Shards: map[int32]int64{}}
	for user, list := range operations {
		w := walk{tr: tr, spans: tr.Users[user], reading: reading}
		for i := range list {
			a.operation(&w, &list[i], remote)
		}
	}
	for _, k := range a.Each {
		a.All.add(&k.Breakdown)
	}
	return a
}

func (a *Analysis) operation(w *walk, o *Operation, remote bool) {
	k := a.Each[o.Op]
	if k == nil {
		k = &Kind{LockWaits: result.NewHistogram(), Closures: result.NewHistogram()}
		a.Each[o.Op] = k
	}
	w.to = &Breakdown{Ops: 1, TotalNs: max(0, float64(o.Returned-o.Called)-w.reading*float64(o.moments()))}
	if remote {
		w.remote(o)
	} else {
		k.phases(w, o)
	}
	k.add(w.to)
	a.Slots[o.Slot]++
	if o.Shard >= 0 {
		a.Shards[o.Shard]++
	}
}

// freeLock is the time in nanoseconds below which a lock that is granted to a running goroutine was free: what taking it costs is no wait.
const freeLock = 1000

// phases lays the phases of an operation over the states of its goroutine.
func (k *Kind) phases(w *walk, o *Operation) {
	at := o.Called
	next := func(p Part, to int64) {
		if to != 0 {
			w.phase(p, at, to)
			at = to
		}
	}
	rest, repeats := Before, false
	for i := range o.Calls {
		c := &o.Call[i]
		before := Before
		if c.Granted != 0 {
			before = Index
			next(Index, c.Asked)
			if c.Granted-c.Asked < freeLock && w.onProcessor(c.Asked, c.Granted) {
				next(Index, c.Granted)
			} else {
				next(LockWait, c.Granted)
				k.Contended++
			}
			_ = k.LockWaits.RecordValue(min(c.Granted-c.Asked, result.MaxLatencyNs))
			rest = After
		}
		if c.Left == 0 {
			continue
		}
		next(before, c.Entered)
		next(Repeats, c.Repeated)
		next(Closure, c.Left)
		rest = After
		_ = k.Closures.RecordValue(min(max(0, c.Left-max(c.Entered, c.Repeated)), result.MaxLatencyNs))
		repeats = repeats || c.Repeated != 0
	}
	next(rest, o.Returned)
	if repeats {
		k.Repeated++
	}
}

// walk goes through the spans of a user, whose operations follow each other.
type walk struct {
	tr      *Trace
	spans   Timeline
	i       int
	reading float64
	to      *Breakdown
	blocked int64 // in the current phase
}

// phase attributes the time of a phase: that of a part, unless the goroutine waited for a processor or the garbage collector took it.
func (w *walk) phase(p Part, from, to int64) {
	w.blocked = 0
	covered, own := int64(0), 0.
	w.each(from, to, func(state State, from, to int64) {
		d := to - from
		covered += d
		rest := float64(d)
		switch {
		case state == Collecting:
			w.to.Parts[GC] += rest
			return
		case state == Blocked:
			w.blocked += d
		default:
			stopped := min(rest, w.tr.Stopped.over(from, to))
			w.to.Parts[GC] += stopped
			rest -= stopped
		}
		if state == Runnable || state == Yielded && p != LockWait {
			collector := min(rest, w.tr.Collecting.over(from, to)/float64(max(1, w.tr.Processors)))
			w.to.Parts[GC] += collector
			w.to.Parts[CPU] += rest - collector
			return
		}
		own += rest
	})
	w.to.Parts[p] += max(0, own-w.reading)
	w.to.Parts[Unexplained] += float64(max(0, to-from-covered))
}

// onProcessor reports whether the goroutine runs all the time.
func (w *walk) onProcessor(from, to int64) bool {
	running := int64(0)
	w.each(from, to, func(state State, from, to int64) {
		if state == Running || state == Collecting {
			running += to - from
		}
	})
	return running == to-from
}

// remote attributes the time of an operation of a target.
func (w *walk) remote(o *Operation) {
	w.phase(Client, o.Called, o.Returned)
	blocked := min(float64(w.blocked), w.to.Parts[Client])
	held := min(float64(o.Held), blocked)
	w.to.Parts[Client] -= blocked
	w.to.Parts[Closure] += held
	w.to.Parts[Answer] += blocked - held
}

// each calls f with the part of each span that lies in a time.
func (w *walk) each(from, to int64, f func(state State, from, to int64)) {
	for w.i > 0 && w.spans[w.i-1].To > from {
		w.i--
	}
	for ; w.i < len(w.spans); w.i++ {
		s := w.spans[w.i]
		if s.From >= to {
			return
		}
		if s.To > from {
			f(s.State, max(s.From, from), min(s.To, to))
		}
		if s.To >= to {
			return
		}
	}
}
