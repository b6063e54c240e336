package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/internal/goroutine"
	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/manager"
)

// round is one store under one script or schedule.
type round struct {
	cfg    *Config
	seed   uint64
	script script

	*arena
	clients []*client // the users, and last the keeper, who looks at what they left and removes it
	dog     *watchdog

	histories []history.History
	faults    []offence
	stacks    string             // of a hang
	undecided string             // why nothing is known of a round that did not end
	again     int                // closures that ran more than once
	pending   []chan struct{}    // closed when whoever uses the store has come to an end
	unsettled bool               // nobody knows whether everything was removed
	leak      *history.Violation // what a target keeps for sessions that are gone; nil: nothing
}

// play opens a store and drives the users through it. An error says that the store could not be opened or the schedule not
// be played; what the store did wrong is in the round.
func (of *run) play(ctx context.Context, seed uint64) (*round, error) {
	r := &round{cfg: &of.Config, seed: seed}
	if of.Config.Schedule == nil {
		r.script = draw(seed, &of.Config, of.target)
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(r.script.procs))
	}
	if err := r.open(of.target, of.turnstile); err != nil {
		return nil, err
	}
	if of.target != nil {
		if err := r.prepare(ctx); err != nil || r.gone.Load() != nil {
			return r, err
		}
	}
	if ended, err := r.drive(ctx); err != nil || !ended {
		r.abandon()
		return r, err
	}
	if r.gone.Load() != nil {
		r.disconnect()
		return r, nil // nobody answers whoever would clean up
	}
	if !r.guarded(r.keep) || !r.guarded(r.closeDown) {
		r.abandon()
		return r, nil // somebody may still be writing what collect would read
	}
	if r.target == nil {
		r.countRoutines()
	}
	r.collect()
	return r, nil
}

// open makes the store, unless there is a target, the ids and the users.
func (r *round) open(target *audience, t *Turnstile) error {
	users, slots := len(r.script.users), r.script.slots
	if r.cfg.Schedule != nil {
		users, slots = r.cfg.Schedule.users(), r.cfg.Schedule.slots()
	}
	beats := make([]*beat, users+1)
	for i := range beats {
		beats[i] = new(beat)
	}
	r.dog = newWatchdog(r.cfg.Patience, r.cfg.Schedule != nil, beats)
	a := &arena{
		target: target, sure: r.cfg.Subject.Sure, guarantees: r.cfg.Subject.Guarantees, turnstile: t,
		ids: make([]manager.ID, slots), slotOf: make(map[manager.ID]uint32, slots), base: time.Now(),
	}
	if err := a.open(&r.cfg.Subject); err != nil {
		return err
	}
	for i := range a.ids {
		a.ids[i] = r.alike(uuid.New(), a.ids[0])
		a.slotOf[a.ids[i]] = uint32(i)
	}
	if r.script.gauge || t != nil && a.guarantees.ExclusiveUpdates {
		a.inside = make([]gauge, slots)
	}
	r.arena = a
	for i, b := range beats {
		room := 8
		if i < len(r.script.users) {
			room = len(r.script.users[i])
		}
		// Each user has two recorders whose tags must not meet: of a pool's sessions, and of those it had minted.
		r.clients = append(r.clients, &client{
			arena: a, user: i, beat: b,
			rec: history.NewRecorder(i, 2*room, manager.HistoryLimit*room), mints: history.NewRecorder(i, 0, 0),
		})
	}
	return nil
}

// schedule plays the schedule.
func (r *round) schedule() (ended bool, err error) {
	actors := r.cfg.Schedule.cast(r.users(), r.dog)
	err = r.cfg.Schedule.play(actors, r.turnstile)
	var stuck error
	for _, a := range actors {
		if a.done != nil {
			r.pending = append(r.pending, a.done)
			stuck = cmp.Or(stuck, r.dog.await(a.done, 1))
		}
		a.cancel()
	}
	return err == nil && r.completed("the users", stuck), err
}

// alike has the ids of a round share one half, the other half or nothing: a store must look at all of their bytes.
func (r *round) alike(id, first manager.ID) manager.ID {
	switch {
	case first == manager.ID{}:
	case r.seed%3 == 1:
		copy(id[:8], first[:8])
	case r.seed%3 == 2:
		copy(id[8:], first[8:])
	}
	return id
}

// open opens the store, unless there is a target.
func (a *arena) open(s *Subject) (err error) {
	if a.target != nil {
		return nil
	}
	if a.store, err = s.Open(a.turnstile); err != nil {
		return err
	}
	if s.Front != nil {
		a.front = s.Front(a.store, a.turnstile)
	} else {
		a.front = manager.NewChatbot(a.store)
	}
	return nil
}

// users are the clients but for the keeper.
func (r *round) users() []*client { return r.clients[:len(r.clients)-1] }

func (r *round) keeper() *client { return r.clients[len(r.clients)-1] }

// drive runs the users' operations and reports whether all users completed theirs.
func (r *round) drive(ctx context.Context) (completed bool, err error) {
	if r.cfg.Schedule != nil {
		return r.schedule()
	}
	return r.press(ctx), nil
}

// press runs all users at once and reports whether they completed their operations.
func (r *round) press(ctx context.Context) bool {
	var running sync.WaitGroup
	gate, done := make(chan struct{}), make(chan struct{})
	r.pending = append(r.pending, done)
	for i, c := range r.users() {
		running.Go(func() {
			r.dog.adopt()
			<-gate
			for k := range r.script.users[i] {
				if k%16 == 0 && ctx.Err() != nil || r.gone.Load() != nil {
					return
				}
				p := &r.script.users[i][k]
				c.do(context.Background(), p)
				p.after.apply()
			}
		})
	}
	stop := r.collectGarbage()
	defer stop()
	close(gate)
	go func() { running.Wait(); close(done) }()
	return r.completed("the users", r.dog.await(done, 1))
}

// collectGarbage forces collections until the function returned is called, if the script wants them.
func (r *round) collectGarbage() (stop func()) {
	if !r.script.gc {
		return func() {}
	}
	quit, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for {
			select {
			case <-quit:
				return
			case <-time.After(time.Millisecond):
				runtime.GC()
			}
		}
	}()
	return func() { close(quit); <-gone }
}

// guarded runs f, which uses the store, and reports whether it returned.
func (r *round) guarded(f func()) bool {
	done := make(chan struct{})
	r.pending = append(r.pending, done)
	go func() {
		defer close(done)
		r.dog.adopt()
		f()
	}()
	return r.completed("the goroutines that clean up after the users, or observe a guarantee,", r.dog.await(done, closeFactor))
}

// completed reports whether err, the watchdog's, is nil. A hang is noted as a violation by who waits, and otherwise why nothing
// is decided.
func (r *round) completed(who string, err error) bool {
	if errors.Is(err, goroutine.ErrUndecided) {
		r.undecided = fmt.Sprintf("no operation was completed for %v, although goroutines were at work: "+
			"the store hangs in a loop, or is too slow to be verified", goroutine.UndecidedAfter*r.cfg.Patience)
	}
	if !errors.Is(err, goroutine.ErrHang) {
		return err == nil
	}
	why := fmt.Sprintf("no progress for %v", r.cfg.Patience)
	if r.dog.closed {
		why = "no user can continue"
	}
	if r.target != nil {
		why += ", and no response to " + r.unanswered()
	} else {
		r.stacks = r.dog.stacks()
		why += ": " + who + " wait for something that does not come (a lock that is not released, a message that is not received?)"
	}
	r.faults = append(r.faults, offence{history.Hang, history.ByWatchdog, -1, int64(time.Since(r.base)), why})
	return false
}

// keep looks at what the users left, and removes it, unless users never remove anything.
func (r *round) keep() {
	k, ctx := r.keeper(), context.Background()
	for slot := range r.ids {
		for _, kind := range []history.Kind{history.ReadMessages, history.ReadFields, history.Delete} {
			if r.target != nil && !r.target.has(kind) || !r.cfg.performs(kind) {
				continue
			}
			k.do(ctx, &plan{kind: kind, slot: uint32(slot)})
		}
		if (k.last == history.Indeterminate || k.last == history.NotApplied) && r.cfg.performs(history.Delete) {
			_ = r.settle(func() error { return r.remove(r.ids[slot]) })
		}
	}
	for _, c := range r.users() {
		for _, id := range c.minted {
			r.removeMinted(id)
			k.beat.n.Add(1)
		}
	}
}

// remove removes a session. What was under its id is of no interest any more.
func (r *round) remove(id manager.ID) error {
	if r.target != nil {
		return r.keeper().vacate(id)
	}
	_, err := r.store.Delete(context.Background(), id)
	return err
}

// removeMinted removes a session that a user had minted, and that nobody else can have removed.
func (r *round) removeMinted(id manager.ID) {
	k, tries := r.keeper(), 0
	err := r.settle(func() error {
		tries++
		return r.remove(id)
	})
	switch {
	case err == nil, errors.Is(err, manager.ErrNotFound) && tries > 1:
	case errors.Is(err, manager.ErrNotFound):
		k.fault(history.ByAnswers, history.LostSession, 0, "a session that had been created, and that nobody had removed, is not there any more")
	default:
		k.fault(history.ByAnswers, history.UnexpectedError, 0, "delete of a session that had been created: %v", err)
	}
}

// settle calls f again as long as it may or may not have taken effect, within reason.
func (r *round) settle(f func() error) (err error) {
	for range 20 {
		if err = f(); !unsettled(err) {
			return err
		}
	}
	r.unsettled = true
	return err
}

// unsettled reports whether an operation that ended so may or may not have been applied, or may be tried again: its answer
// was lost, or the store gave it up for a reason of its own.
func unsettled(err error) bool {
	return errors.Is(err, manager.ErrIndeterminate) || errors.Is(err, manager.ErrConflict) ||
		errors.Is(err, manager.ErrNotApplied) && !errors.Is(err, context.Canceled)
}

// closeDown counts what is left, and closes a store. A target is there for the next round.
func (r *round) closeDown() {
	k := r.keeper()
	unknown := slices.ContainsFunc(r.clients, func(c *client) bool { return c.unknown })
	certain := !r.unsettled && !unknown && r.cfg.performs(history.Delete) // else nothing was removed
	if r.target != nil {
		if certain {
			r.countAt()
		}
		r.disconnect()
		return
	}
	if certain {
		r.count()
	}
	if err := r.store.Close(); err != nil {
		k.fault(history.ByAnswers, history.UnexpectedError, 0, "Close: %v", err)
	}
	if _, err := r.store.GetOrCreate(context.Background(), r.ids[0], newSession, nil); !errors.Is(err, manager.ErrClosed) {
		k.fault(history.ByAnswers, history.UnexpectedError, 0, "GetOrCreate on a closed store: error %v, want ErrClosed", err)
	}
}

// count looks whether anything is left of the sessions, all of which were removed.
func (r *round) count() {
	k := r.keeper()
	if n, err := r.store.Len(context.Background()); err != nil && !unsettled(err) {
		k.fault(history.ByAnswers, history.UnexpectedError, 0, "Len: %v", err)
	} else if err == nil && n != 0 {
		k.fault(history.ByCensus, history.LeakedSessions, 0, "all sessions were deleted, and the store counts %d", n)
	}
	if s, ok := r.store.(manager.CensusReporter); ok {
		switch c := s.Census(); {
		case c.Sessions != 0:
			k.fault(history.ByCensus, history.LeakedSessions, 0, "all sessions were deleted, and %d can still be found", c.Sessions)
		case c.Locks != 0:
			k.fault(history.ByCensus, history.LeakedLocks, 0, "all sessions were deleted, and %d locks are still kept for them", c.Locks)
		}
	}
}

// countRoutines looks whether the store's goroutines have ended with it. They may take a moment.
func (r *round) countRoutines() {
	n := 0
	for end := time.Now().Add(r.cfg.Patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if n = r.dog.leaked(); n == 0 {
			return
		}
		if r.dog.closed && r.dog.allWait() {
			break
		}
	}
	r.faults = append(r.faults, offence{history.LeakedGoroutines, history.ByCensus, -1, int64(time.Since(r.base)),
		fmt.Sprintf("the store is closed, and %d goroutines that it began are still there", n)})
	r.release()
}

// abandon lets go of a store that hangs, as far as it allows.
func (r *round) abandon() {
	r.release()
	patience := time.After(time.Second)
	for _, done := range r.pending {
		select {
		case <-done:
		case <-patience:
			return
		}
	}
}

// release wakes whoever waits inside the store for ever, where the store offers that.
func (r *round) release() {
	if s, ok := r.store.(interface{ Abandon() }); ok {
		s.Abandon()
	}
	if r.target != nil {
		r.target.abandon()
	}
}

// collect puts together what the users saw. Nobody writes any more.
func (r *round) collect() {
	var pool, mints []*history.Recorder
	ids := slices.Clone(r.ids)
	number := map[manager.ID]uint32{}
	for _, c := range r.clients {
		r.faults = append(r.faults, c.faults...)
		r.again += c.again
		pool = append(pool, c.rec)
		c.mints.Renumber(func(s uint32) uint32 {
			id := c.minted[s]
			n, known := number[id]
			if !known {
				n = uint32(len(ids))
				number[id] = n
				ids = append(ids, id)
			}
			return n
		})
		mints = append(mints, c.mints)
	}
	r.late.mu.Lock()
	defer r.late.mu.Unlock()
	if r.late.n > 0 {
		r.faults = append(r.faults, offence{history.LateClosure, history.ByAnswers, -1, 0, fmt.Sprintf(
			"the closure of %s ran when the operation had already returned", r.late.who)})
	}
	r.histories = history.Merge(ids, false, append(pool, mints...))
	for i := range r.histories {
		if r.target != nil {
			name(&r.histories[i])
		}
	}
	if r.cfg.Schedule != nil {
		if o := r.overtaken(); o != nil {
			r.faults = append(r.faults, *o)
		}
	}
}

// patienceOfQueue is how many others may begin and end a change of a session while somebody waits to change it. First come,
// first served lets none by; a mutex lets a few.
const patienceOfQueue = 30

// overtaken looks in a schedule's histories for a user who was passed over again and again, where the store declares to be
// fair: a schedule has no time to wait until that shows as a delay.
func (r *round) overtaken() *offence {
	if !r.guarantees.Fair {
		return nil
	}
	for i := range r.histories {
		if op, passed := r.histories[i].Overtaken(patienceOfQueue); op != nil {
			return &offence{history.Starvation, history.ByFairness, -1, op.Return, fmt.Sprintf(
				"%s waited while %d changes of the same session by others began and ended", op.String(), passed)}
		}
	}
	return nil
}
