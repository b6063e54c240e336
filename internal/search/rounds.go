package search

import (
	"math/rand/v2"
	"time"
)

// Rounds is the searches for several stores, whose trials are interleaved: each round has one trial of every store whose search goes on,
// in an order drawn anew, so that a change of the machine meets all of them.
type Rounds struct {
	Searches []*Search
	Random   *rand.Rand
	Budget   time.Duration             // for all searches together
	Elapsed  func() time.Duration      // since the start
	Takes    func(Probe) time.Duration // at least, of a trial

	// Trial measures a store at a rate. An error ends all searches.
	Trial func(store, round int, p Probe) (Verdict, error)

	// Recorded is called when the verdict of a trial has been recorded. nil: it is not.
	Recorded func(store int)
}

// Run searches until all searches have ended. A trial that would exceed the budget ends its search, unless it is the first one. What was
// found before an error is kept.
func (r *Rounds) Run() error {
	for round := 0; ; round++ {
		open := false
		for _, i := range r.Random.Perm(len(r.Searches)) {
			s := r.Searches[i]
			p, ok := s.Next()
			if ok && round > 0 && r.Elapsed()+r.Takes(p) > r.Budget {
				s.End, ok = Budget, false
			}
			if !ok {
				continue
			}
			open = true
			v, err := r.Trial(i, round, p)
			if err != nil {
				r.interrupt()
				return err
			}
			if s.End == "" {
				s.Record(v)
				if r.Recorded != nil {
					r.Recorded(i)
				}
			}
		}
		if !open {
			return nil
		}
	}
}

// interrupt ends the searches that go on.
func (r *Rounds) interrupt() {
	for _, s := range r.Searches {
		if s.End == "" {
			s.End = Interrupted
		}
	}
}
