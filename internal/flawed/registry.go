// Package flawed holds session stores that are wrong on purpose, to prove that verify and the audit can say no. Each is a few
// lines over a right one, copies a bug that was shipped somewhere, and comes with a schedule that shows it every time.
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

// Flaw is a store with one thing wrong.
type Flaw struct {
	Name       string
	How        string // what is wrong, in a line
	Copies     string // where that happens
	Guarantees manager.Guarantees

	// Open makes an empty store that passes the turnstile's points; nil holds nobody. Front and OpenTarget are as in
	// verify.Subject; a flaw with OpenTarget has no Open.
	Open       func(*verify.Turnstile) (manager.SessionStore[manager.Session], error)
	Front      func(manager.SessionStore[manager.Session], *verify.Turnstile) verify.Front
	OpenTarget func(*verify.Turnstile) (scenarios.Target, error)

	Schedule verify.Schedule   // shows the flaw every time
	Kills    []history.Anomaly // any of which is a right conviction
	Races    bool              // under random pressure its memory accesses race for real: for a process of its own
}

// Subject is the flaw as verify takes it.
func (f *Flaw) Subject() verify.Subject {
	return verify.Subject{
		Label: f.Name, Guarantees: f.Guarantees, Open: f.Open, Front: f.Front, OpenTarget: f.OpenTarget,
	}
}

// catalogue is filled by the register calls of this package's files before main starts and never changed after.
var catalogue = map[string]*Flaw{}

// register adds f to the catalogue. It is called from package variables only, so a duplicate is a programming error.
func register(f Flaw) *Flaw {
	if _, dup := catalogue[f.Name]; dup {
		panic("flawed: registered twice: " + f.Name)
	}
	catalogue[f.Name] = &f
	return &f
}

// All returns the flaws by name.
func All() []*Flaw {
	all := slices.Collect(maps.Values(catalogue))
	slices.SortFunc(all, func(a, b *Flaw) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Lookup finds a flaw by name.
func Lookup(name string) (*Flaw, bool) { f, ok := catalogue[name]; return f, ok }

// What most flawed stores claim to be: a store with one lock a session.
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
