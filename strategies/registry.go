// Package strategies implements session stores with different lock strategies, one per file. Each is a [manager.SessionStore] of
// any type, created by its New function and usable in a server without the rest of sessbench.
//
// All keep the contract of [manager.SessionStore]: they are safe for concurrent use, and operations on one session are linearizable.
// They differ in which operations wait while one holds a session, in what a closure may do, and in what an operation costs:
//
//   - [Global] and [GlobalRW] have one lock for all sessions. A sweep or a count happens at one instant.
//   - [Sharded] has a lock for each part of the sessions, and 128 parts per processor by default.
//   - [PerSession], [SyncMap], [Xsync] and [CLHT] have a mutex per session, and find sessions in different maps. CLHT takes the
//     least time and memory of them where it was measured (docs/strategies.md).
//   - [Reentrant] lets a closure use the session that it holds, [Cancellable] lets a caller give up while a session is busy.
//   - [COW] copies on write: readers never wait, and an update that fails leaves no trace.
//   - [Actor] leaves the sessions to goroutines that own them.
//
// Errors are those of [manager.SessionStore]. A type's comment says what its closures may do and where it deadlocks. What each declares
// is in [Strategy].Guarantees, by its name ([Lookup]); `sessbench list` prints it, and package storetest and `sessbench verify` check it.
package strategies

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sessbench/sessbench/manager"
)

// Strategy describes a lock strategy to the command line and the tests.
type Strategy struct {
	Name        string
	Description string // one line: what is locked, and when
	Guarantees  manager.Guarantees
	Params      []Param

	// Check rejects combinations of legal values that cannot be used together; nil if all can.
	Check func(p Values) error

	// Open returns an empty store of sessions. p has a legal value for each of Params.
	Open func(p Values) (manager.SessionStore[manager.Session], error)

	// Remote: sessions are kept outside this process. Operations may fail because of the connection, which is counted and is no
	// violation, and the memory of sessions is not measured.
	Remote bool

	// WaitsOnChannels: waits do not appear in the runtime's mutex statistics.
	WaitsOnChannels bool

	// Harness marks a probe that measures the harness: not in "all", not tested, not audited, not ranked.
	Harness bool
}

// Param is one setting of a strategy.
type Param struct {
	Name    string
	Default string
	Doc     string                   // what it sets, with its unit
	Legal   string                   // the legal values in words
	Check   func(value string) error // nil if every value is legal
}

// Values holds a value for each of a strategy's parameters, by name.
type Values map[string]string

// Int returns the value of a parameter whose Check accepts only integers.
func (v Values) Int(name string) int { n, _ := strconv.Atoi(v[name]); return n }

// Resolve checks the given values and adds the defaults of the others.
func (s *Strategy) Resolve(given map[string]string) (Values, error) {
	v := make(Values, len(s.Params))
	for _, p := range s.Params {
		v[p.Name] = p.Default
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		i := slices.IndexFunc(s.Params, func(p Param) bool { return p.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("%s has no parameter %q: want %s", s.Name, name, s.paramNames())
		}
		if p := s.Params[i]; p.Check != nil {
			if err := p.Check(given[name]); err != nil {
				return nil, fmt.Errorf("%s: %s=%q: want %s", s.Name, name, given[name], p.Legal)
			}
		}
		v[name] = given[name]
	}
	if s.Check != nil {
		if err := s.Check(v); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return v, nil
}

// HasParam reports whether the strategy has a parameter of this name.
func (s *Strategy) HasParam(name string) bool {
	return slices.ContainsFunc(s.Params, func(p Param) bool { return p.Name == name })
}

func (s *Strategy) paramNames() string {
	if len(s.Params) == 0 {
		return "none"
	}
	names := make([]string, len(s.Params))
	for i, p := range s.Params {
		names[i] = p.Name
	}
	return strings.Join(names, ", ")
}

// catalogue is filled by the register calls of this package's files before main starts and never changed afterwards.
var catalogue = map[string]*Strategy{}

// register adds s to the catalogue. It is called from package variables only, so a duplicate is a programming error.
func register(s Strategy) *Strategy {
	if _, dup := catalogue[s.Name]; dup {
		panic("strategies: registered twice: " + s.Name)
	}
	catalogue[s.Name] = &s
	return &s
}

// order is the order of All: the baseline first. Strategies not named here follow by name.
var order = []string{"global", "global-rw", "per-session", "sync-map", "sharded", "actor", "cow", "reentrant", "cancellable", "xsync", "clht"}

// All returns the strategies of this package except the harness's probes.
func All() []*Strategy {
	all := slices.Collect(maps.Values(catalogue))
	all = slices.DeleteFunc(all, func(s *Strategy) bool { return s.Harness })
	rank := func(s *Strategy) int {
		if i := slices.Index(order, s.Name); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortFunc(all, func(a, b *Strategy) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	return all
}

// Lookup returns a strategy by name, including the harness's probes.
func Lookup(name string) (*Strategy, bool) { s, ok := catalogue[name]; return s, ok }

// positive is the Check of a parameter that is a count.
func positive(value string) error {
	if n, err := strconv.Atoi(value); err != nil || n < 1 || n > maxShards {
		return fmt.Errorf("not a number from 1 to %d", maxShards)
	}
	return nil
}
