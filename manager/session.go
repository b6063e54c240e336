package manager

import (
	"encoding/json"
	"fmt"
	"maps"
)

// HistoryLimit is the number of messages a session keeps: the newest 15.
const HistoryLimit = 15

// Message is one entry of a session's history.
type Message struct {
	Seq     uint64 `json:"seq"` // number of this message in its session, from 1
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Session is what the managers keep under an id: a bounded message history, fields, and counters that identify the state. The
// zero value is an empty session. It is not safe for concurrent use: a [SessionStore] locks access to it.
//
// It is 48 bytes, so that a store's entry with a mutex and a mark fits one 64-byte cache line.
type Session struct {
	Seq         uint64            // number of messages ever appended
	Version     uint64            // number of changes ever made, including messages
	Incarnation uint64            // identifies this lifetime among all under its id
	Touched     int64             // last use, Unix nanoseconds; 0 without a time-to-live
	Fields      map[string]string // nil until the first SetFields
	ring        ring
}

// Append adds a message, drops the oldest beyond HistoryLimit, and returns the new message's number. It allocates only while the
// history grows.
func (s *Session) Append(role, content string) uint64 {
	s.ring = s.ring.put(s.Seq, role, content)
	s.Seq++
	s.Version++
	return s.Seq
}

// Len returns the number of messages kept, at most HistoryLimit.
func (s *Session) Len() int { return int(min(s.Seq, HistoryLimit)) }

// History appends the kept messages to dst, oldest first. The result shares nothing with the session.
func (s *Session) History(dst []Message) []Message { return s.ring.copyTo(dst, s.Seq) }

// SetFields copies fields into those of the session and returns the new version. Empty fields still count as a change.
func (s *Session) SetFields(fields map[string]string) uint64 {
	if s.Fields == nil {
		s.Fields = make(map[string]string, len(fields))
	}
	maps.Copy(s.Fields, fields)
	s.Version++
	return s.Version
}

// Touch records a use at now, in Unix nanoseconds, and returns the new version.
func (s *Session) Touch(now int64) uint64 {
	s.Touched = now
	s.Version++
	return s.Version
}

// Clone returns a copy that shares nothing mutable with s.
func (s *Session) Clone() *Session {
	c := new(Session)
	s.CopyTo(c)
	return c
}

// sessionJSON is Session's JSON form.
type sessionJSON struct {
	Seq         uint64            `json:"seq"`
	Version     uint64            `json:"version"`
	Incarnation uint64            `json:"incarnation"`
	Touched     int64             `json:"touched,omitempty"`
	Fields      map[string]string `json:"fields,omitempty"`
	Messages    []Message         `json:"messages,omitempty"` // oldest first
}

// MarshalJSON writes the whole session, its messages oldest first.
func (s Session) MarshalJSON() ([]byte, error) {
	return json.Marshal(sessionJSON{s.Seq, s.Version, s.Incarnation, s.Touched, s.Fields, s.History(nil)})
}

// UnmarshalJSON reads what MarshalJSON wrote and rejects a history whose length or numbers do not match its seq.
func (s *Session) UnmarshalJSON(data []byte) error {
	var j sessionJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	if want := min(j.Seq, HistoryLimit); uint64(len(j.Messages)) != want {
		return fmt.Errorf("session JSON: seq %d with %d messages: want %d", j.Seq, len(j.Messages), want)
	}
	n := Session{Version: j.Version, Incarnation: j.Incarnation, Touched: j.Touched, Fields: j.Fields}
	n.Seq = j.Seq - uint64(len(j.Messages))
	for _, m := range j.Messages {
		if m.Seq != n.Seq+1 {
			return fmt.Errorf("session JSON: message %d: want message %d", m.Seq, n.Seq+1)
		}
		n.ring = n.ring.restore(n.Seq, j.Seq, m.Role, m.Content)
		n.Seq++
	}
	*s = n
	return nil
}
