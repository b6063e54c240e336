package runner

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/search"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// handed are documents of the trials so far, with their texts when they were received.
type handed struct {
	t     *testing.T
	docs  []*result.Document
	texts []string
}

func (h *handed) text(d *result.Document) string {
	h.t.Helper()
	var b bytes.Buffer
	if err := result.EncodeJSON(&b, d); err != nil {
		h.t.Fatal(err)
	}
	return b.String()
}

func (h *handed) add(d *result.Document) {
	h.docs, h.texts = append(h.docs, d), append(h.texts, h.text(d))
}

// check makes sure that nothing has changed since, and that each document can be read and summarized while the run changes its own.
func (h *handed) check() {
	h.t.Helper()
	for i, d := range h.docs {
		if h.text(d) != h.texts[i] {
			h.t.Errorf("document %d has changed", i)
		}
		judge.Summarize(d)
		if _, err := result.Read(bytes.NewBufferString(h.text(d))); err != nil {
			h.t.Errorf("document %d: %v", i, err)
		}
	}
}

// After each trial there is a document that has it, of all scenarios up to then.
func TestSoFar(t *testing.T) {
	first, second := appends(t), appends(t)
	first.Iterations, second.Iterations, second.Name = 20, 20, "another"
	got := handed{t: t}
	d, err := Run(t.Context(), Config{
		Subjects: []Subject{subject(t, "cow"), subject(t, "sharded")}, Scenarios: []scenarios.Scenario{first, second}, Runs: 2, Seed: 1, SoFar: got.add,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.docs) != 8 {
		t.Fatalf("%d documents of 8 trials", len(got.docs))
	}
	for i, so := range got.docs {
		n := 0
		for _, r := range so.Results {
			n += len(r.Trials)
		}
		if n != i+1 || !so.Interrupted || so.ID != d.ID {
			t.Errorf("document %d: %d trials, interrupted %v", i, n, so.Interrupted)
		}
	}
	if d.Interrupted || len(d.Results) != 4 || len(got.docs[7].Results) != 4 || got.docs[7].Results[0].LimitOpsPerSec != d.Results[0].LimitOpsPerSec {
		t.Errorf("%+v", d)
	}
	got.check()
}

// A search so far is one that was interrupted, and goes on as if it had not been looked at.
func TestSoFarOfASearch(t *testing.T) {
	plain := newOneLock(searched(t, "hold", "1ms"))
	want, err := plain.found(t, context.Background(), "sustained", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	got := handed{t: t}
	l := newOneLock(searched(t, "hold", "1ms"))
	l.soFar = got.add
	r, err := l.found(t, t.Context(), "sustained", time.Hour)
	if err != nil || r.Search.Lower != want.Search.Lower || r.Search.Upper != want.Search.Upper || len(r.Search.Probes) != len(want.Search.Probes) || len(r.Trials) != len(want.Trials) {
		t.Errorf("%+v: want %+v, error %v", r.Search, want.Search, err)
	}
	if len(got.docs) != l.trials {
		t.Fatalf("%d documents of %d trials", len(got.docs), l.trials)
	}
	for i, d := range got.docs {
		trials := 0
		for _, p := range d.Results[0].Search.Probes {
			trials += len(p.Trials)
		}
		if s := d.Results[0].Search; trials != i+1 || s.End != string(search.Interrupted) || len(d.Results[0].Trials) == 0 {
			t.Errorf("document %d: %d trials, %+v", i, trials, s)
		}
	}
	if !slices.ContainsFunc(got.docs, func(d *result.Document) bool { return d.Results[0].Search.Lower > 0 }) {
		t.Error("no bound before the end")
	}
	got.check()
}
