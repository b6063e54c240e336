package redis

import (
	"context"
	"fmt"
	"slices"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessbench/sessbench/manager"
)

// Atomic is a way to make an update one step, although the change is worked out in the client.
type Atomic string

// The ways to be atomic. All of them write only over the very state that was read.
const (
	Watch Atomic = "watch" // WATCH, and MULTI/EXEC that fails when the session was changed meanwhile
	Lua   Atomic = "lua"   // a script that compares life and version, and writes
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

// Guarantees is what a [Store] that is atomic in this way promises. The wait for a lock ends with ctx, too, but an update inside
// an update of the same session would wait for its own caller, and readers and Delete wait for nobody.
func (a Atomic) Guarantees() manager.Guarantees {
	g := manager.Guarantees{Blocks: manager.BlocksSession, Cancellable: manager.CancelBetween, Rollback: true}
	if a == Lock {
		g.Cancellable = manager.CancelNever
	}
	return g
}

// change makes out of the record that was read the one to write. The write goes by the name of token.
type change func(ctx context.Context, now record, token string) (next record, err error)

// updater makes one try to change the session under a key. An error of change comes back as it is, [manager.ErrNotFound]
// says that there is no session, and *again that another try may succeed.
type updater interface {
	update(ctx context.Context, key string, change change) error
}

// errConflict is the try that met another write.
var errConflict = &again{manager.ErrConflict}

// read is the record that a GET has found.
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

// written is the meaning of what a script that writes has answered.
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
		return fmt.Errorf("%w: a script answered %v", manager.ErrIndeterminate, answer)
	}
}
