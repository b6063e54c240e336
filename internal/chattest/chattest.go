// Package chattest has the HTTP service that tests drive: a chat that keeps messages in memory and names its sessions.
package chattest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
)

// Keeps is how many messages a session keeps.
const Keeps = 15

// Message is a message of a session, as the service returns it.
type Message struct {
	Seq     int    `json:"seq"`
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Service answers POST /sessions, and POST and GET /sessions/ID/messages, and DELETE /sessions/ID. It is correct unless Bend bends it.
type Service struct {
	Bend     func(n int64, w http.ResponseWriter, r *http.Request) (answered bool) // n counts the requests; nil: it behaves
	Requests atomic.Int64

	mu       sync.Mutex // protects sessions
	sessions map[string][]Message
}

// New returns a service without sessions.
func New() *Service { return &Service{sessions: map[string][]Message{}} }

// Mapping returns the mapping file of a service at an address.
func Mapping(base string) string {
	return fmt.Sprintf(`name: chat
base: %s
session:
  id: .session_id
operations:
  create:
    request: POST /sessions
  append:
    request: POST /sessions/{id}/messages
    json: {role: "{role}", content: "{content}"}
    seq: .seq
  history:
    request: GET /sessions/{id}/messages
    messages: ".messages[] | {seq, role, content}"
  delete:
    request: DELETE /sessions/{id}
errors:
  not_found: [404, 410]
  conflict: [409]
`, base)
}

// SessionOf returns the id in the path of a request, or "".
func SessionOf(r *http.Request) string {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) < 2 {
		return ""
	}
	return parts[1]
}

// Sessions returns the number of sessions.
func (s *Service) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// Load returns the messages of a session, oldest first.
func (s *Service) Load(id string) (messages []Message, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	messages, known = s.sessions[id]
	return messages, known
}

// Save replaces the messages of a session by the newest of a list.
func (s *Service) Save(id string, messages []Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[id] = messages[max(0, len(messages)-Keeps):]
}

// Remove removes a session.
func (s *Service) Remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, id)
}

// With returns the messages with one more, numbered after the last. It does not change them.
func With(messages []Message, m Message) []Message {
	m.Seq = 1
	if n := len(messages); n > 0 {
		m.Seq = messages[n-1].Seq + 1
	}
	return append(messages[:len(messages):len(messages)], m)
}

// ServeHTTP implements [http.Handler].
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if n := s.Requests.Add(1); s.Bend != nil && s.Bend(n, w, r) {
		return
	}
	answer := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := SessionOf(r)
	messages, known := s.sessions[id]
	switch {
	case id == "":
		id = uuid.NewString()
		s.sessions[id] = []Message{}
		answer(http.StatusCreated, map[string]any{"session_id": id})
	case !known:
		answer(http.StatusNotFound, map[string]any{"detail": "no such session"})
	case r.Method == http.MethodDelete:
		delete(s.sessions, id)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPost:
		var m Message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			answer(http.StatusBadRequest, err.Error())
			return
		}
		messages = With(messages, m)
		s.sessions[id] = messages[max(0, len(messages)-Keeps):]
		answer(http.StatusOK, map[string]any{"seq": messages[len(messages)-1].Seq})
	default:
		answer(http.StatusOK, map[string]any{"messages": messages})
	}
}
