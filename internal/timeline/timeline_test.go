package timeline

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/sheet"
)

var (
	update  = flag.Bool("update", false, "rewrite the files in testdata")
	errFull = errors.New("disk full")
)

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errFull }

func created(call, ret int64, tag history.Tag) history.Op {
	return history.Op{Call: call, Return: ret, Kind: history.GetOrCreate, Outcome: history.OK, Created: true, Tag: tag,
		Incarnation: tag, Parts: history.PartIncarnation | history.PartVersion}
}

func hang() *history.Violation {
	return &history.Violation{
		Anomaly: history.Hang, Detector: history.ByWatchdog, Seed: 3, Why: "no operation ended for 2 s",
		Stacks: "Inside a session:\n\n" + trace(18, "sync.Mutex.Lock", "internal/flawed.(*nested).Update(0xc00011, {0x1, 0x2})") + "\n\n" +
			"Waiting:\n\n" + trace(19, "sync.Mutex.Lock, 2 minutes", "strategies.(*store).View(0xc00099)") + "\n\n" +
			trace(20, "sync.Mutex.Lock", "strategies.(*store).View(0xc00011)"),
	}
}

func trace(id int, state, frame string) string {
	return "goroutine " + string(rune('0'+id/10)) + string(rune('0'+id%10)) + " [" + state + "]:\n" +
		"internal/sync.runtime_SemacquireMutex(0xc0002, 0x0, 0x1)\n\t/go/src/runtime/sema.go:95 +0x25\n" +
		"sync.(*Mutex).Lock(...)\n\t/go/src/sync/mutex.go:46\n" +
		"github.com/sessbench/sessbench/" + frame + "\n\t/work/" + strings.Split(frame, ".")[0] + "/store.go:77 +0x1f3\n" +
		"created by testing.(*T).Run in goroutine 1\n\t/go/src/testing/testing.go:1 +0x1"
}

// load reads the history in testdata/name.json and returns the violation that the witness finds in it.
func load(t testing.TB, name string) *history.Violation {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	h, err := history.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	return refuted(t, h)
}

func refuted(t testing.TB, h *history.History) *history.Violation {
	t.Helper()
	_, found := history.Witness(h)
	if found == nil {
		t.Fatal("the witness certified the history")
	}
	return &history.Violation{
		Anomaly: found.Anomaly, Detector: history.ByWitness, Confirmed: true, Why: found.Why, Session: h.ID, Seed: 7,
		Command: "sessbench verify -S per-session --seed 7", History: h, Conflict: found.Ops,
	}
}

// drawn is the text of a violation.
func drawn(v *history.Violation, o sheet.Options) string {
	page := &sheet.Text{Options: o}
	Draw(page, v)
	return page.String()
}

func lostUpdate(t testing.TB) *history.Violation { return load(t, "lost-update") }

func violations(t testing.TB) map[string]*history.Violation {
	all := map[string]*history.Violation{"hang": hang()}
	for _, name := range []string{"lost-update", "stale-read", "orphan", "double-creation", "fractured-read", "orphaned-lock"} {
		all[name] = load(t, name)
	}
	return all
}

func TestTimelineGolden(t *testing.T) {
	for name, v := range violations(t) {
		t.Run(name, func(t *testing.T) {
			golden(t, name+".txt", []byte(drawn(v, sheet.Options{Width: 100})))
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (- wanted, + written; -update rewrites it):\n%s", file, diff)
	}
}

func TestTimelineKeepsTheWidth(t *testing.T) {
	for name, v := range violations(t) {
		if name == "hang" { // a frame is shown whole
			continue
		}
		for _, columns := range []int{60, 80, 100, 140} {
			for line := range strings.Lines(drawn(v, sheet.Options{Width: columns})) {
				if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > columns {
					t.Errorf("%s: %d columns, want at most %d: %s", name, n, columns, line)
				}
			}
		}
	}
}

func TestTimelineColor(t *testing.T) {
	v := lostUpdate(t)
	plainly, colored := drawn(v, sheet.Options{}), drawn(v, sheet.Options{Color: true})
	if strings.Contains(plainly, "\x1b") {
		t.Error("color, want none")
	}
	stripped := strings.NewReplacer(sheet.Alarm.ANSI(), "", sheet.Dim.ANSI(), "", sheet.Off, "").Replace(colored)
	if diff := cmp.Diff(plainly, stripped); diff != "" || !strings.Contains(colored, sheet.Alarm.ANSI()) {
		t.Errorf("color changes more than the color:\n%s", diff)
	}
}

func TestTimelineIncomplete(t *testing.T) {
	for what, v := range map[string]*history.Violation{
		"nothing known":                    {},
		"an empty history":                 {Anomaly: history.WrongAnswer, History: &history.History{}},
		"a fault outside of its history":   {Anomaly: history.LostUpdate, History: &history.History{Ops: []history.Op{created(1, 2, history.NewTag(0, 1))}}, Conflict: []int{7, -1}},
		"an operation that never ended":    {Anomaly: history.LostUpdate, History: &history.History{Ops: []history.Op{{User: 40, Kind: history.Append, Outcome: history.Indeterminate, Return: history.Never, Tag: history.NewTag(2, 0)}}}, Conflict: []int{0}},
		"two operations at once by one":    {Anomaly: history.LostUpdate, History: &history.History{Ops: []history.Op{created(1, 9, history.NewTag(0, 1)), created(2, 8, history.NewTag(0, 2))}}},
		"stacks that are no stacks at all": {Anomaly: history.Hang, Stacks: "x\x1b[2J\n\n\n\ngoroutine \n\n\ngoroutine 1 [\nf("},
	} {
		t.Run(what, func(t *testing.T) {
			if text := drawn(v, sheet.Options{}); strings.ContainsAny(text, "\x1b\r") {
				t.Errorf("what a store said steers the terminal: %q", text)
			}
		})
	}
}

// TestTimelineFolds: what is shown of a long history without operations at fault is its end; of one with them, those.
func TestTimelineFolds(t *testing.T) {
	v := load(t, "stale-read")
	known := drawn(v, sheet.Options{})
	v.Conflict = nil
	for what, text := range map[string]string{"with": known, "without": drawn(v, sheet.Options{})} {
		if n := strings.Count(text, "\n"); n > 50 {
			t.Errorf("%s operations at fault: %d lines", what, n)
		}
		if !strings.Contains(text, "earlier operations, all in order") {
			t.Errorf("%s operations at fault: nothing is folded", what)
		}
	}
}

// TestRequestsInLanes: lanes have the requests and the statuses of their answers, with long ids abbreviated.
func TestRequestsInLanes(t *testing.T) {
	const id = "0b9c1f52-1d9e-4c66-9d5e-2f6f7f1e0a11"
	v := &history.Violation{Anomaly: history.LostUpdate, Why: "it is lost", Conflict: []int{1}, History: &history.History{Ops: []history.Op{
		created(0, 1000, history.NewTag(0, 0)),
		{Call: 2000, Return: 9000, Kind: history.Append, Outcome: history.OK, Tag: history.NewTag(0, 1), Note: "POST /sessions/" + id + "/messages → 201"},
		{Call: 4000, Return: history.Never, User: 1, Kind: history.Append, Outcome: history.Indeterminate, Tag: history.NewTag(1, 0),
			Note: "POST /sessions/" + id + "/messages → no answer"},
	}}}
	text := &sheet.Text{Options: sheet.Options{Width: 140}}
	Draw(text, v)
	for _, want := range []string{
		"┌ append A2: POST /sessions/0b9c1f52…/messages", "└ → 201: saved", "└ → no answer: no response: indeterminate", "behind → the status of its answer",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
}
