package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sessbench/sessbench/internal/flawed"
	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/strategies"
)

// unsound is a store whose first update does what no store should.
type unsound struct {
	manager.SessionStore[manager.Session]
	once sync.Once
	do   func()
}

func (s *unsound) Update(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	s.once.Do(s.do)
	return s.SessionStore.Update(ctx, id, fn)
}

func unsoundStores() (opts []Option) {
	before := os.Stdout // as a logger has it that was made before Main
	for name, do := range map[string]func(){
		"tripping": func() { go panic("the janitor tripped") },
		"exiting":  func() { os.Exit(3) },
		"racing":   race,
		"stuck":    func() { select {} },
		"talking":  func() { fmt.Println("good morning") },
		"bursting": func() { fmt.Fprintln(before, "good morning") },
		"logging":  func() { fmt.Fprintln(before, `{"good": "morning"}`) },
		"mute":     func() { _ = os.NewFile(3, "").Close() },        // its process cannot answer
		"ousted":   func() { _ = os.Remove(os.Getenv(oustedFrom)) }, // by another build
	} {
		opts = append(opts, WithStore(unsoundStrategy(name, func() (manager.SessionStore[manager.Session], error) {
			return &unsound{SessionStore: strategies.NewPerSession[manager.Session](), do: do}, nil
		})))
	}
	return append(opts,
		WithStore(unsoundStrategy("closed", func() (manager.SessionStore[manager.Session], error) {
			return nil, errors.New("out of order")
		})))
}

func unsoundStrategy(name string, open func() (manager.SessionStore[manager.Session], error)) strategies.Strategy {
	return strategies.Strategy{
		Name:        name,
		Description: "fails its users",
		Guarantees:  manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true},
		Open:        func(strategies.Values) (manager.SessionStore[manager.Session], error) { return open() },
	}
}

// oustedFrom is the environment variable that names the file of the program.
const oustedFrom = "SESSBENCH_TEST_OUSTED"

// race has goroutines write to one map, for long enough that the runtime or the race detector notices. They end, so that
// nothing else is found.
func race() {
	m := map[int]int{}
	var all sync.WaitGroup
	end := time.Now().Add(time.Second)
	for i := range 4 {
		all.Go(func() {
			for n := i; time.Now().Before(end); n++ {
				m[n%1000]++
			}
		})
	}
	all.Wait()
}

// A child is this very build, even if another one takes its name, or nothing is left there, while it runs.
func TestVerifyStartsThisVeryBuild(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("a process cannot be started again once its file is gone")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "unsound")
	if err := os.WriteFile(program, binary, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv(oustedFrom, program)
	output, err := exec.Command(program, "verify", "-S", "ousted,per-session", "--rounds", "40").CombinedOutput()
	if _, gone := os.Stat(program); gone == nil || !strings.Contains(string(output), "per-session: linearizable (2/2") {
		t.Errorf("error %v, file gone: %v:\n%s", err, gone, output)
	}
}

func TestNoteWhileStopping(t *testing.T) {
	var stderr bytes.Buffer
	o := &verifyOptions{common: common{app: newApp([]Option{WithIO(nil, nil, &stderr)})}}
	o.waiting(14 * time.Second)
	o.Quiet = true
	o.waiting(14 * time.Second)
	if diff := cmp.Diff("sessbench: stopping: a child may need up to 14s; press again to stop at once\n", stderr.String()); diff != "" {
		t.Error(diff)
	}
}

// Reports as they may come from a child.
func good(name string) *verify.Report {
	return &verify.Report{
		Subject: name, Verdict: history.Linearizable, Rounds: 2, ElapsedNs: 2e9,
		Stats: history.Stats{Sessions: 10, Operations: 1000, Overlapped: 0.6, Certified: 10, CrossChecked: 1},
		Guarantees: []verify.Guarantee{
			{Name: "linearizable", Declared: "yes", Observed: "yes", Kept: true},
			{Name: "cancellable", Declared: "while queued", Observed: "while queued", Kept: true},
			{Name: "rollback", Declared: "no", Observed: "–", Kept: true},
		},
	}
}

func guilty(name string, a history.Anomaly) *verify.Report {
	r := good(name)
	r.Verdict = history.Violated
	r.Violation = &history.Violation{Anomaly: a, Detector: history.ByWitness, Why: "so it is", Seed: 3, Command: "sessbench verify -S " + name}
	r.Guarantees[0].Observed, r.Guarantees[0].Kept = "no", false
	return r
}

func doubtful(name string) *verify.Report {
	r := good(name)
	r.Verdict, r.Why = history.Inconclusive, "nobody met anybody"
	return r
}

func found(of *flawed.Flaw, list ...*verify.Report) *findings {
	f := &findings{}
	for _, r := range list {
		f.add(r, of)
	}
	return f
}

func TestVerifyVerdict(t *testing.T) {
	flaw := &flawed.Flaw{Name: "lost-update", Kills: []history.Anomaly{history.LostUpdate}}
	racy := &flawed.Flaw{Name: "torn", Kills: []history.Anomaly{history.FracturedRead}, Races: true}
	cut := found(nil, good("a"), doubtful("b"))
	cut.Interrupted = true
	unfinished := found(flaw, good("lost-update"))
	unfinished.Interrupted = true
	halted := found(flaw, guilty("lost-update", history.LostUpdate))
	halted.Failed = []string{"torn: out of order"}
	broken := found(nil, good("a"))
	broken.Failed = []string{"b: out of order"}
	both := found(nil, guilty("a", history.LostUpdate), doubtful("c"))
	both.Failed = broken.Failed
	for _, tc := range []struct {
		why     string
		f       *findings
		written error
		code    int
		want    string
	}{
		{"all is well", found(nil, good("a"), good("b")), nil, exitOK, ""},
		{"one is wrong", found(nil, good("a"), guilty("b", history.StaleRead)), nil, exitViolated, "violated by b (stale read)"},
		{"one cannot be told", found(nil, good("a"), doubtful("b")), nil, exitInconclusive, "inconclusive: b"},
		{"one could not be run", broken, nil, exitFailed, "b: out of order"},
		{"a full disk", found(nil, good("a")), errors.New("disk full"), exitFailed, "disk full"},
		{"all of it, and the worst decides", both, errors.New("disk full"), exitViolated,
			"inconclusive: c; b: out of order; disk full; violated by a (lost update)"},
		{"cut short", cut, nil, exitInterrupted, "inconclusive: b; interrupted: the reports are partial"},
		{"a flaw convicted", found(flaw, guilty("lost-update", history.LostUpdate)), nil, exitViolated, "1 of 1 flawed store convicted"},
		{"a flaw missed", found(flaw, good("lost-update")), nil, exitFailed, "0 of 1 flawed store convicted; the checker missed: lost-update"},
		{"a flaw convicted of something else", found(flaw, guilty("lost-update", history.StaleRead)), nil, exitFailed,
			"0 of 1 flawed store convicted; the checker missed: lost-update (convicted of stale read: want lost update)"},
		{"a flaw that races may crash", found(racy, guilty("torn", history.Crash)), nil, exitViolated, "1 of 1 flawed store convicted"},
		{"a flaw that could not be run", halted, nil, exitFailed, "torn: out of order; 1 of 1 flawed store convicted"},
		{"a flaw that there was no time for", unfinished, nil, exitInterrupted,
			"0 of 1 flawed store convicted; interrupted: the reports are partial"},
		{"one that does not race may not", found(flaw, guilty("lost-update", history.Crash)), nil, exitFailed,
			"0 of 1 flawed store convicted; the checker missed: lost-update (convicted of crash: want lost update)"},
	} {
		err := tc.f.verdict(tc.written)
		text := ""
		if err != nil {
			text = strings.Join(strings.Fields(err.Error()), " ")
		}
		if codeOf(err) != tc.code || text != tc.want {
			t.Errorf("%s: exit code %d, %q: want %d, %q", tc.why, codeOf(err), text, tc.code, tc.want)
		}
	}
}

func TestVerifyClosing(t *testing.T) {
	flaw := &flawed.Flaw{Name: "f", Kills: []history.Anomaly{history.LostUpdate}}
	recorded := found(nil, good("v.json"))
	recorded.recorded = true
	searched := good("b")
	searched.Certified, searched.Searched, searched.Unknown = 4, 5, 1
	cut := found(nil, guilty("b", history.LostUpdate))
	cut.Interrupted, cut.Failed, cut.Skipped = true, []string{"c: out of order"}, []string{"d", "e"}
	for _, tc := range []struct {
		f    *findings
		want string
	}{
		{found(nil, good("a"), good("b")), "2 strategies, every one linearizable: 20 sessions, 2,000 operations, 60% overlapped; " +
			"the witness certified all, porcupine agreed on 2 cross-checks."},
		{found(nil, good("a")), "1 strategy, linearizable: 10 sessions, 1,000 operations, 60% overlapped; " +
			"the witness certified all, porcupine agreed on 1 cross-check."},
		{recorded, "1 history, linearizable: 10 sessions, 1,000 operations, 60% overlapped; " +
			"the witness certified all, porcupine agreed on 1 cross-check."},
		{found(nil, good("a"), guilty("b", history.LostUpdate), doubtful("c")), "1 of 3 strategies linearizable; violated by b (lost update); " +
			"inconclusive: c: 30 sessions, 3,000 operations, 60% overlapped; the witness certified all, porcupine agreed on 3 cross-checks."},
		{found(nil, searched), "1 strategy, linearizable: 10 sessions, 1,000 operations, 60% overlapped; " +
			"the witness certified 4, porcupine decided 5, porcupine agreed on 1 cross-check, 1 session undecided."},
		{found(nil, guilty("b", history.LostUpdate)), "1 strategy, violated by b (lost update)."},
		{cut, "1 of 4 strategies verified: 1 strategy, violated by b (lost update)."},
		{found(flaw, guilty("f", history.LostUpdate)), "1 flawed store, convicted."},
		{found(flaw, guilty("f", history.LostUpdate), good("f")), "The checker missed 1 of 2 flawed stores: f."},
	} {
		if diff := cmp.Diff(tc.want, tc.f.closing()); diff != "" {
			t.Error(diff)
		}
	}
}

// TestVerifyTable: one table where there is room, two where not; a broken promise is loud, in red on a terminal.
func TestVerifyTable(t *testing.T) {
	fell := &verify.Report{Subject: "b", ElapsedNs: 3e8}
	fell.Add(&history.Violation{Anomaly: history.Crash, Detector: history.ByCrash, Why: "it fell"})
	f := found(nil, good("cow"), guilty("actor", history.LostUpdate), fell)
	page := func(screen reports.Options) string {
		var out bytes.Buffer
		if err := f.write(&out, screen); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	wide := page(reports.Options{Width: 160})
	for _, want := range []string{
		"strategy  verdict       linearizable  cancellable       rollback  sessions  operations  overlapped  time\n",
		"cow       linearizable  yes/yes       while queued/yes  no/–      10        1,000       60%         2.00 s\n",
		"actor     violated      yes/NO        while queued/yes  no/–      10        1,000       60%         2.00 s\n",
		"b         violated      –             –                 –         –         –           –           300 ms\n",
		"So it is.", "Reproduce with: sessbench verify -S actor\n", "It fell.",
	} {
		if !strings.Contains(wide, want) {
			t.Errorf("no %q in\n%s", want, wide)
		}
	}
	narrow := page(reports.Options{Width: 80})
	for _, want := range []string{
		"strategy  verdict       sessions  operations  overlapped  time\n",
		"strategy  linearizable  cancellable       rollback\n",
		"actor     yes/NO        while queued/yes  no/–\n",
	} {
		if !strings.Contains(narrow, want) {
			t.Errorf("no %q in\n%s", want, narrow)
		}
	}
	squeezed := page(reports.Options{Width: 38})
	for _, want := range []string{"strategy  linearizable\n", "strategy  cancellable       rollback\n"} {
		if !strings.Contains(squeezed, want) {
			t.Errorf("no %q in\n%s", want, squeezed)
		}
	}
	if colored := page(reports.Options{Color: true, Width: 160}); !strings.Contains(colored, ansiRed+"yes/NO"+ansiOff) {
		t.Errorf("no red promise in\n%q", colored)
	}
	if strings.Contains(wide, "\x1b") {
		t.Error("color where none was asked for")
	}
}

func TestReplay(t *testing.T) {
	sharded := func(shards string) task {
		return task{source: subjectSource{Strategy: "sharded", Params: strategies.Values{"shards": shards}}}
	}
	torn := func(scheduled bool) task {
		return task{Task: verify.Task{Scheduled: scheduled}, flaw: &flawed.Flaw{Name: "torn"}}
	}
	program := newApp(nil).program()
	for _, tc := range []struct {
		why  string
		t    task
		o    verifyOptions
		want string
	}{
		{"defaults need no words", sharded("64"), verifyOptions{}, "-S sharded --seed 7 --rounds 1 --until hang"},
		{"settings do", sharded("4"), verifyOptions{}, "-S sharded:shards=4 --seed 7 --rounds 1 --until hang"},
		{"so does what shapes the draw", sharded("64"), verifyOptions{Users: 3, Ops: 9, Patience: time.Second, common: common{
			sources: sources{"users": {rankFlag, "-u"}, "ops": {rankEnv, "SESSBENCH_OPS"}, "patience": {rankFile, "patience"}}}},
			"-S sharded --seed 7 --rounds 1 --until hang --users 3 --ops 9 --patience 1s"},
		{"a schedule", torn(true), verifyOptions{}, "--flawed torn --seed 7"},
		{"a flaw under pressure", torn(false), verifyOptions{}, "--flawed torn --seed 7 --schedule random --rounds 1 --until hang"},
	} {
		tc.o.app = newApp(nil)
		if got, want := tc.o.replay(tc.t, &history.Violation{Seed: 7, Anomaly: history.Hang}), program+" verify "+tc.want; got != want {
			t.Errorf("%s: %q: want %q", tc.why, got, want)
		}
	}
}

// TestVerifyProgress: a line a subject where nobody watches, a bar on a terminal.
func TestVerifyProgress(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var lines, screen bytes.Buffer
	clock := time.Unix(0, 0)
	l := &verifyLines{w: &lines, tasks: 2, start: clock, now: func() time.Time { clock = clock.Add(3 * time.Second); return clock }}
	b := &verifyBar{bar: bar{w: &screen}, tasks: 2}
	for _, show := range []verifyProgress{l, b, newVerifyProgress(&lines, true, nil)} {
		show.step(task{Task: verify.Task{Label: "cow"}}, verify.Step{Round: 24, Rounds: 48})
		show.done(good("cow"))
		for round := range 500 {
			show.step(task{Task: verify.Task{Label: "actor"}}, verify.Step{Round: round + 1})
		}
		show.done(doubtful("actor"))
	}
	if diff := cmp.Diff("cow: linearizable (1/2, 3s)\n"+
		"actor: round 100 (6s)\nactor: round 200 (9s)\nactor: round 400 (12s)\nactor: inconclusive (2/2, 15s)\n", lines.String()); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{"cow, round 24", "actor, round 500"} {
		if !strings.Contains(screen.String(), want) {
			t.Errorf("no %q on the screen: %q", want, screen.String())
		}
	}
	b.clear()
}
