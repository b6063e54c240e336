package main

import (
	"context"

	"github.com/alphadose/haxmap"

	"github.com/sessbench/sessbench/manager"
)

// haxMap finds entries through a haxmap.Map. Its keys are numbers or strings, so the key of a session is the string of its id's
// 16 bytes. It is allocated for each operation, because the map calls its hash function through a variable.
//
// GetOrCompute is documented to call the constructor only once, but searches and inserts in two steps, of which the second
// overwrites: each of two concurrent calls may create a session, and the first of them is lost. While the map grows an entry
// "might show up in the map only after the resize operation is finished".
type haxMap struct {
	base
	m *haxmap.Map[string, *entry]
}

func newHaxmap() manager.SessionStore[manager.Session] {
	s := &haxMap{m: haxmap.New[string, *entry]()}
	s.all = func(yield func(manager.ID, *entry) bool) {
		s.m.ForEach(func(key string, e *entry) bool { return yield(manager.ID([]byte(key)), e) })
	}
	s.remove = func(id manager.ID) { s.m.Del(string(id[:])) }
	s.count = func() int { return int(s.m.Len()) }
	return s
}

// GetOrCreate implements [manager.SessionStore].
func (s *haxMap) GetOrCreate(
	ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session),
) (bool, error) {
	if err := s.check(ctx); err != nil {
		return false, err
	}
	for {
		e, found := s.m.GetOrCompute(string(id[:]), func() *entry { return newEntry(create) })
		if !found {
			return s.created(id, e, view)
		}
		if e.show(view) {
			return false, nil
		}
	}
}

// View implements [manager.SessionStore].
func (s *haxMap) View(ctx context.Context, id manager.ID, fn closure) error {
	return s.Update(ctx, id, fn)
}

// Update implements [manager.SessionStore].
func (s *haxMap) Update(ctx context.Context, id manager.ID, fn closure) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	for {
		e, found := s.m.Get(string(id[:]))
		if !found {
			return s.absent()
		}
		if live, err := e.use(ctx, fn); live {
			return err
		}
	}
}

// Delete implements [manager.SessionStore].
func (s *haxMap) Delete(ctx context.Context, id manager.ID) (last manager.Session, err error) {
	if err := ctx.Err(); err != nil {
		return last, manager.NotApplied(err)
	}
	for {
		e, found := s.m.Get(string(id[:]))
		if !found {
			return last, s.absent()
		}
		e.mu.Lock()
		if !e.dead {
			e.dead, last = true, e.val
			s.m.Del(string(id[:]))
			e.mu.Unlock()
			return last, nil
		}
		e.mu.Unlock()
	}
}
