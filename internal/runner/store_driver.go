package runner

import (
	"context"

	"github.com/sessbench/sessbench/manager"
)

// storeDriver is one user's driver of a store without a manager between, for ids that are used more than once. Like the
// managers' pooled operations its closures are bound once, so that a call allocates nothing. Not safe for concurrent use.
type storeDriver struct {
	store manager.SessionStore[manager.Session]
	work  manager.Work
	next  uint64 // the incarnation of the next session this user makes

	role, content  string
	base, out      []manager.Message
	incarnation, n uint64 // of the session that the last operation met, and its number of messages after it
	created        bool   // by the last getOrCreate

	create func() manager.Session
	see    func(*manager.Session)
	append func(context.Context, *manager.Session) error
	read   func(context.Context, *manager.Session) error
}

// firstLife is the bit at which the number of the user who made a session begins in its incarnation.
const incarnationShift = 40

// newStoreDriver returns a driver of store for a user. work may be nil.
func newStoreDriver(store manager.SessionStore[manager.Session], number int, work manager.Work) *storeDriver {
	v := &storeDriver{store: store, work: work, next: uint64(number+1) << incarnationShift}
	v.create = func() manager.Session {
		v.next++
		return manager.Session{Incarnation: v.next}
	}
	v.see = func(s *manager.Session) { v.incarnation, v.n = s.Incarnation, s.Seq }
	v.append = func(_ context.Context, s *manager.Session) error {
		if v.work != nil {
			v.work()
		}
		v.n = s.Append(v.role, v.content)
		v.incarnation = s.Incarnation
		return nil
	}
	v.read = func(_ context.Context, s *manager.Session) error {
		v.out = s.History(v.base)
		v.incarnation, v.n = s.Incarnation, s.Seq
		return nil
	}
	return v
}

func (v *storeDriver) getOrCreate(ctx context.Context, id manager.ID) (incarnation uint64, created bool, err error) {
	created, err = v.store.GetOrCreate(ctx, id, v.create, v.see)
	v.created = created
	return v.incarnation, created, err
}

func (v *storeDriver) add(ctx context.Context, id manager.ID, role, content string) (incarnation, n uint64, err error) {
	v.role, v.content = role, content
	err = v.store.Update(ctx, id, v.append)
	return v.incarnation, v.n, err
}

func (v *storeDriver) history(ctx context.Context, id manager.ID, dst []manager.Message) ([]manager.Message, error) {
	v.base, v.out = dst, dst
	err := v.store.View(ctx, id, v.read)
	return v.out, err
}
