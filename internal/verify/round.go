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
	"github.com/sessbench/sessbench/scenarios"
)

// round runs one script or schedule on one store.
type round struct {
	cfg    *Config
	seed   uint64
	script script

	*shared
	clients  []*client // the users, then the cleaner, which reads and removes the sessions that are left
	watchdog *watchdog

	histories     []history.History
	violations    []violation
	undecided     string          // why nothing is known of a round that did not end
	stacks        string          // of its goroutines then
	again         int             // number of closures that ran more than once
	pending       []chan struct{} // closed when the goroutines that use the store have ended
	indeterminate bool            // sessions may be left
	levels        *levels         // nil: the contract is linearizability
	restart       restart
	leak          *history.Violation // what a target keeps for removed sessions, or a closed store counts; nil: nothing
}

// play opens a store and runs a round on it. The error is that the store could not be opened or that the schedule could not be
// played; violations are in the round.
func (of *run) play(ctx context.Context, seed uint64) (*round, error) {
	r := &round{cfg: &of.cfg, seed: seed, levels: of.levels}
	if of.cfg.Schedule == nil {
		r.script = draw(seed, &of.cfg, of.target)
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(r.script.procs))
	}
	if err := r.open(of.target, of.points); err != nil {
		return nil, err
	}
	if of.target != nil {
		if err := r.prepare(ctx); err != nil || r.failed.Load() != nil {
			return r, err
		}
	}
	var ended bool
	var err error
	if r.cfg.Schedule != nil {
		ended, err = r.schedule()
	} else {
		ended = r.press(ctx)
	}
	if !ended {
		r.abandon()
		return r, err
	}
	if r.failed.Load() != nil {
		r.disconnect()
		return r, nil // the target is gone, so there is nothing to clean up
	}
	if !r.closing.closed.Load() && !r.guarded(r.cleanUp) || !r.guarded(r.closeDown) {
		r.abandon()
		return r, nil // collect would race with users that still run
	}
	if r.target == nil {
		r.countRoutines()
	}
	r.collect()
	return r, nil
}

// open opens the store, unless there is a target, and creates ids and users.
func (r *round) open(target *remote, t *SyncPoints) (err error) {
	users, slots := len(r.script.users), r.script.slots
	if r.cfg.Schedule != nil {
		users, slots = r.cfg.Schedule.size()
	}
	beats := make([]*beat, users+1)
	for i := range beats {
		beats[i] = new(beat)
	}
	r.watchdog = newWatchdog(r.cfg.Patience, r.cfg.Schedule != nil, beats)
	a := &shared{
		target: target, subject: &r.cfg.Subject, points: t,
		base: time.Now(),
		pool: pool{make([]manager.ID, slots), make(map[manager.ID]uint32, slots), len(beats)},
	}
	switch {
	case target == nil:
		if a.store, err = a.subject.Open(t); err != nil {
			return err
		}
		a.creator = manager.NewChatbot(a.store)
		if a.subject.NewCreator != nil {
			a.creator = a.subject.NewCreator(a.store, t)
		}
	case !target.Supports(scenarios.Append):
		a.newKind = scenarios.BoardDriver
	}
	for i := range a.pool.ids {
		a.pool.ids[i] = r.similarID(uuid.New(), a.pool.ids[0])
		a.pool.slotOf[a.pool.ids[i]] = uint32(i)
	}
	if r.script.gauge || t != nil && a.subject.Guarantees.ExclusiveUpdates {
		a.gauges = make([]gauge, slots)
	}
	r.shared = a
	for i, b := range beats {
		room := 8
		if i < len(r.script.users) {
			room = len(r.script.users[i])
		}
		c := &client{shared: a, user: i, beat: b, rec: history.NewRecorder(i, 2*room, manager.HistoryLimit*room)}
		if target == nil {
			c.conn = storeConn{c}
		}
		r.clients = append(r.clients, c)
	}
	return nil
}

// schedule plays the schedule and reports whether all its operations returned.
func (r *round) schedule() (ended bool, err error) {
	var users []*scheduledUser
	for _, c := range r.users() {
		users = append(users, &scheduledUser{client: c, position: newPosition(), watchdog: r.watchdog, cancel: func() {}})
	}
	err = r.cfg.Schedule.play(users, r.points)
	var stuck error
	for _, u := range users {
		if u.done != nil {
			r.pending = append(r.pending, u.done)
			stuck = cmp.Or(stuck, r.watchdog.await(u.done, 1))
		}
		u.cancel()
	}
	return err == nil && r.completed("the users", stuck), err
}

// similarID makes the ids of a round share the first half, the second half or nothing: a store must compare all bytes.
func (r *round) similarID(id, first manager.ID) manager.ID {
	switch {
	case first == manager.ID{}:
	case r.seed%3 == 1:
		copy(id[:8], first[:8])
	case r.seed%3 == 2:
		copy(id[8:], first[8:])
	}
	return id
}

// users are the clients without the cleaner.
func (r *round) users() []*client { return r.clients[:len(r.clients)-1] }

func (r *round) cleaner() *client { return r.clients[len(r.clients)-1] }

// press runs all users at once and reports whether they completed their operations.
func (r *round) press(ctx context.Context) bool {
	var running sync.WaitGroup
	start, done := newBarrier(len(r.users())), make(chan struct{})
	r.pending = append(r.pending, done)
	stop := r.collectGarbage()
	defer stop()
	if r.script.direct {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, narrowTime)
		defer cancel()
	}
	if r.cfg.Disturb == Restart && r.target != nil {
		running.Go(func() { r.restartTarget(ctx) })
	}
	for i, c := range r.users() {
		running.Go(func() {
			r.watchdog.adopt()
			defer start.leave()
			refused := 0 // operations since the store was closed
			for k := range r.script.users[i] {
				if k%r.script.stretch == 0 {
					start.wait(int64(1 + k/r.script.stretch))
				}
				if i == 0 && k > 0 && k == r.script.closeAfter {
					c.closeStore()
				}
				if r.closing.closed.Load() {
					refused++
				}
				if refused > mostRefused || ctx.Err() != nil || r.failed.Load() != nil || r.restarts.Load() > 0 {
					return
				}
				p := &r.script.users[i][k]
				c.do(context.Background(), p)
				p.after.apply()
			}
		})
	}
	go func() { running.Wait(); close(done) }()
	return r.completed("the users", r.watchdog.await(done, 1))
}

// mostRefused is the number of operations that a user begins after the store was closed.
const mostRefused = 2

// collectGarbage forces collections until stop is called, if the script has any.
func (r *round) collectGarbage() (stop func()) {
	if !r.script.gc {
		return func() {}
	}
	quit, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for last := int64(-1); ; {
			select {
			case <-quit:
				return
			case <-time.After(time.Millisecond):
				if n := r.watchdog.progress(); n != last { // otherwise the watchdog would see a goroutine at work, and no hang
					last = n
					runtime.GC()
				}
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
		r.watchdog.adopt()
		f()
	}()
	return r.completed("the goroutines that clean up after the users, or observe a guarantee,", r.watchdog.await(done, closeFactor))
}

// completed reports whether the watchdog's err is nil. Otherwise it records a hang of the waiting goroutines, or why the round is
// undecided.
func (r *round) completed(waiting string, err error) bool {
	if errors.Is(err, goroutine.ErrUndecided) {
		r.undecided = fmt.Sprintf("no operation was completed for %v, although goroutines were at work: "+
			"the store hangs in a loop, or is too slow to be verified", goroutine.UndecidedAfter*r.cfg.Patience)
		if r.target == nil {
			r.stacks = r.watchdog.stacks()
		}
	}
	if !errors.Is(err, goroutine.ErrHang) {
		return err == nil
	}
	why := fmt.Sprintf("no progress for %v", r.cfg.Patience)
	if r.watchdog.closed {
		why = "no user can continue"
	}
	v := history.NewViolation(history.Hang, "%s: %s wait for something that does not come (a lock that is not released, "+
		"a message that is not received?)", why, waiting)
	if r.target != nil {
		v.Why = why + ", and no response to " + r.pendingRequests()
	} else {
		v.Stacks = r.watchdog.stacks()
	}
	r.note(v)
	return false
}

// cleanUp reads and removes the sessions that the users left, as far as the scenarios have such operations.
func (r *round) cleanUp() {
	k := r.cleaner()
	if r.levels != nil {
		r.settle()
	}
	rest := r.countAtRest()
	for slot := range r.pool.ids {
		if !r.script.direct { // otherwise there are many sessions, and a deletion returns the same
			r.look(slot, history.ReadMessages, history.ReadFields)
			rest.add(k.last)
		}
	}
	if r.script.sweepRest && r.cfg.performs(history.Sweep) {
		k.do(context.Background(), &plan{act: act{kind: history.Sweep}, idle: everything})
	}
	for slot := range r.pool.ids {
		r.look(slot, history.Delete)
		if r.script.direct {
			rest.add(k.last)
		}
		if (k.last == history.Indeterminate || k.last == history.NotApplied) && r.cfg.performs(history.Delete) {
			_ = r.retry(func() error { return k.remove(r.pool.ids[slot], uint32(slot)) })
		}
	}
	rest.check()
	for _, c := range r.users() {
		for n, id := range c.minted {
			r.removeMinted(c, id, r.pool.number(c.user, n))
			k.beat.n.Add(1)
		}
	}
}

// look has the cleaner perform operations of these kinds on a session, as far as the target and the scenarios have them.
func (r *round) look(slot int, kinds ...history.Kind) {
	r.cleaner().last = 0
	for _, kind := range kinds {
		if r.target != nil && !r.target.has(kind) || !r.cfg.performs(kind) {
			continue
		}
		r.cleaner().do(context.Background(), &plan{act: usual(kind), slot: uint32(slot)})
	}
}

// removeMinted removes a session that user k created and no other user knew.
func (r *round) removeMinted(k *client, id manager.ID, number uint32) {
	tries := 0
	remove := func() error {
		return r.retry(func() error {
			tries++
			return k.remove(id, number)
		})
	}
	err := remove()
	if errors.Is(err, manager.ErrNotFound) && r.levels != nil {
		if r.restarts.Load() > 0 {
			return // lost at the restart, if it was created before
		}
		for end := time.Now().Add(r.levels.bound); errors.Is(err, manager.ErrNotFound) && time.Now().Before(end); err = remove() {
			tries = 0
			time.Sleep(settlePause)
			k.beat.n.Add(1)
		}
	}
	switch {
	case err == nil, errors.Is(err, manager.ErrNotFound) && tries > 1:
	case errors.Is(err, manager.ErrNotFound):
		k.violate(history.LostSession, "a session that was created and never removed does not exist any more")
	default:
		k.violate(history.UnexpectedError, "delete of a created session: %v", err)
	}
}

// retry calls f until it is known whether it took effect, at most 20 times.
func (r *round) retry(f func() error) (err error) {
	for range 20 {
		if err = f(); !indeterminate(err) {
			return err
		}
	}
	r.indeterminate = true
	return err
}

// indeterminate reports whether an operation that returned err may have taken effect or may be tried again: its response was
// lost, or the store gave up.
func indeterminate(err error) bool {
	return errors.Is(err, manager.ErrIndeterminate) || errors.Is(err, manager.ErrConflict) ||
		errors.Is(err, manager.ErrNotApplied) && !errors.Is(err, context.Canceled)
}

// closeDown counts what is left and closes the store. A target stays open for the next round.
func (r *round) closeDown() {
	k := r.cleaner()
	unknown := slices.ContainsFunc(r.clients, func(c *client) bool { return c.unknown })
	certain := !r.indeterminate && !unknown && r.cfg.performs(history.Delete) && !r.closing.closed.Load() // otherwise sessions may be left
	if certain {
		r.count()
	}
	if r.target != nil {
		r.disconnect()
		return
	}
	if !r.closing.closed.Load() {
		k.closeStore()
	}
	if v := r.afterClose(r.pool.ids[0]); v != nil {
		r.note(v)
	}
}

// count checks that nothing is left of the sessions, which were all removed.
func (r *round) count() {
	asked := &pending{"the census after the round", time.Now()}
	c, err := r.census(context.Background())
	r.noteFailure(err, asked)
	v := leakOf(c)
	switch {
	case errors.Is(err, scenarios.ErrUnsupported), errors.Is(err, scenarios.ErrUnavailable), r.target == nil && indeterminate(err):
	case err != nil:
		r.cleaner().violate(history.UnexpectedError, "census: %v", err)
	case r.target != nil:
		r.leak = v
	case v != nil:
		r.note(v)
	}
}

// census counts the sessions, and the locks where they are reported.
func (a *shared) census(ctx context.Context) (c manager.Census, err error) {
	if a.target != nil {
		return a.target.Census(ctx)
	}
	if s, ok := a.store.(manager.CensusReporter); ok {
		c = s.Census()
	}
	c.Sessions, err = a.store.Len(ctx)
	return c, err
}

// note records a violation that no user has found.
func (r *round) note(v *history.Violation) {
	r.violations = append(r.violations, violation{v, r.now()})
}

// countRoutines checks that the goroutines of the closed store end.
func (r *round) countRoutines() {
	n := 0
	for end := time.Now().Add(r.cfg.Patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if n = r.watchdog.leaked(); n == 0 {
			return
		}
		if r.watchdog.closed && r.watchdog.allWait() {
			break
		}
	}
	r.note(history.NewViolation(history.LeakedGoroutines, "the store is closed, but %d goroutines that it started still run", n))
	r.release()
}

// abandon ends the goroutines in a store that hangs, where the store allows it.
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

// release wakes goroutines that wait in the store for ever, if the store has a method Abandon.
func (r *round) release() {
	if s, ok := r.store.(interface{ Abandon() }); ok {
		s.Abandon()
	}
	if r.target != nil {
		r.target.abandon()
	}
}

// merged merges what the users have recorded so far. No operation may be running.
func (r *round) merged() []history.History {
	var records []*history.Recorder
	ids := slices.Clone(r.pool.ids)
	for _, c := range r.clients {
		records = append(records, c.rec)
		for k, id := range c.minted {
			n := int(r.pool.number(c.user, k))
			ids = append(ids, make([]manager.ID, max(0, n+1-len(ids)))...) // the numbers of users who minted fewer remain unused
			ids[n] = id
		}
	}
	histories := history.Merge(ids, false, records)
	for i := range histories {
		if r.target != nil {
			name(&histories[i])
		}
	}
	return histories
}

// collect collects what the users, who have all ended, have recorded.
func (r *round) collect() {
	for _, c := range r.clients {
		r.violations = append(r.violations, c.violations...)
		r.again += c.again
	}
	if late := r.late.Load(); late != nil {
		v := history.NewViolation(history.LateClosure, "the closure of %s ran after the operation had returned", *late)
		r.violations = append(r.violations, violation{v, 0}) // the cause of others
	}
	if v := r.closing.against.Load(); v != nil {
		r.note(v)
	}
	r.histories = r.merged()
	r.addUnjudged()
	if r.restart.ended > 0 {
		r.takeStock()
	}
	if r.cfg.Schedule != nil {
		r.findOvertaken()
	}
}

// patienceOfQueue is the number of changes of a session that may begin and end while an update waits for it. A queue admits
// none, a mutex a few.
const patienceOfQueue = 30

// findOvertaken finds in the histories of a schedule an update that many others overtook, which a store that declares to be
// fair prevents. A schedule is too short to show that as a delay.
func (r *round) findOvertaken() {
	if !r.subject.Guarantees.Fair {
		return
	}
	for i := range r.histories {
		if op, passed := r.histories[i].Overtaken(patienceOfQueue); op != nil {
			v := history.NewViolation(history.Starvation,
				"%s waited while %d changes of the same session by others began and ended", op.String(), passed)
			r.violations = append(r.violations, violation{v, op.Return})
			return
		}
	}
}
