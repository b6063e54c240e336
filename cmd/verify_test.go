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
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sessbench/sessbench/internal/findings"
	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
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
	t.Parallel()
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
	c := exec.Command(program, "verify", "-S", "ousted,per-session", "--rounds", "40")
	c.Env = append(os.Environ(), oustedFrom+"="+program)
	output, err := c.CombinedOutput()
	if _, gone := os.Stat(program); gone == nil || !strings.Contains(string(output), "per-session: linearizable (2/2") {
		t.Errorf("error %v, file gone: %v:\n%s", err, gone, output)
	}
}

func TestNoteWhileStopping(t *testing.T) {
	var stderr bytes.Buffer
	o := newVerifyOptions(newApp([]Option{WithIO(nil, nil, &stderr)}))
	o.waiting(14 * time.Second)
	o.Quiet = true
	o.waiting(14 * time.Second)
	if diff := cmp.Diff("sessbench: stopping: a child may need up to 14s; press again to stop at once\n", stderr.String()); diff != "" {
		t.Error(diff)
	}
}

func TestReplay(t *testing.T) {
	sharded := func(shards string) task {
		return task{source: subjectSource{Strategy: "sharded", Params: strategies.Values{"shards": shards}}}
	}
	torn := func(scheduled bool) task {
		return task{Task: verify.Task{Scheduled: scheduled}, flaw: &findings.Flaw{Name: "torn"}}
	}
	program := newApp(nil).program()
	for _, tc := range []struct {
		why  string
		t    task
		set  sources
		want string
	}{
		{"settings, even defaults, which depend on the machine", sharded(defaultShards(t)), nil,
			"-S sharded:shards=" + defaultShards(t) + " --seed 7 --rounds 1 --until hang"},
		{"no settings", task{source: subjectSource{Strategy: "cow"}}, nil, "-S cow --seed 7 --rounds 1 --until hang"},
		{"what shapes the draw", sharded("4"), sources{"users": {rankFlag, "-u"}, "ops": {rankEnv, "SESSBENCH_OPS"}, "patience": {rankFile, "patience"}},
			"-S sharded:shards=4 --seed 7 --rounds 1 --until hang --users 3 --ops 9 --patience 1s"},
		{"a schedule", torn(true), nil, "--flawed torn --seed 7"},
		{"a flaw under pressure", torn(false), nil, "--flawed torn --seed 7 --schedule random --rounds 1 --until hang"},
	} {
		o := newVerifyOptions(newApp(nil))
		o.sources, o.cfg = tc.set, verify.Config{Users: 3, Ops: 9, Patience: time.Second}
		if got, want := o.replay(tc.t, &history.Violation{Seed: 7, Anomaly: history.Hang}), program+" verify "+tc.want; got != want {
			t.Errorf("%s: %q: want %q", tc.why, got, want)
		}
	}
}

func TestProgramName(t *testing.T) {
	const module = "example.org/shop"
	of := func(pkg, version string) *debug.BuildInfo {
		return &debug.BuildInfo{Path: pkg, Main: debug.Module{Path: module, Version: version}}
	}
	for _, tc := range []struct {
		why, file string
		info      *debug.BuildInfo
		want      string
	}{
		{"installed", "/usr/bin/sessbench", of(module, "v1.2.0"), "sessbench"},
		{"in PATH", "sessbench", of(module, "(devel)"), "sessbench"},
		{"go run .", "/tmp/go-build456/b001/exe/shop", of(module, "(devel)"), "go run ."},
		{"go run . again, from the cache", "/home/me/.cache/go-build/03/03cd-d/shop", of(module, "(devel)"), "go run ."},
		{"go run of another package", "/tmp/go-build456/b001/exe/bench", of(module+"/cmd/bench", "(devel)"), "go run ./cmd/bench"},
		{"go run of a version", "/tmp/go-build456/b001/exe/shop", of(module, "v1.2.0"), "go run example.org/shop@v1.2.0"},
		{"without build information", "/tmp/go-build456/b001/exe/shop", nil, "shop"},
	} {
		if got := programName(tc.file, tc.info); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.why, got, tc.want)
		}
	}
}

// One line per subject in logs, a bar on a terminal.
func TestVerifyProgress(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var lines, screen bytes.Buffer
	clock := time.Unix(0, 0)
	l := &progress{w: &lines, log: true, tasks: 2, start: clock, now: func() time.Time { clock = clock.Add(3 * time.Second); return clock }}
	b := &progress{w: &screen, screen: true, tasks: 2, now: time.Now}
	for _, show := range []*progress{l, b, newProgress(&lines, true)} {
		show.round(task{Task: verify.Task{Label: "cow"}}, verify.Step{Round: 24, Rounds: 48})
		show.verified(&verify.Report{Subject: "cow", Verdict: history.Linearizable})
		for round := range 500 {
			show.round(task{Task: verify.Task{Label: "actor"}}, verify.Step{Round: round + 1})
		}
		show.verified(&verify.Report{Subject: "actor", Verdict: history.Inconclusive})
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
