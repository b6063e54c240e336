package scenarios

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// DriverKind selects the driver through which a scenario's users reach the sessions.
type DriverKind uint8

// The kinds of driver. StoreDriver reuses ids after deletion, which no manager does.
const (
	ChatDriver DriverKind = iota
	BoardDriver
	StoreDriver
)

// Scenario is a workload: what users do. A registered scenario holds the defaults; a run changes a copy of it.
type Scenario struct {
	Name    string
	Purpose string // one sentence: what a run of this scenario shows

	Driver DriverKind
	Visit  []Op // the operations of one visit, in order, all on one session; empty with Mix
	Mix    Mix  // if not empty, a visit is one operation, drawn by weight
	Legal  []Op // what --mix may name

	Users      int
	Sessions   int           // session slots; divided among the users with OwnSessions
	Hold       time.Duration // work under the lock of every update
	Spin       bool          // the work is on the processor, not a sleep
	Think      time.Duration // pause of a user between visits
	Iterations int           // visits per user; 0: the run is timed
	Keys       Keys          // popularity of the sessions
	Sizes      Sizes         // sizes of messages and field values
	Prefill    int           // messages in each session before the trial starts
	Load       Load          // when visits arrive; the zero Load: whenever a user is free
	Ramp       Ramp          // how many of Users are active; the zero Ramp: all

	OwnSessions     bool          // each user uses only its part of the sessions
	StartsEmpty     bool          // no session exists before the trial starts
	RemovesSessions bool          // sessions are removed while users use them: not_found is no violation
	TTL             time.Duration // time-to-live; 0: none. With RemovesSessions and OwnSessions a sweeper runs
	DayEnd          bool          // the sweeper removes every session each TTL, used or not
	Fields          []string      // fields that an update writes together, all with one value
	NoWarmUp        bool          // the start is measured
}

// Sleeps reports whether users wait for a time without using the processor, under the lock or between visits.
func (s *Scenario) Sleeps() bool { return s.Hold > 0 && !s.Spin || s.Think > 0 }

// Idle returns s as a closed loop of all users, without work under the lock, pauses and a number of visits.
func (s Scenario) Idle() *Scenario {
	s.Hold, s.Think, s.Iterations, s.Load, s.Ramp = 0, 0, 0, Load{}, Ramp{}
	return &s
}

// Sweeps reports whether a sweeper removes sessions during the trial.
func (s *Scenario) Sweeps() bool { return s.TTL > 0 }

// SweepEvery is the time from the start of one sweep to the next.
func (s *Scenario) SweepEvery() time.Duration {
	if s.DayEnd {
		return s.TTL
	}
	return s.TTL / 2
}

// SweepIdle is how long after its last use a session is swept. At a day's end every session that was used before is.
func (s *Scenario) SweepIdle() time.Duration {
	if s.DayEnd {
		return 1
	}
	return s.TTL
}

// Creates reports whether visits create sessions.
func (s *Scenario) Creates() bool {
	return slices.ContainsFunc(slices.Concat(s.Visit, s.Mix.ops()), func(op Op) bool { return op.Does(Mints) })
}

// Ops returns the operations that occur in visits.
func (s *Scenario) Ops() []Op {
	ops := slices.Concat(s.Visit, s.Mix.ops())
	if s.OwnSessions && s.StartsEmpty {
		ops = append(ops, Create) // a user that finds its session absent creates it
	}
	slices.Sort(ops)
	return slices.Compact(ops)
}

// RequiredOps returns the operations that a run needs from a target: for preloading, visits and sweeps, and for the audit, which
// reads and removes each session at the end.
func (s *Scenario) RequiredOps() []Op {
	ops := append(s.Ops(), Delete)
	if !s.StartsEmpty {
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

// ResultOps returns the names of the operations that can appear in a result of s.
func (s *Scenario) ResultOps() []string {
	ops := s.Ops()
	removes := func(op Op) bool { return op.Does(Removes) }
	if s.OwnSessions && (s.RemovesSessions || slices.ContainsFunc(ops, removes)) && !slices.Contains(ops, Create) {
		ops = append(ops, Create) // by users whose session is gone
	}
	names := OpNames(ops)
	if s.Sweeps() {
		for _, name := range OpNames(ops) {
			names = append(names, name+"_during_sweep")
		}
		names = append(names, Sweep.String())
	}
	return names
}

// ByVersion reports whether changes are numbered by the session's version, and not by its message count.
func (s *Scenario) ByVersion() bool {
	return s.Driver == BoardDriver || !slices.ContainsFunc(s.Legal, func(op Op) bool { return op.Does(AddsMessage) })
}

// SlotsPerUser is the number of slots per user with OwnSessions, and of all users together otherwise.
func (s *Scenario) SlotsPerUser() int {
	if !s.OwnSessions {
		return s.Sessions
	}
	return max(1, s.Sessions/s.Users)
}

// Slots is the total number of session slots. With OwnSessions it is a multiple of the number of users.
func (s *Scenario) Slots() int {
	if !s.OwnSessions {
		return s.Sessions
	}
	return s.SlotsPerUser() * s.Users
}

// Brief is a scenario for a list of scenarios, and in its JSON.
type Brief struct {
	Name       string   `json:"name"`
	Purpose    string   `json:"tells"`
	Users      int      `json:"users"`
	Sessions   int      `json:"sessions"`
	HoldNs     int64    `json:"hold_ns"`
	HoldKind   string   `json:"hold_kind"`
	ThinkNs    int64    `json:"think_ns"`
	TTLNs      int64    `json:"ttl_ns"`     // 0: sessions do not expire
	Iterations int      `json:"iterations"` // visits of each user; 0: until the window ends
	Keys       string   `json:"keys"`
	Visit      []string `json:"visit,omitempty"`
	Mix        string   `json:"mix,omitempty"`
	Legal      []string `json:"legal_operations"`
}

// Brief returns s for a list of scenarios.
func (s *Scenario) Brief() Brief {
	return Brief{s.Name, s.Purpose, s.Users, s.Sessions, int64(s.Hold), s.HoldKind(), int64(s.Think), int64(s.TTL), s.Iterations,
		s.Keys.String(), OpNames(s.Visit), s.Mix.String(), OpNames(s.Legal)}
}

// OpNames returns the names of operations.
func OpNames(ops []Op) (names []string) {
	for _, op := range ops {
		names = append(names, op.String())
	}
	return names
}

// catalogue is filled by the register calls of this package's files before main starts and never changed after.
var catalogue = map[string]*Scenario{}

// register adds s to the catalogue. It is called from package variables only, so a duplicate is a programming error.
func register(s Scenario) *Scenario {
	if _, dup := catalogue[s.Name]; dup {
		panic("scenarios: registered twice: " + s.Name)
	}
	if s.Users == 0 || s.Sessions == 0 || s.Purpose == "" || len(s.Sizes) == 0 || (len(s.Visit) == 0) == (len(s.Mix) == 0) {
		panic("scenarios: incomplete: " + s.Name)
	}
	catalogue[s.Name] = &s
	return &s
}

// Default is the name of the default scenario.
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
