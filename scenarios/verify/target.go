package verify

import (
	"context"

	"github.com/sessbench/sessbench/manager"
)

// Target is a store that is driven by operations in place of closures: one that never hands out a session as a whole.
// Any number of goroutines may call Do.
type Target interface {
	// Do does one operation (GetOrCreate, Append, Update, History, View or Delete) on the session with this id, and
	// fills in what it was told: Created, Life, Version, Seq, Messages and Fields, with Told for those of them that the
	// target knows. Errors are those of [manager.SessionStore].
	Do(ctx context.Context, id manager.ID, op *Op) error

	Close() error
}

// ask has the target do the operation of a call.
func (k *call) ask(ctx context.Context) error {
	k.runs = 1 // there is no closure to run, or to run twice
	return k.target.Do(ctx, k.id, &k.op)
}
