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

// A target is driven by requests and not by closures. It is opened once for a whole run, emptied before each round, and what it
// tells is put into the same histories. What it does not tell is left to porcupine.

// requests are the operations of targets that stand for the kinds of a history. What users cannot ask of a target is not there.
var requests = map[history.Kind]scenarios.Op{
	history.GetOrCreate:  scenarios.GetOrCreate,
	history.Create:       scenarios.Create,
	history.Append:       scenarios.Append,
	history.Update:       scenarios.Update,
	history.ReadMessages: scenarios.History,
	history.ReadFields:   scenarios.Read,
	history.Delete:       scenarios.Delete,
}

// audience is a target and what is known of it.
type audience struct {
	scenarios.Target
	numbered bool // it numbers lives and versions as sessions here do, so they can be believed
	tells    bool // of a change, its number: that of the version or of the message
}

// admit opens the subject's target, sees what it can do, and how it counts.
func (r *run) admit(ctx context.Context) error {
	target, err := r.Config.Subject.OpenTarget(r.turnstile)
	if err != nil {
		return err
	}
	r.target = &audience{Target: target}
	asked := &pending{"the first look at it", time.Now()}
	if err = r.target.knows(r.Scenarios); err == nil {
		err = r.target.listen(ctx, r.performs)
	}
	if errors.Is(err, scenarios.ErrUnavailable) {
		r.violated(asked.to(err).convict(r.Patience, r.Config.Seed))
		err = nil
	}
	if err != nil || r.Violation != nil {
		r.dismiss()
	}
	return err
}

// dismiss lets go of the target.
func (r *run) dismiss() {
	if r.has(history.Hang) {
		r.target.abandon()
	}
	if err := r.target.Close(); err != nil && r.Violation == nil {
		r.violated(&history.Violation{Anomaly: history.UnexpectedError, Detector: history.ByAnswers, Seed: r.Config.Seed, Why: fmt.Sprintf("Close: %v", err)})
	}
}

// abandon sends away those who wait inside a target for ever, where it offers that.
func (a *audience) abandon() {
	if t, ok := a.Target.(interface{ Abandon() }); ok {
		t.Abandon()
	}
}

// knows returns an error that says what the target would have to know to be verified, and does not; nil: it knows enough.
func (a *audience) knows(list []scenarios.Scenario) error {
	for i := range list {
		if unknown := unknownTo(&list[i], a.has); unknown != nil {
			return fmt.Errorf("it does not know %s, which %s asks for (%w)", strings.Join(unknown, " and "), list[i].Name, scenarios.ErrUnsupported)
		}
	}
	chats, boards := a.has(history.Append) && a.has(history.ReadMessages), a.has(history.Update) && a.has(history.ReadFields)
	if !a.has(history.GetOrCreate) || len(list) == 0 && !a.has(history.Delete) || !chats && !boards {
		return fmt.Errorf("it knows too little to be verified: want get_or_create, delete, and append with history or update with read (%w)",
			scenarios.ErrUnsupported)
	}
	return nil
}

// has reports whether users can ask for such an operation.
func (a *audience) has(k history.Kind) bool {
	op, can := requests[k]
	return can && a.Supports(op)
}

// listen has one user live two lives of a session, and notes whether what it was told of lives and versions is what sessions
// here would tell: another life each time, version 0 at first, one more for each change. A target that counts in
// another way is not wrong, but its numbers say nothing.
// It does only what users do; where they never delete anything, that is one life.
func (a *audience) listen(ctx context.Context, performs func(history.Kind) bool) error {
	conn, err := a.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var (
		answer   scenarios.Effect
		lives    []uint64           // that it was told, of the one and the other
		told     scenarios.Reported // of the last change
		expected = true
	)
	q := scenarios.Request{ID: uuid.New(), Role: role, Content: "counts", Fields: map[string]string{fieldNames[0]: "counts"}}
	rounds := 1
	if performs(history.Delete) {
		rounds = 2
	}
	for range rounds {
		version, from := uint64(0), len(lives)
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
				return nil // the rounds will say more of it
			}
			if op.Mutates() {
				version++
				told = answer.Reported
			}
			expected = expected && (answer.Reported&scenarios.ReportsVersion == 0 || answer.Version == version)
			if answer.Reported&scenarios.ReportsIncarnation != 0 {
				expected = expected && !slices.Contains(lives[:from], answer.Incarnation) && (len(lives) == from || answer.Incarnation == lives[from])
				lives = append(lives, answer.Incarnation)
			}
		}
	}
	a.numbered = expected
	a.tells = told&scenarios.ReportsSeq != 0 || expected && told&scenarios.ReportsVersion != 0
	return nil
}

// prepare empties the target and gives every user a way of its own to it.
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
	r.lost(err, asked)
	if errors.Is(err, scenarios.ErrUnavailable) {
		return nil // which convicts it
	}
	return err
}

// disconnect takes these ways away.
func (r *round) disconnect() {
	for _, c := range r.clients {
		if c.conn != nil {
			_ = c.conn.Close() // nothing is under way on it
		}
	}
}

// ask has the target do the operation of a call.
func (k *call) ask(ctx context.Context) error {
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
		k.hear(&k.op, &k.answer)
	}
	return err
}

// exchange makes the user's request, called what. The first to find out that the target is gone tells how.
func (c *client) exchange(ctx context.Context, what string) error {
	p := &pending{what: what, since: time.Now()}
	c.waiting.Store(p)
	err := c.conn.Do(ctx, &c.request, &c.answer)
	c.waiting.Store(nil)
	c.lost(err, p)
	return err
}

// hear notes what the target told.
func (c *client) hear(op *history.Op, a *scenarios.Effect) {
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
	op.Incarnation, op.Version, op.Seq = history.Tag(a.Incarnation), a.Version, a.Seq // a life by the target's number, until [name]
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

// name gives lives the names that they have here, those of the operations that began them. The target knows them by
// numbers. Where nobody can tell whether a life was begun, since an answer was lost, they have no names.
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

// pending is what a user waits for an answer to.
type pending struct {
	what  string
	since time.Time
}

// unanswered says what the target was asked and has not answered, the longest wait first; empty for nothing.
func (r *round) unanswered() string {
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

// gone is a target that will not answer any more.
type gone struct {
	err    error
	what   string        // was asked when that was found out
	waited time.Duration // for an answer
}

// lost notes that the target is gone, if err says so. The first to find out tells how.
func (a *arena) lost(err error, asked *pending) {
	if errors.Is(err, scenarios.ErrUnavailable) {
		a.gone.CompareAndSwap(nil, asked.to(err))
	}
}

// to is what became of a request that ended with err.
func (p *pending) to(err error) *gone { return &gone{err, p.what, time.Since(p.since)} }

// convict says what a target did that is gone: one that let somebody wait for as long as that hangs, any other has crashed.
// What it said last comes with the error, behind the first line.
func (g *gone) convict(patience time.Duration, seed uint64) *history.Violation {
	v := &history.Violation{Anomaly: history.Crash, Detector: history.ByCrash, Seed: seed}
	if g.waited >= patience {
		v.Anomaly, v.Detector = history.Hang, history.ByWatchdog
	}
	first, rest, _ := strings.Cut(g.err.Error(), "\n")
	for _, known := range []error{manager.ErrIndeterminate, manager.ErrNotApplied} { // which goes without saying
		first = strings.TrimPrefix(first, known.Error()+": ")
	}
	v.Why, v.Stacks = g.what+": "+first, strings.TrimSpace(rest)
	if v.Anomaly == history.Crash { // which may have happened before: the error says what was in flight
		v.Why = first + " (found at " + g.what + ")"
	}
	return v
}

// createAt has the target mint an id, and looks at what it got.
func (c *client) createAt(ctx context.Context) {
	op := history.Op{Kind: history.Create, Outcome: history.OK, Call: c.called()}
	c.request = scenarios.Request{Op: scenarios.Create, Kind: scenarios.ChatDriver}
	if !c.target.Supports(scenarios.Append) {
		c.request.Kind = scenarios.BoardDriver
	}
	err := c.exchange(ctx, history.UserName(int32(c.user))+"'s create")
	op.Return = c.returned()
	id := c.answer.ID
	switch {
	case errors.Is(err, scenarios.ErrUnavailable):
		return
	case unsettled(err):
		c.unknown = true // it may be there, under an id that nobody was told
		return
	case err != nil:
		c.fault(history.ByAnswers, history.UnexpectedError, 0, "%s's create: %v", history.UserName(int32(c.user)), err)
		return
	case id.Version() != 4:
		c.fault(history.ByAnswers, history.WeakID, 0, "%s was given the id %v, which is not a random (version 4) UUID", history.UserName(int32(c.user)), id)
	}
	c.hear(&op, &c.answer)
	op.Created, op.Tag = true, history.Tag(manager.IncarnationOf(id))
	c.mints.Add(uint32(len(c.minted)), op)
	c.minted = append(c.minted, id)
}

// vacate removes a session from the target.
func (c *client) vacate(id manager.ID) error {
	c.request = scenarios.Request{Op: scenarios.Delete, ID: id}
	err := c.exchange(context.Background(), "the removal of what the users left")
	if errors.Is(err, scenarios.ErrUnavailable) {
		return nil // which says more
	}
	return err
}

// countAt looks whether the target keeps anything for sessions, all of which were removed.
func (r *round) countAt() {
	asked := &pending{"the census after the round", time.Now()}
	c, err := r.target.Census(context.Background())
	r.lost(err, asked)
	switch {
	case errors.Is(err, scenarios.ErrUnsupported), errors.Is(err, scenarios.ErrUnavailable):
	case err != nil:
		r.keeper().fault(history.ByAnswers, history.UnexpectedError, 0, "census: %v", err)
	default:
		r.leak = leakOf(c)
	}
}

// comeAndGo makes sessions and deletes them, and counts what the target keeps of them.
func (r *run) comeAndGo(ctx context.Context) (g Guarantee, err error) {
	g = Guarantee{Name: "leak-free", Declared: "yes", Observed: notLookedAt, Kept: true}
	change := scenarios.Append
	if !r.target.has(history.Append) {
		change = scenarios.Update
	}
	conn, err := r.target.Connect(ctx)
	if err != nil {
		return g, err
	}
	defer conn.Close()
	var answer scenarios.Effect
	q := scenarios.Request{Role: role, Content: "gone in a moment", Fields: map[string]string{fieldNames[0]: "gone in a moment"}}
	for n, end := 0, time.Now().Add(lifetime); n < lives && time.Now().Before(end); n++ {
		q.ID = uuid.New()
		for _, op := range []scenarios.Op{scenarios.GetOrCreate, change, scenarios.Delete} {
			q.Op = op
			if err := conn.Do(ctx, &q, &answer); err != nil {
				return g, err
			}
		}
	}
	c, err := r.target.Census(ctx)
	if errors.Is(err, scenarios.ErrUnsupported) {
		return g, nil
	}
	if err != nil {
		return g, err
	}
	g.Observed = "yes"
	if v := leakOf(c); v != nil {
		g.Observed, g.Kept, g.Detail = "no", false, v.Why
		v.Seed = r.Config.Seed
		r.leak = cmp.Or(r.leak, v)
	}
	return g, nil
}

// observeTarget looks at what a target should do beside being linearizable.
func (r *run) observeTarget(ctx context.Context) error {
	r.Report.Guarantees = nil
	if !r.performs(history.Delete) {
		return nil
	}
	asked := &pending{"making and deleting sessions", time.Now()}
	g, err := r.comeAndGo(ctx)
	switch {
	case errors.Is(err, scenarios.ErrUnavailable):
		r.violated(asked.to(err).convict(r.Patience, r.Config.Seed))
		err = nil
	case unsettled(err):
		err = nil // so nobody can tell
	case err != nil && ctx.Err() == nil:
		r.violated(&history.Violation{Anomaly: history.UnexpectedError, Detector: history.ByAnswers, Seed: r.Config.Seed,
			Why: fmt.Sprintf("create, change and delete of one session: %v", err)})
		err = nil
	}
	r.Report.Guarantees = []Guarantee{g}
	return err
}

// leakOf is what a target keeps when all sessions were deleted, nil for nothing.
func leakOf(c manager.Census) *history.Violation {
	switch {
	case c.Sessions != 0:
		return &history.Violation{Anomaly: history.LeakedSessions, Detector: history.ByCensus,
			Why: fmt.Sprintf("all sessions were deleted, and the census counts %d", c.Sessions)}
	case c.Locks != 0:
		return &history.Violation{Anomaly: history.LeakedLocks, Detector: history.ByCensus,
			Why: fmt.Sprintf("all sessions were deleted, and the census counts %d locks that are still kept for them", c.Locks)}
	}
	return nil
}
