package verify

import (
	"context"
	"errors"
	"time"

	"github.com/sessbench/sessbench/manager"
)

// Subject is a store to be verified.
type Subject struct {
	Label      string
	Params     map[string]string
	Guarantees manager.Guarantees

	// Open makes an empty store. A store that was made for schedules passes the turnstile's points; any other ignores it.
	Open func(*Turnstile) (manager.SessionStore[manager.Session], error)

	// Front makes what mints ids on a store; nil: a [manager.Chatbot].
	Front func(manager.SessionStore[manager.Session]) Front
}

// Front is the part of a manager that mints ids.
type Front interface {
	CreateSession(ctx context.Context) (manager.ID, error)
}

// Config is what to verify, and how hard to press. Zero values mean the defaults.
type Config struct {
	Subject  Subject
	Seed     uint64        // of the first round; each further round has the next number
	Rounds   int           // 0: DefaultRounds; negative: until Budget is used up
	Budget   time.Duration // no round begins after it
	Users    int           // at most, in each round
	Ops      int           // at most, on each session
	Patience time.Duration // without any progress, after which the store counts as hanging
	Schedule Schedule      // played in place of random pressure
	Progress func(Step)    // called between rounds, on the goroutine of Run; may be nil
}

// The defaults.
const (
	DefaultRounds   = 48
	DefaultBudget   = 20 * time.Second
	DefaultUsers    = 8
	DefaultOps      = 1000
	DefaultSeed     = 1
	DefaultPatience = 2 * time.Second
)

// Step says how far a run has come.
type Step struct {
	Round, Rounds int // finished, and in all; Rounds is 0 where the budget decides
}

// Run verifies a store. It changes GOMAXPROCS while it runs. When ctx ends before the run is over, the report holds what was
// found so far, is inconclusive unless it is a violation, and ctx's error comes beside it. A store that hangs keeps the
// goroutines that are inside it.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	return nil, errors.New("not yet")
}
