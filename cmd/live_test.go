package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sessbench/sessbench/internal/runner"
)

// snapshots are those of a trial of a strategy: speeds of its seconds and at its end.
func snapshots(label string, speeds ...float64) (list []runner.Snapshot) {
	p99 := int64(4_200_000)
	for i, x := range speeds {
		list = append(list, runner.Snapshot{Scenario: "chatbot", Label: label, Second: i + 1, OpsPerSec: x, P99: &p99, Final: i == len(speeds)-1})
	}
	return list
}

// A log has at most one line in ten seconds about running trials.
func TestLiveInALog(t *testing.T) {
	var lines bytes.Buffer
	start := time.Unix(0, 0)
	clock := start
	p := &progress{w: &lines, log: true, start: start, lastLive: start, now: func() time.Time { return clock }}
	shots := snapshots("cow", make([]float64, 26)...)
	shots[9].OpsPerSec, shots[9].Offered, shots[9].Queue, shots[9].Errors = 1980, 2000, 12, 3
	for _, s := range shots {
		clock = clock.Add(time.Second)
		p.live(s)
	}
	want := "cow (chatbot): 10s: 1.98k of 2.00k/s, p99 4.20 ms, queue 12, 3 errors\ncow (chatbot): 20s: 0 ops/s, p99 4.20 ms\n"
	if diff := cmp.Diff(want, lines.String()); diff != "" {
		t.Error(diff)
	}
	quiet := newProgress(&lines, true)
	lines.Reset()
	for _, s := range shots {
		quiet.live(s)
	}
	if lines.Len() > 0 {
		t.Errorf("--quiet: %q", lines.String())
	}
}

// terminal is what a terminal shows of a text: lines, with the sequences that move the cursor up and clear a line.
func terminal(t *testing.T, text string, columns int) (lines []string) {
	t.Helper()
	lines = []string{""}
	row, column := 0, 0
	for text != "" {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case strings.HasPrefix(text, "\x1b[A"):
			row, n = row-1, 3
		case strings.HasPrefix(text, "\x1b[2K"):
			lines[row], n = "", 4
		case r == '\x1b':
			t.Fatalf("escape sequence %q", text[:4])
		case r == '\r':
			column = 0
		case r == '\n':
			if row, column = row+1, 0; row == len(lines) {
				lines = append(lines, "")
			}
		default:
			of := []rune(lines[row])
			for len(of) <= column {
				of = append(of, ' ')
			}
			of[column] = r
			if lines[row] = string(of); column == columns {
				t.Fatalf("wrapped: %q", lines[row])
			}
			column++
		}
		text = text[n:]
	}
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

func TestLiveOnATerminal(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var screen bytes.Buffer
	columns, rows := 90, 24
	p := &progress{w: &screen, screen: true, now: time.Now, size: func() (int, int) { return columns, rows }}
	at := func(label string, done int) {
		p.trial(runner.Step{Scenario: "chatbot", Trials: 4, Blocks: 2, Label: label, Done: done})
	}
	show := func(list []runner.Snapshot) {
		for _, s := range list {
			p.live(s)
		}
	}
	check := func(when string, want ...string) {
		t.Helper()
		lines := terminal(t, screen.String(), 90)
		var shown []string
		for _, l := range lines {
			if l != "" && !strings.Contains(l, "it/s") && !strings.Contains(l, "/4") {
				shown = append(shown, l)
			}
		}
		if diff := cmp.Diff(want, shown); diff != "" {
			t.Errorf("%s: %s\n%q", when, diff, screen.String())
		}
	}
	at("cow", 0)
	show(snapshots("cow", 100, 400, 800, 433))
	final := runner.Snapshot{OpsPerSec: 990, Offered: 1000, Final: true}
	if got := describeLive(final); got != "990 of 1.00k/s (99%)" {
		t.Error(got)
	}
	check("one strategy", "cow  ▂▅█                   433 ops/s, p99 4.20 ms")
	at("sharded", 1)
	show(snapshots("sharded", 5000)) // a trial without a whole second
	show(snapshots("sharded", 2500, 0)[:1])
	check("two strategies",
		"cow      ▂▅█                   433 ops/s, p99 4.20 ms",
		"sharded  █▅                    2.50k ops/s, p99 4.20 ms")
	fmt.Fprintf(p.aside(), "a note\n")
	check("a note", "a note")
	show(snapshots("cow", 800, 10)[:1])
	check("below the note", "a note",
		"cow      ▂▅██                  800 ops/s, p99 4.20 ms",
		"sharded  █▅                    2.50k ops/s, p99 4.20 ms")

	failed := snapshots("a-strategy-whose-name-takes-more-than-the-terminal-has-columns", 1)
	failed[0].Failed = true
	columns = 64
	show(failed)
	if lines := terminal(t, screen.String(), 90); len(lines) < 4 || !strings.HasSuffix(lines[3], "…") {
		t.Errorf("not cut: %q", lines)
	}
	rows = 4 // room for two lines
	show(failed)
	if lines := terminal(t, screen.String(), 90); strings.Contains(strings.Join(lines, "\n"), "▂▅██") {
		t.Errorf("more lines than the terminal has: %q", lines)
	}
	columns = 40
	show(failed)
	check("a narrow terminal", "a note")
	columns, rows = 90, 24
	show(failed)
	p.live(runner.Snapshot{Scenario: "churn", Label: "cow", OpsPerSec: 3})
	check("another scenario", "a note", "cow  █                     3 ops/s")
	p.clear()
	check("at the end", "a note")
}

func TestSparkline(t *testing.T) {
	for want, values := range map[string][]float64{"": nil, "▁▁": {0, 0}, "▁▂▃▄▅▆▇█": {0, 1, 2, 3, 4, 5, 6, 7}, "█": {9}} {
		if got := sparkline(values); got != want {
			t.Errorf("%v: %s, want %s", values, got, want)
		}
	}
}

// A child sends what its trial does, once per second, and ends when the run does. One that knows nothing of that, as that of an older
// build, is measured without.
func TestSnapshotsOfAChild(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithCancel(t.Context())
	var got []runner.Snapshot
	long := func(live func(runner.Snapshot)) func(*runner.Config) {
		return func(cfg *runner.Config) {
			cfg.Scenarios[0].Iterations, cfg.Window, cfg.Runs, cfg.Live = 0, 3*time.Second, 1, live
		}
	}
	d, err := measured(t, ctx, "cow", long(func(s runner.Snapshot) { got = append(got, s) }))
	if err != nil || len(got) < 2 {
		t.Fatalf("%d snapshots, error %v", len(got), err)
	}
	for i, s := range got {
		if last := i == len(got)-1; s.Label != "cow" || s.Scenario != "chatbot" || s.OpsPerSec <= 0 || s.P99 == nil || s.Final != last {
			t.Errorf("%+v", s)
		}
	}
	if !d.Results[0].Trials[0].Audit.OK {
		t.Errorf("%+v", d.Results[0].Trials[0].Audit)
	}

	seen := 0
	d, err = measured(t, ctx, "cow", long(func(runner.Snapshot) { seen++; cancel() }))
	if !errors.Is(err, context.Canceled) || seen != 1 || !d.Interrupted || len(d.Results) != 0 {
		t.Errorf("%d snapshots, %+v, error %v: want one, and an interruption", seen, d, err)
	}

	got = nil
	_, err = measuredAs(t, t.Context(), "cow", long(nil), func(cfg *runner.Config) { cfg.Live = func(s runner.Snapshot) { got = append(got, s) } })
	if err != nil || len(got) != 1 || !got[0].Final {
		t.Errorf("%+v, error %v: want the end of the trial alone", got, err)
	}
}
