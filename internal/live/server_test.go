package live

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
)

// testServer returns a server that is closed when the test ends.
func testServer(t *testing.T) *Server {
	t.Helper()
	s, err := Listen(t.Context(), "127.0.0.1:0", result.Tool{Version: "v1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// do makes a request, and returns the response with its body.
func do(t *testing.T, s *Server, method, path, host string) (*http.Response, string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Host = host
	r, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(body)
}

// running has a run begin: one trial has ended, another one runs.
func running(s *Server, strategies ...string) {
	p99 := int64(4_200_000)
	s.Begin(strategies, "chatbot", false)
	s.Step(runner.Step{Scenario: "chatbot", Done: 1, Trials: 12, Blocks: 6, Label: strategies[1]})
	s.Snapshot(runner.Snapshot{Scenario: "chatbot", Label: strategies[0], Second: 3, OpsPerSec: 900, Offered: 1000, Ops: 2700, Final: true})
	s.Snapshot(runner.Snapshot{Scenario: "chatbot", Label: strategies[1], Second: 1, OpsPerSec: 1980, Offered: 2000, P99: &p99, Queue: 12, Ops: 1980, Errors: 3})
}

func TestRequests(t *testing.T) {
	s := testServer(t)
	for _, tc := range []struct {
		why, method, path, host string
		want                    int
	}{
		{"the page", "GET", "", "", 200},
		{"by its name", "GET", "", "localhost:1", 200},
		{"through a forwarded port", "GET", "", "[::1]:9999", 200},
		{"without a port", "GET", "", "[::1]", 200},
		{"the head of the page", "HEAD", "", "127.0.0.2", 200},
		{"the head of the events, which does not wait", "HEAD", "events", "", 200},
		{"the metrics", "GET", "metrics", "", 200},
		{"no result yet", "GET", "result.json", "", 503},
		{"a name that is pointed here", "GET", "", "evil.example:80", 403},
		{"an address that is", "GET", "events", "192.0.2.1", 403},
		{"a name below localhost", "GET", "result.json", "a.localhost", 403},
		{"a change", "POST", "", "", 405},
		{"a deletion", "DELETE", "result.json", "", 405},
		{"a preflight", "OPTIONS", "events", "", 405},
		{"another path", "GET", "index.html", "", 404},
		{"an icon", "GET", "favicon.ico", "", 404},
		{"a path below", "GET", "events/", "", 404},
	} {
		r, body := do(t, s, tc.method, tc.path, tc.host)
		if r.StatusCode != tc.want {
			t.Errorf("%s: %s, %s: want %d", tc.why, r.Status, body, tc.want)
		}
		policy := r.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") || r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: header %v", tc.why, r.Header)
		}
		if (tc.want == 503) != (r.Header.Get("Retry-After") != "") {
			t.Errorf("%s: Retry-After %q", tc.why, r.Header.Get("Retry-After"))
		}
		if tc.method == "HEAD" && body != "" {
			t.Errorf("%s: body %q", tc.why, body)
		}
	}
}

// The page of another site may have a link to this one, and may not take the place of its readers.
func TestRequestsOfOtherSites(t *testing.T) {
	s := testServer(t)
	for mode, want := range map[string]int{"navigate": http.StatusOK, "cors": http.StatusForbidden, "no-cors": http.StatusForbidden} {
		for site, want := range map[string]int{"cross-site": want, "same-origin": http.StatusOK, "none": http.StatusOK} {
			q := httpRequest(t, s.URL())
			q.Header.Set("Sec-Fetch-Site", site)
			q.Header.Set("Sec-Fetch-Mode", mode)
			r, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(q)
			if err != nil {
				t.Fatal(err)
			}
			r.Body.Close()
			if r.StatusCode != want {
				t.Errorf("%s, %s: %s: want %d", site, mode, r.Status, want)
			}
		}
	}
}

// Without its script, too, the page has the state.
func TestPage(t *testing.T) {
	s := testServer(t)
	const hostile = `</script><img src=x onerror=alert(1)>`
	running(s, hostile, "cow", "sharded")
	r, page := do(t, s, "GET", "", "")
	for _, want := range []string{
		`<span id="scenario">chatbot</span>`, `>Block 1 of 6</p>`, `<progress id="progress" max="12" value="1"`, "1 of 12 trials", ">900<", ">90%<", ">1.98k<", ">2.00k<", ">4.20 ms<", ">12<", ">3<",
		`<noscript><meta http-equiv="refresh"`, `aria-live="polite"`, "&lt;/script&gt;&lt;img", `>sharded</th>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in the page", want)
		}
	}
	if strings.Contains(page, "<img") {
		t.Errorf("a name is not text: %s", page)
	}
	for _, text := range []string{pageScript, pageStyle} {
		if !strings.Contains(page, ">"+text+"<") || !strings.Contains(r.Header.Get("Content-Security-Policy"), sheet.Sources(text)) {
			t.Errorf("not in the page, or not allowed: %.20s", text)
		}
	}
	if strings.Contains(page, " style=") || strings.Contains(pageScript, "innerHTML") {
		t.Error("a style that the policy does not allow, or a script that does not write text")
	}

	s.Finish(&result.Document{}, []byte("<!doctype html>the report"))
	if r, page := do(t, s, "GET", "", ""); page != "<!doctype html>the report" || r.Header.Get("Content-Security-Policy") != "frame-ancestors 'none'" {
		t.Errorf("%q, %v", page, r.Header)
	}
}

// reader reads the events of a server.
type reader struct {
	t *testing.T
	*bufio.Reader
}

// next returns the next event; ok is false after the last one.
func (r reader) next() (s state, ok bool) {
	r.t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return s, false
		}
		if data, found := strings.CutPrefix(line, "data: "); found {
			if err := json.Unmarshal([]byte(data), &s); err != nil {
				r.t.Fatal(err)
			}
			return s, true
		}
	}
}

// open begins to read events.
func open(t *testing.T, s *Server) reader {
	t.Helper()
	r, err := (&http.Transport{}).RoundTrip(httpRequest(t, s.URL()+"events"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Body.Close() })
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s, %v", r.Status, r.Header)
	}
	return reader{t, bufio.NewReader(r.Body)}
}

func httpRequest(t *testing.T, url string) *http.Request {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// Each event is the whole state; the last one says that none follows.
func TestEvents(t *testing.T) {
	s := testServer(t)
	s.pace = 0
	running(s, "cow", "sharded")
	r := open(t, s)
	got, _ := r.next()
	if len(got.Rows) != 2 || got.Rows[1].OpsPerSec != 1980 || !got.Rows[1].Running || got.Rows[0].Running || got.Rows[0].Achieved != 0.9 || !got.Open || got.Done != 1 {
		t.Errorf("%+v", got)
	}
	s.Step(runner.Step{Scenario: "churn", Done: 2, Trials: 12, Blocks: 6, Label: "cow"})
	if got, _ = r.next(); got.Scenario != "churn" || len(got.Rows) != 2 || got.Rows[0].OpsPerSec != 0 || got.Open {
		t.Errorf("the next scenario: %+v", got)
	}
	s.Finish(&result.Document{}, []byte("the report"))
	if got, _ = r.next(); !got.Ended || !got.Over {
		t.Errorf("the end: %+v", got)
	}
	if got, more := r.next(); more {
		t.Errorf("after the end: %+v", got)
	}
	if got, _ := open(t, s).next(); !got.Ended {
		t.Errorf("connected again: %+v", got)
	}
}

// Close ends the events, also of a run without a report.
func TestCloseEndsEvents(t *testing.T) {
	s, err := Listen(t.Context(), "127.0.0.1:0", result.Tool{})
	if err != nil {
		t.Fatal(err)
	}
	r := open(t, s)
	r.next()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if got, ok := r.next(); !ok || !got.Over || got.Ended || got.Status != statusGone {
		t.Errorf("%+v", got)
	}
}

func TestReadersAreBounded(t *testing.T) {
	s := testServer(t)
	for range maxReaders {
		r := open(t, s)
		r.next()
	}
	if r, _ := do(t, s, "GET", "events", ""); r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("%s, %v", r.Status, r.Header)
	}
	if r, _ := do(t, s, "GET", "", ""); r.StatusCode != http.StatusOK {
		t.Errorf("the page: %s", r.Status)
	}
}

// memory is a listener without a network, whose connections have no buffers.
type memory struct {
	conns chan net.Conn
	once  sync.Once
}

func (m *memory) Accept() (net.Conn, error) {
	if c, ok := <-m.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (m *memory) Close() error {
	m.once.Do(func() { close(m.conns) })
	return nil
}

func (m *memory) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// inMemory is a server with a connection on which events were asked for.
func inMemory(t *testing.T) (*Server, net.Conn) {
	t.Helper()
	s, l := newServer(result.Tool{}), &memory{conns: make(chan net.Conn)}
	s.serve(l)
	client, server := net.Pipe()
	l.conns <- server
	if _, err := fmt.Fprintf(client, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return s, client
}

// A reader that does not read does not delay the run, and is dropped.
func TestReaderThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, client := inMemory(t)
		defer client.Close()
		began := time.Now()
		for range 1000 {
			running(s, "cow", "sharded")
		}
		if took := time.Since(began); took != 0 { // time stands still unless all wait
			t.Errorf("the run waited for %v", took)
		}
		count := func() int {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.readers
		}
		if n := count(); n != 1 {
			t.Errorf("%d readers", n)
		}
		time.Sleep(s.patience + time.Second)
		synctest.Wait()
		if n := count(); n != 0 {
			t.Errorf("%d readers after %v", n, s.patience)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A reader that is slow misses states and has complete ones; without news there is a comment now and then, and no time limit of requests
// ends the events.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, client := inMemory(t)
		defer client.Close()
		r := reader{t, bufio.NewReader(client)}
		r.next()
		for i := range 100 {
			s.Step(runner.Step{Scenario: "chatbot", Done: i, Trials: 100})
		}
		seen := 0
		for got, _ := r.next(); got.Done != 99; got, _ = r.next() {
			if seen++; seen > 2 {
				t.Fatalf("%d events after 100 changes in no time", seen)
			}
		}
		began := time.Now()
		for comments := 0; comments < 3; {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(line, ":") {
				comments++
			}
		}
		if took := time.Since(began); took < 2*heartbeat || took > 4*heartbeat {
			t.Errorf("three comments in %v", took)
		}
		s.Step(runner.Step{Scenario: "chatbot", Done: 100, Trials: 100})
		if got, _ := r.next(); got.Done != 100 {
			t.Errorf("%+v", got)
		}
		go func() { _, _ = io.Copy(io.Discard, client) }()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// The result is what has ended, with its summaries.
func TestResult(t *testing.T) {
	_, d := measured(t, "sharded")
	s := testServer(t)
	s.SoFar(d)
	r, body := do(t, s, "GET", "result.json", "")
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s, %v", r.Status, r.Header)
	}
	got, err := result.Read(strings.NewReader(body))
	if err != nil || len(got.Results) != 1 || !got.Results[0].Summary.AuditOK || got.Results[0].Summary.OpsPerSec.Median <= 0 {
		t.Errorf("%+v, error %v", got, err)
	}
}

func TestSpark(t *testing.T) {
	for want, values := range map[string][]float64{
		"": nil, "0.0,1.5 120.0,1.5": {9}, "0.0,22.5 120.0,22.5": {0, 0}, "0.0,22.5 60.0,12.0 120.0,1.5": {0, 5, 10},
	} {
		if got := spark(values); got != want {
			t.Errorf("%v: %s, want %s", values, got, want)
		}
	}
}
