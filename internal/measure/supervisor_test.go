package measure

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
	"github.com/sessbench/sessbench/strategies/redis"
)

// newTest returns a supervisor of the subjects under one scenario, whose notes and stacks go to notes.
func newTest(notes *bytes.Buffer, subjects ...subject) *Supervisor {
	note := func(format string, args ...any) { fmt.Fprintf(notes, format+"\n", args...) }
	s := New(Options{Stderr: notes, Note: note})
	s.subjects, s.plan = &subjectsRequest{Subjects: subjects}, &planRequest{Config: runner.Config{Scenarios: []scenarios.Scenario{{Name: "chatbot"}}}}
	return s
}

func noStrategy(string, redis.Options) (*strategies.Strategy, bool) { return nil, false }

// TestAttribute: whether a crash convicts a store depends on which subjects ran in the process, and on nothing else.
func TestAttribute(t *testing.T) {
	subjects := []subject{
		{Label: "a", Target: -1}, {Label: "b", Target: -1}, {Label: "program", Target: 0},
		{Label: "lists", Target: -1, Lists: &redisLists{}},
	}
	for _, row := range []struct {
		why       string
		crashes   []crash
		convicted []int
		open      []int
		givenUp   []int
		fails     bool
	}{
		{"a store alone in the process", []crash{{subject: 0}}, []int{0}, nil, nil, false},
		{"a store after another one", []crash{{subject: 1, others: []int{0}}}, nil, []int{1}, nil, false},
		{"after another one, and then alone", []crash{{subject: 1, others: []int{0}}, {subject: 1}}, []int{1}, nil, nil, false},
		{"a store whose process was killed", []crash{{subject: 0, killed: true}}, nil, []int{0}, nil, false},
		{"a store whose process was killed twice", []crash{{subject: 0, killed: true}, {subject: 0, killed: true}}, nil, []int{0, 0}, []int{0}, false},
		{"after another one, and then killed alone", []crash{{subject: 1, others: []int{0}}, {subject: 1, killed: true}}, nil, []int{1, 1}, []int{1}, false},
		{"killed, and then a crash alone", []crash{{subject: 0, killed: true}, {subject: 0}}, []int{0}, nil, nil, false},
		{"a program's process that is killed twice", []crash{{subject: 2, killed: true}, {subject: 2, killed: true}}, nil, []int{2, 2}, []int{2}, false},
		{"a task without a subject, killed twice", []crash{{subject: -1, killed: true}, {subject: -1, killed: true}}, nil, []int{-1}, nil, true},
		{"two stores, one of them alone", []crash{{subject: 0, others: []int{1}}, {subject: 1}}, []int{1}, []int{0}, nil, false},
		{"a task without a subject, after stores", []crash{{subject: -1, others: []int{1}}}, nil, []int{-1}, nil, false},
		{"a task without a subject, alone", []crash{{subject: -1}, {subject: -1}}, nil, []int{-1}, nil, true},
		{"a program, which runs in another process", []crash{{subject: 2}, {subject: 2}}, nil, []int{2}, nil, true},
		{"lists, which a server keeps", []crash{{subject: 3}, {subject: 3}}, nil, []int{3}, nil, true},
		{"a process that cannot answer", []crash{{subject: 0, mute: true}}, nil, nil, nil, true},
	} {
		m := newTest(&bytes.Buffer{}, subjects...)
		var err error
		for _, c := range row.crashes {
			err = m.attribute(&c, true)
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

// TestConcludeStrikesCrashAfterLastTrial: a crash after the last trial strikes the row, too.
func TestConcludeStrikesCrashAfterLastTrial(t *testing.T) {
	m := newTest(&bytes.Buffer{}, subject{Label: "a"}, subject{Label: "b"})
	m.convicted[0] = &crash{subject: 0, why: "panic: late"}
	m.open = []*crash{{subject: 1, others: []int{0}, why: "panic: unclear"}}
	m.open[0].retried = true
	row := func(name string) result.Result {
		return result.Result{Strategy: name, Scenario: "chatbot", Trials: []result.Trial{{Audit: result.Audit{OK: true}}, {Audit: result.Audit{OK: true}}}}
	}
	d := &result.Document{Results: []result.Result{row("a"), row("b")}}
	m.Conclude(d)
	want := result.Audit{Violations: []result.Violation{{Kind: crashKind, Detail: "panic: late"}}}
	if diff := cmp.Diff(want, d.Results[0].Trials[1].Audit); diff != "" || !d.Results[0].Trials[0].Audit.OK {
		t.Errorf("a: %s", diff)
	}
	remark := "the process crashed while it was measured: panic: unclear; the crash did not recur with this store alone; " +
		"goroutines left by a may have caused it"
	if !d.Results[1].Trials[1].Audit.OK || d.Results[1].Note != remark {
		t.Errorf("b: %+v", d.Results[1])
	}
}

// TestNotesOfCrashes: a note announces only what follows, and a remark reports only what was tried.
func TestNotesOfCrashes(t *testing.T) {
	for _, row := range []struct {
		why            string
		c              crash
		again, written bool
		note, remark   string
	}{
		{"in a task", crash{subject: 0, others: []int{1}}, true, false, "measured again in a process of its own", "not measured again"},
		{"after a task", crash{subject: 0, others: []int{1}}, false, false, "it has a process of its own from now on", "not measured again"},
		{"alone", crash{subject: 0}, false, false, "its row is struck", ""},
		{"alone, after the document was written", crash{subject: 0}, false, true, "its row had been written by then", ""},
	} {
		var notes bytes.Buffer
		m := newTest(&notes, subject{Label: "a", Target: -1}, subject{Label: "b", Target: -1})
		m.written = row.written
		if err := m.attribute(&row.c, row.again); err != nil || !strings.Contains(notes.String(), row.note) {
			t.Errorf("%s: note %q, error %v: want %q", row.why, &notes, err, row.note)
		}
		if found := m.Inconclusive(); row.remark != "" && (len(found) != 1 || !strings.Contains(found[0], row.remark)) {
			t.Errorf("%s: %q: want %q", row.why, found, row.remark)
		}
		m.retried(0)
		if found := m.Inconclusive(); row.remark != "" && !strings.Contains(found[0], "did not recur with this store alone; goroutines left by b") {
			t.Errorf("%s: %q after another trial", row.why, found)
		}
	}
}

// TestServe: a child answers every request, and closes at the end.
func TestServe(t *testing.T) {
	for _, row := range []struct{ why, requests, want string }{
		{"nothing", ``, `{"closed":""}`},
		{"a task before the plan", `{"task":{"kind":"trial"}}`, `{"failed":"unexpected request"}
{"closed":""}`},
		{"an unknown strategy", `{"subjects":{"subjects":[{"strategy":"nope","target":-1}]}}`, `{"failed":"unknown strategy \"nope\""}
{"closed":""}`},
		{"a task that does not exist", `{"subjects":{"subjects":[]}}{"plan":{"scenarios":[]}}{"task":{"kind":"trial"}}`, `{}
{"ready":true}
{"begun":true}
{"failed":"task {Kind:trial Scenario:0 Subject:0}: no such scenario or subject"}
{"closed":""}`},
		{"a program that cannot be started", `{"targets":{"specs":["exec:/nonexistent/program"]}}`,
			`{"failed":"start /nonexistent/program: fork/exec /nonexistent/program: no such file or directory"}
{"closed":""}`},
		{"a program that is started again", `{"targets":{"specs":["exec:/nonexistent/program",""],"restart":true}}` +
			`{"subjects":{"subjects":[{"label":"p","target":0}]}}{"plan":{"scenarios":[{"Name":"chatbot"}]}}{"task":{"kind":"trial"}}`,
			`{"opened":[{"there":false},{"there":false}]}
{"opened":[{"there":false}]}
{"ready":true}
{"begun":true}
"kind":"target gone"
{"closed":""}`},
	} {
		var replies bytes.Buffer
		if err := serve(t.Context(), strings.NewReader(row.requests), &replies, noStrategy); err != nil {
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
	if err := serve(t.Context(), strings.NewReader("hello"), &bytes.Buffer{}, noStrategy); err == nil {
		t.Error("no error for a request that is not JSON")
	}
}
