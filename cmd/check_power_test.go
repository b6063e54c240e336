package cmd

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/reports/stats"
	"github.com/sessbench/sessbench/scenarios/duet"
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
	for i, share := range powerShares {
		if i > copyArm {
			report(t, docs, i, share)
		}
	}
	report(t, []*result.Document{docs[0], docs[1], docs[0]}, -1, "A against A′, benchstat only")
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
	cfg.Rows = []duet.Row{{Label: "per-session (chatbot)", Args: []string{"sample", "--strategy", "per-session", "--scenario", "chatbot",
		"--warmup", checkWarmup.String(), "--hold", "0s", "--seed", "1", "--duration", checkWindow.String()}}}
	docs, err := duet.Run(t.Context(), cfg)
	if err != nil {
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

// report judges an arm in disjoint cuts and in drawn ones.
func report(t *testing.T, docs []*result.Document, arm int, share string) {
	t.Helper()
	if arm < 0 {
		arm = copyArm
	}
	n := len(docs[0].Results[0].Trials)
	var cuts, drawn [][]int
	for at := 0; at+checkPairs <= n; at += checkPairs {
		var cut []int
		for i := range checkPairs {
			cut = append(cut, at+i)
		}
		cuts = append(cuts, cut)
	}
	rng := rand.New(rand.NewPCG(1, uint64(arm)))
	for range 1000 {
		var cut []int
		for range checkPairs {
			cut = append(cut, rng.IntN(n))
		}
		drawn = append(drawn, cut)
	}
	for _, way := range []struct {
		name string
		cuts [][]int
	}{{"disjoint", cuts}, {"drawn", drawn}} {
		for _, metrics := range [][]string{{"ops_per_sec"}, reports.GatedMetrics()} {
			count := map[reports.Outcome]int{}
			told := 0
			for _, cut := range way.cuts {
				c, err := reports.CheckDuet(reports.Duet{
					Old: only(docs[oldArm], cut), Copied: only(docs[copyArm], cut), Fresh: only(docs[arm], cut),
					OldLabel: "old", NewLabel: "new", Gated: metrics, Planned: checkPairs, MinEffect: checkEffect, Tolerance: checkTolerance,
				})
				if err != nil {
					t.Fatal(err)
				}
				count[c.Verdict]++
				if slower(only(docs[oldArm], cut), only(docs[arm], cut)) {
					told++
				}
			}
			all := float64(len(way.cuts)) / 100
			t.Logf("%s, %s, %d metrics: %d verdicts: fail %.1f %%, inconclusive %.1f %%, pass %.1f %%; benchstat calls ops/s worse in %.1f %%",
				share, way.name, len(metrics), len(way.cuts), float64(count[reports.FailedGate])/all, float64(count[reports.Inconclusive])/all,
				float64(count[reports.Passed])/all, float64(told)/all)
		}
	}
	c, err := reports.CheckDuet(reports.Duet{Old: docs[oldArm], Copied: docs[copyArm], Fresh: docs[arm], OldLabel: "old", NewLabel: "new",
		Gated: []string{"ops_per_sec"}, Planned: n, MinEffect: checkEffect, Tolerance: checkTolerance})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range c.Scenarios[0].Rows[0].Metrics {
		if m.Change != nil {
			t.Logf("%s: over all %d blocks %s is worse by %.2f %%, the copy by %+v", share, n, m.Metric, 100**m.Change, m.Copy)
		}
	}
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
