package runner

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// sweptRun is a sweep over 1, 2 and 4 users of two strategies, in place of a process that measures. It records the trials.
type sweptRun struct {
	cfg    Config
	tasks  []Task
	fail   func(t Task) error // may be nil
	stopAt int                // trials after which ctx is cancelled; 0: never
	cancel context.CancelFunc
}

func newSweptRun(t *testing.T) *sweptRun {
	t.Helper()
	s, err := scenarios.Lookup("chatbot")
	if err != nil {
		t.Fatal(err)
	}
	r := &sweptRun{cfg: Config{
		Subjects: []Subject{subject(t, "global"), subject(t, "sharded")}, Runs: 6, Window: DefaultWindow, Seed: DefaultSeed,
		Sweep: &Sweep{Sweep: result.Sweep{Scenario: "chatbot", Over: "users", BudgetNs: int64(time.Hour)}},
	}}
	for _, users := range []int{1, 2, 4} {
		at := *s
		at.Users, at.Name = users, fmt.Sprintf("chatbot/users=%d", users)
		r.cfg.Scenarios = append(r.cfg.Scenarios, at)
		r.cfg.Sweep.Points = append(r.cfg.Sweep.Points, result.SweepPoint{Text: fmt.Sprint(users), Value: float64(users), Scenario: at.Name})
	}
	r.cfg.Executor = r.perform
	return r
}

func (r *sweptRun) perform(ctx context.Context, t Task, _ Callbacks) (out Outcome, err error) {
	if ctx.Err() != nil {
		return out, ctx.Err()
	}
	out.Trial = result.Trial{OpsPerSec: 1000, Ops: 400, ElapsedNs: int64(t.Window), Audit: result.Audit{OK: true},
		Usage: result.Usage{CPUNsPerOp: 500}, Waiting: &result.Waiting{Count: 10, PolledNs: 40_000}}
	if t.Kind != TrialTask {
		return out, nil
	}
	if r.fail != nil {
		if err := r.fail(t); err != nil {
			out.Violation = &Violation{Kind: "lost update", Detail: err.Error()}
			return out, nil
		}
	}
	r.tasks = append(r.tasks, t)
	if len(r.tasks) == r.stopAt {
		r.cancel()
	}
	return out, nil
}

func (r *sweptRun) run(t *testing.T) (*result.Document, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r.cancel = cancel
	return Run(ctx, r.cfg)
}

// order is the trials of each block, in their order.
func (r *sweptRun) order() (blocks [][]Task) {
	for _, task := range r.tasks {
		for len(blocks) <= task.Block {
			blocks = append(blocks, nil)
		}
		blocks[task.Block] = append(blocks[task.Block], task)
	}
	return blocks
}

// Each block has one trial of each strategy at each point, and the orders of blocks differ.
func TestSweepInterleaves(t *testing.T) {
	r := newSweptRun(t)
	doc, err := r.run(t)
	if err != nil {
		t.Fatal(err)
	}
	orders := map[string]bool{}
	for block, tasks := range r.order() {
		seen := map[[2]int]bool{}
		for _, task := range tasks {
			seen[[2]int{task.Scenario, task.Subject}] = true
		}
		if len(tasks) != 6 || len(seen) != 6 {
			t.Errorf("block %d has %d trials of %d kinds, want 6", block, len(tasks), len(seen))
		}
		orders[fmt.Sprint(mapTasks(tasks))] = true
	}
	if len(orders) < 3 {
		t.Errorf("%d different orders of 6 blocks", len(orders))
	}
	if len(doc.Results) != 6 || doc.Results[3].Scenario != "chatbot/users=2" || doc.Results[3].Strategy != "sharded" || len(doc.Results[3].Trials) != 6 {
		t.Errorf("%d results: %+v", len(doc.Results), doc.Results)
	}
	if s := doc.Sweep; s == nil || s.Blocks != 6 || len(s.WindowsNs) != 6 || s.Ended != "" || s.WindowsNs[0] != int64(DefaultWindow) {
		t.Errorf("%+v", s)
	}
}

func mapTasks(tasks []Task) (list [][2]int) {
	for _, task := range tasks {
		list = append(list, [2]int{task.Scenario, task.Subject})
	}
	return list
}

// An interrupted sweep has the trials that have ended; the one that goes on has the rest, in the order of one that was not interrupted.
func TestSweepResumes(t *testing.T) {
	whole := newSweptRun(t)
	if _, err := whole.run(t); err != nil {
		t.Fatal(err)
	}
	first := newSweptRun(t)
	first.stopAt = 15
	half, err := first.run(t)
	if err == nil || !half.Interrupted || len(first.tasks) != 15 {
		t.Fatalf("%v, %d trials", err, len(first.tasks))
	}
	rest := newSweptRun(t)
	rest.cfg.Sweep.Resumed = half
	doc, err := rest.run(t)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := mapTasks(slices.Concat(first.tasks[:15], rest.tasks)), mapTasks(whole.tasks); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("order %v, want %v", got, want)
	}
	for _, r := range doc.Results {
		seen := map[int]bool{}
		for _, trial := range r.Trials {
			seen[trial.Block] = true
			if u := trial.Usage; u.CPUNsPerOp+u.WaitCPUNsPerOp != 500 || u.WaitCPUNsPerOp != doc.Results[0].Trials[0].Usage.WaitCPUNsPerOp {
				t.Errorf("%s (%s), block %d: %+v", r.Strategy, r.Scenario, trial.Block, u)
			}
		}
		if len(r.Trials) != 6 || len(seen) != 6 {
			t.Errorf("%s (%s): %d trials of %d blocks", r.Strategy, r.Scenario, len(r.Trials), len(seen))
		}
	}
}

// A violation ends the trials of its row alone.
func TestSweepStrikesRow(t *testing.T) {
	r := newSweptRun(t)
	r.fail = func(task Task) error {
		if task.Scenario == 1 && task.Subject == 1 && task.Block == 2 {
			return fmt.Errorf("9 messages were acknowledged, 8 are there")
		}
		return nil
	}
	doc, err := r.run(t)
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range doc.Results {
		failed := of.Scenario == "chatbot/users=2" && of.Strategy == "sharded"
		if of.Failed() != failed || len(of.Trials) != map[bool]int{false: 6, true: 3}[failed] {
			t.Errorf("%s (%s): failed %v, %d trials", of.Strategy, of.Scenario, of.Failed(), len(of.Trials))
		}
	}
}

// A subject may be at some points only, and a point may have its own GOMAXPROCS.
func TestSweepOfSubjectsAndProcessors(t *testing.T) {
	r := newSweptRun(t)
	r.cfg.Sweep.Subjects, r.cfg.Sweep.Processors = [][]int{{0}, {0, 1}, {1}}, []int{1, 2, 1}
	doc, err := r.run(t)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, of := range doc.Results {
		got = append(got, of.Scenario+" "+of.Strategy)
	}
	if want := []string{"chatbot/users=1 global", "chatbot/users=2 global", "chatbot/users=2 sharded", "chatbot/users=4 sharded"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for _, task := range r.tasks {
		if task.Processors != r.cfg.Sweep.Processors[task.Scenario] {
			t.Errorf("%+v", task)
		}
	}
}

// A budget that is spent ends a sweep after its first block.
func TestSweepEndsWithBudget(t *testing.T) {
	r := newSweptRun(t)
	r.cfg.Sweep.BudgetNs = int64(time.Second)
	doc, err := r.run(t)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.tasks) != 6 || doc.Sweep.Ended != "1 of 6 blocks fit into the budget" || doc.Sweep.WindowsNs[0] != int64(minSweepWindow) {
		t.Errorf("%d trials, %+v", len(r.tasks), doc.Sweep)
	}
}

func TestSweepPlan(t *testing.T) {
	plan := sweepPlan{budget: 60 * time.Second, longest: 400 * time.Millisecond, overhead: 100 * time.Millisecond, blocks: 6, trials: 20}
	for _, test := range []struct {
		why    string
		block  int
		spent  time.Duration
		window time.Duration
		fits   bool
	}{
		{"20 trials of 500 ms are 10 s, six times a minute", 0, 0, 400 * time.Millisecond, true},
		{"half of the time for all blocks", 0, 30 * time.Second, 150 * time.Millisecond, true},
		{"half of the time for the last three blocks", 3, 30 * time.Second, 400 * time.Millisecond, true},
		{"the shortest trials fit into what is left", 5, 57 * time.Second, 50 * time.Millisecond, true},
		{"they do not", 5, 58 * time.Second, 50 * time.Millisecond, false},
	} {
		if window, fits := plan.window(test.block, test.spent); window != test.window || fits != test.fits {
			t.Errorf("%s: %v, %v", test.why, window, fits)
		}
	}
	if left := plan.left(4, 5, 100*time.Millisecond); left != 25*200*time.Millisecond {
		t.Errorf("%v are left of 5 trials and a block of 20", left)
	}
}
