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
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/strategies"
)

// unsound is a store whose first updates do what no store should: it brings its process down, or never comes back.
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
		"greedy":   keepEverything,
		"talking":  func() { fmt.Println("good morning") },
		"bursting": func() { fmt.Fprintln(before, "good morning") },
		"logging":  func() { fmt.Fprintln(before, `{"good": "morning"}`) },
		"mute":     func() { _ = os.NewFile(3, "").Close() }, // where it was to answer
		"parent":   beget,
		"orphaner": func() { beget(); os.Exit(7) },
		"ousted":   func() { _ = os.Remove(os.Getenv(oustedFrom)) }, // by another build
		"alarming": func() { fmt.Fprint(os.Stderr, "log: "+raceBanner+" is what it says\n"+raceBanner+"\n") },
	} {
		opts = append(opts, WithStore(unsoundStrategy(name, func() (manager.SessionStore[manager.Session], error) {
			return &unsound{SessionStore: strategies.NewPerSession[manager.Session](), do: do}, nil
		})))
	}
	return append(opts,
		WithStore(unsoundStrategy("closed", func() (manager.SessionStore[manager.Session], error) {
			return nil, errors.New("out of order")
		})),
		WithStore(unsoundStrategy("lingering", func() (manager.SessionStore[manager.Session], error) {
			return &lingering{strategies.NewPerSession[manager.Session]()}, nil
		})),
		WithStore(unsoundStrategy("asleep", func() (manager.SessionStore[manager.Session], error) { select {} })))
}

func unsoundStrategy(name string, open func() (manager.SessionStore[manager.Session], error)) strategies.Strategy {
	return strategies.Strategy{
		Name:        name,
		Description: "fails its users",
		Guarantees:  manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true},
		Open:        func(strategies.Values) (manager.SessionStore[manager.Session], error) { return open() },
	}
}

// lingering is a store that takes its time to close.
type lingering struct {
	manager.SessionStore[manager.Session]
}

func (l *lingering) Close() error {
	time.Sleep(3 * slowAfter)
	return l.SessionStore.Close()
}

const (
	outliving  = 4 * time.Second
	outlivedBy = "SESSBENCH_TEST_OUTLIVED" // names the file
	oustedFrom = "SESSBENCH_TEST_OUSTED"   // names the program's file
)

// beget starts a process that holds this one's pipes, outlives it, and then makes a file to show for it.
func beget() {
	c := exec.Command("sh", "-c", fmt.Sprintf(`sleep %v; echo "I am still here" > "$%s"`, outliving.Seconds(), outlivedBy))
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Start(); err != nil {
		panic(err)
	}
}

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

// kept is 16 MB that the one before it is kept with.
type kept struct {
	before *kept
	data   [16 << 20]byte
}

// keepEverything takes memory until somebody stops it.
func keepEverything() {
	for last := new(kept); last != nil; {
		last = &kept{before: last}
		last.data[0] = 1
		time.Sleep(time.Millisecond)
	}
}

// examined has a child verify one of unsoundStores.
func examined(t *testing.T, ctx context.Context, of task, step func(verify.Step)) (*verify.Report, error) {
	t.Helper()
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	of.Label, of.Seed, of.Users, of.Ops, of.Memory = of.Strategy, 5, 4, 100, 512<<20
	if step == nil {
		step = func(verify.Step) {}
	}
	return newApp(unsoundStores()).examine(ctx, of, hearing{step: step, slow: func(time.Duration) {}})
}

// TestAChildTellsWhatItFound: the report comes through, and a step for each round.
func TestAChildTellsWhatItFound(t *testing.T) {
	steps := 0
	r, err := examined(t, t.Context(), task{Strategy: "talking", Rounds: 3, Budget: time.Minute, Patience: time.Minute, margin: time.Minute},
		func(s verify.Step) { steps++ })
	if err != nil || r.Verdict == verify.Violated || r.Rounds != 3 || steps != 3 {
		t.Errorf("%+v, error %v after %d steps: want nothing wrong after 3", r, err, steps)
	}
}

// TestAViolationSurvivesThePipe: its history comes through shortened and as it was recorded.
func TestAViolationSurvivesThePipe(t *testing.T) {
	r, err := examined(t, t.Context(), task{Flaw: "lost-update", Scheduled: true, Rounds: 1, Budget: time.Minute, Patience: time.Minute, margin: time.Minute}, nil)
	if err != nil || r.Violation == nil || r.Violation.History == nil || r.Violation.Full == nil {
		t.Fatalf("%+v, error %v: want a violation with both histories", r, err)
	}
	if v := r.Violation; len(v.History.Ops) == 0 || len(v.Full.Ops) < len(v.History.Ops) {
		t.Errorf("%d operations, shortened from %d", len(v.History.Ops), len(v.Full.Ops))
	}
}

// TestAChildThatDoesNotEnd: the parent stops a child that its own watchdog could not, and says what it was doing.
func TestAChildThatDoesNotEnd(t *testing.T) {
	r, err := examined(t, t.Context(), task{Strategy: "asleep", Rounds: 1, Budget: time.Second, Patience: 10 * time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if v := r.Violation; v == nil || v.Anomaly != verify.Hang || v.Check != verify.ByWatchdog || v.Seed != 5 {
		t.Errorf("%+v: want a hang", r.Violation)
	} else if !strings.Contains(v.Stacks, "goroutine ") {
		t.Errorf("stacks %q: want those of goroutines", v.Stacks)
	}
}

// TestAChildThatEatsTheMemory: it is stopped, and that was its store's doing.
func TestAChildThatEatsTheMemory(t *testing.T) {
	r, err := examined(t, t.Context(), task{Strategy: "greedy", Rounds: 1, Budget: time.Minute, Patience: time.Minute, margin: time.Minute}, nil)
	if err != nil || r.Violation == nil || r.Violation.Anomaly != verify.Crash {
		t.Fatalf("%+v, error %v: want a crash", r, err)
	}
	if !strings.Contains(r.Violation.Why, "memory") {
		t.Errorf("%q: want that it was the memory", r.Violation.Why)
	}
}

// TestAChildIsToldToEnd: when the parent's ctx ends, the child tells what it had found.
func TestAChildIsToldToEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := examined(t, ctx, task{Strategy: "talking", Rounds: untilBudget, Budget: time.Hour, Patience: time.Minute, margin: time.Minute},
		func(verify.Step) { cancel() })
	if err != nil || r.Verdict != verify.Inconclusive || r.Rounds == 0 {
		t.Errorf("%+v, error %v: want what was found so far, inconclusive", r, err)
	}
}

// brief is a task that is done in a moment.
func brief(strategy string) task {
	return task{Strategy: strategy, Rounds: 3, Budget: time.Minute, Patience: time.Minute, margin: time.Minute}
}

// TestWhatAStorePrintsIsNoAnswer: neither text nor JSON, not even past os.Stdout.
func TestWhatAStorePrintsIsNoAnswer(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a child answers on stdout")
	}
	for _, store := range []string{"bursting", "logging"} {
		r, err := examined(t, t.Context(), brief(store), nil)
		if err != nil || r.Verdict == verify.Violated || r.Rounds != 3 {
			t.Errorf("%s: %+v, error %v: want nothing wrong after 3 rounds", store, r, err)
		}
	}
}

func TestReceiveRefusesNothing(t *testing.T) {
	for said, want := range map[string]string{
		"{}\n":          "cannot be read: there is nothing in it",
		"null\n":        "cannot be read: there is nothing in it",
		"good day\n":    "cannot be read: invalid character",
		`{"error":"x"}`: "x",
	} {
		messages := make(chan message)
		go receive(strings.NewReader(said), messages)
		if m := <-messages; !strings.Contains(m.Error, want) {
			t.Errorf("%q: %+v: want the error %q", said, m, want)
		}
		if m, more := <-messages; more {
			t.Errorf("%q: %+v after the end", said, m)
		}
	}
}

// TestAChildThatCannotAnswer: that is no crash of its store's.
func TestAChildThatCannotAnswer(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a child answers on stdout")
	}
	r, err := examined(t, t.Context(), brief("mute"), nil)
	if err == nil || r != nil || !strings.HasPrefix(err.Error(), "its process could not answer: write answers: ") {
		t.Errorf("%+v, error %v: want that it could not write its answers", r, err)
	}
}

// TestWhatOutlivesAChild: it is not waited for, and does not live on, whether the store is right or brings its process down.
func TestWhatOutlivesAChild(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no process groups")
	}
	there := func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	}
	var paths []string
	for store, want := range map[string]verify.Verdict{"parent": verify.Linearizable, "orphaner": verify.Violated} {
		path := filepath.Join(t.TempDir(), store)
		paths = append(paths, path)
		t.Setenv(outlivedBy, path)
		r, err := examined(t, t.Context(), brief(store), nil)
		if err != nil || (r.Verdict == verify.Violated) != (want == verify.Violated) {
			t.Errorf("%s: %+v, error %v: want %s", store, r, err, want)
		}
		if there(path) {
			t.Errorf("%s: its child was waited for", store)
		}
	}
	time.Sleep(outliving + outliving/4)
	for _, path := range paths {
		if there(path) {
			t.Errorf("%s: its child lived on", filepath.Base(path))
		}
	}
}

// TestAChildIsThisVeryBuild: another one may take its name, or nothing may be left there, while it runs.
func TestAChildIsThisVeryBuild(t *testing.T) {
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
	said, err := exec.Command(program, "verify", "-S", "ousted,per-session", "--rounds", "40").CombinedOutput()
	if _, gone := os.Stat(program); gone == nil || !strings.Contains(string(said), "per-session: linearizable (2/2") {
		t.Errorf("error %v, and gone: %v:\n%s", err, gone, said)
	}
}

// TestAChildThatTakesItsTime: whoever interrupts is told once that it does.
func TestAChildThatTakesItsTime(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	of := brief("lingering")
	of.Rounds, of.Users, of.Ops, of.Memory, of.Patience = untilBudget, 4, 100, 512<<20, 2*time.Second
	var told []time.Duration
	r, err := newApp(unsoundStores()).examine(ctx, of, hearing{
		step: func(verify.Step) { cancel() },
		slow: func(atMost time.Duration) { told = append(told, atMost) },
	})
	if err != nil || r.Verdict != verify.Inconclusive || len(told) != 1 || told[0] != 14*time.Second {
		t.Fatalf("%+v, error %v, told %v: want 14s once", r, err, told)
	}
	var said bytes.Buffer
	o := &verifyOptions{common: common{app: newApp([]Option{WithIO(nil, nil, &said)})}}
	o.waiting(told[0])
	o.Quiet = true
	o.waiting(told[0])
	if diff := cmp.Diff("sessbench: stopping: a child may need up to 14s; press again to stop at once\n", said.String()); diff != "" {
		t.Error(diff)
	}
}

// TestOnlyTheRaceDetectorTellsOfRaces: what a store prints that looks like it convicts nobody.
func TestOnlyTheRaceDetectorTellsOfRaces(t *testing.T) {
	if raceDetector {
		t.Skip("it might be the race detector")
	}
	if r, err := examined(t, t.Context(), brief("alarming"), nil); err != nil || r.Violation != nil {
		t.Errorf("%+v, error %v: want no violation", r, err)
	}
}

func TestRaceIn(t *testing.T) {
	for _, tc := range []struct {
		why, said string
		detector  bool
		want      string
	}{
		{"a report", "hello\n==================\n" + raceBanner + "\nWrite at\n", true, raceBanner + "\nWrite at"},
		{"a line that quotes it", "log: " + raceBanner + "\n", true, ""},
		{"a build without it", raceBanner + "\nWrite at\n", false, ""},
		{"nothing", "", true, ""},
	} {
		if got := raceIn(tc.said, tc.detector); got != tc.want {
			t.Errorf("%s: %q: want %q", tc.why, got, tc.want)
		}
	}
}

func TestCrashReport(t *testing.T) {
	for _, tc := range []struct{ why, said, want, begins string }{
		{"a fatal error behind a store's own words", "hello\nfatal error: concurrent map writes\n\ngoroutine 7:\n",
			"fatal error: concurrent map writes", "fatal error"},
		{"a panic", "panic: runtime error: index out of range [3]\n\ngoroutine 1:\n", "panic: runtime error: index out of range [3]", "panic"},
		{"a panic after others that were caught and logged", "panic: caught\nfatal error: not yet\npanic: uncaught\n\ngoroutine 1:\n",
			"panic: uncaught", "panic: uncaught"},
		{"a panic whose system then asked for a core", "panic: x\n\ngoroutine 1:\nSIGABRT: abort\n", "panic: x", "panic: x"},
		{"a line that quotes one", "log: panic: x\n", "", "log: "},
		{"a segfault in C", "SIGSEGV: segmentation violation\nPC=0x0\n", "SIGSEGV: segmentation violation", "SIGSEGV"},
		{"a race", "==================\nWARNING: DATA RACE\nWrite at 0x1 by goroutine 8:\n", racing, "WARNING: DATA RACE"},
		{"nothing of the kind", "goodbye\n", "", "goodbye"},
		{"nothing", "", "", ""},
	} {
		why, stacks := crashReport(tc.said, true)
		if why != tc.want || !strings.HasPrefix(stacks, tc.begins) {
			t.Errorf("%s: %q, %q: want %q and a beginning %q", tc.why, why, stacks, tc.want, tc.begins)
		}
	}
	_, long := crashReport("panic: x\n"+strings.Repeat("goroutine 1\n", 10_000), false)
	if len(long) > 20_000 || !strings.HasSuffix(long, "goroutine 1\n…") {
		t.Errorf("%d characters ending in %q", len(long), long[max(0, len(long)-20):])
	}
	hung := (&task{}).hang("panic: caught\nSIGQUIT: quit\n\ngoroutine 1:\n", 0).Violation.Stacks
	if !strings.HasPrefix(hung, "SIGQUIT") {
		t.Errorf("a hang's stacks %q: want what was said on SIGQUIT", hung)
	}
}

func TestEndsKeepsBothEnds(t *testing.T) {
	var e ends
	for i := range 100_000 {
		fmt.Fprintf(&e, "line %06d\n", i)
	}
	s := e.String()
	if !strings.HasPrefix(s, "line 000000\n") || !strings.HasSuffix(s, "line 099999\n") || len(s) > 4*endSize {
		t.Errorf("%d characters from %q to %q", len(s), s[:12], s[len(s)-12:])
	}
}

// Reports as they may come from a child.
func good(name string) *verify.Report {
	return &verify.Report{
		Subject: name, Verdict: verify.Linearizable, Rounds: 2, Sessions: 10, Operations: 1000, Overlapped: 0.6, Certified: 10,
		CrossChecked: 1, ElapsedNs: 2e9,
		Guarantees: []verify.Guarantee{
			{Name: "linearizable", Declared: "yes", Observed: "yes", Kept: true},
			{Name: "cancellable", Declared: "while queued", Observed: "while queued", Kept: true},
			{Name: "rollback", Declared: "no", Observed: "–", Kept: true},
		},
	}
}

func guilty(name string, a verify.Anomaly) *verify.Report {
	r := good(name)
	r.Verdict = verify.Violated
	r.Violation = &verify.Violation{Anomaly: a, Check: verify.ByWitness, Why: "so it is", Seed: 3, Command: "sessbench verify -S " + name}
	r.Guarantees[0].Observed, r.Guarantees[0].Kept = "no", false
	return r
}

func doubtful(name string) *verify.Report {
	r := good(name)
	r.Verdict, r.Why = verify.Inconclusive, "nobody met anybody"
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
	flaw := &flawed.Flaw{Name: "lost-update", Kills: []verify.Anomaly{verify.LostUpdate}}
	racy := &flawed.Flaw{Name: "torn", Kills: []verify.Anomaly{verify.FracturedRead}, Races: true}
	cut := found(nil, good("a"), doubtful("b"))
	cut.Interrupted = true
	unfinished := found(flaw, good("lost-update"))
	unfinished.Interrupted = true
	halted := found(flaw, guilty("lost-update", verify.LostUpdate))
	halted.Failed = []string{"torn: out of order"}
	broken := found(nil, good("a"))
	broken.Failed = []string{"b: out of order"}
	both := found(nil, guilty("a", verify.LostUpdate), doubtful("c"))
	both.Failed = broken.Failed
	for _, tc := range []struct {
		why     string
		f       *findings
		written error
		code    int
		want    string
	}{
		{"all is well", found(nil, good("a"), good("b")), nil, exitOK, ""},
		{"one is wrong", found(nil, good("a"), guilty("b", verify.StaleRead)), nil, exitViolated, "violated by b (stale read)"},
		{"one cannot be told", found(nil, good("a"), doubtful("b")), nil, exitInconclusive, "inconclusive: b"},
		{"one could not be run", broken, nil, exitFailed, "b: out of order"},
		{"a full disk", found(nil, good("a")), errors.New("disk full"), exitFailed, "disk full"},
		{"all of it, and the worst decides", both, errors.New("disk full"), exitViolated,
			"inconclusive: c; b: out of order; disk full; violated by a (lost update)"},
		{"cut short", cut, nil, exitInterrupted, "inconclusive: b; interrupted: only what was found by then is reported"},
		{"a flaw convicted", found(flaw, guilty("lost-update", verify.LostUpdate)), nil, exitViolated, "1 of 1 flawed store convicted"},
		{"a flaw missed", found(flaw, good("lost-update")), nil, exitFailed, "0 of 1 flawed store convicted; the checker missed: lost-update"},
		{"a flaw convicted of something else", found(flaw, guilty("lost-update", verify.StaleRead)), nil, exitFailed,
			"0 of 1 flawed store convicted; the checker missed: lost-update (convicted of stale read: want lost update)"},
		{"a flaw that races may crash", found(racy, guilty("torn", verify.Crash)), nil, exitViolated, "1 of 1 flawed store convicted"},
		{"a flaw that could not be run", halted, nil, exitFailed, "torn: out of order; 1 of 1 flawed store convicted"},
		{"a flaw that there was no time for", unfinished, nil, exitInterrupted,
			"0 of 1 flawed store convicted; interrupted: only what was found by then is reported"},
		{"one that does not race may not", found(flaw, guilty("lost-update", verify.Crash)), nil, exitFailed,
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
	flaw := &flawed.Flaw{Name: "f", Kills: []verify.Anomaly{verify.LostUpdate}}
	recorded := found(nil, good("v.json"))
	recorded.recorded = true
	searched := good("b")
	searched.Certified, searched.Searched, searched.Unknown = 4, 5, 1
	cut := found(nil, guilty("b", verify.LostUpdate))
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
		{found(nil, good("a"), guilty("b", verify.LostUpdate), doubtful("c")), "1 of 3 strategies linearizable; violated by b (lost update); " +
			"inconclusive: c: 30 sessions, 3,000 operations, 60% overlapped; the witness certified all, porcupine agreed on 3 cross-checks."},
		{found(nil, searched), "1 strategy, linearizable: 10 sessions, 1,000 operations, 60% overlapped; " +
			"the witness certified 4, porcupine decided 5, porcupine agreed on 1 cross-check, 1 session undecided."},
		{found(nil, guilty("b", verify.LostUpdate)), "1 strategy, violated by b (lost update)."},
		{cut, "1 of 4 strategies looked at: 1 strategy, violated by b (lost update)."},
		{found(flaw, guilty("f", verify.LostUpdate)), "1 flawed store, convicted."},
		{found(flaw, guilty("f", verify.LostUpdate), good("f")), "The checker missed 1 of 2 flawed stores: f."},
	} {
		if diff := cmp.Diff(tc.want, tc.f.closing()); diff != "" {
			t.Error(diff)
		}
	}
}

// TestVerifyTable: one table where there is room, two where not; a broken promise is loud, in red on a terminal.
func TestVerifyTable(t *testing.T) {
	fell := (&task{Label: "b", margin: time.Second}).crash("it fell", "", 1)
	fell.ElapsedNs = 3e8
	f := found(nil, good("cow"), guilty("actor", verify.LostUpdate), fell)
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
		return task{Strategy: "sharded", Params: strategies.Values{"shards": shards}}
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
		{"a schedule", task{Flaw: "torn", Scheduled: true}, verifyOptions{}, "--flawed torn --seed 7"},
		{"a flaw under pressure", task{Flaw: "torn"}, verifyOptions{}, "--flawed torn --seed 7 --schedule random --rounds 1 --until hang"},
	} {
		tc.o.app = newApp(nil)
		if got, want := tc.o.replay(tc.t, &verify.Violation{Seed: 7, Anomaly: verify.Hang}), program+" verify "+tc.want; got != want {
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
		show.step(task{Label: "cow"}, verify.Step{Round: 24, Rounds: 48})
		show.done(good("cow"))
		for round := range 500 {
			show.step(task{Label: "actor"}, verify.Step{Round: round + 1})
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
