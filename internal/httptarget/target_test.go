package httptarget

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/internal/chattest"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// chatMapping is the mapping of a [chattest.Service], for a format with its address.
var chatMapping = chattest.Mapping("%s")

// serveChat starts a service and returns it as a target.
func serveChat(t *testing.T, mapping string, h http.Handler, o Options) *Target {
	t.Helper()
	return serveChatWith(t, mapping, h, o, nil)
}

// serveChatWith is serveChat with files beside the mapping.
func serveChatWith(t *testing.T, mapping string, h http.Handler, o Options, files map[string]string) *Target {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	path := filepath.Join(t.TempDir(), "chat.yaml")
	if err := os.WriteFile(path, fmt.Appendf(nil, mapping, s.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, err := Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	target, err := Start(t.Context(), m, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.Close() })
	return target
}

func TestOperations(t *testing.T) {
	s := chattest.New()
	target := serveChat(t, chatMapping, s, Options{})
	c, err := target.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var e scenarios.Effect
	do := func(q scenarios.Request) error { return c.Do(t.Context(), &q, &e) }
	if err := do(scenarios.Request{Op: scenarios.Create}); err != nil || !e.Created {
		t.Fatalf("create: %+v, %v", e, err)
	}
	id := e.ID
	for n := range uint64(2) {
		text := fmt.Sprint("häß\"lich ", n)
		if err := do(scenarios.Request{Op: scenarios.Append, ID: id, Role: "user", Content: text}); err != nil || e.Seq != n+1 || e.Reported&scenarios.ReportsSeq == 0 {
			t.Fatalf("append: %+v, %v", e, err)
		}
	}
	if err := do(scenarios.Request{Op: scenarios.History, ID: id}); err != nil || len(e.Messages) != 2 || e.Messages[1].Content != `häß"lich 1` {
		t.Fatalf("history: %+v, %v", e, err)
	}
	first := e.Incarnation
	if err := do(scenarios.Request{Op: scenarios.Touch, ID: id}); !errors.Is(err, scenarios.ErrUnsupported) {
		t.Errorf("touch is not mapped: %v", err)
	}
	if err := do(scenarios.Request{Op: scenarios.GetOrCreate, ID: id}); err != nil || e.Created || e.Incarnation != first {
		t.Errorf("get_or_create of a session that exists: %+v, %v", e, err)
	}
	if err := do(scenarios.Request{Op: scenarios.Delete, ID: id}); err != nil {
		t.Fatal(err)
	}
	if err := do(scenarios.Request{Op: scenarios.Append, ID: id}); !errors.Is(err, manager.ErrNotFound) {
		t.Errorf("append to a removed session: %v", err)
	}
	if err := do(scenarios.Request{Op: scenarios.GetOrCreate, ID: id}); err != nil || !e.Created || e.Incarnation == first {
		t.Errorf("get_or_create of a removed session: %+v, %v", e, err)
	}
	if err := do(scenarios.Request{Op: scenarios.Append, ID: manager.ID(uuid.New())}); !errors.Is(err, manager.ErrNotFound) {
		t.Errorf("append to a session that never was: %v", err)
	}
	if err := target.Reset(t.Context()); err != nil || s.Sessions() != 0 {
		t.Errorf("reset: %d sessions are left, %v", s.Sessions(), err)
	}
}

// What misbehaves is reported for what it is: as not applied, indeterminate or not found, and in words.
func TestMisbehavingServices(t *testing.T) {
	status := func(code int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool { http.Error(w, "sorry", code); return true }
	}
	for _, row := range []struct {
		why           string
		bend          func(w http.ResponseWriter, r *http.Request) bool
		write, read   error
		text          string
		isUnavailable bool
	}{
		{"500: a write may have been made, a read has not", status(500), manager.ErrIndeterminate, manager.ErrNotApplied, "500 Internal Server Error: sorry", false},
		{"503 is no answer either", status(503), manager.ErrIndeterminate, manager.ErrNotApplied, "503", false},
		{"401 is not mapped", status(401), manager.ErrIndeterminate, manager.ErrNotApplied, "401 Unauthorized", false},
		{"429: throttled", status(429), manager.ErrNotApplied, manager.ErrNotApplied, "throttled", false},
		{"410 is mapped", status(410), manager.ErrNotFound, manager.ErrNotFound, "", false},
		{"409 is mapped", status(409), manager.ErrConflict, manager.ErrConflict, "", false},
		{"a redirect is not followed", func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
			return true
		}, manager.ErrIndeterminate, manager.ErrNotApplied, "302 Found", false},
		{"another content", func(w http.ResponseWriter, _ *http.Request) bool {
			fmt.Fprint(w, "<html>welcome</html>")
			return true
		}, manager.ErrIndeterminate, manager.ErrNotApplied, "<html>welcome</html>", false},
		{"half an answer", func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `{"seq":`)
			return true
		}, manager.ErrIndeterminate, manager.ErrNotApplied, "", false},
		{"no answer", func(_ http.ResponseWriter, r *http.Request) bool {
			_, _ = io.Copy(io.Discard, r.Body) // the server notices the end of a connection only after that
			<-r.Context().Done()
			return true
		}, manager.ErrIndeterminate, manager.ErrNotApplied, "hang: no answer", true},
		{"the connection is closed", func(w http.ResponseWriter, _ *http.Request) bool {
			c, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				c.Close()
			}
			return true
		}, manager.ErrIndeterminate, manager.ErrNotApplied, "", false},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			s := chattest.New()
			var bent atomic.Bool
			s.Bend = func(_ int64, w http.ResponseWriter, r *http.Request) bool { return bent.Load() && row.bend(w, r) }
			target := serveChat(t, chatMapping, s, Options{Timeout: patience})
			c, _ := target.Connect(t.Context())
			defer func() { c.Close() }()
			var e scenarios.Effect
			if err := c.Do(t.Context(), &scenarios.Request{Op: scenarios.Create}, &e); err != nil {
				t.Fatal(err)
			}
			id := e.ID
			bent.Store(true)
			if row.isUnavailable { // a short time limit, but only where no answer meets it
				c.Close()
				target.o.Timeout = 300 * time.Millisecond
				c, _ = target.Connect(t.Context())
			}
			time.Sleep(2 * latestStep) // an answer of the same moment would count as one to the request
			for op, want := range map[scenarios.Op]error{scenarios.Append: row.write, scenarios.History: row.read} {
				err := c.Do(t.Context(), &scenarios.Request{Op: op, ID: id, Role: "user", Content: "x"}, &e)
				if !errors.Is(err, want) || !strings.Contains(err.Error(), row.text) || errors.Is(err, scenarios.ErrUnavailable) != row.isUnavailable {
					t.Errorf("%s: %v: want %v with %q", op, err, want, row.text)
				}
				if e.Reported != 0 || len(e.Messages) != 0 {
					t.Errorf("%s: the effect of an error is %+v", op, e)
				}
			}
		})
	}
}

// A service that has ended is unavailable.
func TestServiceThatIsGone(t *testing.T) {
	s := httptest.NewServer(chattest.New())
	path := filepath.Join(t.TempDir(), "chat.yaml")
	if err := os.WriteFile(path, fmt.Appendf(nil, chatMapping, s.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	target, err := Start(t.Context(), m, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	s.Close()
	c, _ := target.Connect(t.Context())
	defer c.Close()
	err = c.Do(t.Context(), &scenarios.Request{Op: scenarios.Create}, &scenarios.Effect{})
	if !errors.Is(err, scenarios.ErrUnavailable) || !errors.Is(err, manager.ErrNotApplied) {
		t.Errorf("%v: want unavailable and not applied", err)
	}
	if _, err := target.Connect(t.Context()); !errors.Is(err, scenarios.ErrUnavailable) {
		t.Errorf("connecting after that: %v", err)
	}
}

func TestRemoteHostsAreRefused(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.8.8.8": true, "::1": true, "example.org": false, "10.0.0.1": false, "": false, "friend.example": true,
	} {
		if err := CheckHost(host, []string{"friend.example"}); (err == nil) != want {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestRehearsal(t *testing.T) {
	s := chattest.New()
	target := serveChat(t, chatMapping, s, Options{})
	var shown []string
	r, err := target.Rehearse(t.Context(), func(x *Exchange) { shown = append(shown, x.String()) })
	if err != nil || !r.Numbered || r.Outlives || r.InCookie {
		t.Fatalf("%+v, %v", r, err)
	}
	if all := strings.Join(shown, "\n"); len(shown) != 7 || !strings.Contains(all, "< 201 Created") || !strings.Contains(all, "> POST /sessions/") {
		t.Errorf("%d exchanges:\n%s", len(shown), all)
	}
	s.Bend = func(_ int64, w http.ResponseWriter, r *http.Request) bool {
		if r.Method == "GET" {
			fmt.Fprint(w, `{"messages": []}`)
		}
		return r.Method == "GET"
	}
	_, err = target.Rehearse(t.Context(), nil)
	var bad *MappingError
	if !errors.As(err, &bad) || bad.Op != scenarios.History || !strings.Contains(err.Error(), "< 200 OK") {
		t.Errorf("a history without what was appended: %v", err)
	}
}

// Users share a session, and each request is sent once.
func TestConcurrentUsers(t *testing.T) {
	const users, each = 8, 50
	s := chattest.New()
	target := serveChat(t, chatMapping, s, Options{})
	id := manager.ID(uuid.New())
	var running sync.WaitGroup
	var created atomic.Int64
	for range users {
		running.Go(func() {
			c, err := target.Connect(context.Background())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			var e scenarios.Effect
			for i := range each {
				op := scenarios.Append
				if i == 0 {
					op = scenarios.GetOrCreate
				}
				if err := c.Do(context.Background(), &scenarios.Request{Op: op, ID: id, Role: "user", Content: "x"}, &e); err != nil {
					t.Error(err)
				}
				if e.Created {
					created.Add(1)
				}
			}
		})
	}
	running.Wait()
	if got := s.Requests.Load(); created.Load() != 1 || got != users*each {
		t.Errorf("%d sessions were created, by %d requests: want one, and one request for each operation", created.Load(), got)
	}
}

// While the answer to a delete is on its way, the session is gone for the other users: get_or_create creates another one, and does not
// claim to have found it.
func TestGetOrCreateDuringDelete(t *testing.T) {
	s := chattest.New()
	removed, answer := make(chan struct{}), make(chan struct{})
	s.Bend = func(_ int64, _ http.ResponseWriter, r *http.Request) bool {
		if r.Method != "DELETE" {
			return false
		}
		s.Remove(chattest.SessionOf(r))
		close(removed)
		<-answer
		return true
	}
	target := serveChat(t, chatMapping, s, Options{})
	do := func(op scenarios.Op, id manager.ID) (e scenarios.Effect) {
		c, err := target.Connect(t.Context())
		if err != nil {
			t.Error(err)
			return e
		}
		defer c.Close()
		if err := c.Do(t.Context(), &scenarios.Request{Op: op, ID: id}, &e); err != nil {
			t.Errorf("%v: %v", op, err)
		}
		return e
	}
	id := manager.ID(uuid.New())
	first := do(scenarios.GetOrCreate, id)
	var deleting sync.WaitGroup
	deleting.Go(func() { do(scenarios.Delete, id) })
	<-removed
	second := do(scenarios.GetOrCreate, id)
	close(answer)
	deleting.Wait()
	third := do(scenarios.GetOrCreate, id)
	if !first.Created || !second.Created || third.Created || second.Incarnation == first.Incarnation || third.Incarnation != second.Incarnation {
		t.Errorf("%+v\n%+v\n%+v: want a second session, which is found afterwards", first, second, third)
	}
}

// cookieMapping is the mapping of a [cookieService].
const cookieMapping = `base: %s
session:
  id: {cookie: chat}
  rotates: true
operations:
  create: POST /sessions
  append:
    request: POST /messages
    json: {role: "{role}", content: "{content}"}
  history:
    request: GET /messages
    messages: .[]
  delete: DELETE /sessions
`

// cookieService keeps the messages in the cookie, or, in memory, under an id in it; either cookie changes with every write.
type cookieService struct {
	inMemory bool

	mu     sync.Mutex
	writes int
	kept   map[string][]chattest.Message
}

func (s *cookieService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var id string
	var messages []chattest.Message
	if k, err := r.Cookie("chat"); err == nil {
		text, _ := base64.RawURLEncoding.DecodeString(k.Value)
		if id, _, _ = strings.Cut(string(text), "/"); s.inMemory {
			messages = s.kept[id]
		} else {
			_ = json.Unmarshal(text, &messages)
		}
	}
	if r.Method == "GET" {
		_ = json.NewEncoder(w).Encode(append([]chattest.Message{}, messages...))
		return
	}
	s.writes++
	switch {
	case r.URL.Path == "/messages":
		var m chattest.Message
		_ = json.NewDecoder(r.Body).Decode(&m)
		messages = chattest.With(messages, m)
		messages = messages[max(0, len(messages)-chattest.Keeps):]
	case r.Method == "POST":
		id = fmt.Sprint("s", s.writes)
	}
	text, _ := json.Marshal(messages)
	if s.inMemory {
		text = fmt.Appendf(nil, "%s/%d", id, s.writes)
		s.kept[id] = messages
	}
	http.SetCookie(w, &http.Cookie{Name: "chat", Value: base64.RawURLEncoding.EncodeToString(text)})
}

// TestStateInCookie: a cookie that changes with every write is not accused unless it holds the state.
func TestStateInCookie(t *testing.T) {
	r, err := serveChat(t, cookieMapping, &cookieService{}, Options{}).Rehearse(t.Context(), nil)
	if err != nil || !r.InCookie || len(r.Kept) != 1 || len(r.Replaced) != 1 {
		t.Errorf("in the cookie: %+v, %v: want one message kept and one replaced", r, err)
	}
	r, err = serveChat(t, cookieMapping, &cookieService{inMemory: true, kept: map[string][]chattest.Message{}}, Options{}).Rehearse(t.Context(), nil)
	if err != nil || r.InCookie || len(r.Kept)+len(r.Replaced) != 0 {
		t.Errorf("in memory: %+v, %v: want nothing said", r, err)
	}
}

// TestFewMessages: a service that keeps or shows fewer messages than are compared is refused, and says why. Ones that show more, or fail now
// and then, are not.
func TestFewMessages(t *testing.T) {
	for _, test := range []struct {
		why, query string
		fails      int64 // one of so many requests
		want       string
	}{
		{"the newest 10", "10", 0, "after 16 messages it shows the newest 10, and sessbench compares the newest 15"},
		{"the oldest 10, a page", "-10", 0, `after 16 messages it does not show the newest ones, oldest first, but ["sessbench 1" `},
		{"the newest 15", "15", 0, ""},
		{"all", "100", 0, ""},
		{"the newest 15, with errors", "15", 7, ""},
	} {
		s := chattest.New()
		all := map[string][]chattest.Message{}
		s.Bend = func(n int64, w http.ResponseWriter, r *http.Request) bool {
			id := chattest.SessionOf(r)
			if r.URL.Path != "/sessions/"+id+"/messages" {
				return false
			}
			if n > 6 && test.fails > 0 && n%test.fails == 0 {
				w.WriteHeader(http.StatusInternalServerError)
				return true
			}
			if r.Method == "POST" {
				var m chattest.Message
				_ = json.NewDecoder(r.Body).Decode(&m)
				all[id] = chattest.With(all[id], m)
				fmt.Fprintf(w, `{"seq": %d}`, len(all[id]))
				return true
			}
			shown := all[id]
			switch limit, _ := strconv.Atoi(test.query); {
			case limit < 0:
				shown = shown[:min(-limit, len(shown))]
			default:
				shown = shown[max(0, len(shown)-limit):]
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"messages": append([]chattest.Message{}, shown...)})
			return true
		}
		_, err := serveChat(t, chatMapping, s, Options{}).Rehearse(t.Context(), nil)
		bad, refused := errors.AsType[*MappingError](err)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.why, err)
		case test.want != "" && (!refused || bad.Op != scenarios.History || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: error %v, want %q", test.why, err, test.want)
		}
	}
}
