package storetest

import (
	"context"
	"sync/atomic"

	"github.com/sessbench/sessbench/manager"
)

func lifecycle[T any](e *env[T]) {
	id := e.ids.id()
	for incarnation := range 3 {
		views, seen := 0, int64(-1)
		show := func(s *T) { views, seen = views+1, e.p.Count(s) }
		created, err := e.store.GetOrCreate(background, id, e.p.New, show)
		e.want(err, nil, "GetOrCreate of an absent id")
		if !created || views == 0 || seen != 0 {
			e.fatalf("wrong creation of incarnation %d: created %v, view ran %d times and saw count %d, want true, 1 and 0",
				incarnation, created, views, seen)
		}
		e.want(e.increment(id), nil, "Update")
		created, err = e.store.GetOrCreate(background, id, e.p.New, show)
		e.want(err, nil, "GetOrCreate of an existing session")
		if created || seen != 1 {
			e.fatalf("double creation: GetOrCreate of an existing session gave created %v, count %d, want false, 1",
				created, seen)
		}
		created, err = e.store.GetOrCreate(background, id, e.p.New, nil)
		e.want(err, nil, "GetOrCreate with a nil view")
		if created {
			e.fatalf("double creation: GetOrCreate with a nil view created an existing session")
		}
		e.wantCount(id, 1, "wrong state after one update")
		if last := e.remove(id, "Delete"); last != 1 {
			e.fatalf("stale state returned: Delete returned count %d after 1 update", last)
		}
	}
}

func absent[T any](e *env[T]) {
	never, gone := e.ids.id(), e.create(1)[0]
	e.remove(gone, "Delete")
	for _, id := range []manager.ID{never, gone} {
		called := false
		fn := func(context.Context, *T) error { called = true; return nil }
		e.want(e.store.View(background, id, fn), manager.ErrNotFound, "View of an absent id")
		e.want(e.store.Update(background, id, fn), manager.ErrNotFound, "Update of an absent id")
		_, err := e.store.Delete(background, id)
		e.want(err, manager.ErrNotFound, "Delete of an absent id")
		if called {
			e.fatalf("phantom session: fn was called for an absent id")
		}
	}
	e.wantLen(0)
}

// wantLen fails the case unless Len returns n. No operation may be running.
func (e *env[T]) wantLen(n int) {
	got, err := e.store.Len(background)
	e.want(err, nil, "Len")
	if got != n {
		e.fatalf("wrong Len: there are %d sessions and Len returned %d", n, got)
	}
}

func oneCreator[T any](e *env[T]) {
	const callers = 64
	for round := range e.rounds(100) {
		id := e.ids.id()
		create := e.p.New
		if round < 8 {
			create = e.meetingCreate()
		}
		var creators atomic.Int64
		e.storm(callers, func(int) {
			var created bool
			err := e.retry(func() (err error) {
				created, err = e.store.GetOrCreate(background, id, create, func(s *T) { e.p.Count(s) })
				return err
			})
			e.want(err, nil, "GetOrCreate")
			if created {
				creators.Add(1)
			}
			e.want(e.increment(id), nil, "Update of a session after GetOrCreate")
		})
		if n := creators.Load(); n != 1 {
			e.fatalf("double creation: %d of %d concurrent callers got created == true, want 1", n, callers)
		}
		e.wantCount(id, callers, "double creation: updates of one of two sessions under the same id are lost")
	}
}

// meetingCreate returns a create that waits briefly for a second call, so that a store that looks up once and inserts later is
// caught between the two.
func (e *env[T]) meetingCreate() func() T {
	var first atomic.Bool
	second := newGate()
	return func() T {
		if first.CompareAndSwap(false, true) {
			e.linger(second.ch)
		} else {
			second.open()
		}
		return e.p.New()
	}
}

func exactLen[T any](e *env[T]) {
	ids := e.create(100)
	e.wantLen(100)
	for _, id := range ids[:30] {
		e.remove(id, "Delete")
	}
	for _, id := range ids[20:40] { // ten of them were deleted
		e.ensure(id, "GetOrCreate")
	}
	e.wantLen(80)
	for _, id := range ids[90:] {
		e.want(e.increment(id), nil, "Update")
	}
	e.wantSweep(10, func(s *T) bool { return e.p.Count(s) == 1 }, "Sweep of 80 sessions")
	e.wantLen(70)
	e.storm(4, func(int) {
		for _, id := range ids {
			e.ensure(id, "GetOrCreate")
		}
	})
	e.wantLen(100)
}
