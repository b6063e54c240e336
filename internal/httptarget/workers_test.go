package httptarget

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sessbench/sessbench/internal/chattest"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// serveService is a role of this program: the chat of package chattest at an address.
func serveService(args []string) error { return http.ListenAndServe(args[0], chattest.New()) }

// startOfService is the line of a mapping that starts it.
func startOfService(t *testing.T) string {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(roleEnv, "chat")
	return fmt.Sprintf("start: %s 127.0.0.1:{port}\n", program)
}

// startMapping loads and starts a mapping.
func startMapping(t *testing.T, text string) *Target {
	t.Helper()
	path := filepath.Join(t.TempDir(), "chat.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
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
	t.Cleanup(func() { _ = target.Close() })
	return target
}

// strangers has users work on sessions of their own, and returns how many operations found no session, of how many.
func strangers(t *testing.T, target *Target, users, each int) (unknown, all int) {
	t.Helper()
	var mu sync.Mutex
	var running sync.WaitGroup
	for range users {
		running.Go(func() {
			c, err := target.Connect(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			var created, e scenarios.Effect
			if err := c.Do(t.Context(), &scenarios.Request{Op: scenarios.Create}, &created); err != nil || created.Worker == 0 {
				t.Errorf("create: worker %d, %v", created.Worker, err)
			}
			for i := range each {
				op := []scenarios.Op{scenarios.Append, scenarios.History}[i%2]
				err := c.Do(t.Context(), &scenarios.Request{Op: op, ID: created.ID, Role: "user", Content: "x"}, &e)
				mu.Lock()
				all++
				if errors.Is(err, manager.ErrNotFound) && e.Worker != created.Worker {
					unknown++
				} else if err != nil || e.Worker != created.Worker {
					t.Errorf("%v: created at worker %d, answered by worker %d, %v", op, created.Worker, e.Worker, err)
				}
				mu.Unlock()
			}
		})
	}
	running.Wait()
	return unknown, all
}

// TestSeveralBases has two services that share nothing: half of the requests find no session, unless a session stays with one of them.
func TestSeveralBases(t *testing.T) {
	var counts [2]*chattest.Service
	var bases []string
	for i := range counts {
		counts[i] = chattest.New()
		s := httptest.NewServer(counts[i])
		t.Cleanup(s.Close)
		bases = append(bases, s.URL)
	}
	text := chattest.Mapping("[" + strings.Join(bases, ", ") + "]")
	const users, each = 6, 20
	target := startMapping(t, text)
	r, err := target.Rehearse(t.Context(), nil)
	if err != nil || r.Unknown != 2 {
		t.Errorf("rehearsal: %+v, %v: want worker 2 not to know the session", r, err)
	}
	if unknown, all := strangers(t, target, users, each); unknown != all/2 {
		t.Errorf("in turn: %d of %d operations found no session, want half of them", unknown, all)
	}
	before := counts[0].Requests.Load() + counts[1].Requests.Load()
	target = startMapping(t, text+"affinity: session\n")
	if unknown, all := strangers(t, target, users, each); unknown != 0 || all != users*each {
		t.Errorf("with affinity: %d of %d operations found no session", unknown, all)
	}
	if r, err := target.Rehearse(t.Context(), nil); err != nil || r.Unknown != 0 {
		t.Errorf("rehearsal with affinity: %+v, %v", r, err)
	}
	if sent := counts[0].Requests.Load() + counts[1].Requests.Load() - before; sent < users*(each+1) || counts[0].Sessions() == 0 || counts[1].Sessions() == 0 {
		t.Errorf("with affinity: %d requests, sessions %d and %d: want both workers to have some", sent, counts[0].Sessions(), counts[1].Sessions())
	}
}

// TestWorkersAreStarted: each has a port of its own, they are one target, and all are gone in the end.
func TestWorkersAreStarted(t *testing.T) {
	text := chattest.Mapping("http://127.0.0.1:{port}") + startOfService(t) + "workers: 3\n"
	target := startMapping(t, text)
	if len(target.workers) != 3 || len(target.m.Bases) != 3 || target.m.Bases[0].Host == target.m.Bases[2].Host {
		t.Fatalf("%d workers at %v", len(target.workers), target.m.Bases)
	}
	if unknown, all := strangers(t, target, 3, 12); unknown != all*2/3 {
		t.Errorf("%d of %d operations found no session, want two of three", unknown, all)
	}
	if err := target.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if unknown, all := strangers(t, target, 3, 12); unknown != all*2/3 {
		t.Errorf("after a restart: %d of %d operations found no session", unknown, all)
	}
	if _, err := target.Usage(); err != nil && !errors.Is(err, scenarios.ErrUnsupported) {
		t.Error(err)
	}
	workers := target.workers
	_ = target.Close()
	for _, w := range workers {
		if c, err := http.Get(w.base.String()); err == nil {
			c.Body.Close()
			t.Errorf("%s is answered after the end", w.base)
		}
	}
}

// TestOneCommandForSeveralBases: the usage of the service is that of its command.
func TestOneCommandForSeveralBases(t *testing.T) {
	other := httptest.NewServer(chattest.New())
	t.Cleanup(other.Close)
	target := startMapping(t, chattest.Mapping("['http://127.0.0.1:{port}', "+other.URL+"]")+startOfService(t))
	if u, err := target.Usage(); err != nil && !errors.Is(err, scenarios.ErrUnsupported) || err == nil && u.Memory == 0 {
		t.Errorf("%+v, %v", u, err)
	}
}
