package verify

import (
	"context"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/manager"
)

// counts compares the number of sessions that a store counts while no other operation runs with that of the sessions that are there.
type counts struct {
	round   *round
	len     int
	census  *manager.Census // nil: the store has none
	there   int
	certain bool // of every session it is known whether it is there
}

// countAtRest counts the sessions that the users left. [counts.add] says which of the pool are there.
func (r *round) countAtRest() *counts {
	c := &counts{round: r}
	if r.target != nil {
		return c
	}
	n, err := r.store.Len(context.Background())
	if err != nil {
		if !indeterminate(err) {
			r.cleaner().violate(history.UnexpectedError, "Len: %v", err)
		}
		return c
	}
	c.len, c.certain = n, true
	if s, ok := r.store.(manager.CensusReporter); ok {
		census := s.Census()
		c.census = &census
	}
	for _, user := range r.users() {
		c.there += len(user.minted)
		c.certain = c.certain && !user.unknown && !user.unsure
	}
	return c
}

// add adds a session of the pool, by the outcome of an operation on it; 0: none was performed.
func (c *counts) add(o history.Outcome) {
	if o == history.OK {
		c.there++
	}
	c.certain = c.certain && (o == history.OK || o == history.NotFound)
}

// check records a violation if the counts are wrong.
func (c *counts) check() {
	if !c.certain {
		return
	}
	c.compare("Len", c.len)
	if c.census == nil {
		return
	}
	c.compare("the census", c.census.Sessions)
	if c.census.Locks > c.there {
		c.round.note(history.NewViolation(history.LeakedLocks, "the census counts %d locks for %d sessions while no other operation runs",
			c.census.Locks, c.there))
	}
}

func (c *counts) compare(what string, n int) {
	a := history.LeakedSessions
	if n < c.there {
		a = history.WrongCount
	}
	if n != c.there {
		c.round.note(history.NewViolation(a, "%s counts %d sessions while no other operation runs, and there are %d", what, n, c.there))
	}
}
