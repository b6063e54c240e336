package redis

import (
	"context"
	"fmt"
	"slices"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessbench/sessbench/manager"
)

// Atomic is how an update, whose change is computed in the client, is made atomic.
type Atomic string

// The values of Atomic. Each writes only if the state is still the one that was read.
const (
	Watch Atomic = "watch" // WATCH, and MULTI/EXEC that fails if the session was changed meanwhile
	Lua   Atomic = "lua"   // a script that compares incarnation and version, and writes
	Lock  Atomic = "lock"  // a lock key with a token and an expiry, and a script that writes while the lock is held
)

// atomics are the legal values, the default first.
var atomics = []Atomic{Watch, Lua, Lock}

func (a Atomic) check() error {
	if !slices.Contains(atomics, a) {
		return fmt.Errorf("atomic=%q: want %s", string(a), legalAtomics())
	}
	return nil
}

func legalAtomics() string {
	names := make([]string, len(atomics))
	for i, a := range atomics {
		names[i] = string(a)
	}
	return strings.Join(names, ", ")
}

// Guarantees returns the guarantees of a [Store] with this value. With Lock the wait for a lock also ends with ctx, but a nested
// update of the same session waits for its caller, and readers and Delete do not wait.
func (a Atomic) Guarantees() manager.Guarantees {
	g := manager.Guarantees{Blocks: manager.BlocksSession, Cancellable: manager.CancelBetween, Rollback: true}
	if a == Lock {
		g.Cancellable = manager.CancelNever
	}
	return g
}

// change computes the record to write from the record that was read. token identifies the write.
type change func(ctx context.Context, now record, token string) (next record, err error)

// updater makes one try to change the session under a key. It returns an error of change unchanged, [manager.ErrNotFound] if there
// is no session, and *again if another try may succeed.
type updater interface {
	update(ctx context.Context, key string, change change) error
}

// errConflict: the try found a concurrent write.
var errConflict = &again{manager.ErrConflict}

// read returns the record that a GET has found.
func read(ctx context.Context, key string, get *goredis.StringCmd) (record, error) {
	value, err := reply(ctx, get)
	if err != nil {
		return nil, err
	}
	r, err := parseRecord(key, value)
	if err != nil {
		return nil, manager.NotApplied(err)
	}
	return r, nil
}

// written returns the error for the reply of a script that writes.
func written(answer any, p *parcel) error {
	switch answer {
	case applied:
		return nil
	case conflict:
		return p.unless(errConflict)
	case absent:
		return p.unless(manager.ErrNotFound)
	case lockLost:
		return p.unless(manager.NotApplied(ErrLockLost))
	default:
		return fmt.Errorf("%w: unexpected reply %v of a script", manager.ErrIndeterminate, answer)
	}
}
