package browsertest

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/live"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// await waits until a function of the page returns true.
func (p *tab) await(what, function string, args ...any) {
	p.Helper()
	call := callOf(p.T, function, args...)
	for late := time.Now().Add(patience / 2); time.Now().Before(late); time.Sleep(20 * time.Millisecond) {
		if done, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](call)); err == nil && done { // there is no page while it is loaded again
			return
		}
	}
	p.Fatalf("%s: not in the page: %s", what, eval[string](p, "() => document.body.innerText"))
}

// TestLive looks at the page of a run while it goes on: the run waits until the page shows what it has done, and in the end its report.
func TestLive(t *testing.T) {
	browser := start(t)
	server, err := live.Listen(t.Context(), "127.0.0.1:0", result.Tool{Version: "v1.0.0"})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	p := open(t, browser).visit(t, server.URL())

	known, err := scenarios.Lookup("chatbot")
	if err != nil {
		t.Fatal(err)
	}
	short := *known
	short.Users, short.Sessions, short.Hold = 2, 4, 0
	cfg := runner.Config{Scenarios: []scenarios.Scenario{short}, Runs: 2, Seed: 1, Window: 20 * time.Millisecond}
	labels := []string{hostile, "per-session"}
	for i, label := range labels {
		s, ok := strategies.Lookup("per-session")
		if !ok {
			t.Fatal("no strategy per-session")
		}
		cfg.Subjects = append(cfg.Subjects, runner.Subject{Label: label, Strategy: s, Baseline: i == 0})
	}
	server.Begin(labels, short.Name, false)
	steps, goOn := make(chan int), make(chan bool)
	cfg.Live = server.Snapshot
	cfg.Progress = func(s runner.Step) {
		server.Step(s)
		select {
		case steps <- s.Done:
			<-goOn
		case <-t.Context().Done(): // the test has failed
		}
	}
	var d *result.Document
	go func() {
		defer close(steps)
		d, err = runner.Run(t.Context(), cfg)
	}()
	seen := map[int]bool{}
	for done := range steps {
		p.await("the progress", `done => document.getElementById("progress").value === done`, done)
		seen[done] = true
		goOn <- true
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) < 4 {
		t.Errorf("steps %v: want those of 4 trials", seen)
	}
	p.await("the throughput of both", `labels => labels.every((label, i) => {
		const row = document.getElementById("rows").rows[i];
		return row.cells[0].textContent === label && /[1-9]/.test(row.cells[1].textContent);
	})`, labels)

	judge.Summarize(d)
	server.Finish(d, []byte(written(t, reports.All(), d)))
	p.await("the report", `hostile => !document.getElementById("rows") && !!document.querySelector("figure svg") && document.body.textContent.includes(hostile)`, hostile)
	requests, complaints := p.seen()
	for _, r := range requests {
		if !strings.HasPrefix(r, server.URL()) {
			t.Errorf("a request to %s", r)
		}
	}
	for _, c := range complaints {
		t.Error(c)
	}
}
