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

// requests maps kinds of operations to requests. Kinds that a target does not have are missing.
var requests = map[history.Kind]scenarios.Op{
	history.GetOrCreate:  scenarios.GetOrCreate,
	history.Create:       scenarios.Create,
	history.Append:       scenarios.Append,
	history.Update:       scenarios.Update,
	history.ReadMessages: scenarios.History,
	history.ReadFields:   scenarios.Read,
	history.Delete:       scenarios.Delete,
}

// remote is a target and how it counts.
type remote struct {
	scenarios.Target
	numbered       bool // it numbers incarnations and versions as the contract does, so that they can be checked
	numbersChanges bool // it returns the number of each change: of the version or of the message
}

// openTarget opens the target and finds out how it counts.
func (r *run) openTarget(ctx context.Context) error {
	target, err := r.Config.Subject.OpenTarget()
	if err != nil {
		return err
	}
	r.target = &remote{Target: target}
	asked := &pending{"the first requests", time.Now()}
	if err = r.target.supports(r.Scenarios); err == nil {
		err = r.target.examine(ctx, r.performs)
	}
	if errors.Is(err, scenarios.ErrUnavailable) {
		r.violated(asked.to(err).violation(r.Patience, r.Config.Seed))
		err = nil
	}
	if err != nil || r.Violation != nil {
		r.closeTarget()
	}
	return err
}

// closeTarget closes the target.
func (r *run) closeTarget() {
	if r.has(history.Hang) {
		r.target.abandon()
	}
	if err := r.target.Close(); err != nil && r.Violation == nil {
		r.broke("Close: %v", err)
	}
}

// broke reports an unexpected error of a target outside of the rounds.
func (r *run) broke(format string, args ...any) {
	v := history.NewViolation(history.UnexpectedError, format, args...)
	v.Seed = r.Config.Seed
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
		if unknown := unknownTo(&list[i], a.has); unknown != nil {
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

// has reports whether the target has operations of kind k.
func (a *remote) has(k history.Kind) bool {
	op, can := requests[k]
	return can && a.Supports(op)
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
			if !a.Supports(op) || !performs(visited[op]) {
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
			c.conn, err = r.target.Connect(ctx)
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

// perform sends the request of a call.
func (k *call) perform(ctx context.Context) error {
	k.runs = 1 // there is no closure to run, or to run twice
	q := &k.request
	*q = scenarios.Request{Op: requests[k.op.Kind], ID: k.id, Hold: k.plan.hold, Spin: k.plan.spin}
	switch k.op.Kind {
	case history.Append:
		q.Role, q.Content = role, tagText(k.op.Tag)
	case history.Update:
		text := tagText(k.op.Tag)
		q.Fields = map[string]string{fieldNames[0]: text, fieldNames[1]: text}
	}
	err := k.exchange(ctx, k.op.String())
	if err == nil {
		k.recordAnswer(&k.op, &k.answer)
	}
	return err
}

// exchange sends the user's request, called what, and receives the response.
func (c *client) exchange(ctx context.Context, what string) error {
	p := &pending{what: what, since: time.Now()}
	c.waiting.Store(p)
	err := c.conn.Do(ctx, &c.request, &c.answer)
	c.waiting.Store(nil)
	c.noteFailure(err, p)
	return err
}

// recordAnswer records a response.
func (c *client) recordAnswer(op *history.Op, a *scenarios.Effect) {
	tell := func(there scenarios.Reported, part history.Parts) {
		if a.Reported&there != 0 {
			op.Parts |= part
		}
	}
	tell(scenarios.ReportsSeq, history.PartSeq)
	if c.target.numbered {
		tell(scenarios.ReportsIncarnation, history.PartIncarnation)
		tell(scenarios.ReportsVersion, history.PartVersion)
	}
	op.Incarnation, op.Version, op.Seq = history.Tag(a.Incarnation), a.Version, a.Seq // the incarnation by the target's number, until [name]
	if a.Reported&scenarios.ReportsHeld != 0 {
		op.Hold = int64(a.Held)
	}
	switch op.Kind {
	case history.GetOrCreate:
		op.Created = a.Created
	case history.ReadMessages:
		op.Parts |= history.PartMessages
		op.Messages = tagsOf(op.Messages[:0], a.Messages)
	case history.ReadFields:
		op.Parts |= history.PartFields
		op.Fields = fieldTags(a.Fields)
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

// deleteAt deletes a session of the target.
func (c *client) deleteAt(id manager.ID) error {
	c.request = scenarios.Request{Op: scenarios.Delete, ID: id}
	err := c.exchange(context.Background(), "the deletion of a session after the round")
	if errors.Is(err, scenarios.ErrUnavailable) {
		return nil // recorded by exchange
	}
	return err
}

// countAt checks by the census that the target keeps nothing for the sessions, which were all removed.
func (r *round) countAt() {
	asked := &pending{"the census after the round", time.Now()}
	c, err := r.target.Census(context.Background())
	r.noteFailure(err, asked)
	switch {
	case errors.Is(err, scenarios.ErrUnsupported), errors.Is(err, scenarios.ErrUnavailable):
	case err != nil:
		r.cleaner().violate(history.UnexpectedError, "census: %v", err)
	default:
		r.leak = leakOf(c)
	}
}

// observeTarget checks what a target must do beside being linearizable: it keeps nothing of deleted sessions.
func (r *run) observeTarget(ctx context.Context) error {
	r.Report.Guarantees = nil
	if !r.performs(history.Delete) {
		return nil
	}
	g := Guarantee{Name: "leak-free", Declared: "yes", Observed: notObserved, Kept: true}
	asked := &pending{"creating and deleting sessions", time.Now()}
	c, err := r.createAndDelete(ctx)
	switch {
	case c != nil:
		g.Observed = "yes"
		if v := leakOf(*c); v != nil {
			g.Observed, g.Kept, g.Reported, g.Detail = "no", false, true, v.Why
			v.Seed = r.Config.Seed
			r.leak = cmp.Or(r.leak, v)
		}
	case errors.Is(err, scenarios.ErrUnavailable):
		r.violated(asked.to(err).violation(r.Patience, r.Config.Seed))
	case err == nil, indeterminate(err): // unknown
	case ctx.Err() == nil:
		r.broke("create, change and delete of one session: %v", err)
	default:
		return err
	}
	r.Report.Guarantees = []Guarantee{g}
	return nil
}

// createAndDelete creates and deletes sessions and returns what the target keeps of them; nil if it does not say.
func (r *run) createAndDelete(ctx context.Context) (*manager.Census, error) {
	change := scenarios.Append
	if !r.target.has(history.Append) {
		change = scenarios.Update
	}
	conn, err := r.target.Connect(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var answer scenarios.Effect
	q := scenarios.Request{Role: role, Content: "deleted at once", Fields: map[string]string{fieldNames[0]: "deleted at once"}}
	for n, end := 0, time.Now().Add(deletingLimit); n < sessionsDeleted && time.Now().Before(end); n++ {
		q.ID = uuid.New()
		for _, op := range []scenarios.Op{scenarios.GetOrCreate, change, scenarios.Delete} {
			q.Op = op
			if err := conn.Do(ctx, &q, &answer); err != nil {
				return nil, err
			}
		}
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
