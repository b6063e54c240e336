package manager

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
)

// Brainstorming is a manager of boards in a store: each session has fields and one temporary directory, created with the session,
// removed on deletion, expiry and Close, and never outside the root (os.Root follows no link out of it). It generates every id.
// It is safe for concurrent use.
type Brainstorming struct {
	store SessionStore[Session]
	root  *os.Root
	opts  options
}

// NewBrainstorming returns a Brainstorming on store that keeps its directories under root, which must exist. The caller closes the
// store, after Close.
func NewBrainstorming(store SessionStore[Session], root string, opts ...Option) (*Brainstorming, error) {
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("brainstorming directories: %w", err)
	}
	return &Brainstorming{store: store, root: r, opts: newOptions(opts)}, nil
}

// Over returns a Brainstorming on another store, or the same, with other options and the same root. Only one of them is closed.
func (b *Brainstorming) Over(store SessionStore[Session], opts ...Option) *Brainstorming {
	return &Brainstorming{store: store, root: b.root, opts: newOptions(opts)}
}

// CreateSession creates a session without fields, and its directory.
// Errors: the store's, ErrExists, and those of creating the directory. After an error there is neither.
func (b *Brainstorming) CreateSession(ctx context.Context) (ID, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return ID{}, NotApplied(err)
	}
	if err := b.root.Mkdir(id.String(), 0o700); err != nil {
		return ID{}, NotApplied(err)
	}
	if err := createAs(ctx, b.store, &b.opts, id); err != nil {
		return ID{}, errors.Join(err, b.removeDir(id))
	}
	return id, nil
}

// Dir returns the path of the session's directory, which exists as long as the session.
func (b *Brainstorming) Dir(id ID) string { return filepath.Join(b.root.Name(), id.String()) }

// UpdateSession copies fields into those of the session, all or none, and returns the new version. The
// configured work is done under the session's lock.
// Errors: the store's.
func (b *Brainstorming) UpdateSession(ctx context.Context, id ID, fields map[string]string) (version uint64, err error) {
	err = b.store.Update(ctx, id, func(_ context.Context, s *Session) error {
		b.opts.doWork()
		if b.opts.ttl > 0 {
			s.Touched = b.opts.now()
		}
		version = s.SetFields(fields)
		return nil
	})
	return version, err
}

// Session returns a copy of the session that shares nothing with it. With a time-to-live it records a touch when one is due.
// Errors: the store's.
func (b *Brainstorming) Session(ctx context.Context, id ID) (Session, error) {
	var copied *Session
	var due bool
	err := b.store.View(ctx, id, func(_ context.Context, s *Session) error {
		copied, due = s.Clone(), b.opts.touchDue(s)
		return nil
	})
	if err != nil {
		return Session{}, err
	}
	if due {
		err = b.store.Update(ctx, id, func(_ context.Context, s *Session) error {
			b.opts.doWork()
			s.Touch(b.opts.now())
			return nil
		})
		if err != nil && !errors.Is(err, ErrNotFound) { // removed since: no error of the read
			return Session{}, err
		}
	}
	return *copied, nil
}

// DeleteSession removes the session and its directory. The configured OnRemove gets the final state.
// Errors: the store's, and those of removing the directory.
func (b *Brainstorming) DeleteSession(ctx context.Context, id ID) error {
	last, err := b.store.Delete(ctx, id)
	if err != nil {
		return err
	}
	return b.removed(id, last)
}

// ExpireIdle removes every session whose last use is at least ttl ago, with its directory, and returns their number,
// also beside an error. A ttl of zero or less removes all.
// Errors: the store's, and those of removing directories.
func (b *Brainstorming) ExpireIdle(ctx context.Context, ttl time.Duration) (int, error) {
	var failed []error
	n, err := expireIdle(ctx, b.store, &b.opts, ttl, func(id ID, last Session) {
		if err := b.removed(id, last); err != nil {
			failed = append(failed, err)
		}
	})
	return n, errors.Join(append(failed, err)...)
}

// Close removes every session and every directory, and closes the root. The store stays open.
func (b *Brainstorming) Close() error {
	_, err := b.ExpireIdle(context.Background(), 0)
	return errors.Join(err, b.root.Close())
}

// removed calls OnRemove for a session that the store has removed, and removes its directory.
func (b *Brainstorming) removed(id ID, last Session) error {
	if b.opts.onRemove != nil {
		b.opts.onRemove(id, last)
	}
	return b.removeDir(id)
}

func (b *Brainstorming) removeDir(id ID) error { return b.root.RemoveAll(id.String()) }
