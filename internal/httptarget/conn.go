package httptarget

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// conn is a user's way to the service, for one operation at a time.
type conn struct {
	t       *Target
	user    int
	way     exchanger
	observe func(*request, *response) // each exchange; nil: nothing does
	turn    int                       // worker of the next request of sessions that are not bound to one
	pinned  bool                      // to the worker of turn

	// The current operation.
	ask      *scenarios.Request
	question scenarios.Request // of lookUp
	note     string            // with Describe: what was sent last, and what came back
	session  *session
	state    *state // of the session, which the request is rendered from
	answered int    // worker of the last request
	q        request
	a        response
}

var _ scenarios.Conn = (*conn)(nil)

// Do implements [scenarios.Conn].
func (c *conn) Do(ctx context.Context, q *scenarios.Request, e *scenarios.Effect) error {
	e.Clear()
	c.ask, c.note, c.answered = q, "", 0
	err := c.do(ctx, q, e)
	e.Note, e.Worker = c.note, c.answered
	if err == nil {
		e.FirstEvent = c.a.firstEvent
	}
	return err
}

func (c *conn) do(ctx context.Context, q *scenarios.Request, e *scenarios.Effect) error {
	if !c.t.Supports(q.Op) {
		return scenarios.ErrUnsupported
	}
	switch {
	case q.Op == scenarios.Create:
		return c.create(ctx, e)
	case q.Op == scenarios.GetOrCreate:
		return c.getOrCreate(ctx, e)
	case q.Op == scenarios.Sweep:
		c.session = nil
		return c.perform(ctx, e)
	}
	p := c.t.sessions.find(q.ID)
	if p == nil && c.t.m.Session.client { // the service may have it from before
		p = c.t.sessions.entry(q.ID)
		c.t.adopt(p, q.ID)
	}
	if p == nil || p.current.Load() == nil {
		return manager.ErrNotFound // the service has given it no name that a request could use
	}
	c.session = p.current.Load()
	err := c.perform(ctx, e)
	if q.Op.Does(scenarios.Removes) && (err == nil || errors.Is(err, manager.ErrIndeterminate)) {
		c.session.gone.Store(true)
	}
	return err
}

// create has the service create a session, under an id of ours that has not been used.
func (c *conn) create(ctx context.Context, e *scenarios.Effect) error {
	id := manager.ID(uuid.New())
	p := c.t.sessions.entry(id)
	if err := c.open(ctx, p, id, e); err != nil {
		return err
	}
	e.ID, e.Created = id, true
	return nil
}

// getOrCreate creates the session of an id if there is none. Concurrent calls create one session. Where the service names its sessions, it
// is asked for the one that is known: another user's delete may have removed it although its answer is not here yet.
func (c *conn) getOrCreate(ctx context.Context, e *scenarios.Effect) error {
	p := c.t.sessions.entry(c.ask.ID)
	if c.t.m.Session.client {
		c.t.adopt(p, c.ask.ID)
		c.session = p.current.Load()
		err := c.perform(ctx, e)
		if errors.Is(err, manager.ErrConflict) && c.t.m.Operations[scenarios.GetOrCreate] == nil { // the mapping's create is strict
			e.Clear()
			err = nil
		}
		if err == nil {
			c.session.gone.Store(false)
		}
		return err
	}
	for {
		s := p.current.Load()
		if s != nil && !s.gone.Load() {
			c.session = s
			err := c.lookUp(ctx, e)
			e.Clear()
			if err == nil {
				c.identify(s, e)
			}
			if !errors.Is(err, manager.ErrNotFound) {
				return err
			}
		}
		if replaced, err := c.replace(ctx, p, s, e); replaced || err != nil {
			return err
		}
	}
}

// lookUp asks the service whether it has the session: with validate, or else with history. Without either it is taken to have it.
func (c *conn) lookUp(ctx context.Context, e *scenarios.Effect) error {
	asked := c.ask
	defer func() { c.ask = asked }()
	for _, op := range [...]scenarios.Op{scenarios.Validate, scenarios.History} {
		if c.t.m.Operations[op] != nil {
			c.question = scenarios.Request{Op: op, ID: asked.ID, Describe: asked.Describe}
			c.ask = &c.question
			return c.perform(ctx, e)
		}
	}
	return nil
}

// replace creates a session in place of one that is gone, or of none, unless another user has done that.
func (c *conn) replace(ctx context.Context, p *entry, old *session, e *scenarios.Effect) (replaced bool, err error) {
	p.making.Lock()
	defer p.making.Unlock()
	if p.current.Load() != old {
		return false, nil
	}
	if err := c.open(ctx, p, c.ask.ID, e); err != nil {
		return false, err
	}
	e.Created = true
	return true, nil
}

// open performs the creation of a session, and puts it in its entry.
func (c *conn) open(ctx context.Context, p *entry, id manager.ID, e *scenarios.Effect) error {
	s := c.t.sessions.newSession(p.slot)
	if c.t.m.Session.client {
		s.state.Store(&state{id: value{text: id.String()}})
	}
	c.session = s
	if err := c.perform(ctx, e); err != nil {
		return err
	}
	p.current.Store(s)
	return nil
}

// identify reports the incarnation of a session that the service has named. Ids that we choose do not tell incarnations apart.
func (c *conn) identify(s *session, e *scenarios.Effect) {
	if s != nil && !c.t.m.Session.client {
		e.Incarnation = s.number
		e.Reported |= scenarios.ReportsIncarnation
	}
}

// perform sends the requests of the current operation and reads its effect from the last answer.
func (c *conn) perform(ctx context.Context, e *scenarios.Effect) error {
	op := c.ask.Op
	of := c.t.operation(op)
	for i, s := range of.steps {
		err := c.step(ctx, s)
		if err == nil {
			continue
		}
		e.Clear()
		switch {
		case errors.Is(err, manager.ErrNotApplied) && i > 0: // an earlier request of the operation may have taken effect
			return scenarios.Unanswered(op, err)
		case errors.Is(err, manager.ErrNotApplied), errors.Is(err, manager.ErrNotFound), errors.Is(err, manager.ErrConflict):
			return err
		}
		return scenarios.Unanswered(op, err)
	}
	if err := c.read(of, e); err != nil {
		e.Clear()
		return scenarios.Unanswered(op, &unusable{of.steps[len(of.steps)-1].String(), c.a.status, err, c.t.m.excerpt(c.a.body)})
	}
	c.identify(c.session, e)
	return nil
}

// read reads the effect of the operation, and the name of a new session, from the last answer.
func (c *conn) read(of *operation, e *scenarios.Effect) error {
	if err := of.read(&c.a, e); err != nil {
		return err
	}
	if !c.ask.Op.Does(scenarios.Mints | scenarios.Ensures) {
		return nil
	}
	switch identity := &c.t.m.Session; {
	case identity.client:
	case identity.cookie != "":
		if _, ok := c.session.state.Load().cookie(identity.cookie); !ok {
			return errors.New("the answer sets no cookie " + identity.cookie)
		}
	default:
		id, err := identity.identify(&c.a)
		if err != nil {
			return err
		}
		c.session.change(func(s *state) *state { next := *s; next.id = id; return &next })
	}
	return nil
}

// step sends one request, and takes cookies and captured variables from the answer. Its error says what became of the request:
// [manager.ErrNotApplied], [manager.ErrNotFound], [manager.ErrConflict], or any other where that is unknown.
func (c *conn) step(ctx context.Context, s *step) error {
	t := c.t
	if c.state = nil; c.session != nil {
		c.state = c.session.state.Load()
	}
	if err := s.render(c, &c.q); err != nil {
		return manager.NotApplied(err)
	}
	if c.state != nil && c.state.header != "" {
		c.q.header = append(c.q.header, headerField{"Cookie", c.state.header})
	}
	worker := c.worker()
	c.q.base = t.workers[worker].base
	if len(t.workers) > 1 {
		c.answered = worker + 1
	}
	sent := t.now()
	err := c.way.exchange(ctx, &c.q, &c.a)
	if c.ask.Describe {
		c.note = c.describe(err)
	}
	if err != nil {
		return t.lost(ctx, worker, s, sent, err)
	}
	t.answered()
	if c.observe != nil {
		c.observe(&c.q, &c.a)
	}
	status := c.a.status
	switch {
	case s.succeeded(status):
	case slices.Contains(t.m.NotFound, status):
		return manager.ErrNotFound
	case slices.Contains(t.m.Conflict, status):
		return manager.ErrConflict
	case slices.Contains(t.m.Throttled, status):
		return manager.NotApplied(throttled{})
	default:
		return &statusError{s.String(), status, t.m.excerpt(c.a.body)}
	}
	keep := t.keep
	if c.session != nil {
		if err := c.takeCookies(); err != nil {
			return err
		}
		keep = func(name string, v value) { c.session.change(func(of *state) *state { return of.with(name, v) }) }
	}
	if err := s.capture(&c.a, keep); err != nil {
		return &unusable{s.String(), status, err, t.m.excerpt(c.a.body)}
	}
	return nil
}

// describe returns what was sent and what came back. The service's id of the session stays readable; cookies are left out, since their
// values are secrets.
func (c *conn) describe(err error) string {
	sent := c.t.m.Mask(c.q.method + " " + string(c.q.target))
	if err != nil {
		return sent + " → " + err.Error()
	}
	return fmt.Sprintf("%s → %d", sent, c.a.status)
}

// takeCookies adds the cookies of an answer to those of the session. A service that sets another session cookie than the one it was
// sent does not know the session, unless the mapping says that it rotates them.
func (c *conn) takeCookies() error {
	var set []*http.Cookie
	for _, h := range c.a.header {
		if h.name != "Set-Cookie" {
			continue
		}
		k, err := http.ParseSetCookie(h.value)
		if err != nil {
			continue // as browsers do
		}
		if identity := &c.t.m.Session; k.Name == identity.cookie && !identity.Rotates && !c.ask.Op.Does(changesCookie) {
			if old, known := c.state.cookie(k.Name); known && old != k.Value {
				return fmt.Errorf("%w: the answer sets another cookie %s, as for a new session (where the cookie of a session changes: session: {rotates: true})",
					manager.ErrNotFound, k.Name)
			}
		}
		set = append(set, k)
	}
	if len(set) > 0 {
		c.session.change(func(s *state) *state { return s.withCookies(set) })
	}
	return nil
}

// changesCookie are the operations whose answer may set another session cookie: it then belongs to another session.
const changesCookie = scenarios.Mints | scenarios.Ensures | scenarios.Removes

// worker returns the worker of the next request: the one of the session, or each in turn.
func (c *conn) worker() int {
	n := len(c.t.workers)
	if c.t.m.Affinity && c.session != nil {
		return int(c.session.number % uint64(n))
	}
	if !c.pinned {
		c.turn++
	}
	return c.turn % n
}

// value implements [values].
func (c *conn) value(name string) (v value, ok bool) {
	switch name {
	case "id":
		if c.state == nil {
			return value{}, false
		}
		return c.state.id, c.state.id.text != ""
	case "role":
		return value{text: c.ask.Role}, true
	case "content":
		return value{text: c.ask.Content}, true
	case "fields":
		return value{fields: c.ask.Fields}, true
	case "user":
		return number(c.user), true
	}
	if c.session == nil {
		v, ok = c.t.vars[name]
		return v, ok
	}
	if name == "slot" {
		return number(c.session.slot), true
	}
	if column, ok := strings.CutPrefix(name, accountPrefix); ok {
		text, ok := c.t.m.Accounts.value(c.session.slot, column)
		return value{text: text}, ok
	}
	if v, ok = c.state.vars[name]; !ok {
		v, ok = c.t.vars[name]
	}
	return v, ok
}

// number is the value of a placeholder that stands for a number.
func number(n int) value { return value{text: strconv.Itoa(n), literal: true} }

// Close implements [scenarios.Conn].
func (c *conn) Close() error { return c.way.close() }
