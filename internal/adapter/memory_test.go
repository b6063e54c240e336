package adapter

import (
	"maps"
	"sync"
	"time"

	"github.com/google/uuid"
)

// memory is the store of a correct adapter, with one lock.
type memory struct {
	mu       sync.Mutex // protects the following
	sessions map[string]*memorySession
	created  int // sessions
}

type memorySession struct {
	incarnation, seq, version int
	used                      time.Time
	messages                  []map[string]any
	fields                    map[string]any
}

func newMemory() *memory { return &memory{sessions: map[string]*memorySession{}} }

// do returns the answer to a request. It shares nothing with the store, so it can be encoded without the lock.
func (m *memory) do(q map[string]any) any {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch q["op"] {
	case "hello":
		return map[string]any{"sessbench": 1, "name": "memory", "ops": []string{
			"create", "get_or_create", "add_message", "history", "update", "get", "delete", "sweep", "census", "reset", "dance",
		}}
	case "create":
		id := uuid.NewString()
		m.create(id)
		return map[string]any{"id": id}
	case "get_or_create":
		id := q["id"].(string)
		created := m.sessions[id] == nil
		if created {
			m.create(id)
		}
		return m.sessions[id].withCounters(map[string]any{"created": created})
	case "census":
		return map[string]any{"sessions": len(m.sessions), "locks": 1, "threads": 2}
	case "reset":
		clear(m.sessions)
		return struct{}{}
	case "sweep":
		before, idle := len(m.sessions), time.Duration(q["older_than_us"].(float64))*time.Microsecond
		maps.DeleteFunc(m.sessions, func(_ string, s *memorySession) bool { return time.Since(s.used) > idle })
		return map[string]any{"removed": before - len(m.sessions)}
	case "add_message", "history", "update", "get", "delete":
		return m.onSession(q)
	}
	return map[string]any{"error": "unsupported", "message": "no such op"}
}

func (m *memory) create(id string) {
	m.created++
	m.sessions[id] = &memorySession{incarnation: m.created, used: time.Now(), fields: map[string]any{}}
}

func (m *memory) onSession(q map[string]any) any {
	id := q["id"].(string)
	s := m.sessions[id]
	if s == nil {
		return map[string]any{"error": "not_found", "message": "no session " + id}
	}
	s.used = time.Now()
	answer := map[string]any{}
	switch q["op"] {
	case "add_message":
		answer["held_us"] = work(q)
		s.seq++
		s.version++
		s.messages = append(s.messages, map[string]any{"seq": s.seq, "role": q["role"], "content": q["content"]})
		s.messages = s.messages[max(0, len(s.messages)-15):]
	case "history":
		answer["messages"] = append([]map[string]any{}, s.messages...)
	case "update":
		answer["held_us"] = work(q)
		s.version++
		maps.Copy(s.fields, q["fields"].(map[string]any))
	case "get":
		answer["fields"] = maps.Clone(s.fields)
	case "delete":
		delete(m.sessions, id)
	}
	return s.withCounters(answer)
}

func (s *memorySession) withCounters(answer map[string]any) map[string]any {
	answer["incarnation"], answer["seq"], answer["version"] = s.incarnation, s.seq, s.version
	return answer
}

// work does the work of a request and returns how long it took, in microseconds.
func work(q map[string]any) int64 {
	d, start := time.Duration(q["hold_us"].(float64))*time.Microsecond, time.Now()
	if q["hold_kind"] == "sleep" {
		time.Sleep(d)
	}
	for q["hold_kind"] == "spin" && time.Since(start) < d {
	}
	return time.Since(start).Microseconds()
}
