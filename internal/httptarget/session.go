package httptarget

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessbench/sessbench/manager"
)

// session is one session of the service. Users share it.
type session struct {
	number uint64 // of the sessions of a target, from 1: the incarnation of those that the service names
	slot   int    // number of its id among the ids of the target
	state  atomic.Pointer[state]
	gone   atomic.Bool // removed, or perhaps: the answer is unknown
}

// state is what requests need to know of a session. It is immutable: a change replaces it.
type state struct {
	id      value            // by which the service knows it; the zero value where a cookie does
	vars    map[string]value // captured
	cookies []cookie
	header  string // the value of the header Cookie; empty: none
}

type cookie struct{ name, value string }

// with returns the state with a captured variable.
func (s *state) with(name string, v value) *state {
	next := *s
	next.vars = maps.Clone(s.vars)
	if next.vars == nil {
		next.vars = map[string]value{}
	}
	next.vars[name] = v
	return &next
}

// withCookies returns the state after the answer's cookies. Domains and paths are not looked at: a session has one service.
func (s *state) withCookies(set []*http.Cookie) *state {
	next := *s
	next.cookies = slices.Clone(s.cookies)
	for _, c := range set {
		next.cookies = slices.DeleteFunc(next.cookies, func(of cookie) bool { return of.name == c.Name })
		if c.MaxAge >= 0 && (c.Expires.IsZero() || c.Expires.After(time.Now())) {
			next.cookies = append(next.cookies, cookie{c.Name, c.Value})
		}
	}
	var pairs []string
	for _, c := range next.cookies {
		pairs = append(pairs, c.name+"="+c.value)
	}
	next.header = strings.Join(pairs, "; ")
	return &next
}

// cookie returns the value of a cookie.
func (s *state) cookie(name string) (value string, ok bool) {
	for _, c := range s.cookies {
		if c.name == name {
			return c.value, true
		}
	}
	return "", false
}

// change replaces the state by what next makes of it. Concurrent changes are made one after the other.
func (s *session) change(next func(*state) *state) {
	for {
		old := s.state.Load()
		if s.state.CompareAndSwap(old, next(old)) {
			return
		}
	}
}

// entry is an id of ours and the session of the service that it stands for.
type entry struct {
	making  sync.Mutex // held while a session is created
	slot    int
	current atomic.Pointer[session] // nil: never created
}

// table is the sessions of a target by our ids. It is safe for concurrent use.
type table struct {
	shards [64]struct {
		mu      sync.RWMutex // protects entries
		entries map[manager.ID]*entry
	}
	slots    atomic.Int64
	sessions atomic.Uint64
}

// find returns the entry of an id, or nil.
func (t *table) find(id manager.ID) *entry {
	s := &t.shards[id[15]%64]
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.entries[id]
}

// entry returns the entry of an id, which it makes if there is none.
func (t *table) entry(id manager.ID) *entry {
	if p := t.find(id); p != nil {
		return p
	}
	s := &t.shards[id[15]%64]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries == nil {
		s.entries = map[manager.ID]*entry{}
	}
	p := s.entries[id]
	if p == nil {
		p = &entry{slot: int(t.slots.Add(1)) - 1}
		s.entries[id] = p
	}
	return p
}

// newSession returns a session for a slot that no answer has named yet.
func (t *table) newSession(slot int) *session {
	s := &session{number: t.sessions.Add(1), slot: slot}
	s.state.Store(&state{})
	return s
}

// clear forgets all ids, and returns the sessions that have not been removed.
func (t *table) clear() (left []*session) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for _, p := range s.entries {
			if of := p.current.Load(); of != nil && !of.gone.Load() {
				left = append(left, of)
			}
		}
		s.entries = nil
		s.mu.Unlock()
	}
	t.slots.Store(0)
	return left
}
