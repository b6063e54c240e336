package httptarget

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// MappingError says that a mapping does not fit its service: an operation that must succeed did not.
type MappingError struct {
	Path string // of the mapping file
	Op   scenarios.Op
	Last *Exchange // nil: no request was answered
	Err  error
}

// Error has the request and the answer in lines of their own.
func (e *MappingError) Error() string {
	text := fmt.Sprintf("%s: %s does not work: %v", e.Path, e.Op, e.Err)
	if e.Last != nil {
		text += "\n" + e.Last.String()
	}
	return text
}

// Unwrap returns the error of the operation, and [scenarios.ErrUnsupported] unless the service has become unavailable.
func (e *MappingError) Unwrap() []error {
	if errors.Is(e.Err, scenarios.ErrUnavailable) {
		return []error{e.Err}
	}
	return []error{e.Err, scenarios.ErrUnsupported}
}

// Exchange is a request and its answer as text, without secrets.
type Exchange struct {
	Op             scenarios.Op
	Request        string // method, path and query
	Body           string
	Status         int
	Answer         string // the beginning of the body
	Set            []string
	RequestCookies []string // names
}

// String is the exchange in indented lines.
func (x *Exchange) String() string {
	lines := []string{"  > " + x.Request}
	if len(x.RequestCookies) > 0 {
		lines = append(lines, "  > Cookie: "+strings.Join(x.RequestCookies, ", "))
	}
	if x.Body != "" {
		lines = append(lines, "  > "+x.Body)
	}
	lines = append(lines, fmt.Sprintf("  < %d %s", x.Status, http.StatusText(x.Status)))
	if len(x.Set) > 0 {
		lines = append(lines, "  < Set-Cookie: "+strings.Join(x.Set, ", "))
	}
	if x.Answer != "" {
		lines = append(lines, "  < "+x.Answer)
	}
	return strings.Join(lines, "\n")
}

// Rehearsal is what performing each operation once has shown.
type Rehearsal struct {
	Numbered bool     // append returns the number of the message
	InCookie bool     // an older session cookie shows the session as it was: the state is in the cookie
	Replaced []string // messages of requests that were sent at the same time, with one cookie, and succeeded, but are not kept
	Kept     []string // the others of them
	Unknown  int      // the number of a worker that does not know the session that worker 1 created, although requests go to each in turn; 0: none
	Outlives bool     // a removed session can still be used: the answer after the removal was a success
}

// rehearsed are the messages that a rehearsal appends one after the other, raced those that it appends at the same time.
var (
	rehearsed = []string{"sessbench 1", "sessbench 2"}
	raced     = []string{"sessbench A", "sessbench B"}
)

// Rehearse performs each operation of the mapping once on a session of its own, in an order in which all must succeed, and calls on with
// each exchange, unless on is nil. The error is a [*MappingError].
func (t *Target) Rehearse(ctx context.Context, on func(*Exchange)) (r *Rehearsal, err error) {
	c := t.newConn()
	defer c.Close()
	c.turn, c.pinned = 0, true
	var last *Exchange
	quiet := false
	c.observe = func(q *request, a *response) {
		last = t.exchangeOf(c.ask.Op, q, a)
		if on != nil && !quiet {
			on(last)
		}
	}
	r = &Rehearsal{}
	var e scenarios.Effect
	id := manager.ID(uuid.New())
	do := func(op scenarios.Op, content string) error {
		last = nil
		q := &scenarios.Request{Op: op, ID: id, Role: "user", Content: content, Fields: map[string]string{"goal": content}}
		err := c.Do(ctx, q, &e)
		if err != nil {
			return &MappingError{t.m.Path, op, last, err}
		}
		return nil
	}
	create := scenarios.Create
	if !t.Supports(create) {
		create = scenarios.GetOrCreate
	}
	if !t.Supports(create) {
		return nil, &MappingError{t.m.Path, create, nil, errors.New("it is not mapped: a session must be created before it is used")}
	}
	if err := do(create, ""); err != nil {
		return nil, err
	}
	if create == scenarios.Create {
		id = e.ID
	}
	if t.Supports(scenarios.History) { // of no message, which a service may answer in another form
		if err := do(scenarios.History, ""); err != nil {
			return nil, err
		}
		if r.Unknown, err = t.stranger(c, func() error { return do(scenarios.History, "") }); err != nil {
			return nil, err
		}
	}
	cookies := map[string]*state{}
	for _, content := range rehearsed {
		if !t.Supports(scenarios.Append) {
			break
		}
		if err := do(scenarios.Append, content); err != nil {
			return nil, err
		}
		r.Numbered = e.Reported&scenarios.ReportsSeq != 0
		s := c.session.state.Load()
		value, _ := s.cookie(t.m.Session.cookie)
		cookies[value] = s
	}
	changes := t.m.Session.cookie != "" && len(cookies) == len(rehearsed)
	for _, op := range []scenarios.Op{scenarios.History, scenarios.Validate, scenarios.Touch, scenarios.Update, scenarios.Read} {
		if !t.Supports(op) {
			continue
		}
		if err := do(op, rehearsed[0]); err != nil {
			return nil, err
		}
		if op == scenarios.History && t.Supports(scenarios.Append) {
			if err := showsBoth(e.Messages); err != nil {
				return nil, &MappingError{t.m.Path, op, last, err}
			}
		}
	}
	if t.Supports(scenarios.Append) && t.Supports(scenarios.History) {
		quiet = true
		if err := newest(do, &e); err != nil {
			return nil, &MappingError{t.m.Path, scenarios.History, last, err}
		}
		if changes {
			t.raceOfCookies(ctx, c, r, func() ([]string, error) { return contents(&e, do(scenarios.History, "")) })
		}
		quiet = false
	}
	if t.Supports(scenarios.Delete) {
		if err := do(scenarios.Delete, ""); err != nil {
			return nil, err
		}
		if t.Supports(scenarios.History) {
			err := do(scenarios.History, "")
			r.Outlives = err == nil
			if err != nil && !errors.Is(err, manager.ErrNotFound) {
				return nil, err
			}
		}
	}
	return r, nil
}

// stranger returns the number of a worker that does not know the session of worker 1, or 0.
func (t *Target) stranger(c *conn, ask func() error) (number int, err error) {
	defer func() { c.turn = 0 }()
	for c.turn = 1; c.turn < len(t.workers) && !t.m.Affinity; c.turn++ {
		switch err := ask(); {
		case errors.Is(err, manager.ErrNotFound):
			return c.turn + 1, nil
		case err != nil:
			return 0, err
		}
	}
	return 0, nil
}

// showsBoth returns an error if a history is not that of the two messages of a rehearsal.
func showsBoth(messages []manager.Message) error {
	if got, _ := contents(&scenarios.Effect{Messages: messages}, nil); !slices.Equal(got, rehearsed) {
		return fmt.Errorf("after messages %q were appended it shows %q", rehearsed, got)
	}
	return nil
}

// exchangeOf describes an exchange without secrets and without the values of cookies.
func (t *Target) exchangeOf(op scenarios.Op, q *request, a *response) *Exchange {
	x := &Exchange{
		Op: op, Request: t.m.Mask(q.method + " " + string(q.target)), Body: t.m.excerpt(q.body), Status: a.status, Answer: t.m.excerpt(a.body),
	}
	for _, h := range q.header {
		if h.name == "Cookie" {
			for pair := range strings.SplitSeq(h.value, "; ") {
				name, _, _ := strings.Cut(pair, "=")
				x.RequestCookies = append(x.RequestCookies, name)
			}
		}
	}
	for _, h := range a.header {
		if h.name == "Set-Cookie" {
			name, _, _ := strings.Cut(h.value, "=")
			x.Set = append(x.Set, name)
		}
	}
	return x
}
