// Package flawed has session stores that are wrong on purpose: verify and the audit must find a violation in each of them.
// Each store overrides a method of a correct one, copies a bug that was shipped somewhere, and has a schedule that shows
// the bug every time.
//
// [Unusual] returns the counterpart: stores that are correct but slow, stalling, unfair or large. No check may find a
// violation in them.
package flawed

import (
	"maps"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// Flaw is a store with one bug.
type Flaw struct {
	Name       string
	How        string             // the bug, in one line
	Copies     string             // software with this bug
	Guarantees manager.Guarantees // the zero value: those of one lock per session

	// Open returns an empty store that reports the points that its users reach; without SyncPoints no user is held.
	// NewCreator and OpenTarget are as in verify.Subject. A flaw has either Open or OpenTarget.
	Open       func(*verify.SyncPoints) (manager.SessionStore[manager.Session], error)
	NewCreator func(manager.SessionStore[manager.Session], *verify.SyncPoints) verify.Creator
	OpenTarget func() (scenarios.Target, error)

	Schedule verify.Schedule   // shows the bug every time
	Kills    []history.Anomaly // violations that the bug may cause
	Races    bool              // it has real data races, so pressure needs a separate process
}

// Subject returns the flaw for verify.
func (f *Flaw) Subject() verify.Subject {
	return verify.Subject{
		Label: f.Name, Guarantees: f.Guarantees, Open: f.Open, NewCreator: f.NewCreator, OpenTarget: f.OpenTarget,
	}
}

// catalogue is filled by the register calls of this package before main starts, and not changed afterwards.
var catalogue = map[string]*Flaw{}

// register adds f to the catalogue. A duplicate is a programming error.
func register(f Flaw) *Flaw {
	if f.Guarantees == (manager.Guarantees{}) {
		f.Guarantees = perSession
	}
	if _, dup := catalogue[f.Name]; dup {
		panic("flawed: registered twice: " + f.Name)
	}
	catalogue[f.Name] = &f
	return &f
}

// All returns all flaws, sorted by name.
func All() []*Flaw {
	all := slices.Collect(maps.Values(catalogue))
	slices.SortFunc(all, func(a, b *Flaw) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Lookup returns the flaw with this name.
func Lookup(name string) (*Flaw, bool) { f, ok := catalogue[name]; return f, ok }

// Guarantees that most flawed stores declare: those of one lock per session, and of optimistic updates.
var (
	perSession = manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true}
	optimistic = manager.Guarantees{Blocks: manager.BlocksWriters, Cancellable: manager.CancelBetween, Rollback: true}
)

// The users of the schedules.
const (
	userA = iota
	userB
	userC
)
