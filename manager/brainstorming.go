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

// Brainstorming is the application's view on a store of boards: each session has fields and one ephemeral directory,
// made on create, removed on delete, expiry and Close, and never outside the root (os.Root follows no
// link out of it). It mints every id itself. It is safe for concurrent use.
type Brainstorming struct {
	store SessionStore[Session]
	root  *os.Root
	opts  options
}

// NewBrainstorming returns a brainstorming server over store that keeps its directories under root, which must exist.
// The store stays the caller's to close, after Close.
func NewBrainstorming(store SessionStore[Session], root string, opts ...Option) (*Brainstorming, error) {
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("brainstorming directories: %w", err)
	}
	return &Brainstorming{store: store, root: r, opts: newOptions(opts)}, nil
}

// Over returns a brainstorming server that keeps its directories under the same root, over store and with its own
// options. Over the same store it serves the same sessions. Close one of them, once.
func (b *Brainstorming) Over(store SessionStore[Session], opts ...Option) *Brainstorming {
	return &Brainstorming{store: store, root: b.root, opts: newOptions(opts)}
}

// CreateSession makes a session without fields, and its directory.
// Errors: the store's, ErrExists, and what kept the directory from being made; then there is neither.
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

// Dir is the path of the session's directory. It exists as long as the session does.
func (b *Brainstorming) Dir(id ID) string { return filepath.Join(b.root.Name(), id.String()) }

// UpdateSession copies fields over those of the session, all of them or none, and returns the new version. The
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

// Session returns a copy of the session that shares nothing with it. With a time-to-live a read is a use: it
// records a touch when one is due.
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
		if err != nil && !errors.Is(err, ErrNotFound) { // gone since: no error of the read
			return Session{}, err
		}
	}
	return *copied, nil
}

// DeleteSession removes the session and its directory. The configured OnRemove gets the last state.
// Errors: the store's, and what kept the directory from being removed.
func (b *Brainstorming) DeleteSession(ctx context.Context, id ID) error {
	last, err := b.store.Delete(ctx, id)
	if err != nil {
		return err
	}
	return b.gone(id, last)
}

// ExpireIdle removes every session whose last use is at least ttl ago, with its directory, and returns their number,
// also beside an error. A ttl of zero or less removes all.
// Errors: the store's, and what kept a directory from being removed.
func (b *Brainstorming) ExpireIdle(ctx context.Context, ttl time.Duration) (int, error) {
	var failed []error
	n, err := expireIdle(ctx, b.store, &b.opts, ttl, func(id ID, last Session) {
		if err := b.gone(id, last); err != nil {
			failed = append(failed, err)
		}
	})
	return n, errors.Join(append(failed, err)...)
}

// Close removes every session and every directory, and lets go of the root. The store stays open.
func (b *Brainstorming) Close() error {
	_, err := b.ExpireIdle(context.Background(), 0)
	return errors.Join(err, b.root.Close())
}

// gone does what is due once the store has let go of a session.
func (b *Brainstorming) gone(id ID, last Session) error {
	if b.opts.onRemove != nil {
		b.opts.onRemove(id, last)
	}
	return b.removeDir(id)
}

func (b *Brainstorming) removeDir(id ID) error { return b.root.RemoveAll(id.String()) }
