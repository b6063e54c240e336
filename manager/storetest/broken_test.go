package storetest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sessbench/sessbench/manager"
)

// broken is a store that is wrong on purpose, and the case that has to detect it.
type broken struct {
	name   string
	in     string // the case
	says   string // what the failure message must contain
	hangs  bool   // found by the lack of progress, or by what is left
	races  bool   // has data races
	inCase func(t testing.TB, name string, l limits)
}

type (
	store = manager.SessionStore[probe]
	talks = manager.SessionStore[manager.Session]
	fn    = func(context.Context, *probe) error
)

var plain = manager.Guarantees{Blocks: manager.BlocksAllSessions, ExclusiveUpdates: true}

// with is plain with something more declared.
func with(declare func(*manager.Guarantees)) manager.Guarantees {
	g := plain
	declare(&g)
	return g
}

var (
	rollbacks    = with(func(g *manager.Guarantees) { g.Rollback = true })
	reentrants   = with(func(g *manager.Guarantees) { g.Reentrant = true })
	cancellables = with(func(g *manager.Guarantees) { g.Cancellable = manager.CancelAlways })
	fairs        = with(func(g *manager.Guarantees) { g.Fair = true })
	onlyItself   = with(func(g *manager.Guarantees) { g.Blocks = manager.BlocksSession })
	onlyWriters  = with(func(g *manager.Guarantees) { g.Blocks = manager.BlocksWriters })
)

// declared runs a case on the stores that open makes, against g, whether they keep to it or not.
func declared(g manager.Guarantees, open func() store) func(testing.TB, string, limits) {
	return func(t testing.TB, name string, l limits) {
		c := find(t, cases[probe](), name)
		c.run(t, func(testing.TB) store { return open() }, g, counting, l)
	}
}

// wrong runs a case on a reference store of guarantees g with one thing changed.
func wrong(g manager.Guarantees, change func(*reference[probe]) store) func(testing.TB, string, limits) {
	return declared(g, func() store { return change(newReference[probe](g)) })
}

// chatting runs a chat case on a chatbot with one thing changed.
func chatting(change func(*manager.Chatbot) chat) func(testing.TB, string, limits) {
	return func(t testing.TB, name string, l limits) {
		over := func(s talks) chat { return change(manager.NewChatbot(s)) }
		open := func(testing.TB) talks { return newReference[manager.Session](plain) }
		find(t, chatCases(over), name).run(t, open, plain, sessionProbe, l)
	}
}

func find[T any](t testing.TB, cases []testCase[T], name string) testCase[T] {
	i := slices.IndexFunc(cases, func(c testCase[T]) bool { return c.name == name })
	if i < 0 {
		t.Fatalf("no case %q", name)
	}
	return cases[i]
}

var brokenStores = []broken{
	{name: "reads and writes back under separate locks", in: "no-lost-update", says: "lost update:",
		inCase: wrong(plain, func(r *reference[probe]) store { return writesBack[probe]{reference: r} })},
	{name: "looks up once and inserts later", in: "one-creator", says: "double creation:",
		inCase: wrong(plain, func(r *reference[probe]) store { return insertsLater{r} })},
	{name: "drops the lock of a deleted session that others wait for", in: "churn", says: "orphan lock:", races: true,
		inCase: wrong(plain, func(r *reference[probe]) store { return &lockTable{reference: r, drop: true} })},
	{name: "keeps the locks of deleted sessions", in: "census", says: "lock leak:",
		inCase: wrong(plain, func(r *reference[probe]) store { return &lockTable{reference: r} })},
	{name: "runs view on the session without its lock", in: "steady-view", says: "live reference returned:", races: true,
		inCase: wrong(plain, func(r *reference[probe]) store { return liveView{r} })},
	{name: "writes back a session that was deleted meanwhile", in: "stays-deleted", says: "resurrected session:",
		inCase: wrong(plain, func(r *reference[probe]) store { return writesBack[probe]{reference: r, always: true} })},
	{name: "creates on update", in: "absent", says: "wrong answer: Update of an absent id",
		inCase: wrong(plain, func(r *reference[probe]) store { return upserts{r} })},
	{name: "sweeps on a stale answer of expired", in: "sweep-touch", says: "stale sweep:",
		inCase: wrong(plain, func(r *reference[probe]) store { return staleSweep{r} })},
	{name: "calls removed twice for a swept session", in: "sweep-once", says: "removed 2 times:",
		inCase: wrong(plain, func(r *reference[probe]) store { return sweepsTwice{r} })},
	{name: "sweeps nothing while an update runs", in: "sweep-busy", says: "session overlooked:",
		inCase: wrong(plain, func(r *reference[probe]) store { return &sweepsAtRest{reference: r} })},
	{name: "returns the state before Delete got the lock", in: "delete-last-state", says: "stale state returned:",
		inCase: wrong(plain, func(r *reference[probe]) store { return oldState{r} })},
	{name: "recreates a session with its old state", in: "lifecycle", says: "wrong creation of incarnation 1:",
		inCase: wrong(plain, func(r *reference[probe]) store { return remembers{r, map[manager.ID]probe{}} })},
	{name: "counts all sessions ever created", in: "len", says: "wrong Len:",
		inCase: wrong(plain, func(r *reference[probe]) store { return &everCreated{reference: r} })},
	{name: "runs fn twice", in: "exclusive-updates", says: "fn ran 2 times",
		inCase: wrong(plain, func(r *reference[probe]) store { return runsTwice{r} })},
	{name: "blocks all sessions and declares to block one", in: "independent-sessions", says: "wider block:", hangs: true,
		inCase: wrong(onlyItself, func(r *reference[probe]) store { return r })},
	{name: "blocks all sessions and declares to block only writers", in: "readers-proceed", says: "readers blocked:", hangs: true,
		inCase: wrong(onlyWriters, func(r *reference[probe]) store { return r })},

	{name: "keeps the lock when fn panics", in: "panic", says: "lock kept: after a panic in fn of Update", hangs: true,
		inCase: wrong(plain, func(r *reference[probe]) store { return noDefer{r} })},
	{name: "swallows a panic", in: "panic", says: "panic swallowed:",
		inCase: wrong(plain, func(r *reference[probe]) store { return swallows{r} })},
	{name: "wraps a panic", in: "panic", says: "panic replaced:",
		inCase: wrong(plain, func(r *reference[probe]) store { return wrapsPanic{r} })},
	{name: "releases on return and on panic, but not on Goexit", in: "goexit",
		says: "lock kept: after runtime.Goexit in fn of Update", hangs: true,
		inCase: wrong(plain, func(r *reference[probe]) store { return onlyRecovers{r} })},
	{name: "wraps fn's error", in: "error-as-is", says: "error changed:",
		inCase: wrong(plain, func(r *reference[probe]) store { return wrapsError{r} })},
	{name: "declares rollback and does nothing", in: "rollback", says: "no rollback:",
		inCase: declared(rollbacks, func() store { return newReference[probe](plain) })},
	{name: "rolls back without declaring it", in: "changes-stay", says: "change undone:",
		inCase: declared(plain, func() store { return newReference[probe](rollbacks) })},

	{name: "declares fairness and serves the last waiter first", in: "fair", says: "starvation:",
		inCase: wrong(fairs, func(r *reference[probe]) store { r.lock.lifo = true; return r })},
	{name: "declares reentrancy and deadlocks", in: "reentrant", says: "self-deadlock:", hangs: true,
		inCase: declared(reentrants, func() store { return newReference[probe](plain) })},
	{name: "accepts the ctx of an fn that has returned", in: "reentrant-owner", says: "stale owner:", races: true,
		inCase: wrong(reentrants, func(r *reference[probe]) store { return keepsOwner{r} })},

	{name: "ignores ctx", in: "ctx-done", says: "done ctx ignored:",
		inCase: wrong(plain, func(r *reference[probe]) store { return deaf{r} })},
	{name: "declares cancellable waits and does not cancel them", in: "cancel-waiting", says: "cancelled waiter still waits:", hangs: true,
		inCase: declared(cancellables, func() store { return newReference[probe](plain) })},
	{name: "applies a cancelled operation", in: "cancel-waiting", says: "cancelled waiter applied:",
		inCase: wrong(cancellables, func(r *reference[probe]) store { return &givesUpEarly{reference: r} })},
	{name: "keeps a lock that was granted at the moment of cancellation", in: "cancel-granted", says: "grant leaked:", hangs: true,
		inCase: wrong(cancellables, func(r *reference[probe]) store { r.lock.leaky = true; return r })},
	{name: "retries after cancellation", in: "cancel-between", says: "cancelled update tried again:",
		inCase: declared(optimisticGuarantees, func() store { o := newOptimistic[probe](); o.deaf = true; return o })},

	{name: "continues after Close", in: "closed", says: "used after Close:",
		inCase: wrong(plain, func(r *reference[probe]) store { return neverCloses{r} })},
	{name: "does not wait for running closures", in: "close-waits", says: "Close did not wait:",
		inCase: wrong(plain, func(r *reference[probe]) store { return &hasty{reference: r} })},
	{name: "checks for Close before the wait and not after", in: "close-storm", says: "applied after Close:",
		inCase: wrong(plain, func(r *reference[probe]) store { return &looksOnce{reference: r} })},
	{name: "leaves a goroutine behind", in: "goroutines", says: "goroutine leak:", hangs: true,
		inCase: wrong(plain, func(r *reference[probe]) store { go func() { select {} }(); return r })},

	{name: "sixteen messages", in: "chat-newest", says: "too long a history: 16 messages",
		inCase: chatting(func(c *manager.Chatbot) chat { return sixteen{c} })},
	{name: "newest message first", in: "chat-newest", says: "wrong order:",
		inCase: chatting(func(c *manager.Chatbot) chat { return backwards{c} })},
	{name: "returns its internal buffer", in: "chat-kept", says: "live reference returned:",
		inCase: chatting(func(c *manager.Chatbot) chat { return &oneBuffer{Chatbot: c} })},
	{name: "numbers messages by an earlier read", in: "chat-numbers", says: "lost update:", races: true,
		inCase: chatting(func(*manager.Chatbot) chat {
			return manager.NewChatbot(writesBack[manager.Session]{reference: newReference[manager.Session](plain)})
		})},
	{name: "same id for all sessions", in: "chat-ids", says: "bad id:",
		inCase: chatting(func(c *manager.Chatbot) chat { return sameID{c} })},
}

// writesBack reads, works on a copy and writes it back, each under a lock of its own.
type writesBack[T any] struct {
	*reference[T]
	always bool // also when the session is gone
}

func (w writesBack[T]) Update(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	var s T
	err := w.View(ctx, id, func(_ context.Context, was *T) error { s = *was; return nil })
	if err != nil {
		return err
	}
	err = fn(ctx, &s)
	runtime.Gosched()
	w.with(ctx, func(context.Context) error {
		if _, ok := w.sessions[id]; ok || w.always {
			w.sessions[id] = &s
		}
		return nil
	})
	return err
}

type insertsLater struct{ *reference[probe] }

func (i insertsLater) GetOrCreate(
	ctx context.Context, id manager.ID, create func() probe, view func(*probe),
) (created bool, err error) {
	err = i.View(ctx, id, func(context.Context, *probe) error { return nil })
	if err == nil {
		return i.reference.GetOrCreate(ctx, id, create, view)
	}
	fresh := create()
	err = i.with(ctx, func(context.Context) error { i.sessions[id] = &fresh; return nil })
	return true, err
}

// lockTable keeps the locks in a table beside that of the sessions.
type lockTable struct {
	*reference[probe]
	drop  bool // with the session, whoever may be waiting for the lock
	locks sync.Map
}

func (l *lockTable) lock(id manager.ID) (unlock func()) {
	lock, _ := l.locks.LoadOrStore(id, new(sync.Mutex))
	lock.(*sync.Mutex).Lock()
	return lock.(*sync.Mutex).Unlock
}

func (l *lockTable) GetOrCreate(
	ctx context.Context, id manager.ID, create func() probe, view func(*probe),
) (created bool, err error) {
	defer l.lock(id)()
	return l.reference.GetOrCreate(ctx, id, create, view)
}

func (l *lockTable) View(ctx context.Context, id manager.ID, fn fn) error {
	defer l.lock(id)()
	var s *probe
	err := l.reference.View(ctx, id, func(_ context.Context, found *probe) error { s = found; return nil })
	if err != nil {
		return err
	}
	return fn(ctx, s)
}

func (l *lockTable) Update(ctx context.Context, id manager.ID, fn fn) error {
	return l.View(ctx, id, fn)
}

func (l *lockTable) Delete(ctx context.Context, id manager.ID) (probe, error) {
	defer l.lock(id)()
	if l.drop {
		defer l.locks.Delete(id)
	}
	return l.reference.Delete(ctx, id)
}

func (l *lockTable) Census() manager.Census {
	c := l.reference.Census()
	l.locks.Range(func(any, any) bool { c.Locks++; return true })
	return c
}

type liveView struct{ *reference[probe] }

func (l liveView) View(ctx context.Context, id manager.ID, fn fn) error {
	var s *probe
	err := l.reference.View(ctx, id, func(_ context.Context, found *probe) error { s = found; return nil })
	if err != nil {
		return err
	}
	return fn(ctx, s)
}

type upserts struct{ *reference[probe] }

func (u upserts) Update(ctx context.Context, id manager.ID, fn fn) error {
	if _, err := u.GetOrCreate(ctx, id, counting.New, nil); err != nil {
		return err
	}
	return u.reference.Update(ctx, id, fn)
}

// staleSweep asks first and removes later, without a second look.
type staleSweep struct{ *reference[probe] }

func (s staleSweep) Sweep(
	ctx context.Context, expired func(manager.ID, *probe) bool, removed func(manager.ID, probe),
) (n int, err error) {
	asked := map[manager.ID]probe{}
	_, err = s.reference.Sweep(ctx, func(id manager.ID, p *probe) bool { asked[id] = *p; return false }, nil)
	for id, p := range asked {
		if !expired(id, &p) {
			continue
		}
		if last, err := s.Delete(ctx, id); err == nil {
			n++
			if removed != nil {
				removed(id, last)
			}
		}
	}
	return n, err
}

type sweepsAtRest struct {
	*reference[probe]
	updates atomic.Int64
}

func (s *sweepsAtRest) Update(ctx context.Context, id manager.ID, f fn) error {
	s.updates.Add(1)
	defer s.updates.Add(-1)
	return s.reference.Update(ctx, id, f)
}

func (s *sweepsAtRest) Sweep(
	ctx context.Context, expired func(manager.ID, *probe) bool, removed func(manager.ID, probe),
) (int, error) {
	if s.updates.Load() > 0 {
		return 0, nil
	}
	return s.reference.Sweep(ctx, expired, removed)
}

type sweepsTwice struct{ *reference[probe] }

func (s sweepsTwice) Sweep(
	ctx context.Context, expired func(manager.ID, *probe) bool, removed func(manager.ID, probe),
) (int, error) {
	return s.reference.Sweep(ctx, expired, func(id manager.ID, last probe) {
		if removed != nil {
			removed(id, last)
			removed(id, last)
		}
	})
}

type oldState struct{ *reference[probe] }

func (o oldState) Delete(ctx context.Context, id manager.ID) (last probe, err error) {
	o.View(ctx, id, func(_ context.Context, s *probe) error { last = *s; return nil })
	for range 100 {
		runtime.Gosched()
	}
	_, err = o.reference.Delete(ctx, id)
	return last, err
}

// remembers keeps what Delete removed for the next session under the same id.
type remembers struct {
	*reference[probe]
	old map[manager.ID]probe
}

func (m remembers) GetOrCreate(
	ctx context.Context, id manager.ID, create func() probe, view func(*probe),
) (created bool, err error) {
	if old, ok := m.old[id]; ok {
		create = func() probe { return old }
	}
	return m.reference.GetOrCreate(ctx, id, create, view)
}

func (m remembers) Delete(ctx context.Context, id manager.ID) (probe, error) {
	last, err := m.reference.Delete(ctx, id)
	m.old[id] = last
	return last, err
}

type everCreated struct {
	*reference[probe]
	n atomic.Int64
}

func (c *everCreated) GetOrCreate(
	ctx context.Context, id manager.ID, create func() probe, view func(*probe),
) (created bool, err error) {
	created, err = c.reference.GetOrCreate(ctx, id, create, view)
	if created {
		c.n.Add(1)
	}
	return created, err
}

func (c *everCreated) Len(context.Context) (int, error) { return int(c.n.Load()), nil }

type runsTwice struct{ *reference[probe] }

func (r runsTwice) Update(ctx context.Context, id manager.ID, fn fn) error {
	return r.reference.Update(ctx, id, func(ctx context.Context, s *probe) error {
		draft := *s
		fn(ctx, &draft)
		return fn(ctx, s)
	})
}

// noDefer lets go of the lock after fn, on the way that is left when fn panics.
type noDefer struct{ *reference[probe] }

func (n noDefer) Update(ctx context.Context, id manager.ID, fn fn) error {
	n.lock.acquire(nil)
	err := error(manager.ErrNotFound)
	if s, ok := n.sessions[id]; ok {
		err = fn(ctx, s)
	}
	n.lock.release()
	return err
}

type swallows struct{ *reference[probe] }

func (s swallows) Update(ctx context.Context, id manager.ID, fn fn) (err error) {
	defer func() { recover() }()
	return s.reference.Update(ctx, id, fn)
}

type wrapsPanic struct{ *reference[probe] }

func (w wrapsPanic) Update(ctx context.Context, id manager.ID, fn fn) error {
	defer func() {
		if v := recover(); v != nil {
			panic(fmt.Sprint("in fn: ", v))
		}
	}()
	return w.reference.Update(ctx, id, fn)
}

type onlyRecovers struct{ *reference[probe] }

func (o onlyRecovers) Update(ctx context.Context, id manager.ID, fn fn) error {
	o.lock.acquire(nil)
	err, value := error(manager.ErrNotFound), any(nil)
	if s, ok := o.sessions[id]; ok {
		value = caught(func() { err = fn(ctx, s) })
	}
	o.lock.release()
	if value != nil {
		panic(value)
	}
	return err
}

type wrapsError struct{ *reference[probe] }

func (w wrapsError) Update(ctx context.Context, id manager.ID, fn fn) error {
	return w.reference.Update(ctx, id, func(ctx context.Context, s *probe) error {
		if err := fn(ctx, s); err != nil {
			return fmt.Errorf("update: %w", err)
		}
		return nil
	})
}

// keepsOwner gives fn a ctx that stays an owner.
type keepsOwner struct{ *reference[probe] }

type ownerKey struct{}

func (k keepsOwner) Update(ctx context.Context, id manager.ID, fn fn) error {
	if s, ok := ctx.Value(ownerKey{}).(*probe); ok {
		return fn(ctx, s)
	}
	return k.reference.Update(ctx, id, func(ctx context.Context, s *probe) error {
		return fn(context.WithValue(ctx, ownerKey{}, s), s)
	})
}

type deaf struct{ *reference[probe] }

func (d deaf) Update(ctx context.Context, id manager.ID, fn fn) error {
	return d.reference.Update(context.WithoutCancel(ctx), id, fn)
}

// givesUpEarly ends the wait of its caller but not the operation.
type givesUpEarly struct {
	*reference[probe]
	pending sync.WaitGroup
}

func (g *givesUpEarly) Update(ctx context.Context, id manager.ID, fn fn) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	done := make(chan error, 1)
	g.pending.Go(func() { done <- g.reference.Update(context.WithoutCancel(ctx), id, fn) })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return manager.NotApplied(ctx.Err())
	}
}

func (g *givesUpEarly) Close() error { g.pending.Wait(); return g.reference.Close() }

type neverCloses struct{ *reference[probe] }

func (neverCloses) Close() error { return nil }

// hasty refuses what comes after Close and waits for nothing.
type hasty struct {
	*reference[probe]
	over atomic.Bool
}

func (h *hasty) Update(ctx context.Context, id manager.ID, fn fn) error {
	if h.over.Load() {
		return manager.ErrClosed
	}
	return h.reference.Update(ctx, id, fn)
}

func (h *hasty) Close() error { h.over.Store(true); return nil }

// looksOnce waits for who is in the lock when it is closed, but not for who is on the way to it.
type looksOnce struct {
	*reference[probe]
	over atomic.Bool
}

func (l *looksOnce) Update(ctx context.Context, id manager.ID, fn fn) error {
	if l.over.Load() {
		return manager.ErrClosed
	}
	for range 100 {
		runtime.Gosched()
	}
	return l.reference.Update(ctx, id, fn)
}

func (l *looksOnce) Close() error {
	l.over.Store(true)
	l.lock.acquire(nil)
	l.lock.release()
	return nil
}

type sixteen struct{ *manager.Chatbot }

func (s sixteen) History(ctx context.Context, id manager.ID, dst []manager.Message) ([]manager.Message, error) {
	h, err := s.Chatbot.History(ctx, id, dst)
	if len(h) > 0 && h[0].Seq > 1 {
		h = slices.Insert(h, 0, manager.Message{Seq: h[0].Seq - 1, Role: "user", Content: fmt.Sprint("message ", h[0].Seq-1)})
	}
	return h, err
}

type backwards struct{ *manager.Chatbot }

func (b backwards) History(ctx context.Context, id manager.ID, dst []manager.Message) ([]manager.Message, error) {
	h, err := b.Chatbot.History(ctx, id, dst)
	slices.Reverse(h)
	return h, err
}

type oneBuffer struct {
	*manager.Chatbot
	buffer []manager.Message
}

func (o *oneBuffer) History(ctx context.Context, id manager.ID, _ []manager.Message) (h []manager.Message, err error) {
	o.buffer, err = o.Chatbot.History(ctx, id, o.buffer[:0])
	return o.buffer, err
}

type sameID struct{ *manager.Chatbot }

func (sameID) CreateSession(context.Context) (manager.ID, error) { return manager.ID{}, nil }
