package duet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sessbench/sessbench/reports/result"
)

// actEnv makes the test binary a program that a duet can sample, or one that fails.
const actEnv = "DUET_TEST_ACT"

func TestMain(m *testing.M) {
	if act := os.Getenv(actEnv); act != "" {
		os.Exit(perform(act))
	}
	goleak.VerifyTestMain(m)
}

// perform prints a document of one trial whose throughput is the first argument's length, or does what act names.
func perform(act string) int {
	row := os.Args[1]
	d := result.Document{SchemaVersion: result.SchemaVersion, ID: "x", Results: []result.Result{{
		Strategy: row, Scenario: "s", Workload: result.Workload{TapeHash: "tape"}, Trials: []result.Trial{{OpsPerSec: float64(len(row)), Histogram: "long"}},
	}}}
	if given, ok := strings.CutPrefix(act, "slices:"); ok {
		return performSlices(given, d)
	}
	switch act {
	case "good":
	case "named":
		d.Results[0].Strategy = os.Args[0]
	case "seeded":
		seed, _ := strconv.Atoi(os.Args[3])
		d.Results[0].TapeHash += fmt.Sprint(seed)
		d.Results[0].Trials[0].OpsPerSec = float64(seed)
	case "restless":
		d.Results[0].TapeHash = fmt.Sprint(os.Getpid())
	case "two":
		d.Results = append(d.Results, d.Results[0])
	case "none":
		d.Results[0].Trials = nil
	case "garbage":
		fmt.Print("{")
		return 0
	case "refuses":
		fmt.Fprintln(os.Stderr, "another line\nsessbench: --strategy x: unknown")
		return 2
	case "crashes":
		panic("at once")
	case "hangs":
		time.Sleep(time.Hour)
	case "leaves":
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), actEnv+"=hangs")
		c.Stdout = os.Stdout // a reader of it would wait for both
		_ = c.Start()
		time.Sleep(time.Hour)
	}
	_ = json.NewEncoder(os.Stdout).Encode(d)
	return 0
}

// performSlices runs in the given number of time slices, and may fail in the third. During a time slice it creates a file that
// no other process may create.
func performSlices(given string, d result.Document) int {
	number, wrong, _ := strings.Cut(given, ":")
	slices, _ := strconv.Atoi(number)
	held := filepath.Join(os.Args[1], "held")
	await := func() bool {
		_, err := io.ReadFull(os.Stdin, make([]byte, 1))
		return err == nil
	}
	for slice := range slices {
		fmt.Print("t")
		if !await() {
			return 3
		}
		f, err := os.OpenFile(held, os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			fmt.Fprintln(os.Stderr, "sessbench: another process has a time slice:", err)
			return 4
		}
		f.Close()
		os.Remove(held)
		if slice == 2 {
			switch wrong {
			case "dies":
				fmt.Fprintln(os.Stderr, "panic: in the middle")
				return 2
			case "prints":
				fmt.Print("x")
			case "hangs":
				time.Sleep(time.Hour)
			}
		}
	}
	fmt.Print("f")
	if !await() {
		return 3
	}
	d.Results[0].Trials[0].OpsPerSec = float64(slices)
	_ = json.NewEncoder(os.Stdout).Encode(d)
	return 0
}

// arm is an arm that runs this test binary.
func arm(t *testing.T, label, act string) Arm {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// Without GORACE a process sleeps for one second at its end under the race detector.
	return Arm{Label: label, Path: self, Env: []string{actEnv + "=" + act, "GORACE=atexit_sleep_ms=0"}}
}

func TestRun(t *testing.T) {
	var steps []string
	var blocks []int
	docs, err := Run(t.Context(), Config{
		Arms: []Arm{arm(t, "A", "good"), arm(t, "B", "good"), arm(t, "C", "good")},
		Rows: []Row{{Label: "one", Args: []string{"x"}}, {Label: "two", Args: []string{"xyz"}}}, Blocks: 6, Seed: 3,
		Progress: func(s Step) {
			if s.Arm == "" {
				blocks = append(blocks, s.Block)
				return
			}
			if s.Trials != 36 || s.Done != len(steps) {
				t.Errorf("step %+v: want %d of 36", s, len(steps))
			}
			steps = append(steps, s.Row+s.Arm)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(blocks, []int{1, 2, 3, 4, 5, 6}) {
		t.Errorf("blocks %v", blocks)
	}
	orders := map[string]map[string]bool{"one": {}, "two": {}}
	for at := 0; at < len(steps); at += 3 {
		row := steps[at][:3]
		orders[row][steps[at][3:]+steps[at+1][3:]+steps[at+2][3:]] = true
	}
	for row, seen := range orders {
		if len(seen) != 6 {
			t.Errorf("%s: orders %v: want all six", row, seen)
		}
	}
	for i, d := range docs {
		if len(d.Results) != 2 || d.Interrupted {
			t.Fatalf("arm %d: %+v", i, d)
		}
		for j, r := range d.Results {
			if len(r.Trials) != 6 {
				t.Fatalf("arm %d row %d: %d trials", i, j, len(r.Trials))
			}
			for block, trial := range r.Trials {
				if trial.Block != block || trial.OpsPerSec != float64(1+2*j) || trial.Histogram != "" {
					t.Errorf("arm %d row %d: %+v", i, j, trial)
				}
			}
		}
	}
}

func TestRunReportsFailures(t *testing.T) {
	for _, test := range []struct {
		why, act string
		patience time.Duration
		code     int
		want     string
	}{
		{"its error message and exit code are in the error", "refuses", 0, 2, "B: one: exit status 2: sessbench: --strategy x: unknown"},
		{"a crash is no sample", "crashes", 0, 2, "B: one: exit status 2: panic: at once"},
		{"half a document", "garbage", 0, 0, "cut short"},
		{"two results", "two", 0, 0, "does not hold one trial"},
		{"no trial", "none", 0, 0, "does not hold one trial"},
		{"a process that does not end is killed", "hangs", 50 * time.Millisecond, -1, "did not end within 50ms"},
		{"with the processes that it started", "leaves", 500 * time.Millisecond, -1, "did not end within 500ms"},
	} {
		t.Run(test.act, func(t *testing.T) {
			docs, err := Run(t.Context(), Config{
				Arms: []Arm{arm(t, "A", "good"), arm(t, "B", test.act)}, Rows: []Row{{Label: "one", Args: []string{"x"}}}, Blocks: 2,
				Patience: test.patience,
			})
			var failed *Error
			if docs != nil && test.patience == 0 || !errors.As(err, &failed) {
				t.Fatalf("%s: got %v", test.why, err)
			}
			if failed.Code != test.code || !strings.Contains(err.Error(), test.want) || failed.Crashed != (test.act == "crashes") {
				t.Errorf("%s: code %d, crashed %v, %v", test.why, failed.Code, failed.Crashed, err)
			}
		})
	}
}

func TestRunWithoutProgram(t *testing.T) {
	_, err := Run(t.Context(), Config{Arms: []Arm{{Label: "A", Path: "/does/not/exist"}}, Rows: []Row{{Label: "one"}}, Blocks: 1})
	var failed *Error
	if !errors.As(err, &failed) || failed.Code != -1 || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestDrawnBlocks: the processes of a block have the arguments of the block, and their tape is the block's. Two arms alternate: each is
// first in one of two blocks.
func TestDrawnBlocks(t *testing.T) {
	drawn := func(block int) []string { return []string{"--seed", strconv.Itoa(block)} }
	rows := []Row{{Label: "one", Args: []string{"x"}, Drawn: drawn}}
	docs, err := Run(t.Context(), Config{Arms: []Arm{arm(t, "A", "seeded"), arm(t, "B", "seeded")}, Rows: rows, Blocks: 6, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	first := 0
	for block := range 6 {
		a, b := docs[0].Results[0].Trials[block], docs[1].Results[0].Trials[block]
		if a.OpsPerSec != float64(block) || b.OpsPerSec != float64(block) || a.Block != block || b.Block != block {
			t.Errorf("block %d: %+v and %+v", block, a, b)
		}
		if min(a.Order, b.Order) != 2*block || max(a.Order, b.Order) != 2*block+1 {
			t.Errorf("block %d: trials %d and %d of the run", block, a.Order, b.Order)
		}
		if a.Order < b.Order {
			first++
		}
		if block%2 == 1 && 2*first != block+1 {
			t.Errorf("A was first in %d of %d blocks", first, block+1)
		}
	}
	_, err = Run(t.Context(), Config{Arms: []Arm{arm(t, "A", "seeded"), arm(t, "B", "good")}, Rows: rows, Blocks: 2})
	if err == nil || !strings.Contains(err.Error(), "B: one: the tape of block 2 differs from that of A") {
		t.Errorf("other tapes: %v", err)
	}
}

func TestRunWithDifferentTape(t *testing.T) {
	_, err := Run(t.Context(), Config{Arms: []Arm{arm(t, "A", "restless")}, Rows: []Row{{Label: "one", Args: []string{"x"}}}, Blocks: 2})
	if err == nil || !strings.Contains(err.Error(), "A: one: the tape of block 2 differs") {
		t.Errorf("got %v", err)
	}
}

// TestTimeSlices: no two processes run at the same time, and one that needs more time slices than the others gets them.
func TestTimeSlices(t *testing.T) {
	dir := t.TempDir()
	docs, err := Run(t.Context(), Config{
		Arms: []Arm{arm(t, "A", "slices:5"), arm(t, "B", "slices:9"), arm(t, "C", "slices:0"), arm(t, "D", "good")},
		Rows: []Row{{Label: "one", Args: []string{dir}, Sliced: true}}, Blocks: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	// The last one's document comes before any time slice, as where a store does not work.
	for i, want := range []float64{5, 9, 0, float64(len(dir))} {
		trials := docs[i].Results[0].Trials
		if len(trials) != 2 || trials[0].OpsPerSec != want || trials[1].OpsPerSec != want {
			t.Errorf("arm %d: %+v: want two of %v time slices", i, trials, want)
		}
	}
}

func TestTimeSlicesReportFailures(t *testing.T) {
	for _, test := range []struct {
		why, act string
		patience time.Duration
		code     int
		want     string
	}{
		{"it dies in its time slice", "slices:5:dies", 0, 2, "B: one: exit status 2: panic: in the middle"},
		{"it writes an unknown byte", "slices:5:prints", 0, -1, `it wrote 'x' at the end of a time slice`},
		{"its time slice does not end", "slices:5:hangs", 300 * time.Millisecond, -1, "B: one: did not end within 300ms"},
		{"it ends before the first time slice", "refuses", 0, 2, "B: one: exit status 2: sessbench: --strategy x: unknown"},
	} {
		docs, err := Run(t.Context(), Config{
			Arms: []Arm{arm(t, "A", "slices:5"), arm(t, "B", test.act)},
			Rows: []Row{{Label: "one", Args: []string{t.TempDir()}, Sliced: true}}, Blocks: 1, Patience: test.patience,
		})
		var failed *Error
		if docs != nil && test.patience == 0 || !errors.As(err, &failed) {
			t.Errorf("%s: got %v", test.why, err)
			continue
		}
		if failed.Arm == "A" && test.patience > 0 {
			continue // it waited as long for its next time slice
		}
		if failed.Arm != "B" || failed.Code != test.code || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: code %d of %s, %v", test.why, failed.Code, failed.Arm, err)
		}
	}
}

func TestProgramName(t *testing.T) {
	docs, err := Run(t.Context(), Config{Arms: []Arm{arm(t, "A", "named")}, Rows: []Row{{Label: "one", Args: []string{"x"}}}, Blocks: 1, Name: "sessbench"})
	if err != nil || docs[0].Results[0].Strategy != "sessbench" {
		t.Errorf("documents %+v, %v", docs, err)
	}
}

// TestInterrupted: the documents hold the finished blocks.
func TestInterrupted(t *testing.T) {
	for _, after := range []int{0, 1, 5, 7} { // processes: a block has four
		ctx, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("enough")
		docs, err := Run(ctx, Config{
			Arms: []Arm{arm(t, "A", "good"), arm(t, "B", "good")}, Rows: []Row{{Label: "one", Args: []string{"x"}}, {Label: "two", Args: []string{"y"}}}, Blocks: 3,
			Progress: func(s Step) {
				if s.Arm != "" && s.Done == after {
					cancel(cause)
				}
			},
		})
		if !errors.Is(err, cause) {
			t.Fatalf("after %d: %v", after, err)
		}
		if after < 4 {
			if docs != nil {
				t.Errorf("after %d: documents %+v", after, docs)
			}
			continue
		}
		for _, d := range docs {
			if !d.Interrupted || len(d.Results) != 2 || len(d.Results[0].Trials) != 1 || len(d.Results[1].Trials) != 1 {
				t.Errorf("after %d: %+v", after, d)
			}
		}
		cancel(nil)
	}
}

func TestOrders(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n, round := range map[int]int{1: 1, 2: 2, 3: 6} {
		list := orders(rng, n, 4*round)
		for at := 0; at < len(list); at += round {
			seen := map[string]bool{}
			for _, order := range list[at : at+round] {
				seen[fmt.Sprint(order)] = true
			}
			if len(seen) != round {
				t.Errorf("%d arms: round %v: want each order once", n, list[at:at+round])
			}
		}
	}
	first := map[string]bool{}
	for _, order := range orders(rng, 3, 60) {
		first[fmt.Sprint(order)] = true
	}
	if len(first) != 6 {
		t.Errorf("orders %v", first)
	}
	for _, order := range orders(rng, 5, 20) {
		if slices.Sort(order); !slices.Equal(order, []int{0, 1, 2, 3, 4}) {
			t.Errorf("order of five: %v", order)
		}
	}
	if got := len(orders(rng, 3, 7)); got != 7 {
		t.Errorf("%d orders: want 7", got)
	}
}

func TestErrorMessage(t *testing.T) {
	for _, test := range []struct{ why, text, want string }{
		{"nothing", "", ""},
		{"the last line", "a\nb\n\n", "b"},
		{"a crash report begins above its stacks", "a\npanic: at once\n\ngoroutine 1 [running]:\nmain.main()", "panic: at once"},
		{"a fatal error of the runtime", "fatal error: concurrent map writes\n\ngoroutine 1", "fatal error: concurrent map writes"},
		{"the last of the program's error messages", "sessbench: note: x\nsessbench: y\nz", "sessbench: y"},
		{"cut to 500 bytes", strings.Repeat("x", 900), strings.Repeat("x", 500)},
	} {
		if got := errorMessage(test.text); got != test.want {
			t.Errorf("%s: got %q, want %q", test.why, got, test.want)
		}
	}
}
