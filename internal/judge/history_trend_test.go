package judge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

func TestHistoryEntryKeepsComparableData(t *testing.T) {
	d := day(3, normal())
	d.Results[0].Trials[2].LatencyNs.P99 = nil
	d.Results[1].Trials[0].OpsPerSec = 1 // the median shows no outlier
	d.Traffic = &result.Traffic{Hash: "sha256:77"}
	e := entryOf(t, "abc", d)
	if e.ID != d.ID || !e.Created.Equal(d.Created) || e.Label != "abc" || e.Settings[trafficSetting] != "sha256:77" || len(e.Results) != 3 {
		t.Errorf("got %+v", e)
	}
	if _, has := e.Results[0].Metrics["latency_p99_ns"]; has {
		t.Error("a percentile that one trial lacks was kept")
	}
	r := e.Results[1]
	if x := r.Metrics["ops_per_sec"]; x < 75_000 || x > 77_000 {
		t.Errorf("ops_per_sec %v, want about 76,100", x)
	}
	if r.Trials != 6 || r.Metrics["bytes_per_session"] != 1234 || len(r.Metrics) != len(metric.Names(metric.Compared()))-1 { // achieved is of an open loop
		t.Errorf("got %+v", r)
	}
	// Whatever decides about comparability outlasts the file.
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	h, err := ParseHistory(text)
	if err != nil {
		t.Fatal(err)
	}
	back := &h.Entries[0]
	scopes := []scope{ofMachine, ofRun, ofLoad, ofScenario, ofResult}
	for i := range d.Results {
		was, is := settings(d, &d.Results[i]), settings(back.document(), back.Results[i].result())
		if diff := cmp.Diff(only(was, scopes...), only(is, scopes...), cmp.AllowUnexported(property{})); diff != "" {
			t.Error(diff)
		}
	}
}

// TestHistoryVersion1 reads the settings of a line of schema version 1.
func TestHistoryVersion1(t *testing.T) {
	h, err := ParseHistory([]byte(`{"schema_version":1,"kind":"history","id":"a","created":"2026-01-01T12:00:00Z",` +
		`"settings":{"seed":7,"warmup_ns":1000000,"ttl_ns":2000000000,"record":64,"trace_speed":"60x","traffic":"sha256:1"},` +
		`"results":[{"scenario":"chatbot","strategy":"global"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	d := h.Entries[0].document()
	want := map[string]string{"seed": "7", "ttl": "2s", "record": "1/64", "trace-speed": "60x"}
	if diff := cmp.Diff(want, d.Config.Settings); diff != "" || d.Traffic == nil || d.Traffic.Hash != "sha256:1" {
		t.Errorf("traffic %+v, settings (-want +got):\n%s", d.Traffic, diff)
	}
}

// lineOf is a line of a history.
func lineOf(t testing.TB, n int) string {
	t.Helper()
	text, err := json.Marshal(entryOf(t, "", day(n, normal())))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDamagedHistories(t *testing.T) {
	good := lineOf(t, 1)
	for _, tt := range []struct {
		why, text string
		line      int
		want      string
	}{
		{"cut short at the end", good + "\n" + lineOf(t, 2)[:300], 2, "cut short after 300 bytes"},
		{"and in the middle", good[:300] + "\n" + lineOf(t, 2) + "\n", 1, "cut short after 300 bytes"},
		{"a merge that nobody finished", "<<<<<<< HEAD\n" + good + "\n", 1, "not JSON at byte 1"},
		{"two objects in one line", good + good + "\n", 1, "not JSON at byte"},
		{"a later version", good + "\n\n" + `{"schema_version":3,"kind":"history","results":7}` + "\n", 3, "schema_version 3 is later than 2"},
		{"version 0", `{"schema_version":0,"kind":"history"}`, 1, "schema_version 0: want 1 to 2"},
		{"no version", `{"kind":"history"}`, 1, "no schema_version"},
		{"a list", `[1]`, 1, "a JSON array: want an object"},
		{"a result document", `{"schema_version":1,"id":"a","results":[]}`, 1, `kind "": want history`},
		{"a comparison", `{"schema_version":1,"kind":"comparison"}`, 1, `kind "comparison": want history`},
		{"a field of another type", `{"schema_version":1,"kind":"history","id":7}`, 1, "id is a number: want a string"},
		{"no id", strings.Replace(good, `"id":"00000001-7d0e-4f35-9f0f-6a1d0d8d7a10",`, "", 1), 1, "no id"},
		{"no date", strings.Replace(good, `"created":"2026-01-01T12:00:00Z",`, "", 1), 1, "no date in created"},
		{"no results", `{"schema_version":1,"kind":"history","id":"a","created":"2026-01-01T12:00:00Z"}`, 1, "no results"},
		{"one run with two sets of figures", good + "\n" + strings.Replace(good, `"trials":6`, `"trials":7`, 1), 2,
			"run 00000001-7d0e-4f35-9f0f-6a1d0d8d7a10 is already in line 1, with other values"},
	} {
		h, err := ParseHistory([]byte(tt.text))
		var bad *HistoryError
		if !errors.As(err, &bad) || bad.Line != tt.line || !strings.Contains(bad.Reason, tt.want) {
			t.Errorf("%s: %v and error %v, want line %d: %s", tt.why, h, err, tt.line, tt.want)
		}
	}
}

func TestHarmlessHistories(t *testing.T) {
	a, b := lineOf(t, 1), lineOf(t, 2)
	for _, tt := range []struct {
		why, text string
		runs      int
	}{
		{"nothing", "", 0},
		{"a run a line", a + "\n" + b + "\n", 2},
		{"no end of line at the end", a + "\n" + b, 2},
		{"blank lines, and those of another system", a + "\r\n\r\n" + b + "\r\n", 2},
		{"one run twice, after a merge", a + "\n" + b + "\n" + a + "\n", 2},
		{"a field of later days", strings.Replace(a, `"kind"`, `"weather":"rain","kind"`, 1), 1},
	} {
		h, err := ParseHistory([]byte(tt.text))
		if err != nil || len(h.Entries) != tt.runs {
			t.Errorf("%s: %v and error %v, want %d runs", tt.why, h, err, tt.runs)
			continue
		}
		// What was there stays as it was, and what is added is a line of its own.
		if added, err := h.Add(entryOf(t, "new\nline", day(3, normal()))); !added || err != nil {
			t.Errorf("%s: added %v, error %v", tt.why, added, err)
			continue
		}
		var out bytes.Buffer
		if err := h.Write(&out); err != nil {
			t.Fatal(err)
		}
		rest, kept := strings.CutPrefix(out.String(), tt.text)
		if !kept || strings.Count(strings.TrimPrefix(rest, "\n"), "\n") != 1 {
			t.Errorf("%s: after %q there is %q", tt.why, tt.text, out.String())
		}
		again, err := ParseHistory(out.Bytes())
		if err != nil || len(again.Entries) != tt.runs+1 || again.Entries[tt.runs].Label != "new line" {
			t.Errorf("%s: read back: %v and error %v", tt.why, again, err)
			continue
		}
		if !slices.Equal(h.lines, again.lines) {
			t.Errorf("%s: the runs are in lines %v, said to be in %v", tt.why, again.lines, h.lines)
		}
	}
}

func TestHistoryAddTwice(t *testing.T) {
	h := historyOf(t, day(1, normal()), day(2, normal()))
	if added, err := h.Add(entryOf(t, "another label", day(1, normal()))); added || err != nil {
		t.Errorf("the same run: added %v, error %v", added, err)
	}
	if label, there := h.Labelled(day(1, normal()).ID); label != "" || !there {
		t.Errorf("it is called %q, there %v", label, there)
	}
	other := day(1, normal())
	other.Results[0].Trials = other.Results[0].Trials[:5]
	_, err := h.Add(entryOf(t, "", other))
	var bad *HistoryError
	if !errors.As(err, &bad) || !strings.Contains(bad.Reason, "is already in line 1, with other values") {
		t.Errorf("another run of the same id: error %v", err)
	}
	if len(h.Entries) != 2 || bytes.Count(h.text, []byte("\n")) != 2 {
		t.Errorf("%d runs, %q", len(h.Entries), h.text)
	}
}

// A change is between the medians of its two stretches, not of everything before and after.
func TestTrendChangesCompareStretches(t *testing.T) {
	half := -0.5
	twice := 1.0
	m := &metric.Metric{HigherIsBetter: true}
	for _, tt := range []struct {
		why    string
		xs     []float64
		starts []int
		want   []TrendChange
	}{
		{"none", []float64{1, 2, 3}, nil, []TrendChange{}},
		{"one", []float64{4, 4, 9, 2, 2, 0}, []int{3}, []TrendChange{{3, 4, 2, &half, Worse}}},
		{"up and down again", []float64{2, 2, 4, 4, 2, 2, 2}, []int{2, 4}, []TrendChange{{2, 2, 4, &twice, Better}, {4, 4, 2, &half, Worse}}},
		{"from nothing", []float64{0, 0, 4}, []int{2}, []TrendChange{{2, 0, 4, nil, Better}}},
		{"from next to nothing", []float64{1e-300, 1e-300, 1e300}, []int{2}, []TrendChange{{2, 1e-300, 1e300, nil, Better}}},
		{"more scattered around the same", []float64{4, 4, 4, 1, 4, 9}, []int{3}, []TrendChange{{3, 4, 4, new(float64), Negligible}}},
	} {
		if diff := cmp.Diff(tt.want, stretches(m, tt.xs, tt.starts)); diff != "" {
			t.Errorf("%s: %s", tt.why, diff)
		}
	}
}

// Only among the newest runs, for the time it takes; where they are is said by their place in the whole series.
func TestTrendLooksAtNewestRuns(t *testing.T) {
	m := &metric.Metric{HigherIsBetter: true}
	var xs []float64
	for i := range stats.ChangePointHistory + 100 {
		level := 100.0
		if i >= 40 && i < 250 {
			level = 50
		}
		xs = append(xs, level+float64(i%7))
	}
	var at []int
	for _, c := range stretches(m, xs, stats.ChangePoints(xs)) {
		at = append(at, c.At)
	}
	if !slices.Equal(at, []int{250}) {
		t.Errorf("changes at %v, want one at 250, where the one at 40 is too long ago", at)
	}
}

func TestDirections(t *testing.T) {
	for _, tt := range []struct {
		why      string
		from, to float64
		higher   bool
		least    float64
		want     ChangeVerdict
	}{
		{"more is better", 1, 2, true, 0, Better},
		{"less is worse", 2, 1, true, 0, Worse},
		{"more is worse", 1, 2, false, 0, Worse},
		{"less is better", 2, 1, false, 0, Better},
		{"the medians are the same", 1, 1, false, 0, Negligible},
		{"too small to matter", 1, 1.5, false, 1, Negligible},
		{"in either direction", 1.5, 1, false, 1, Negligible},
		{"just large enough to", 1, 2, false, 1, Worse},
	} {
		m := &metric.Metric{HigherIsBetter: tt.higher, Least: tt.least}
		if got := direction(m, tt.from, tt.to); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.why, got, tt.want)
		}
	}
}

// day makes a document a run of its own: the n-th day of 2026.
func day(n int, d *result.Document) *result.Document {
	d.ID = fmt.Sprintf("%08x-7d0e-4f35-9f0f-6a1d0d8d7a10", n)
	d.Created = time.Date(2026, 1, n, 12, 0, 0, 0, time.UTC)
	d.Tool.Commit = fmt.Sprintf("%07xdddd", 0xabc0000+n)
	return d
}

func entryOf(t testing.TB, label string, d *result.Document) *HistoryEntry {
	t.Helper()
	e, _, err := NewHistoryEntry(Source{label, label + ".json", d})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func historyOf(t testing.TB, documents ...*result.Document) *History {
	t.Helper()
	h := &History{}
	for _, d := range documents {
		if _, err := h.Add(entryOf(t, "", d)); err != nil {
			t.Fatal(err)
		}
	}
	return h
}
