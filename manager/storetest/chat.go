package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/sessbench/sessbench/manager"
)

// RunChat tests a [manager.Chatbot] on the stores that open returns: histories of the newest messages, in order, that never change
// once returned. [Run] tests everything else about a store.
func RunChat(t *testing.T, open func(tb testing.TB) manager.SessionStore[manager.Session]) {
	t.Helper()
	over := func(s manager.SessionStore[manager.Session]) chat { return manager.NewChatbot(s) }
	for _, c := range chatCases(over) {
		t.Run(c.name, func(t *testing.T) { c.run(t, open, manager.Guarantees{}, sessionProbe, defaultLimits) })
	}
}

// sessionProbe counts a session's messages.
var sessionProbe = Probe[manager.Session]{
	New:       func() manager.Session { return manager.Session{} },
	Increment: func(s *manager.Session) { s.Append("user", "one more") },
	Count:     func(s *manager.Session) int64 { return int64(s.Seq) },
}

// chat is what the cases use of a Chatbot.
type chat interface {
	CreateSession(ctx context.Context) (manager.ID, error)
	AddMessage(ctx context.Context, id manager.ID, role, content string) (seq uint64, err error)
	History(ctx context.Context, id manager.ID, dst []manager.Message) ([]manager.Message, error)
	DeleteSession(ctx context.Context, id manager.ID) error
}

// chatCases returns the checks of [RunChat] in order.
func chatCases(over func(manager.SessionStore[manager.Session]) chat) []testCase[manager.Session] {
	on := func(body func(*talk)) func(*env[manager.Session]) {
		return func(e *env[manager.Session]) { body(&talk{e, over(e.store)}) }
	}
	return []testCase[manager.Session]{
		{"chat-newest", "A history is at most the newest 15 messages, oldest first, as they were sent.",
			nil, on(chatNewest)},
		{"chat-kept", "A returned history does not change when messages are added.",
			nil, on(chatKept)},
		{"chat-numbers", "Messages of one session get the numbers 1 to n, each once, and keep their content.",
			nil, on(chatNumbers)},
		{"chat-ids", "Each session gets a unique random id, and is absent after its deletion.",
			nil, on(chatIDs)},
	}
}

// talk is the chatbot under test.
type talk struct {
	*env[manager.Session]
	chat chat
}

func (k *talk) newSession() manager.ID {
	id, err := k.chat.CreateSession(background)
	k.want(err, nil, "CreateSession")
	return id
}

func (k *talk) say(id manager.ID, role, content string) uint64 {
	var seq uint64
	err := k.retry(func() (err error) { seq, err = k.chat.AddMessage(background, id, role, content); return err })
	k.want(err, nil, "AddMessage")
	return seq
}

// history is the session's history, checked for length and order.
func (k *talk) history(id manager.ID) []manager.Message {
	h, err := k.chat.History(background, id, nil)
	k.want(err, nil, "History")
	if len(h) > manager.HistoryLimit {
		k.fatalf("too long a history: %d messages, want at most %d", len(h), manager.HistoryLimit)
	}
	for i, m := range h {
		if m.Seq != h[0].Seq+uint64(i) {
			k.fatalf("wrong order: message %d stands %d places after message %d", m.Seq, i, h[0].Seq)
		}
	}
	if len(h) > 0 && len(h) < manager.HistoryLimit && h[0].Seq != 1 {
		k.fatalf("too short a history: it begins with message %d and has %d of %d", h[0].Seq, len(h), manager.HistoryLimit)
	}
	return h
}

func chatNewest(k *talk) {
	id := k.newSession()
	if h := k.history(id); len(h) != 0 {
		k.fatalf("too long a history: %d messages in a new session", len(h))
	}
	for n := 1; n <= 3*manager.HistoryLimit; n++ {
		if seq := k.say(id, "user", fmt.Sprint("message ", n)); seq != uint64(n) {
			k.fatalf("wrong number: message %d of a session was given number %d", n, seq)
		}
		h := k.history(id)
		if want := min(n, manager.HistoryLimit); len(h) != want {
			k.fatalf("wrong length: %d messages after %d were sent, want %d", len(h), n, want)
		}
		for _, m := range h {
			if want := fmt.Sprint("message ", m.Seq); m.Role != "user" || m.Content != want {
				k.fatalf("wrong message: number %d is %q by %q, want %q by user", m.Seq, m.Content, m.Role, want)
			}
		}
		if newest := h[len(h)-1].Seq; newest != uint64(n) {
			k.fatalf("old history: its newest message is %d after %d were sent", newest, n)
		}
	}
	before := []manager.Message{{Seq: 7, Role: "dst", Content: "was there"}}
	h, err := k.chat.History(background, id, before)
	k.want(err, nil, "History")
	if len(h) != 1+manager.HistoryLimit || h[0] != before[0] {
		k.fatalf("wrong append: History gave %d messages after 1 in dst, want %d", len(h)-1, manager.HistoryLimit)
	}
}

func chatKept(k *talk) {
	id := k.newSession()
	type kept struct{ returned, copied []manager.Message }
	stays := func(h kept) {
		if !slices.Equal(h.returned, h.copied) {
			k.fatalf("live reference returned: a history changed after it was returned")
		}
	}
	for n := range 2 * manager.HistoryLimit {
		h := k.history(id)
		before := kept{h, slices.Clone(h)}
		k.say(id, "user", fmt.Sprint("message ", n+1))
		k.history(id)
		stays(before)
	}
	var readers [2][]kept
	var writing atomic.Bool
	writing.Store(true)
	k.storm(1+len(readers), func(worker int) {
		if worker == 0 {
			defer writing.Store(false)
			for n := range k.rounds(400) {
				k.say(id, "user", fmt.Sprint("message ", 2*manager.HistoryLimit+n+1))
			}
			return
		}
		for own := &readers[worker-1]; writing.Load() && len(*own) < 400 && !k.hasFailed(); {
			h := k.history(id)
			*own = append(*own, kept{h, slices.Clone(h)})
		}
	})
	k.say(id, "user", "the last")
	for _, own := range readers {
		for _, h := range own {
			stays(h)
			for _, m := range h.copied {
				if m.Content != fmt.Sprint("message ", m.Seq) {
					k.fatalf("torn history: message %d says %q", m.Seq, m.Content)
				}
			}
		}
	}
}

func chatNumbers(k *talk) {
	const users = 8
	id := k.newSession()
	var mu sync.Mutex
	sent := map[uint64]string{} // by number; protected by mu
	k.storm(users, func(user int) {
		var latest uint64
		for n := range k.rounds(50) {
			content := fmt.Sprintf("user %d, message %d", user, n)
			seq := k.say(id, "user", content)
			if seq <= latest {
				k.fatalf("wrong number: one user's messages got %d and then %d", latest, seq)
			}
			latest = seq
			mu.Lock()
			other, dup := sent[seq]
			sent[seq] = content
			mu.Unlock()
			if dup {
				k.fatalf("lost update: %q and %q were both given number %d", other, content, seq)
			}
		}
	})
	for seq := range uint64(len(sent)) {
		if _, ok := sent[seq+1]; !ok {
			k.fatalf("lost update: %d messages were sent and none was given number %d", len(sent), seq+1)
		}
	}
	for _, m := range k.history(id) {
		if m.Content != sent[m.Seq] {
			k.fatalf("wrong message: number %d says %q and was sent as %q", m.Seq, m.Content, sent[m.Seq])
		}
	}
}

func chatIDs(k *talk) {
	const workers = 4
	var mu sync.Mutex
	seen := map[manager.ID]bool{} // protected by mu
	k.storm(workers, func(int) {
		for range k.rounds(100) {
			id := k.newSession()
			mu.Lock()
			dup := seen[id]
			seen[id] = true
			mu.Unlock()
			if dup || id.Version() != 4 || id.Variant() != uuid.RFC4122 {
				k.fatalf("bad id: %v is no random UUID or was given out before", id)
			}
			k.want(k.retry(func() error { return k.chat.DeleteSession(background, id) }), nil, "DeleteSession")
			_, err := k.chat.History(background, id, nil)
			k.want(err, manager.ErrNotFound, "History of a deleted session")
			_, err = k.chat.AddMessage(background, id, "user", "hello?")
			k.want(err, manager.ErrNotFound, "AddMessage to a deleted session")
			k.want(k.chat.DeleteSession(background, id), manager.ErrNotFound, "DeleteSession of a deleted session")
		}
	})
	k.wantLen(0)
}
