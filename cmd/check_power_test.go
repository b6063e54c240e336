package cmd

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/sessbench/sessbench/internal/duet"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// The environment variables of TestPower: how many blocks to measure (none: the test is skipped), and a file that keeps
// them, or has kept them from another time.
const (
	powerEnv     = "SESSBENCH_POWER"
	powerFileEnv = "SESSBENCH_POWER_FILE"
)

// TestPower says what share of known slowdowns check finds: blocks of six arms (a build, itself again, and itself slower by
// 3, 5, 10 and 20 %) are cut into verdicts of 30 pairs, and drawn from with replacement for more, beside what benchstat
// would say of the same samples. It takes some 2.5 s a block, and says nothing about how fast the machine is: it fails
// only when it cannot measure.
func TestPower(t *testing.T) {
	blocks, _ := strconv.Atoi(os.Getenv(powerEnv))
	if blocks == 0 {
		t.Skipf("%s=600 measures for half an hour", powerEnv)
	}
	docs := powerDocuments(t, blocks)
	cuts := map[string][][]int{"disjoint": disjoint(docs), "drawn": drawn(docs)}
	for _, way := range []string{"disjoint", "drawn"} {
		told := 0
		for _, cut := range cuts[way] {
			if a, b := only(docs[oldArm], cut), only(docs[copyArm], cut); slower(a, b) || slower(b, a) {
				told++
			}
		}
		t.Logf("00%%, %s: of %d comparisons of A with A′ benchstat finds a difference in %s", way, len(cuts[way]), percent(told, len(cuts[way])))
		for i := copyArm + 1; i < len(powerShares); i++ {
			for _, metrics := range [][]string{{"ops_per_sec"}, judge.DefaultGates()} {
				verdicts(t, docs, i, way, cuts[way], metrics)
			}
		}
	}
	for i := copyArm + 1; i < len(powerShares); i++ {
		t.Logf("%s: over all %d blocks ops/s changed by %s", powerShares[i], trials(docs), overall(t, docs, i))
	}
}

func trials(docs []*result.Document) int { return len(docs[oldArm].Results[0].Trials) }

func percent(n, of int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(max(1, of))) }

// disjoint cuts the blocks into verdicts, none of which has a block of another's.
func disjoint(docs []*result.Document) (cuts [][]int) {
	for at := 0; at+checkPairs <= trials(docs); at += checkPairs {
		var cut []int
		for i := range checkPairs {
			cut = append(cut, at+i)
		}
		cuts = append(cuts, cut)
	}
	return cuts
}

// drawn draws verdicts with replacement.
func drawn(docs []*result.Document) (cuts [][]int) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		var cut []int
		for range checkPairs {
			cut = append(cut, rng.IntN(trials(docs)))
		}
		cuts = append(cuts, cut)
	}
	return cuts
}

var powerShares = []string{"00%", "00%", "03%", "05%", "10%", "20%"} // of equal length, for they are on the stack

func powerDocuments(t *testing.T, blocks int) (docs []*result.Document) {
	file := os.Getenv(powerFileEnv)
	if data, err := os.ReadFile(file); err == nil {
		if err := json.Unmarshal(data, &docs); err != nil {
			t.Fatal(err)
		}
		return docs
	}
	dir := t.TempDir()
	binary := filepath.Join(dir, "built")
	if out, err := exec.Command("go", "build", "-trimpath", "-tags", "slowdown", "-o", binary, "..").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cfg := duet.Config{Blocks: blocks, Seed: 1, Name: "sessbench"}
	for i, share := range powerShares {
		path := filepath.Join(dir, fmt.Sprintf("arm%d", i))
		if err := copyProgram(binary, path); err != nil {
			t.Fatal(err)
		}
		cfg.Arms = append(cfg.Arms, duet.Arm{Label: share, Path: path, Env: []string{"SESSBENCH_SLOWDOWN=" + share}})
	}
	cfg.Rows = []duet.Row{{Label: "per-session (chatbot)", Sliced: true, Args: []string{"sample", "--strategy", "per-session",
		"--scenario", "chatbot", "--warmup", checkWarmup.String(), "--hold", "0s", "--seed", "1", "--duration", checkWindow.String(),
		"--turns", checkTurn.String()}}}
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt) // what was measured by then is judged
	defer stop()
	docs, err := duet.Run(ctx, cfg)
	if docs == nil {
		t.Fatal(err)
	}
	if file != "" {
		data, err := json.Marshal(docs)
		if err == nil {
			err = os.WriteFile(file, data, 0o666)
		}
		if err != nil {
			t.Error(err)
		}
	}
	return docs
}

// verdicts says what check and benchstat make of an arm.
func verdicts(t *testing.T, docs []*result.Document, arm int, way string, cuts [][]int, metrics []string) {
	t.Helper()
	count := map[judge.Verdict]int{}
	told := 0
	for _, cut := range cuts {
		old, copied, fresh := only(docs[oldArm], cut), only(docs[copyArm], cut), only(docs[arm], cut)
		count[judged(t, old, copied, fresh, metrics).Verdict]++
		if slower(old, fresh) {
			told++
		}
	}
	t.Logf("%s, %s, %d gated metrics: of %d verdicts fail %s, inconclusive %s, pass %s; benchstat calls ops/s worse in %s",
		powerShares[arm], way, len(metrics), len(cuts), percent(count[judge.Failing], len(cuts)),
		percent(count[judge.Inconclusive], len(cuts)), percent(count[judge.Passed], len(cuts)), percent(told, len(cuts)))
}

func judged(t *testing.T, old, copied, fresh *result.Document, metrics []string) *judge.Check {
	t.Helper()
	c, err := judge.CheckDuet(judge.Duet{
		Old: old, Copied: copied, Fresh: fresh, OldLabel: "old", NewLabel: "new", Gated: metrics,
		Planned: checkPairs, MinEffect: checkEffect, Tolerance: checkTolerance,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// overall is the change of ops/s over all blocks, which says what was really planted.
func overall(t *testing.T, docs []*result.Document, arm int) string {
	t.Helper()
	m := judged(t, docs[oldArm], docs[copyArm], docs[arm], []string{"ops_per_sec"}).Scenarios[0].Rows[0].Metrics[0]
	if m.Change == nil || m.Copy == nil || m.Copy.Change == nil {
		t.Fatalf("no change: %+v", m)
	}
	return fmt.Sprintf("%.2f %%, and A′ than A by %.2f %%", 100**m.Change, 100**m.Copy.Change)
}

// only is a document with some of its trials, each in a block of its own.
func only(d *result.Document, cut []int) *result.Document {
	some := *d
	some.Results = slices.Clone(d.Results)
	some.Results[0].Trials = nil
	for block, i := range cut {
		trial := d.Results[0].Trials[i]
		trial.Block = block
		some.Results[0].Trials = append(some.Results[0].Trials, trial)
	}
	return &some
}

// slower is what benchstat says of the throughput: it is lower, and p is not above 0.05.
func slower(old, fresh *result.Document) bool {
	rates := func(d *result.Document) (xs []float64) {
		for _, trial := range d.Results[0].Trials {
			xs = append(xs, trial.OpsPerSec)
		}
		return xs
	}
	a, b := rates(old), rates(fresh)
	c := stats.Compare(a, b)
	return c.P <= c.Alpha && stats.Median(b).Median < stats.Median(a).Median
}
