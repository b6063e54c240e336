package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// Users drive a target by requests, not by closures. It is opened once for a run and reset before each round. Its responses are
// recorded in the same histories; where they lack versions porcupine decides.

// remote is a target and how it counts.
type remote struct {
	scenarios.Target
	numbered       bool // it numbers incarnations and versions as the contract does, so that they can be checked
	numbersChanges bool // it returns the number of each change: of the version or of the message
}

// openTarget opens the target and finds out how it counts.
func (r *run) openTarget(ctx context.Context) error {
	target, err := r.cfg.Subject.OpenTarget()
	if err != nil {
		return err
	}
	r.target = &remote{Target: target}
	asked := &pending{"the first requests", time.Now()}
	if err = r.target.supports(r.cfg.Scenarios); err == nil {
		err = r.canDisturb()
	}
	if err == nil {
		err = r.target.examine(ctx, r.cfg.performs)
	}
	if errors.Is(err, scenarios.ErrUnavailable) {
		r.violated(asked.to(err).violation(r.cfg.Patience, r.cfg.Seed))
		err = nil
	}
	if err != nil || r.report.Violation != nil {
		r.closeTarget()
	}
	return err
}

// closeTarget closes the target.
func (r *run) closeTarget() {
	if r.report.has(history.Hang) {
		r.target.abandon()
	}
	if err := r.target.Close(); err != nil && r.report.Violation == nil {
		r.broke("Close: %v", err)
	}
}

// broke reports an unexpected error of a target outside of the rounds.
func (r *run) broke(format string, args ...any) {
	v := history.NewViolation(history.UnexpectedError, format, args...)
	v.Seed = r.cfg.Seed
	r.violated(v)
}

// abandon ends requests that wait in a target for ever, if the target has a method Abandon.
func (a *remote) abandon() {
	if t, ok := a.Target.(interface{ Abandon() }); ok {
		t.Abandon()
	}
}

// supports returns an error that names operations that the target lacks; nil: it has all that are needed.
func (a *remote) supports(list []scenarios.Scenario) error {
	for i := range list {
		if unknown := unknownTo(&list[i], a); unknown != nil {
			return fmt.Errorf("it lacks %s, which %s needs (%w)", strings.Join(unknown, " and "), list[i].Name, scenarios.ErrUnsupported)
		}
	}
	chats, boards := a.has(history.Append) && a.has(history.ReadMessages), a.has(history.Update) && a.has(history.ReadFields)
	if !a.has(history.GetOrCreate) || len(list) == 0 && !a.has(history.Delete) || !chats && !boards {
		return fmt.Errorf("it lacks operations: want get_or_create, delete, and append with history or update with read (%w)",
			scenarios.ErrUnsupported)
	}
	return nil
}

// Fit returns an error that names the operations that a target lacks to be verified without a scenario; nil: it has all.
func Fit(t scenarios.Target) error { return (&remote{Target: t}).supports(nil) }

// has reports whether the target has operations of kind k.
func (a *remote) has(k history.Kind) bool {
	op, ok := operationOf(k)
	return ok && a.Supports(op)
}

// examine creates and deletes a session twice, and notes whether the target numbers incarnations and versions as the contract
// does: another incarnation each time, version 0 at first, one more for each change. A target that counts differently is not
// wrong, but its numbers prove nothing. examine performs only operations that users perform; without Delete it creates one session.
func (a *remote) examine(ctx context.Context, performs func(history.Kind) bool) error {
	conn, err := a.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var (
		answer       scenarios.Effect
		incarnations []uint64           // the incarnations returned
		last         scenarios.Reported // parts of the response to the last change
		expected     = true
	)
	q := scenarios.Request{ID: uuid.New(), Role: role, Content: "counts", Fields: map[string]string{fieldNames[0]: "counts"}}
	rounds := 1
	if performs(history.Delete) {
		rounds = 2
	}
	for range rounds {
		version, from := uint64(0), len(incarnations)
		for _, op := range []scenarios.Op{
			scenarios.GetOrCreate, scenarios.Append, scenarios.Update, scenarios.Append, scenarios.GetOrCreate,
			scenarios.History, scenarios.Read, scenarios.Delete,
		} {
			if !a.Supports(op) || !performs(actOf(op).kind) {
				continue
			}
			q.Op = op
			if err := conn.Do(ctx, &q, &answer); err != nil {
				if errors.Is(err, scenarios.ErrUnavailable) {
					return err
				}
				return nil // the rounds will report it
			}
			if op.Does(scenarios.Mutates) {
				version++
				last = answer.Reported
			}
			expected = expected && (answer.Reported&scenarios.ReportsVersion == 0 || answer.Version == version)
			if answer.Reported&scenarios.ReportsIncarnation != 0 {
				expected = expected && !slices.Contains(incarnations[:from], answer.Incarnation) && (len(incarnations) == from || answer.Incarnation == incarnations[from])
				incarnations = append(incarnations, answer.Incarnation)
			}
		}
	}
	a.numbered = expected
	a.numbersChanges = last&scenarios.ReportsSeq != 0 || expected && last&scenarios.ReportsVersion != 0
	return nil
}

// prepare resets the target and connects every user.
func (r *round) prepare(ctx context.Context) error {
	asked := &pending{"the reset before the round", time.Now()}
	err := r.target.Reset(ctx)
	if errors.Is(err, scenarios.ErrUnsupported) {
		err = nil // ids are new in each round anyway
	}
	for _, c := range r.clients {
		if err == nil {
			asked = &pending{"a connection", time.Now()}
			var conn scenarios.Conn
			if conn, err = r.target.Connect(ctx); err == nil {
				c.conn = targetConn{conn, c}
			}
		}
	}
	r.noteFailure(err, asked)
	if errors.Is(err, scenarios.ErrUnavailable) {
		return nil // a violation, see judge
	}
	return err
}

// disconnect closes the connections of the users.
func (r *round) disconnect() {
	for _, c := range r.clients {
		if c.conn != nil {
			_ = c.conn.Close() // no request is in progress
		}
	}
}

// targetConn is a client's connection to a target. It records how the target fails.
type targetConn struct {
	scenarios.Conn
	client *client
}

// Do implements [scenarios.Conn].
func (t targetConn) Do(ctx context.Context, q *scenarios.Request, e *scenarios.Effect) error {
	call := t.client.call
	p := &pending{what: cmp.Or(call.what, call.op.String()), since: time.Now()}
	call.runs = 1 // there is no closure to run, or to run twice
	t.client.waiting.Store(p)
	restarts := t.client.restarts.Load()
	err := t.Conn.Do(ctx, q, e)
	t.client.waiting.Store(nil)
	if restarts%2 == 0 && restarts == t.client.restarts.Load() {
		t.client.noteFailure(err, p)
	}
	return err
}

// take records the effect of an operation on the target.
func (a *remote) take(op *history.Op, e *scenarios.Effect) {
	take := func(reported scenarios.Reported, part history.Parts) {
		if e.Reported&reported != 0 {
			op.Parts |= part
		}
	}
	take(scenarios.ReportsSeq, history.PartSeq)
	if a.numbered {
		take(scenarios.ReportsIncarnation, history.PartIncarnation)
		take(scenarios.ReportsVersion, history.PartVersion)
	}
	op.Incarnation, op.Version, op.Seq = history.Tag(e.Incarnation), e.Version, e.Seq // the incarnation by the target's number, until [name]
	if e.Reported&scenarios.ReportsHeld != 0 {
		op.Hold = int64(e.Held)
	}
	switch op.Kind {
	case history.ReadMessages:
		op.Parts |= history.PartMessages
		op.Messages = tagsOf(op.Messages[:0], e.Messages)
	case history.ReadFields:
		op.Parts |= history.PartFields
		op.Fields = fieldTags(e.Fields)
	}
}

// name replaces the target's numbers of incarnations by the tags of the operations that created them. If a creation is
// indeterminate, incarnations are unknown.
func name(h *history.History) {
	begun := map[history.Tag]history.Tag{}
	lost := slices.ContainsFunc(h.Ops, func(op history.Op) bool { return op.Kind.Creates() && op.Outcome == history.Indeterminate })
	for i := range h.Ops {
		op := &h.Ops[i]
		if _, known := begun[op.Incarnation]; op.Created && op.Parts&history.PartIncarnation != 0 && !known {
			begun[op.Incarnation] = op.Tag
		}
	}
	for i := range h.Ops {
		op := &h.Ops[i]
		switch tag, known := begun[op.Incarnation]; {
		case op.Parts&history.PartIncarnation == 0:
			op.Incarnation = 0
		case lost:
			op.Parts, op.Incarnation = op.Parts&^history.PartIncarnation, 0
		case known:
			op.Incarnation = tag
		default:
			op.Incarnation = history.UnknownTag(uint64(op.Incarnation))
		}
	}
}

// pending is a request without a response.
type pending struct {
	what  string
	since time.Time
}

// pendingRequests lists the requests without a response, the oldest first.
func (r *round) pendingRequests() string {
	var waits []*pending
	for _, c := range r.clients {
		if p := c.waiting.Load(); p != nil {
			waits = append(waits, p)
		}
	}
	slices.SortFunc(waits, func(a, b *pending) int { return a.since.Compare(b.since) })
	var list []string
	for _, p := range waits {
		list = append(list, fmt.Sprintf("%s for %v", p.what, time.Since(p.since).Round(time.Millisecond)))
	}
	return strings.Join(list, ", ")
}

// failure is how a target failed.
type failure struct {
	err    error
	what   string        // the request that failed
	waited time.Duration // for its response
}

// noteFailure records the failure of the target, if err is a [scenarios.ErrUnavailable]. The first call counts.
func (a *shared) noteFailure(err error, asked *pending) {
	if errors.Is(err, scenarios.ErrUnavailable) {
		a.failed.CompareAndSwap(nil, asked.to(err))
	}
}

// to returns the failure of a request that ended with err.
func (p *pending) to(err error) *failure { return &failure{err, p.what, time.Since(p.since)} }

// violation returns the violation of a target that is gone: a hang if the request waited for as long as the patience, otherwise a
// crash. The lines of the error after the first are what the target wrote last.
func (g *failure) violation(patience time.Duration, seed uint64) *history.Violation {
	first, rest, _ := strings.Cut(g.err.Error(), "\n")
	for _, known := range []error{manager.ErrIndeterminate, manager.ErrNotApplied} { // implied
		first = strings.TrimPrefix(first, known.Error()+": ")
	}
	v := history.NewViolation(history.Crash, "%s (found at %s)", first, g.what) // it may have happened before this request
	if g.waited >= patience {
		v = history.NewViolation(history.Hang, "%s: %s", g.what, first)
	}
	v.Seed, v.Stacks = seed, strings.TrimSpace(rest)
	return v
}

// observeTarget checks what a target must do beside being linearizable: it keeps nothing of deleted sessions.
func (r *run) observeTarget(ctx context.Context) error {
	r.report.Guarantees = nil
	if !r.cfg.performs(history.Delete) {
		return nil
	}
	g := Guarantee{Name: "leak-free", Declared: "yes", Observed: notObserved, Kept: true}
	asked := &pending{"creating and deleting sessions", time.Now()}
	c, err := r.leftovers(ctx)
	switch {
	case c != nil:
		g.Observed = "yes"
		if v := leakOf(*c); v != nil {
			g.Observed, g.Kept, g.Reported, g.Detail = "no", false, true, v.Why
			v.Seed = r.cfg.Seed
			r.leak = cmp.Or(r.leak, v)
		}
	case errors.Is(err, scenarios.ErrUnavailable):
		r.violated(asked.to(err).violation(r.cfg.Patience, r.cfg.Seed))
	case err == nil, indeterminate(err), r.levels != nil && errors.Is(err, manager.ErrNotFound): // unknown, or the histories show it
	case ctx.Err() == nil:
		r.broke("create, update and delete of one session: %v", err)
	default:
		return err
	}
	if r.levels == nil || g.Observed != notObserved {
		r.report.Guarantees = []Guarantee{g}
	}
	return nil
}

// leftovers creates and deletes sessions and returns what the target keeps of them; nil if it does not say.
func (r *run) leftovers(ctx context.Context) (*manager.Census, error) {
	change := scenarios.Append
	if !r.target.has(history.Append) {
		change = scenarios.Update
	}
	conn, err := r.target.Connect(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := createAndDelete(ctx, conn, change, deletingLimit, func() {}); err != nil {
		return nil, err
	}
	c, err := r.target.Census(ctx)
	switch {
	case errors.Is(err, scenarios.ErrUnsupported):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &c, nil
}

// createAndDelete creates sessions, changes each and deletes it at once. It calls done for each, and returns their number.
func createAndDelete(
	ctx context.Context, conn scenarios.Conn, change scenarios.Op, limit time.Duration, done func(),
) (n int, err error) {
	const text = "deleted at once"
	q := scenarios.Request{Role: role, Content: text, Fields: map[string]string{fieldNames[0]: text}}
	var effect scenarios.Effect
	for end := time.Now().Add(limit); n < sessionsDeleted && time.Now().Before(end); n++ {
		q.ID = uuid.New()
		for _, q.Op = range []scenarios.Op{scenarios.GetOrCreate, change, scenarios.Delete} {
			if err := conn.Do(ctx, &q, &effect); err != nil {
				return n, err
			}
		}
		done()
	}
	return n, nil
}

// leakOf returns the violation of a store or target that keeps something when all sessions are deleted, or nil.
func leakOf(c manager.Census) *history.Violation {
	switch {
	case c.Sessions != 0:
		return history.NewViolation(history.LeakedSessions, "all sessions were deleted, but %d are counted", c.Sessions)
	case c.Locks != 0:
		return history.NewViolation(history.LeakedLocks, "all sessions were deleted, but the census counts %d locks", c.Locks)
	}
	return nil
}
