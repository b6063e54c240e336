package main

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
)

// scsMemory uses the memory store of scs as scs's middleware does: find the session's bytes and decode them before the request,
// encode and commit them after it, with no lock in between. A session is one value, JSON, in the default codec, which is gob.
//
// Two requests that overlap lose the update of one of them, and a request that overlaps a deletion commits the session again. Close
// waits for nothing.
type scsMemory struct {
	store  *memstore.MemStore
	codec  scs.GobCodec
	closed atomic.Bool
}

func newScs() manager.SessionStore[manager.Session] {
	return &scsMemory{store: memstore.NewWithCleanupInterval(0)} // no goroutine: sessions are removed before they expire
}

const (
	scsLifetime = 24 * time.Hour // the default of a session manager
	scsKey      = "session"
)

func (s *scsMemory) check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	if s.closed.Load() {
		return manager.ErrClosed
	}
	return nil
}

func (s *scsMemory) load(ctx context.Context, id manager.ID) (v manager.Session, err error) {
	if err := s.check(ctx); err != nil {
		return v, err
	}
	blob, found, err := s.store.Find(id.String())
	if err != nil {
		return v, err
	}
	if !found {
		return v, manager.ErrNotFound
	}
	return s.decode(blob)
}

func (s *scsMemory) decode(blob []byte) (v manager.Session, err error) {
	_, values, err := s.codec.Decode(blob)
	if err != nil {
		return v, err
	}
	text, _ := values[scsKey].([]byte)
	return v, json.Unmarshal(text, &v)
}

func (s *scsMemory) commit(id manager.ID, v *manager.Session) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	deadline := time.Now().Add(scsLifetime)
	blob, err := s.codec.Encode(deadline, map[string]any{scsKey: text})
	if err != nil {
		return err
	}
	return s.store.Commit(id.String(), blob, deadline)
}

// GetOrCreate implements [manager.SessionStore].
func (s *scsMemory) GetOrCreate(
	ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session),
) (created bool, err error) {
	v, err := s.load(ctx, id)
	if err == manager.ErrNotFound {
		v, created = create(), true
		err = s.commit(id, &v)
	}
	if err != nil {
		return false, err
	}
	if view != nil {
		view(&v)
	}
	return created, nil
}

// View implements [manager.SessionStore].
func (s *scsMemory) View(ctx context.Context, id manager.ID, fn closure) error {
	v, err := s.load(ctx, id)
	if err != nil {
		return err
	}
	return fn(ctx, &v)
}

// Update implements [manager.SessionStore]. After an error nothing is committed.
func (s *scsMemory) Update(ctx context.Context, id manager.ID, fn closure) error {
	v, err := s.load(ctx, id)
	if err != nil {
		return err
	}
	if err := fn(ctx, &v); err != nil {
		return err
	}
	return s.commit(id, &v)
}

// Delete implements [manager.SessionStore].
func (s *scsMemory) Delete(ctx context.Context, id manager.ID) (last manager.Session, err error) {
	if last, err = s.load(ctx, id); err != nil {
		return last, err
	}
	return last, s.store.Delete(id.String())
}

// Sweep implements [manager.SessionStore].
func (s *scsMemory) Sweep(
	ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session),
) (n int, err error) {
	if err := s.check(ctx); err != nil {
		return 0, err
	}
	blobs, err := s.store.All()
	if err != nil {
		return 0, err
	}
	for token, blob := range blobs {
		if err := s.check(ctx); err != nil {
			return n, err
		}
		id, err := uuid.Parse(token)
		if err != nil {
			return n, err
		}
		v, err := s.decode(blob)
		if err != nil {
			return n, err
		}
		if !expired(id, &v) {
			continue
		}
		if err := s.store.Delete(token); err != nil {
			return n, err
		}
		n++
		if removed != nil {
			removed(id, v)
		}
	}
	return n, nil
}

// Len implements [manager.SessionStore].
func (s *scsMemory) Len(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, manager.NotApplied(err)
	}
	if s.closed.Load() {
		return 0, nil
	}
	blobs, err := s.store.All()
	return len(blobs), err
}

// Close implements [manager.SessionStore].
func (s *scsMemory) Close() error {
	s.closed.Store(true)
	return nil
}
