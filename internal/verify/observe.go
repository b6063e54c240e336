package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// observe checks the declared guarantees and what every store must do beside linearizability, each on a new store.
func (r *run) observe(ctx context.Context) error {
	if r.target != nil {
		return r.observeTarget(ctx)
	}
	r.report.Guarantees = nil // the last observation counts
	for _, check := range []struct {
		of   []history.Kind // needs one of these operations
		look func(*probe) Guarantee
	}{
		{[]history.Kind{history.Append, history.Update}, blocks},
		{[]history.Kind{history.Nested}, reentrant},
		{[]history.Kind{history.Append, history.Update}, cancellable},
		{[]history.Kind{history.Append, history.Update}, rollback},
		{[]history.Kind{history.Sweep}, sweeps},
		{[]history.Kind{history.Append, history.Update}, closes},
		{[]history.Kind{history.Delete}, leakFree},
		{[]history.Kind{history.Append, history.Update}, fairShare},
	} {
		if ctx.Err() != nil {
			return nil
		}
		if !slices.ContainsFunc(check.of, r.cfg.performs) {
			continue
		}
		p, err := r.probe()
		if err != nil {
			return err
		}
		g, v := p.run(check.look)
		if p.round.undecided != "" {
			r.undecided, r.report.Stacks = p.round.undecided, p.round.stacks
			return nil
		}
		if v != nil {
			g.Reported = r.violated(v)
		}
		r.report.Guarantees = append(r.report.Guarantees, g)
		if r.over() {
			return nil
		}
	}
	return nil
}

// probe is a new store with one session for one observation.
type probe struct {
	round         round
	declares      manager.Guarantees
	id            manager.ID
	violation     *history.Violation
	running       sync.WaitGroup
	indeterminate atomic.Bool // an operation was indeterminate, so the observation proves nothing
}

func (r *run) probe() (*probe, error) {
	p := &probe{round: round{cfg: &r.cfg}, declares: r.cfg.Subject.Guarantees, id: uuid.New()}
	p.round.script.slots = 1
	return p, p.round.open(nil, nil)
}

// run calls look and closes the store.
func (p *probe) run(look func(*probe) Guarantee) (g Guarantee, v *history.Violation) {
	fine := p.round.guarded(func() {
		if _, err := p.round.store.GetOrCreate(context.Background(), p.id, newSession, nil); p.noted(err) != nil {
			p.violate(history.UnexpectedError, "GetOrCreate: %v", err)
			return
		}
		g = look(p)
		p.running.Wait()
	})
	fine = fine && p.round.guarded(func() { _ = p.round.store.Close() })
	if !fine {
		p.round.abandon()
		if p.round.undecided != "" {
			return Guarantee{}, nil
		}
		v = p.round.violations[0].Violation
		v.Seed = p.round.cfg.Seed
		return Guarantee{}, v
	}
	if p.indeterminate.Load() {
		g.Observed, g.Kept, g.Detail = notObserved, true, "an operation was indeterminate, so this is unknown"
		return g, nil
	}
	if p.violation == nil && !g.Kept {
		a := history.BrokenGuarantee
		if g.Name == "rollback" && g.Observed == "yes" {
			a = history.UndeclaredRollback
		}
		p.violate(a, "%s: declared %s, observed %s: %s", g.Name, g.Declared, g.Observed, g.Detail)
	}
	if p.violation != nil {
		p.violation.Seed = p.round.cfg.Seed
	}
	return g, p.violation
}

func (p *probe) violate(a history.Anomaly, format string, args ...any) {
	p.violation = history.NewViolation(a, format, args...)
}

func newSession() manager.Session { return manager.Session{} }

// update is an Update of the probe's session.
func (p *probe) update(ctx context.Context, fn func(context.Context, *manager.Session) error) error {
	return p.noted(p.round.store.Update(ctx, p.id, fn))
}

// noted returns err and records whether it is indeterminate.
func (p *probe) noted(err error) error {
	if indeterminate(err) {
		p.indeterminate.Store(true)
	}
	return err
}

// messages is how many messages the probe's session has.
func (p *probe) messages() (n uint64) {
	err := p.round.store.View(context.Background(), p.id, func(_ context.Context, s *manager.Session) error {
		n = s.Seq
		return nil
	})
	if p.noted(err) != nil {
		p.violate(history.UnexpectedError, "View: %v", err)
	}
	return n
}

func add(_ context.Context, s *manager.Session) error {
	s.Append(role, tagText(0))
	return nil
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

const notObserved = "–"

// reentrant tries nested updates where that is declared: two in one, the first of which has another. Other stores would hang.
func reentrant(p *probe) Guarantee {
	g := Guarantee{Name: "reentrant", Declared: yes(p.declares.Reentrant), Observed: notObserved, Kept: true}
	if !p.declares.Reentrant {
		return g
	}
	nest := func(updates ...func(context.Context, *manager.Session) error) func(context.Context, *manager.Session) error {
		return func(ctx context.Context, s *manager.Session) error {
			errs := []error{add(ctx, s)}
			for _, u := range updates {
				errs = append(errs, p.update(ctx, u))
			}
			return errors.Join(errs...)
		}
	}
	err := p.update(context.Background(), nest(nest(add), add))
	n := p.messages()
	g.Kept = err == nil && n == 4
	g.Observed, g.Detail = yes(g.Kept), fmt.Sprintf("%d of 4 messages written, error %v", n, err)
	return g
}

// cancellable holds a session and cancels an update that waits for it.
func cancellable(p *probe) Guarantee {
	declared := p.declares.Cancellable
	g := Guarantee{Name: "cancellable", Declared: string(declared), Observed: "no", Kept: true}
	if declared == manager.CancelNever {
		g.Declared = "no"
	}
	h := p.hold(p.id, add)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	answer := make(chan error, 1)
	p.running.Go(func() { answer <- p.update(ctx, add) })
	time.Sleep(pause)
	cancel()
	wait := pause
	if declared != manager.CancelNever {
		wait = p.round.cfg.Patience / 2 // so that the watchdog sees no hang
	}
	var err error
	early := false
	select {
	case err = <-answer:
		early = true
	case <-time.After(wait):
	}
	h.release()
	if !early {
		err = <-answer
	}
	p.running.Wait()
	refused := errors.Is(err, manager.ErrNotApplied)
	switch {
	case early && refused:
		g.Observed = "yes"
		if declared == manager.CancelQueued {
			g.Observed = string(declared)
		}
	case early && err == nil:
		g.Observed = "no wait"
	}
	switch declared {
	case manager.CancelAlways, manager.CancelQueued:
		g.Kept = early && refused
	case manager.CancelBetween:
		g.Kept = early
	}
	g.Detail = fmt.Sprintf("the cancelled update returned error %v, before the session was free: %s", err, yes(early))
	want := uint64(1)
	if err == nil {
		want = 2
	}
	if n := p.messages(); n != want {
		p.violate(history.AbortedRead,
			"of an update that was cancelled while it waited (error %v) and one that was not, %d took effect, want %d", err, n, want)
	}
	return g
}

// pause gives a goroutine time to start waiting.
const pause = 5 * time.Millisecond

// rollback lets updates fail after their change.
func rollback(p *probe) Guarantee {
	g := Guarantee{Name: "rollback", Declared: yes(p.declares.Rollback)}
	ctx := context.Background()
	_ = p.update(ctx, func(ctx context.Context, s *manager.Session) error {
		return errors.Join(add(ctx, s), errPlanned)
	})
	afterError := p.messages()
	func() {
		defer func() { _ = recover() }()
		_ = p.update(ctx, func(ctx context.Context, s *manager.Session) error {
			_ = add(ctx, s)
			panic(errPlanned)
		})
	}()
	afterPanic := p.messages() - afterError
	switch {
	case afterError == 0 && afterPanic == 0:
		g.Observed = "yes"
	case afterError == 1 && afterPanic == 1:
		g.Observed = "no"
	default:
		g.Observed = "in part"
	}
	g.Kept = g.Declared == g.Observed
	g.Detail = fmt.Sprintf("%d of 1 change stayed after an error, %d of 1 after a panic", afterError, afterPanic)
	return g
}

// The bounds of leakFree.
const (
	sessionsDeleted = 1000        // sessions that are created and deleted at once
	deletingLimit   = time.Second // for all of them; a slow store gets fewer
	few             = 20          // goroutines that a store may keep
)

// leakFree creates and removes sessions and counts goroutines, sessions and locks that are left.
func leakFree(p *probe) Guarantee {
	g := Guarantee{Name: "leak-free", Declared: "yes", Observed: "yes", Kept: true}
	p.createAndDelete()
	before := p.round.watchdog.leaked()
	n := p.createAndDelete()
	left := p.round.watchdog.leaked() - before
	for end := time.Now().Add(p.round.cfg.Patience / 2); left >= max(n/10, few) && time.Now().Before(end); time.Sleep(pause) {
		left = p.round.watchdog.leaked() - before // they may still be ending
	}
	if left >= max(n/10, few) {
		p.violate(history.LeakedGoroutines, "%d sessions were created and deleted, and %d goroutines are left", n, left)
	}
	if n, err := p.round.store.Len(context.Background()); err != nil || n != 1 {
		p.violate(history.LeakedSessions, "all sessions but one were deleted, but the store counts %d (error %v)", n, err)
	}
	if s, ok := p.round.store.(manager.CensusReporter); ok {
		if c := s.Census(); c.Locks > 1 {
			p.violate(history.LeakedLocks, "all sessions but one were deleted, but the store keeps %d locks", c.Locks)
		}
	}
	if p.violation != nil {
		g.Observed, g.Kept = "no", false
	}
	return g
}

// createAndDelete creates sessions, deletes each at once, and returns their number.
func (p *probe) createAndDelete() int {
	c := p.round.clients[0]
	c.call = &call{client: c, plan: &plan{act: usual(history.Append)}}
	n, err := createAndDelete(context.Background(), c.conn, scenarios.Append, min(deletingLimit, p.round.cfg.Patience/2), func() {
		c.beat.n.Add(1)
	})
	if p.noted(err) != nil {
		p.violate(history.UnexpectedError, "create, update and delete of one session: %v", err)
	}
	return n
}

const (
	competitors  = 8                      // users of one session
	competition  = 300 * time.Millisecond // least time of observation
	starvedAfter = 1000                   // a user without an update starves after as many updates of the others
	updateTakes  = 20 * time.Microsecond  // in each update, so that the other users wait
	unfair       = 0.1                    // a smaller share is a warning
)

// fairShare lets users update one session repeatedly and compares the slowest user with the mean. The contract does not require
// fairness: the share is a figure, and starvation a violation only of a store that declares to be fair.
func fairShare(p *probe) Guarantee {
	g := Guarantee{Name: "fair share", Declared: yes(p.declares.Fair), Kept: true}
	var (
		stop    atomic.Bool
		updates [competitors]beat
	)
	for i := range competitors {
		p.running.Go(func() {
			for !stop.Load() {
				_ = p.update(context.Background(), func(ctx context.Context, s *manager.Session) error {
					time.Sleep(updateTakes)
					return add(ctx, s)
				})
				updates[i].n.Add(1)
			}
		})
	}
	var least, sum int64
	start := time.Now()
	for ; ; time.Sleep(pause) {
		least, sum = updates[0].n.Load(), 0
		for i := range updates {
			n := updates[i].n.Load()
			least, sum = min(least, n), sum+n
		}
		past := time.Since(start)
		if past > competition && (least > 0 || !p.declares.Fair) || past > 3*p.round.cfg.Patience {
			break
		}
		p.round.clients[0].beat.n.Add(1) // the watchdog need not observe this
	}
	stop.Store(true)
	share := float64(least) * competitors / float64(max(1, sum))
	g.Observed = fmt.Sprintf("%.2f", share)
	g.Detail = fmt.Sprintf("updates of the slowest user ÷ mean, of %d updates by %d users", sum, competitors)
	switch {
	case !p.declares.Fair && share < unfair:
		g.Warning = fmt.Sprintf("unfair: %d users updated one session repeatedly for %v, and the slowest completed %d of %d updates "+
			"(fair share %s)", competitors, time.Since(start).Round(time.Millisecond), least, sum, g.Observed)
	case p.declares.Fair && least == 0 && sum >= starvedAfter:
		g.Kept = false
		p.violate(history.Starvation, "%d users updated one session repeatedly for %v: one of them completed no update, the others %d",
			competitors, time.Since(start).Round(time.Millisecond), sum)
	}
	return g
}
