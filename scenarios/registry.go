package scenarios

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// View is the interface through which a scenario's users reach the sessions.
type View uint8

// The views. StoreView is for what no manager allows: using an id a second time.
const (
	ChatView View = iota
	BoardView
	StoreView
)

// Scenario is what users do. As registered it holds the defaults; a run changes a copy of it.
type Scenario struct {
	Name  string
	Tells string // one sentence: what running it tells you

	Drives View
	Visit  []Op // the operations of one visit, in order, all on one session
	Mix    Mix  // set: a visit is one operation, drawn by weight
	Legal  []Op // what --mix may name

	Users      int
	Sessions   int           // slots for sessions; with Own divided among the users
	Hold       time.Duration // work under the lock of every update
	Spin       bool          // the work keeps a processor busy rather than sleep
	Think      time.Duration // pause of a user between visits
	Iterations int           // visits of each user; 0: as many as the time allows
	Keys       Keys          // which session a visit goes to
	Sizes      Sizes         // sizes of what is written
	Prefill    int           // messages in each session before the clock starts

	Own     bool          // each user keeps to sessions of its own
	Absent  bool          // no session exists before the clock starts
	Leaving bool          // sessions are removed under users' feet: not_found is an outcome, no fault
	TTL     time.Duration // time-to-live; 0: sessions live on. With Leaving and Own a janitor sweeps
	DayEnd  bool          // the janitor removes everything each TTL, used or not
	Fields  []string      // what an update writes, all at once and all the same
	Cold    bool          // the start is part of what is measured: no warm-up
}

// Sweeps reports whether a janitor removes sessions while users go on.
func (s *Scenario) Sweeps() bool { return s.TTL > 0 }

// SweepEvery is the time from the start of one sweep to the next.
func (s *Scenario) SweepEvery() time.Duration {
	if s.DayEnd {
		return s.TTL
	}
	return s.TTL / 2
}

// Creates reports whether visits make sessions as they go.
func (s *Scenario) Creates() bool {
	return slices.Contains(s.Visit, Create) || s.Mix.Weight(Create) > 0
}

// Ops returns the operations that visits are made of.
func (s *Scenario) Ops() []Op {
	ops := slices.Clone(s.Visit)
	for _, w := range s.Mix {
		ops = append(ops, w.Op)
	}
	if s.Own && s.Absent {
		ops = append(ops, Create) // whoever finds no session of its own makes one
	}
	slices.Sort(ops)
	return slices.Compact(ops)
}

// Needs returns the operations that a run asks of a target: to prepare the sessions, for the visits and the sweeps, and by the
// audit, which reads and removes each session at the end.
func (s *Scenario) Needs() []Op {
	ops := append(s.Ops(), Delete)
	if !s.Absent {
		ops = append(ops, Create)
	}
	if s.Prefill > 0 {
		ops = append(ops, Append)
	}
	if s.Sweeps() {
		ops = append(ops, Sweep)
	}
	if s.ByVersion() {
		ops = append(ops, Read)
	} else {
		ops = append(ops, History)
	}
	slices.Sort(ops)
	return slices.Compact(ops)
}

// ByVersion reports whether changes are numbered by the session's version, and not by its message count.
func (s *Scenario) ByVersion() bool {
	return s.Drives == BoardView || !slices.Contains(s.Legal, Append)
}

// SlotsPerUser is the number of slots of each user where each keeps to its own, and of all together otherwise.
func (s *Scenario) SlotsPerUser() int {
	if !s.Own {
		return s.Sessions
	}
	return max(1, s.Sessions/s.Users)
}

// Slots is the number of session slots in all. With Own it is a multiple of the number of users.
func (s *Scenario) Slots() int {
	if !s.Own {
		return s.Sessions
	}
	return s.SlotsPerUser() * s.Users
}

// catalogue is filled by the register calls of this package's files before main starts and never changed after.
var catalogue = map[string]*Scenario{}

// register adds s to the catalogue. It is called from package variables only, so a duplicate is a programming error.
func register(s Scenario) *Scenario {
	if _, dup := catalogue[s.Name]; dup {
		panic("scenarios: registered twice: " + s.Name)
	}
	if s.Users == 0 || s.Sessions == 0 || s.Tells == "" || len(s.Sizes) == 0 || (len(s.Visit) == 0) == (len(s.Mix) == 0) {
		panic("scenarios: incomplete: " + s.Name)
	}
	catalogue[s.Name] = &s
	return &s
}

// Default is the scenario of a run that names none.
const Default = "chatbot"

// All returns the scenarios by name.
func All() []*Scenario {
	return slices.SortedFunc(maps.Values(catalogue), func(a, b *Scenario) int { return strings.Compare(a.Name, b.Name) })
}

// Lookup finds a scenario by its name.
func Lookup(name string) (*Scenario, error) {
	if s, ok := catalogue[name]; ok {
		return s, nil
	}
	return nil, fmt.Errorf("unknown scenario %q: want %s", name, strings.Join(slices.Sorted(maps.Keys(catalogue)), ", "))
}
