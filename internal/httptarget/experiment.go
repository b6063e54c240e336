package httptarget

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// contents returns the texts of the messages that an operation has shown.
func contents(e *scenarios.Effect, err error) (texts []string, _ error) {
	for _, m := range e.Messages {
		texts = append(texts, m.Content)
	}
	return texts, err
}

// newest returns an error if the history of a session with one message more than is compared does not show the newest ones: a service that
// keeps fewer, or shows a page of them, would be said to lose messages. Appends that fail may have taken effect. do performs an operation on
// a session that has the messages rehearsed.
func newest(do func(op scenarios.Op, content string) error, e *scenarios.Effect) error {
	const wanted = manager.HistoryLimit + 1
	sure, failed := slices.Clone(rehearsed), []string(nil)
	for n := len(sure) + 1; len(sure) < wanted; n++ {
		content := fmt.Sprintf("sessbench %d", n)
		err := do(scenarios.Append, content)
		switch {
		case errors.Is(err, scenarios.ErrUnavailable):
			return err
		case err == nil:
			sure = append(sure, content)
		default:
			if failed = append(failed, content); len(failed) > wanted {
				return nil // it is not known
			}
		}
	}
	for range 3 {
		shown, err := contents(e, do(scenarios.History, ""))
		if err != nil {
			continue
		}
		all := len(shown)
		shown = slices.DeleteFunc(shown, func(content string) bool { return slices.Contains(failed, content) })
		switch newest := sure[max(0, len(sure)-len(shown)):]; {
		case !slices.Equal(shown, newest):
			return fmt.Errorf("after %d messages it does not show the newest ones, oldest first, but %q", len(sure), shown)
		case all < manager.HistoryLimit:
			return fmt.Errorf("after %d messages it shows the newest %d, and sessbench compares the newest %d: want a request that shows so many; "+
				"fewer would be taken for lost ones", len(sure), all, manager.HistoryLimit)
		}
		return nil
	}
	return nil
}

// raceOfCookies finds out whether the cookie of the session of c, which changes with every message, holds the state, by asking with the one
// from before the latest message. If so, two messages are added at the same time with the same cookie, and the client keeps the answer that
// comes last, as browsers do.
func (t *Target) raceOfCookies(ctx context.Context, c *conn, r *Rehearsal, show func() ([]string, error)) {
	ask := func(content string) *scenarios.Request {
		return &scenarios.Request{Op: scenarios.Append, Role: "user", Content: content}
	}
	s := c.session
	before := s.state.Load()
	var e scenarios.Effect
	c.ask = ask("sessbench")
	if err := c.perform(ctx, &e); err != nil {
		return // it has succeeded before: the service is not reliable enough for an experiment
	}
	after := s.state.Load()
	s.state.Store(before)
	shown, err := show()
	s.state.Store(after)
	if err != nil || slices.Contains(shown, "sessbench") {
		return
	}
	r.InCookie = true
	var mu sync.Mutex
	var latest *state
	var succeeded []string
	var sending sync.WaitGroup
	for _, content := range raced {
		tab := t.newConn()
		defer tab.Close()
		tab.pinned, tab.turn = true, c.turn
		tab.session, tab.ask = &session{number: s.number, slot: s.slot}, ask(content)
		tab.session.state.Store(after)
		sending.Go(func() {
			var e scenarios.Effect
			err := tab.perform(ctx, &e)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				latest, succeeded = tab.session.state.Load(), append(succeeded, content)
			}
		})
	}
	sending.Wait()
	if len(succeeded) < len(raced) {
		return
	}
	s.state.Store(latest)
	if shown, err = show(); err != nil {
		return
	}
	for _, content := range succeeded {
		if slices.Contains(shown, content) {
			r.Kept = append(r.Kept, content)
		} else {
			r.Replaced = append(r.Replaced, content)
		}
	}
}
