package cmd

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/chattest"
	"github.com/sessbench/sessbench/internal/targets"
	"github.com/sessbench/sessbench/reports/result"
)

// serveChat starts a service and returns it, and the target that its mapping makes of it.
func serveChat(t *testing.T, bend func(n int64, w http.ResponseWriter, r *http.Request) bool) (service *chattest.Service, target string) {
	t.Helper()
	service = chattest.New()
	service.Bend = bend
	s := httptest.NewServer(service)
	t.Cleanup(s.Close)
	return service, chatTarget(t, s.URL)
}

// chatTarget returns the target of a service at an address.
func chatTarget(t *testing.T, base string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "chat.yaml")
	if err := os.WriteFile(path, []byte(chattest.Mapping(base)), 0o600); err != nil {
		t.Fatal(err)
	}
	return "http:" + path
}

// called runs the program.
func called(args ...string) (code int, out, said string) {
	var stdout, stderr bytes.Buffer
	code = Main(WithArgs(args...), WithIO(nil, &stdout, &stderr))
	return code, stdout.String(), stderr.String()
}

func TestHTTPService(t *testing.T) {
	t.Parallel()
	_, target := serveChat(t, nil)
	code, out, said := called("run", "--target", target, "-r", "1", "-i", "50", "-u", "8", "-q")
	if code != exitOK || !strings.Contains(flat(out), "hold 0s") || !strings.Contains(flat(out), "Only chat can be ranked") {
		t.Errorf("run: exit code %d, %s\n%s", code, said, out)
	}
	code, out, said = called("verify", "--target", target, "--rounds", "5", "-q")
	if code != exitOK || !strings.Contains(flat(out), "linearizable") {
		t.Errorf("verify: exit code %d, %s\n%s", code, said, out)
	}
	code, out, said = called("target", "test", target)
	if code != exitOK || !strings.Contains(flat(out), "run: the mapping fits the scenarios chatbot,") {
		t.Errorf("target test: exit code %d, %s\n%s", code, said, out)
	}
	code, _, said = called("run", "--target", target, "-s", "churn", "-r", "1", "-d", "100ms", "-q")
	if code != exitUsage || !strings.Contains(said, "uses ids again") {
		t.Errorf("churn on a service that names its sessions: exit code %d, %s", code, said)
	}
}

// A message that is lost by a read, a pause and a write is found, and the requests are shown.
func TestHTTPServiceThatLosesMessages(t *testing.T) {
	t.Parallel()
	var service *chattest.Service
	service, target := serveChat(t, func(_ int64, w http.ResponseWriter, r *http.Request) bool {
		id := chattest.SessionOf(r)
		if r.Method != http.MethodPost || id == "" {
			return false
		}
		var m chattest.Message
		messages, known := service.Load(id)
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil || !known {
			w.WriteHeader(http.StatusNotFound)
			return true
		}
		messages = chattest.With(messages, m)
		time.Sleep(2 * time.Millisecond) // so that most appends that overlap start from the same messages
		service.Save(id, messages)
		fmt.Fprintf(w, `{"seq": %d}`, messages[len(messages)-1].Seq)
		return true
	})
	code, out, said := called("verify", "--target", target, "--rounds", "0", "--until", "any", "--budget", "1m", "-q")
	if code != exitViolated || !strings.Contains(out, "POST /sessions/") {
		t.Errorf("exit code %d, %s\n%s", code, said, out)
	}
}

// What misbehaves is reported for what it is: it neither hangs the program, nor passes, nor is it said to lose data.
func TestMisbehavingHTTPServices(t *testing.T) {
	t.Parallel()
	always := func(answer http.HandlerFunc) func(int64, http.ResponseWriter, *http.Request) bool {
		return func(_ int64, w http.ResponseWriter, r *http.Request) bool { answer(w, r); return true }
	}
	// The operations are tried with the first requests; these are not, and sessions are prepared with the next.
	later := func(answer http.HandlerFunc) func(int64, http.ResponseWriter, *http.Request) bool {
		return func(n int64, w http.ResponseWriter, r *http.Request) bool {
			if n > 25 {
				answer(w, r)
			}
			return n > 25
		}
	}
	half := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "{")
	}
	refuse := func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "log in first", http.StatusUnauthorized) }
	wait := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server notices the end of a connection only after that
		<-r.Context().Done()
	}
	for _, row := range []struct {
		why         string
		bend        func(n int64, w http.ResponseWriter, r *http.Request) bool
		run, verify int // exit codes
		said        string
		timeout     string // empty: one that no answer takes
	}{
		{"401 on everything", always(refuse), exitUsage, exitUsage, "< 401 Unauthorized", ""},
		{"401 on everything, later", later(refuse), exitInconclusive, exitUsage, "was answered with 401 Unauthorized", ""},
		{"another content", always(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<h1>Welcome</h1>") }), exitUsage, exitUsage, "< <h1>Welcome</h1>", ""},
		{"a redirect loop", always(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/sessions", http.StatusFound) }), exitUsage, exitUsage, "< 302 Found", ""},
		{"half an answer", always(half), exitUsage, exitUsage, "connection closed within the answer", ""},
		{"half an answer, later", later(half), exitInconclusive, exitUsage, "connection closed within the answer", ""},
		{"an endless body", always(func(w http.ResponseWriter, _ *http.Request) {
			for block := bytes.Repeat([]byte("x"), 1<<20); ; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}), exitUsage, exitUsage, "answer too large", ""},
		{"no answer", always(wait), exitFailed, exitFailed, "hang: no answer to POST /sessions", "300ms"},
		{"slow headers", always(func(w http.ResponseWriter, r *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			defer c.Close()
			for _, err = io.WriteString(c, "HTTP/1.1 200 OK\r\nX: "); err == nil; _, err = io.WriteString(c, "x") {
				if _, gone := c.Read(make([]byte, 1)); gone != nil {
					return
				}
			}
		}), exitFailed, exitFailed, "hang: no answer", "300ms"},
		{"500 on every tenth request", func(n int64, w http.ResponseWriter, _ *http.Request) bool {
			if n%10 != 0 {
				return false
			}
			http.Error(w, "sorry", http.StatusInternalServerError)
			return true
		}, exitOK, exitInconclusive, "operations failed", ""},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			timeout := cmp.Or(row.timeout, "1m")
			_, target := serveChat(t, row.bend)
			code, out, said := called("run", "--target", target, "--target-timeout", timeout, "-r", "1", "-i", "50", "-u", "4", "--sessions", "20", "-q")
			if code != row.run || !strings.Contains(flat(said+out), row.said) {
				t.Errorf("run: exit code %d, want %d with %q: %s\n%s", code, row.run, row.said, said, out)
			}
			if code == exitOK && !strings.Contains(flat(out), `operations ended in "status_500"`) {
				t.Errorf("run: no count of the status in\n%s", out)
			}
			code, out, said = called("verify", "--target", target, "--target-timeout", timeout, "--rounds", "3", "-q")
			if code != row.verify {
				t.Errorf("verify: exit code %d, want %d: %s\n%s", code, row.verify, said, out)
			}
		})
	}
}

// A service that ends while it is measured is gone: its row is struck, and no message is said to be lost.
func TestHTTPServiceThatCrashes(t *testing.T) {
	t.Parallel()
	var s *httptest.Server
	service := chattest.New()
	s = httptest.NewServer(service)
	defer s.Close()
	closing := make(chan struct{})
	service.Bend = func(n int64, _ http.ResponseWriter, _ *http.Request) bool {
		if n == 500 {
			s.Listener.Close()
			go func() { s.CloseClientConnections(); close(closing) }()
		}
		return false
	}
	target := chatTarget(t, s.URL)
	code, out, said := called("run", "--target", target, "-r", "1", "-i", "500", "-u", "4", "--sessions", "20", "-q")
	<-closing
	if code != exitViolated || !strings.Contains(flat(out), "target gone") || strings.Contains(out, "lost update") {
		t.Errorf("exit code %d: %s\n%s", code, said, out)
	}
}

// An answer of server-sent events is read to its end, and the time until its first event is a time of its own.
func TestHTTPServiceWithEvents(t *testing.T) {
	t.Parallel()
	const pause = 20 * time.Millisecond
	service := chattest.New()
	service.Bend = func(_ int64, w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet {
			return false
		}
		messages, _ := service.Load(chattest.SessionOf(r))
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, ": welcome\n\n")
		for _, m := range messages {
			text, _ := json.Marshal(m)
			fmt.Fprintf(w, "data: %s\n\n", text)
			w.(http.Flusher).Flush()
		}
		time.Sleep(pause)
		fmt.Fprint(w, "data: {}\n\n")
		return true
	}
	s := httptest.NewServer(service)
	defer s.Close()
	path := filepath.Join(t.TempDir(), "events.yaml")
	mapping := strings.NewReplacer("name: chat", "name: events", `messages: ".messages[] | {seq, role, content}"`,
		`events: true
    messages: ".. | select(.content?)"`).Replace(chattest.Mapping(s.URL))
	if err := os.WriteFile(path, []byte(mapping), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "result.json")
	code, table, said := called("run", "--target", "http:"+path, "-r", "1", "-i", "50", "-u", "4", "--sessions", "20", "-q", "-o", "table=-", "-o", "json="+out,
		"--threshold", "first_event.p50<10s", "--threshold", "history.p50<10s")
	if code != exitOK || !strings.Contains(flat(table), "first event of an answer: events p50 ") {
		t.Fatalf("exit code %d: %s\n%s", code, said, table)
	}
	text, err := os.ReadFile(out)
	var d result.Document
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	trial := d.Results[0].Trials[0]
	first, whole := trial.Operations["first_event"], trial.Operations["history"]
	if first.Count != whole.Count || first.LatencyNs.Mean > whole.LatencyNs.Mean-int64(pause)/2 {
		t.Errorf("%d first events after %d ns in the mean, %d answers after %d ns", first.Count, first.LatencyNs.Mean, whole.Count, whole.LatencyNs.Mean)
	}
}

// Load goes to this machine, unless a flag names another host; then the program says beforehand how much.
func TestRemoteHTTPServices(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "remote.yaml")
	mapping := "name: remote\nbase: http://192.0.2.1:9\nsession: {id: .id}\noperations:\n  create: {request: POST /s}\n  delete: {request: \"DELETE /s/{id}\"}\n"
	if err := os.WriteFile(path, []byte(mapping), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"run", "--target"}, {"verify", "--target"}, {"check", "--threshold", "errors.rate<1%", "--target"}, {"target", "test"}} {
		code, _, said := called(append(args, "http:"+path)...)
		if code != exitUsage || !strings.Contains(said, `remote.yaml:2: base: "192.0.2.1" is not this machine: allow it with --allow-remote 192.0.2.1`) {
			t.Errorf("%q: exit code %d: %s", args, code, said)
		}
	}
	var said bytes.Buffer
	spec, err := targets.Parse("http:"+path, []string{"192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	o := targetOptions{command: &command{app: &app{err: &said}}, specs: []targets.Spec{spec}}
	o.announce(7, time.Minute)
	if want := "sends requests to 192.0.2.1: by up to 7 users at a time, for about 1m0s"; !strings.Contains(said.String(), want) {
		t.Errorf("%q: want %q", said.String(), want)
	}
}
