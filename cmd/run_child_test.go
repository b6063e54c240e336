package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// measured is a run of some of crashingStores in child processes, and what became of them.
func measured(t *testing.T, ctx context.Context, names string, change func(*runner.Config)) (*result.Document, *measurer, error) {
	t.Helper()
	o := &runOptions{common: common{app: newApp(crashingStores()), Strategies: []string{names}, Quiet: true}, Baseline: "none"}
	s, err := scenarios.Lookup("chatbot")
	if err != nil {
		t.Fatal(err)
	}
	short := *s
	short.Users, short.Sessions, short.Hold, short.Iterations = 4, 20, 0, 100
	cfg := runner.Config{Scenarios: []scenarios.Scenario{short}, Runs: 2, Seed: 1}
	if cfg.Subjects, err = o.subjects(); err != nil {
		t.Fatal(err)
	}
	m := newMeasurer(&o.common, &o.targetOptions, nil)
	cfg.Elsewhere = m.perform
	if change != nil {
		change(&cfg)
	}
	if err := errors.Join(m.openSubjects(ctx, &cfg, false), m.prepare(ctx, cfg)); err != nil {
		t.Fatal(err)
	}
	d, err := runner.Run(ctx, cfg)
	m.conclude(d)
	if closed := m.close(); closed != nil {
		t.Error(closed)
	}
	return d, m, err
}

// TestMeasuringLeavesNothingBehind: no goroutine, and no process, whether stores crash or not.
func TestMeasuringLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	d, m, err := measured(t, t.Context(), "exiting,cow", nil)
	if err != nil || len(d.Results) != 2 || m.process != nil {
		t.Fatalf("%+v, error %v", d, err)
	}
	if r := d.Results[0]; len(r.Trials) != 1 || r.Trials[0].Audit.OK || r.Trials[0].Audit.Violations[0].Kind != crashKind {
		t.Errorf("%+v: want one trial, struck", r.Trials)
	}
	if r := d.Results[1]; len(r.Trials) != 2 || !r.Trials[0].Audit.OK || !r.Trials[1].Audit.OK || r.Remark != "" {
		t.Errorf("%+v: want two trials", r)
	}
}

// TestAHangIsFoundInAChild by the absence of progress, as in this process: that the child waits for its parent is no progress.
func TestAHangIsFoundInAChild(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	d, _, err := measured(t, t.Context(), "hanging,cow", func(cfg *runner.Config) { cfg.Patience = 3 * time.Second })
	if err != nil {
		t.Fatal(err)
	}
	if r := d.Results[0]; len(r.Trials) != 1 || len(r.Trials[0].Audit.Violations) != 1 || r.Trials[0].Audit.Violations[0].Kind != "hang" {
		t.Errorf("%+v: want one trial, which hangs", r.Trials)
	}
	if r := d.Results[1]; len(r.Trials) != 2 || !r.Trials[0].Audit.OK || !r.Trials[1].Audit.OK {
		t.Errorf("%+v: want two trials", r)
	}
}

// TestAnInterruptedChildIsGone, and the trials that had finished are there.
func TestAnInterruptedChildIsGone(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithCancel(t.Context())
	d, m, err := measured(t, ctx, "cow", func(cfg *runner.Config) {
		cfg.Runs = 1000
		do := cfg.Elsewhere
		trials := 0
		cfg.Elsewhere = func(ctx context.Context, task runner.Task, tell func(runner.Preparing)) (runner.Outcome, error) {
			if task.Kind == runner.TrialTask {
				if trials++; trials == 3 {
					cancel()
				}
			}
			return do(ctx, task, tell)
		}
	})
	if !errors.Is(err, context.Canceled) || !d.Interrupted || len(d.Results) != 1 || len(d.Results[0].Trials) != 2 {
		t.Errorf("%+v, error %v: want two trials and an interruption", d, err)
	}
	if m.process != nil {
		t.Error("the child is still there")
	}
}

// TestJudge: who is convicted of a crash depends on who had run in the process, and on nothing else.
func TestJudge(t *testing.T) {
	names := subjectsRequest{Subjects: []measuredSubject{
		{Label: "a", Target: -1}, {Label: "b", Target: -1}, {Label: "program", Target: 0}, {Label: "lists", Target: -1, Lists: &redisLists{}},
	}}
	for _, row := range []struct {
		why       string
		crashes   []crash
		convicted []int
		open      []int
		givenUp   []int
		fails     bool
	}{
		{"a store that had the process to itself", []crash{{subject: 0}}, []int{0}, nil, nil, false},
		{"not so among others", []crash{{subject: 1, others: []int{0}}}, nil, []int{1}, nil, false},
		{"among others, and then alone", []crash{{subject: 1, others: []int{0}}, {subject: 1}}, []int{1}, nil, nil, false},
		{"one that was killed", []crash{{subject: 0, killed: true}}, nil, []int{0}, nil, false},
		{"twice", []crash{{subject: 0, killed: true}, {subject: 0, killed: true}}, nil, []int{0, 0}, []int{0}, false},
		{"among others, and then killed alone", []crash{{subject: 1, others: []int{0}}, {subject: 1, killed: true}}, nil, []int{1, 1}, []int{1}, false},
		{"killed, and then a crash alone", []crash{{subject: 0, killed: true}, {subject: 0}}, []int{0}, nil, nil, false},
		{"a program's process that is killed twice", []crash{{subject: 2, killed: true}, {subject: 2, killed: true}}, nil, []int{2, 2}, []int{2}, false},
		{"the harness's own", []crash{{subject: -1, killed: true}, {subject: -1, killed: true}}, nil, []int{-1}, nil, true},
		{"two stores, one of them alone", []crash{{subject: 0, others: []int{1}}, {subject: 1}}, []int{1}, []int{0}, nil, false},
		{"no store: the harness, after stores", []crash{{subject: -1, others: []int{1}}}, nil, []int{-1}, nil, false},
		{"no store: the harness alone", []crash{{subject: -1}, {subject: -1}}, nil, []int{-1}, nil, true},
		{"a program is no cause for this process to crash", []crash{{subject: 2}, {subject: 2}}, nil, []int{2}, nil, true},
		{"nor are lists", []crash{{subject: 3}, {subject: 3}}, nil, []int{3}, nil, true},
		{"a process that cannot answer", []crash{{subject: 0, mute: true}}, nil, nil, nil, true},
	} {
		m := newMeasurer(&common{app: newApp(nil), Quiet: true}, &targetOptions{}, nil)
		m.subjects, m.scenarios = &names, []scenarios.Scenario{{Name: "chatbot"}}
		var err error
		for _, c := range row.crashes {
			err = m.judge(&c, true)
		}
		var convicted, open []int
		givenUp := slices.Collect(maps.Keys(m.givenUp))
		for i := range m.convicted {
			convicted = append(convicted, i)
		}
		for _, c := range m.open {
			open = append(open, c.subject)
		}
		if !slices.Equal(convicted, row.convicted) || !slices.Equal(open, row.open) || !slices.Equal(givenUp, row.givenUp) ||
			(err != nil) != row.fails {
			t.Errorf("%s: convicted %v, open %v, given up %v, error %v: want %v, %v, %v, error %v", row.why,
				convicted, open, givenUp, err, row.convicted, row.open, row.givenUp, row.fails)
		}
	}
}

// TestACrashAfterTheLastTrial strikes the row all the same.
func TestACrashAfterTheLastTrial(t *testing.T) {
	m := newMeasurer(&common{app: newApp(nil), Quiet: true}, &targetOptions{}, nil)
	m.subjects, m.scenarios = &subjectsRequest{Subjects: []measuredSubject{{Label: "a"}, {Label: "b"}}}, []scenarios.Scenario{{Name: "chatbot"}}
	m.convicted[0] = &crash{subject: 0, why: "panic: late"}
	m.open = []*crash{{subject: 1, others: []int{0}, why: "panic: unclear"}}
	m.open[0].retried = true
	row := func(name string) result.Result {
		return result.Result{Strategy: name, Scenario: "chatbot", Trials: []result.Trial{{Audit: result.Audit{OK: true}}, {Audit: result.Audit{OK: true}}}}
	}
	d := &result.Document{Results: []result.Result{row("a"), row("b")}}
	m.conclude(d)
	want := result.Audit{Violations: []result.Violation{{Kind: crashKind, Detail: "panic: late"}}}
	if diff := cmp.Diff(want, d.Results[0].Trials[1].Audit); diff != "" || !d.Results[0].Trials[0].Audit.OK {
		t.Errorf("a: %s", diff)
	}
	remark := "the process crashed while it was measured: panic: unclear; the crash did not recur with this store alone; " +
		"goroutines left by a may have caused it"
	if !d.Results[1].Trials[1].Audit.OK || d.Results[1].Remark != remark {
		t.Errorf("b: %+v", d.Results[1])
	}
}

// TestWhatFollowsACrash: a note promises only what is done, and a remark tells only what was tried.
func TestWhatFollowsACrash(t *testing.T) {
	for _, row := range []struct {
		why            string
		c              crash
		again, written bool
		note, doubt    string
	}{
		{"in a task", crash{subject: 0, others: []int{1}}, true, false, "measured again in a process of its own", "not measured again"},
		{"after a task", crash{subject: 0, others: []int{1}}, false, false, "it has a process of its own from now on", "not measured again"},
		{"alone", crash{subject: 0}, false, false, "its row is struck", ""},
		{"alone, after the document was written", crash{subject: 0}, false, true, "its row had been written by then", ""},
	} {
		var notes bytes.Buffer
		m := newMeasurer(&common{app: newApp([]Option{WithIO(nil, nil, &notes)})}, &targetOptions{}, nil)
		m.subjects = &subjectsRequest{Subjects: []measuredSubject{{Label: "a", Target: -1}, {Label: "b", Target: -1}}}
		m.scenarios, m.written = []scenarios.Scenario{{Name: "chatbot"}}, row.written
		if err := m.judge(&row.c, row.again); err != nil || !strings.Contains(notes.String(), row.note) {
			t.Errorf("%s: note %q, error %v: want %q", row.why, &notes, err, row.note)
		}
		if found := m.findings(); row.doubt != "" && (len(found) != 1 || !strings.Contains(found[0].text, row.doubt)) {
			t.Errorf("%s: findings %+v: want %q", row.why, found, row.doubt)
		}
		m.retried(0)
		if found := m.findings(); row.doubt != "" && !strings.Contains(found[0].text, "did not recur with this store alone; goroutines left by b") {
			t.Errorf("%s: findings %+v after another trial", row.why, found)
		}
	}
}

// TestServe: a child answers every request, and closes in the end.
func TestServe(t *testing.T) {
	for _, row := range []struct{ why, ask, want string }{
		{"nothing", ``, `{"closed":""}`},
		{"a task before the plan", `{"task":{"kind":"trial"}}`, `{"failed":"unexpected request"}
{"closed":""}`},
		{"an unknown strategy", `{"subjects":{"subjects":[{"strategy":"nope","target":-1}]}}`, `{"failed":"unknown strategy \"nope\""}
{"closed":""}`},
		{"a task that there is not", `{"subjects":{"subjects":[]}}{"plan":{"scenarios":[]}}{"task":{"kind":"trial"}}`, `{}
{"ready":true}
{"begun":true}
{"failed":"task {Kind:trial Scenario:0 Subject:0}: no such scenario or subject"}
{"closed":""}`},
		{"a program that cannot be started", `{"targets":{"specs":["exec:/nonexistent/program"]}}`,
			`{"failed":"start /nonexistent/program: fork/exec /nonexistent/program: no such file or directory"}
{"closed":""}`},
		{"again, where it had been there before", `{"targets":{"specs":["exec:/nonexistent/program",""],"restart":true}}` +
			`{"subjects":{"subjects":[{"label":"p","target":0}]}}{"plan":{"scenarios":[{"Name":"chatbot"}]}}{"task":{"kind":"trial"}}`,
			`{"opened":[{"there":false},{"there":false}]}
{"opened":[{"there":false}]}
{"ready":true}
{"begun":true}
"kind":"target gone"
{"closed":""}`},
	} {
		var replies bytes.Buffer
		if err := newApp(nil).serve(t.Context(), strings.NewReader(row.ask), &replies); err != nil {
			t.Errorf("%s: %v", row.why, err)
		}
		got := strings.Split(strings.TrimSpace(replies.String()), "\n")
		want := strings.Split(row.want, "\n")
		if !slices.EqualFunc(got, want, func(got, want string) bool {
			return got == want || want[0] != '{' && strings.Contains(got, want) && json.Valid([]byte(got))
		}) {
			t.Errorf("%s:\n%s\nwant\n%s", row.why, replies.String(), row.want)
		}
	}
	if err := newApp(nil).serve(t.Context(), strings.NewReader("hello"), &bytes.Buffer{}); err == nil {
		t.Error("nonsense was accepted")
	}
}

// TestOwnStreams: a caller with streams of its own may be a test, which cannot be started again.
func TestOwnStreams(t *testing.T) {
	if !newApp(nil).ownStreams() || newApp([]Option{WithIO(os.Stdin, &bytes.Buffer{}, os.Stderr)}).ownStreams() {
		t.Error("it is the other way round")
	}
}
