// Package live serves a page about a run while it goes on, and the run's report when it has ended: on a loopback address only, to readers of
// this machine. What it shows comes from the steps and snapshots that the runner reports anyway, about once per second. No reader can
// delay these: they change a state, from which each reader takes what is there when it is ready.
package live

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/reports/result"
)

// Server serves the page, its events, the result and the metrics of a run. It is safe for concurrent use.
type Server struct {
	http     *http.Server
	address  net.Addr
	served   chan struct{} // closed when the server has ended
	metrics  *metrics
	patience time.Duration // with a reader of events that does not read
	pace     time.Duration // between two events of a reader

	mu       sync.Mutex // protects what follows
	state    *state
	changed  chan struct{} // closed, and replaced, when the state changes
	readers  int           // of events
	document *document     // nil: no trial has ended
	report   []byte        // nil: the run goes on
}

const (
	maxReaders = 16 // of events
	heartbeat  = 15 * time.Second
	retryAfter = 2 // seconds
)

// Listen begins to serve at an address that [Addresses] has read. The caller closes the server.
func Listen(ctx context.Context, address string, tool result.Tool) (*Server, error) {
	l, err := listen(ctx, address)
	if err != nil {
		return nil, err
	}
	s := newServer(tool)
	s.serve(l)
	return s, nil
}

func newServer(tool result.Tool) *Server {
	s := &Server{
		served: make(chan struct{}), patience: 10 * time.Second, pace: 250 * time.Millisecond,
		metrics: &metrics{tool: tool, goes: runtime.Version()},
		state:   newState(), changed: make(chan struct{}),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", s.page)
	mux.HandleFunc("/events", s.events)
	mux.HandleFunc("/result.json", s.result)
	mux.HandleFunc("/metrics", s.scrape)
	s.http = &http.Server{
		Handler:           guarded(mux),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(io.Discard, "", 0), // connections that readers break off
	}
	return s
}

// serve serves the connections of a listener.
func (s *Server) serve(l net.Listener) {
	s.address = l.Addr()
	go func() {
		defer close(s.served)
		_ = s.http.Serve(l) // until it is closed
	}()
}

// URL is the address of the page.
func (s *Server) URL() string { return "http://" + s.address.String() + "/" }

// Begin shows what the run is of: its strategies, its first scenario, and whether it searches for the highest rates.
func (s *Server) Begin(strategies []string, scenario string, search bool) {
	s.change(func(of *state) {
		of.strategies, of.search = strategies, search
		of.enter(scenario)
	})
}

// Step shows a step of the run.
func (s *Server) Step(at runner.Step) { s.change(func(of *state) { of.step(at) }) }

// Snapshot shows a snapshot, which it does not keep.
func (s *Server) Snapshot(shot runner.Snapshot) {
	s.metrics.snapshot(shot)
	s.change(func(of *state) { of.snapshot(shot) })
}

// SoFar sets the document of the trials that have ended, which is not changed any more.
func (s *Server) SoFar(d *result.Document) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.document = &document{of: d}
}

// Finish replaces the page by the report, and the document by that of the run.
func (s *Server) Finish(d *result.Document, report []byte) {
	s.SoFar(d)
	s.change(func(of *state) {
		s.report = report
		of.Status, of.Doing, of.Ended, of.Over = statusEnded, "", true, true
	})
}

// change changes the state.
func (s *Server) change(do func(*state)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do(s.state)
	close(s.changed)
	s.changed = make(chan struct{})
}

// Close ends the events, of which the last one says so, and the server.
func (s *Server) Close() error {
	s.change(func(of *state) {
		if !of.Ended {
			of.Status = statusGone
		}
		of.Over = true
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) { // a reader does not read
		err = s.http.Close()
	}
	<-s.served
	return err
}

// guarded rejects requests that are not for this machine, and those that would change something.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", strictPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		switch {
		case !isLoopback(hostOf(r.Host)):
			http.Error(w, "want a Host of 127.0.0.1, [::1] or localhost", http.StatusForbidden)
		case r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-Mode") != "navigate":
			// Its page could not read the response, but take the place of a reader.
			http.Error(w, "the page of another site makes the request", http.StatusForbidden)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "want GET or HEAD", http.StatusMethodNotAllowed)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// hostOf returns the host of a Host header, with or without a port.
func hostOf(header string) string {
	if host, _, err := net.SplitHostPort(header); err == nil {
		return host
	}
	if n := len(header); n > 1 && header[0] == '[' && header[n-1] == ']' {
		return header[1 : n-1]
	}
	return header
}

// page serves the page, or the report.
func (s *Server) page(w http.ResponseWriter, _ *http.Request) {
	var text bytes.Buffer
	s.mu.Lock()
	report := s.report
	if report == nil {
		_ = s.state.write(&text) // a buffer takes anything
	}
	s.mu.Unlock()
	policy := pagePolicy
	if report != nil {
		text.Write(report)
		policy = "frame-ancestors 'none'" // the report has its own, and this, which a document cannot have
	}
	w.Header().Set("Content-Security-Policy", policy)
	send(w, "text/html; charset=utf-8", text.Bytes())
}

// send sends a response. A reader that has gone is not an error of the run.
func send(w http.ResponseWriter, kind string, text []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = w.Write(text)
}

// unavailable answers that there is nothing yet, or no room.
func unavailable(w http.ResponseWriter, why string) {
	w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	http.Error(w, why, http.StatusServiceUnavailable)
}

// events serves the state as server-sent events, whenever it has changed. A reader that does not read in time is dropped; a slow one misses
// states, of which each is complete.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		unavailable(w, fmt.Sprintf("%d pages are open", maxReaders))
		return
	}
	defer s.leave()
	w.Header().Set("Content-Type", "text/event-stream")
	if r.Method == http.MethodHead {
		return
	}
	out := http.NewResponseController(w)
	if err := out.SetReadDeadline(time.Time{}); err != nil { // the server's is for requests
		return
	}
	write := func(format string, args ...any) bool {
		if err := out.SetWriteDeadline(time.Now().Add(s.patience)); err != nil {
			return false
		}
		_, err := fmt.Fprintf(w, format, args...)
		return err == nil && out.Flush() == nil
	}
	beat, pace := time.NewTicker(heartbeat), time.NewTimer(0)
	defer beat.Stop()
	defer pace.Stop()
	for format := "retry: 1000\ndata: %s\n\n"; ; format = "data: %s\n\n" {
		text, changed, over := s.encoded()
		if !write(format, text) || over {
			return
		}
		for waiting := true; waiting; {
			select {
			case <-changed:
				waiting = false
			case <-beat.C: // so that a connection that is gone is noticed
				if !write(": \n\n") {
					return
				}
			case <-r.Context().Done():
				return
			}
		}
		pace.Reset(s.pace)
		select {
		case <-pace.C:
		case <-r.Context().Done():
			return
		}
	}
}

// enter counts a reader of events, and reports whether there was room for it.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readers == maxReaders {
		return false
	}
	s.readers++
	return true
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readers--
}

// encoded returns the state, a channel that is closed when it changes, and whether it will not.
func (s *Server) encoded() (text []byte, changed <-chan struct{}, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := json.Marshal(s.state)
	if err != nil { // a number that JSON does not have
		return []byte("{}"), s.changed, s.state.Over
	}
	return text, s.changed, s.state.Over
}

// scrape serves the metrics in the format of the scraper.
func (s *Server) scrape(w http.ResponseWriter, r *http.Request) {
	text, format := encode(s.metrics.families(), strings.Join(r.Header.Values("Accept"), ","))
	send(w, format, text)
}

// document is a document, and its text when it is first asked for.
type document struct {
	of   *result.Document
	once sync.Once
	text bytes.Buffer
	err  error
}

// result serves the document of the trials that have ended.
func (s *Server) result(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	d := s.document
	s.mu.Unlock()
	if d == nil {
		unavailable(w, "no trial has ended yet")
		return
	}
	d.once.Do(func() {
		judge.Summarize(d.of)
		d.err = result.EncodeJSON(&d.text, d.of)
	})
	if d.err != nil {
		http.Error(w, d.err.Error(), http.StatusInternalServerError)
		return
	}
	send(w, "application/json", d.text.Bytes())
}
