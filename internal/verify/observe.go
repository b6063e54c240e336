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
)

// observe looks at what the store promises beside linearizability, and at what every store should do, each on a fresh one.
func (r *run) observe(ctx context.Context) error {
	if r.target != nil {
		return r.observeTarget(ctx)
	}
	r.Report.Guarantees = nil // the last look counts
	for _, check := range []struct {
		of   []history.Kind // operations without any of which there is nothing to look at
		look func(*probe) Guarantee
	}{
		{[]history.Kind{history.Nested}, reentrant},
		{[]history.Kind{history.Append, history.Update}, cancellable},
		{[]history.Kind{history.Append, history.Update}, rollback},
		{[]history.Kind{history.Delete}, leakFree},
		{[]history.Kind{history.Append, history.Update}, fairShare},
	} {
		if ctx.Err() != nil {
			return nil
		}
		if !slices.ContainsFunc(check.of, r.performs) {
			continue
		}
		p, err := r.probe()
		if err != nil {
			return err
		}
		g, v := p.run(check.look)
		if p.undecided != "" {
			r.undecided = p.undecided
			return nil
		}
		r.Report.Guarantees = append(r.Report.Guarantees, g)
		if v != nil {
			r.violated(v)
		}
		if r.over() {
			return nil
		}
	}
	return nil
}

// probe is a fresh store with one session, to try one thing on.
type probe struct {
	round
	id        manager.ID
	violation *history.Violation
	running   sync.WaitGroup
	missed    atomic.Bool // an answer was lost, or another try would have been needed: what was seen proves nothing
}

func (r *run) probe() (*probe, error) {
	p := &probe{round: round{cfg: &r.Config}, id: uuid.New()}
	p.script.slots = 1
	return p, p.open(nil, nil)
}

// run calls look, and closes the store.
func (p *probe) run(look func(*probe) Guarantee) (g Guarantee, v *history.Violation) {
	fine := p.guarded(func() {
		if _, err := p.store.GetOrCreate(context.Background(), p.id, newSession, nil); p.noted(err) != nil {
			p.violate(history.UnexpectedError, "GetOrCreate: %v", err)
			return
		}
		g = look(p)
		p.running.Wait()
	})
	fine = fine && p.guarded(func() { _ = p.store.Close() })
	if !fine {
		p.abandon()
		if p.undecided != "" {
			return Guarantee{}, nil
		}
		f := p.faults[0]
		return Guarantee{}, &history.Violation{Anomaly: f.anomaly, Detector: f.check, Why: f.why, Stacks: p.stacks, Seed: p.cfg.Seed}
	}
	if p.missed.Load() {
		g.Observed, g.Kept, g.Detail = notLookedAt, true, "an answer was lost, so nobody can tell"
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
		p.violation.Seed = p.cfg.Seed
	}
	return g, p.violation
}

func (p *probe) violate(a history.Anomaly, format string, args ...any) {
	check := history.ByGuarantee
	switch a {
	case history.LeakedLocks, history.LeakedGoroutines, history.LeakedSessions:
		check = history.ByCensus
	case history.Starvation:
		check = history.ByFairness
	case history.UnexpectedError:
		check = history.ByAnswers
	}
	p.violation = &history.Violation{Anomaly: a, Detector: check, Why: fmt.Sprintf(format, args...)}
}

func newSession() manager.Session { return manager.Session{} }

// update is an Update of the probe's session.
func (p *probe) update(ctx context.Context, fn func(context.Context, *manager.Session) error) error {
	return p.noted(p.store.Update(ctx, p.id, fn))
}

// noted is err, and notes where it says that nobody knows.
func (p *probe) noted(err error) error {
	if unsettled(err) {
		p.missed.Store(true)
	}
	return err
}

// messages is how many messages the probe's session has.
func (p *probe) messages() (n uint64) {
	err := p.store.View(context.Background(), p.id, func(_ context.Context, s *manager.Session) error {
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

const notLookedAt = "–"

// reentrant tries a nested update only where it is declared: elsewhere it hangs for good.
func reentrant(p *probe) Guarantee {
	g := Guarantee{Name: "reentrant", Declared: yes(p.guarantees.Reentrant), Observed: notLookedAt, Kept: true}
	if !p.guarantees.Reentrant {
		return g
	}
	err := p.update(context.Background(), func(ctx context.Context, s *manager.Session) error {
		return errors.Join(add(ctx, s), p.update(ctx, add))
	})
	n := p.messages()
	g.Kept = err == nil && n == 2
	g.Observed, g.Detail = yes(g.Kept), fmt.Sprintf("%d of 2 messages written, error %v", n, err)
	return g
}

// cancellable has one user inside a session, and sees what becomes of another one's wait when its ctx ends.
func cancellable(p *probe) Guarantee {
	declared := p.guarantees.Cancellable
	g := Guarantee{Name: "cancellable", Declared: string(declared), Observed: "no", Kept: true}
	if declared == manager.CancelNever {
		g.Declared = "no"
	}
	inside, let := make(chan struct{}), make(chan struct{})
	var once sync.Once
	p.running.Go(func() {
		defer once.Do(func() { close(inside) }) // it may come back without having been inside
		_ = p.update(context.Background(), func(ctx context.Context, s *manager.Session) error {
			once.Do(func() { close(inside) })
			<-let
			return add(ctx, s)
		})
	})
	<-inside
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	answer := make(chan error, 1)
	p.running.Go(func() { answer <- p.update(ctx, add) })
	time.Sleep(aMoment)
	cancel()
	wait := aMoment
	if declared != manager.CancelNever {
		wait = p.cfg.Patience / 2 // before the watchdog takes it for a hang
	}
	var err error
	early := false
	select {
	case err = <-answer:
		early = true
	case <-time.After(wait):
	}
	close(let)
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
	g.Detail = fmt.Sprintf("the cancelled update came back with error %v, before the session was free: %s", err, yes(early))
	want := uint64(1)
	if err == nil {
		want = 2
	}
	if n := p.messages(); n != want {
		p.violate(history.AbortedRead, "of an update that was cancelled while it waited (its answer: %v) and one that was not, %d took effect, want %d", err, n, want)
	}
	return g
}

// aMoment is how long somebody is given to come to wait.
const aMoment = 5 * time.Millisecond

// rollback has updates fail after their change.
func rollback(p *probe) Guarantee {
	g := Guarantee{Name: "rollback", Declared: yes(p.guarantees.Rollback)}
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

// leakFree makes and removes so many sessions at a time, or as many as fit into the time.
const (
	lives    = 1000
	lifetime = time.Second
	few      = 20 // goroutines that a store may keep to itself
)

// leakFree makes sessions and removes them, and looks at what is left.
func leakFree(p *probe) Guarantee {
	g := Guarantee{Name: "leak-free", Declared: "yes", Observed: "yes", Kept: true}
	p.comeAndGo()
	before := p.dog.leaked()
	n := p.comeAndGo()
	left := p.dog.leaked() - before
	for end := time.Now().Add(p.cfg.Patience / 2); left >= max(n/10, few) && time.Now().Before(end); time.Sleep(aMoment) {
		left = p.dog.leaked() - before // they may take a moment to end
	}
	if left >= max(n/10, few) {
		p.violate(history.LeakedGoroutines, "%d sessions were made and deleted, and %d goroutines are left of them", n, left)
	}
	if n, err := p.store.Len(context.Background()); err != nil || n != 1 {
		p.violate(history.LeakedSessions, "all sessions but one were deleted, and the store counts %d (error %v)", n, err)
	}
	if s, ok := p.store.(manager.CensusReporter); ok {
		if c := s.Census(); c.Locks > 1 {
			p.violate(history.LeakedLocks, "all sessions but one were deleted, and %d locks are still kept", c.Locks)
		}
	}
	if p.violation != nil {
		g.Observed, g.Kept = "no", false
	}
	return g
}

// comeAndGo makes n sessions and deletes them.
func (p *probe) comeAndGo() (n int) {
	ctx := context.Background()
	for end := time.Now().Add(min(lifetime, p.cfg.Patience/2)); n < lives && time.Now().Before(end); n++ {
		id := uuid.New()
		_, err := p.store.GetOrCreate(ctx, id, newSession, nil)
		if err == nil {
			err = p.store.Update(ctx, id, add)
		}
		if err == nil {
			_, err = p.store.Delete(ctx, id)
		}
		if p.noted(err) != nil {
			p.violate(history.UnexpectedError, "create, update and delete of one session: %v", err)
			break
		}
		p.clients[0].beat.n.Add(1)
	}
	return n
}

const (
	rivals    = 8                      // users of one session in fairShare
	contest   = 300 * time.Millisecond // how long they are watched, at least
	unserved  = 1000                   // as many turns of the others make a user without any a starving one
	turnTakes = 20 * time.Microsecond  // inside, long enough for everybody else to come to wait
	unfair    = 0.1                    // a share below it gets a warning
)

// fairShare has users update one session again and again, and compares the slowest user with the mean. The contract does not
// ask for fairness, so the share is a figure, and starvation a violation only where the store declares to be fair.
func fairShare(p *probe) Guarantee {
	g := Guarantee{Name: "fair share", Declared: yes(p.guarantees.Fair), Kept: true}
	var (
		stop  atomic.Bool
		turns [rivals]beat
	)
	for i := range rivals {
		p.running.Go(func() {
			for !stop.Load() {
				_ = p.update(context.Background(), func(ctx context.Context, s *manager.Session) error {
					time.Sleep(turnTakes)
					return add(ctx, s)
				})
				turns[i].n.Add(1)
			}
		})
	}
	var least, sum int64
	start := time.Now()
	for ; ; time.Sleep(aMoment) {
		least, sum = turns[0].n.Load(), 0
		for i := range turns {
			n := turns[i].n.Load()
			least, sum = min(least, n), sum+n
		}
		past := time.Since(start)
		if past > contest && (least > 0 || !p.guarantees.Fair) || past > 3*p.cfg.Patience {
			break
		}
		p.clients[0].beat.n.Add(1) // the watchdog need not wait for what is watched here
	}
	stop.Store(true)
	share := float64(least) * rivals / float64(max(1, sum))
	g.Observed = fmt.Sprintf("%.2f", share)
	g.Detail = fmt.Sprintf("slowest user's turns ÷ mean, of %d turns by %d users", sum, rivals)
	switch {
	case !p.guarantees.Fair && share < unfair:
		g.Warning = fmt.Sprintf("unfair: %d users updated one session again and again for %v, and the slowest had %d of %d turns "+
			"(fair share %s)", rivals, time.Since(start).Round(time.Millisecond), least, sum, g.Observed)
	case p.guarantees.Fair && least == 0 && sum >= unserved:
		g.Kept = false
		p.violate(history.Starvation, "%d users came to one session again and again for %v: one of them never had its turn, the others had %d",
			rivals, time.Since(start).Round(time.Millisecond), sum)
	}
	return g
}
