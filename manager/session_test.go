package manager_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sessbench/sessbench/manager"
)

// plainSession is a session that keeps every message and field: slow, and obviously right.
type plainSession struct {
	messages []manager.Message // all of them
	version  uint64
	touched  int64
	fields   map[string]string
}

func (p *plainSession) append(role, content string) uint64 {
	seq := uint64(len(p.messages) + 1)
	p.messages = append(p.messages, manager.Message{Seq: seq, Role: role, Content: content})
	p.version++
	return seq
}

func (p *plainSession) setFields(fields map[string]string) {
	if p.fields == nil {
		p.fields = map[string]string{}
	}
	maps.Copy(p.fields, fields)
	p.version++
}

func (p *plainSession) history() []manager.Message {
	return slices.Clone(p.messages[max(0, len(p.messages)-15):])
}

func (p *plainSession) clone() *plainSession {
	return &plainSession{slices.Clone(p.messages), p.version, p.touched, maps.Clone(p.fields)}
}

// pair is a session and what it has to look like.
type pair struct {
	s *manager.Session
	p *plainSession
}

func (x pair) check(t interface{ Fatalf(string, ...any) }) {
	s, p := x.s, x.p
	if s.Seq != uint64(len(p.messages)) || s.Version != p.version || s.Touched != p.touched {
		t.Fatalf("seq %d, version %d, touched %d: want %d, %d, %d",
			s.Seq, s.Version, s.Touched, len(p.messages), p.version, p.touched)
	}
	history := p.history()
	if s.Len() != len(history) {
		t.Fatalf("Len() = %d: want %d", s.Len(), len(history))
	}
	if got := s.History(nil); !slices.Equal(history, got) {
		t.Fatalf("history after %d messages (-want +got):\n%s", s.Seq, cmp.Diff(history, got))
	}
	if !maps.Equal(p.fields, s.Fields) {
		t.Fatalf("fields (-want +got):\n%s", cmp.Diff(p.fields, s.Fields))
	}
}

// change does one kind of thing to both.
func (x pair) change(t *rapid.T) {
	switch rapid.SampledFrom([]string{"fields", "touch", "messages"}).Draw(t, "change") {
	case "fields":
		fields := rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c"}), rapid.String(), 0, 3).Draw(t, "fields")
		x.p.setFields(fields)
		if got := x.s.SetFields(fields); got != x.p.version {
			t.Fatalf("SetFields returned version %d: want %d", got, x.p.version)
		}
		fields["a"] = "changed by the caller afterwards"
	case "touch":
		now := rapid.Int64().Draw(t, "now")
		x.p.touched = now
		x.p.version++
		if got := x.s.Touch(now); got != x.p.version {
			t.Fatalf("Touch returned version %d: want %d", got, x.p.version)
		}
	case "messages":
		for range rapid.IntRange(1, 6).Draw(t, "messages") {
			role, content := rapid.SampledFrom([]string{"user", "bot"}).Draw(t, "role"), rapid.String().Draw(t, "content")
			want := x.p.append(role, content)
			if got := x.s.Append(role, content); got != want {
				t.Fatalf("Append returned %d: want %d", got, want)
			}
		}
	}
}

// Whatever is done to a session, its clones and the histories it handed out: each looks as the plain one says, and
// nothing done to one shows in another.
func TestSessionAgainstReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pairs := []pair{{new(manager.Session), new(plainSession)}}
		type handedOut struct{ got, want []manager.Message }
		var histories []handedOut
		any := func(t *rapid.T) pair { return rapid.SampledFrom(pairs).Draw(t, "session") }
		t.Repeat(map[string]func(*rapid.T){
			"change": func(t *rapid.T) { any(t).change(t) },
			"clone": func(t *rapid.T) {
				if len(pairs) == 5 {
					t.Skip("enough clones")
				}
				x := any(t)
				pairs = append(pairs, pair{x.s.Clone(), x.p.clone()})
			},
			"history": func(t *rapid.T) {
				x := any(t)
				dst := []manager.Message{{Seq: 99, Content: "was there before"}}
				histories = append(histories, handedOut{x.s.History(dst), append(dst, x.p.history()...)})
			},
			"": func(t *rapid.T) {
				for _, x := range pairs {
					x.check(t)
				}
				for _, h := range histories {
					if !slices.Equal(h.want, h.got) {
						t.Fatalf("a history changed after it was handed out (-want +got):\n%s", cmp.Diff(h.want, h.got))
					}
				}
			},
		})
	})
}

// A session and its clone go ways of their own from the very state in which they part, however long the history.
func TestCloneSharesNothing(t *testing.T) {
	for n := range 40 {
		x := pair{new(manager.Session), new(plainSession)}
		change := func(x pair, content string) {
			fields := map[string]string{"a": content}
			x.s.SetFields(fields)
			x.p.setFields(fields)
			x.s.Append("user", content)
			x.p.append("user", content)
		}
		for range n {
			change(x, "before")
		}
		y := pair{x.s.Clone(), x.p.clone()}
		for range 20 {
			change(x, "in the session")
			change(y, "in the clone")
			x.check(t)
			y.check(t)
		}
	}
}

func TestSessionJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := pair{&manager.Session{Incarnation: rapid.Uint64().Draw(t, "incarnation")}, new(plainSession)}
		for range rapid.IntRange(0, 40).Draw(t, "changes") {
			x.change(t)
		}
		text, err := json.Marshal(x.s)
		if err != nil {
			t.Fatal(err)
		}
		read := manager.Session{Seq: 0, Version: 7, Fields: map[string]string{"of": "another session"}}
		read.Append("user", "of another session")
		if err := json.Unmarshal(text, &read); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if read.Incarnation != x.s.Incarnation {
			t.Fatalf("incarnation %d: want %d", read.Incarnation, x.s.Incarnation)
		}
		y := pair{&read, x.p.clone()}
		y.check(t)
		for range rapid.IntRange(0, 20).Draw(t, "changes to what was read") {
			y.change(t)
			y.check(t)
		}
		x.check(t)
	})
}

func TestSessionJSONRejects(t *testing.T) {
	messages := func(from, to int) string {
		var m []string
		for seq := from; seq <= to; seq++ {
			m = append(m, fmt.Sprintf(`{"seq":%d,"role":"user","content":"m%d"}`, seq, seq))
		}
		return "[" + strings.Join(m, ",") + "]"
	}
	tests := []struct {
		why, text string
		names     []string // what the error must name; nil: it is read
	}{
		{"no messages and no seq is an empty session", `{}`, nil},
		{"a full history of a long conversation", `{"seq":100,"messages":` + messages(86, 100) + `}`, nil},
		{"messages are missing", `{"seq":3,"messages":` + messages(1, 2) + `}`, []string{"seq 3", "2 messages", "want 3"}},
		{"all messages are missing", `{"seq":1}`, []string{"seq 1", "0 messages"}},
		{"more messages than were ever appended", `{"seq":1,"messages":` + messages(1, 2) + `}`, []string{"seq 1", "2 messages"}},
		{"more messages than a session keeps", `{"seq":16,"messages":` + messages(1, 16) + `}`, []string{"16 messages", "want 15"}},
		{"the oldest messages, not the newest", `{"seq":16,"messages":` + messages(1, 15) + `}`, []string{"message 1", "want message 2"}},
		{"messages in the wrong order", `{"seq":2,"messages":[{"seq":2},{"seq":1}]}`, []string{"message 2", "want message 1"}},
		{"one message twice", `{"seq":2,"messages":[{"seq":1},{"seq":1}]}`, []string{"message 1", "want message 2"}},
		{"a message without its number", `{"seq":1,"messages":[{"role":"user"}]}`, []string{"message 0", "want message 1"}},
		{"a seq below zero", `{"seq":-1}`, []string{"seq"}},
		{"another type altogether", `[]`, []string{"array"}},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			s, p := new(manager.Session), new(plainSession)
			s.Append("user", "was there before")
			p.append("user", "was there before")
			err := json.Unmarshal([]byte(test.text), s)
			if test.names == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil {
				t.Fatal("was read")
			}
			for _, name := range test.names {
				if !strings.Contains(err.Error(), name) {
					t.Errorf("error %q does not name %q", err, name)
				}
			}
			pair{s, p}.check(t) // what is refused leaves the session as it was
		})
	}
}

func TestSessionIsSmall(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("the figure is for 64-bit machines")
	}
	if size := unsafe.Sizeof(manager.Session{}); size != 48 {
		t.Errorf("a session is %d bytes: want 48, so that it shares a cache line with its lock", size)
	}
}
