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
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// The environment variables of BenchmarkCheckPower: the number of blocks to measure (none: it is skipped), and a file to
// keep them in, or to read them from if it exists.
const (
	powerEnv     = "SESSBENCH_POWER"
	powerFileEnv = "SESSBENCH_POWER_FILE"
)

// BenchmarkCheckPower measures the statistical power of check: the share of known slowdowns that it finds. Blocks of six arms
// (a build, the same build, and the same build slowed down by 3, 5, 10 and 20 %) are cut into verdicts of 30 pairs, and drawn
// with replacement for more verdicts. The verdicts of benchstat on the same samples are printed for comparison. A block takes
// about 2.5 s.
func BenchmarkCheckPower(b *testing.B) {
	blocks, _ := strconv.Atoi(os.Getenv(powerEnv))
	if blocks == 0 {
		b.Skipf("set %s=600 to measure for half an hour", powerEnv)
	}
	docs := powerDocuments(b, blocks)
	cuts := map[string][][]int{"disjoint": disjoint(docs), "drawn": drawn(docs)}
	for _, cutting := range []string{"disjoint", "drawn"} {
		found := 0
		for _, cut := range cuts[cutting] {
			if old, copied := only(docs[oldArm], cut), only(docs[copyArm], cut); slower(old, copied) || slower(copied, old) {
				found++
			}
		}
		b.Logf("00%%, %s: of %d comparisons of A with A′ benchstat finds a difference in %s", cutting, len(cuts[cutting]), percent(found, len(cuts[cutting])))
		for i := copyArm + 1; i < len(powerShares); i++ {
			for _, metrics := range [][]string{{"ops_per_sec"}, metric.Names(metric.Gated())} {
				verdicts(b, docs, i, cutting, cuts[cutting], metrics)
			}
		}
	}
	for i := copyArm + 1; i < len(powerShares); i++ {
		b.Logf("%s: over all %d blocks ops/s changed by %s", powerShares[i], trials(docs), overall(b, docs, i))
	}
}

func trials(docs []*result.Document) int { return len(docs[oldArm].Results[0].Trials) }

func percent(n, of int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(max(1, of))) }

// disjoint cuts the blocks into verdicts without common blocks.
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

var powerShares = []string{"00%", "00%", "03%", "05%", "10%", "20%"} // of equal length, because they are on the stack

func powerDocuments(b *testing.B, blocks int) (docs []*result.Document) {
	file := os.Getenv(powerFileEnv)
	if data, err := os.ReadFile(file); err == nil {
		if err := json.Unmarshal(data, &docs); err != nil {
			b.Fatal(err)
		}
		return docs
	}
	dir := b.TempDir()
	binary := filepath.Join(dir, "built")
	if out, err := exec.Command("go", "build", "-trimpath", "-tags", "slowdown", "-o", binary, "..").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	cfg := duet.Config{Blocks: blocks, Seed: 1, Name: "sessbench"}
	for i, share := range powerShares {
		path := filepath.Join(dir, fmt.Sprintf("arm%d", i))
		if err := duet.Copy(binary, path); err != nil {
			b.Fatal(err)
		}
		cfg.Arms = append(cfg.Arms, duet.Arm{Label: share, Path: path, Env: []string{"SESSBENCH_SLOWDOWN=" + share}})
	}
	cfg.Rows = []duet.Row{{Label: "per-session (chatbot)", Sliced: true, Args: []string{"sample", "--strategy", "per-session",
		"--scenario", "chatbot", "--warmup", checkWarmup.String(), "--hold", "0s", "--seed", "1", "--duration", checkWindow.String(),
		"--turns", "2ms"}}}
	ctx, stop := signal.NotifyContext(b.Context(), os.Interrupt) // the blocks measured before are judged
	defer stop()
	docs, err := duet.Run(ctx, cfg)
	if docs == nil {
		b.Fatal(err)
	}
	if file != "" {
		data, err := json.Marshal(docs)
		if err == nil {
			err = os.WriteFile(file, data, 0o666)
		}
		if err != nil {
			b.Error(err)
		}
	}
	return docs
}

// verdicts logs the verdicts of check and benchstat on an arm.
func verdicts(b *testing.B, docs []*result.Document, arm int, cutting string, cuts [][]int, metrics []string) {
	b.Helper()
	count := map[judge.Verdict]int{}
	found := 0
	for _, cut := range cuts {
		old, copied, fresh := only(docs[oldArm], cut), only(docs[copyArm], cut), only(docs[arm], cut)
		count[judged(b, old, copied, fresh, metrics).Verdict]++
		if slower(old, fresh) {
			found++
		}
	}
	b.Logf("%s, %s, %d gated metrics: of %d verdicts fail %s, inconclusive %s, pass %s; benchstat calls ops/s worse in %s",
		powerShares[arm], cutting, len(metrics), len(cuts), percent(count[judge.Failing], len(cuts)),
		percent(count[judge.Inconclusive], len(cuts)), percent(count[judge.Passed], len(cuts)), percent(found, len(cuts)))
}

func judged(b *testing.B, old, copied, fresh *result.Document, metrics []string) *judge.Check {
	b.Helper()
	c, err := judge.CheckDuet(judge.Duet{
		Old: old, Copied: copied, Fresh: fresh, OldLabel: "old", NewLabel: "new",
		Gating:  judge.Gating{Gated: metrics, MinEffect: checkEffect},
		Planned: checkPairs, Tolerance: checkTolerance,
	})
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// overall is the change of ops/s over all blocks, the effective slowdown.
func overall(b *testing.B, docs []*result.Document, arm int) string {
	b.Helper()
	m := judged(b, docs[oldArm], docs[copyArm], docs[arm], []string{"ops_per_sec"}).Scenarios[0].Rows[0].Metrics[0]
	if m.Change == nil || m.Copy == nil || m.Copy.Change == nil {
		b.Fatalf("no change: %+v", m)
	}
	return fmt.Sprintf("%.2f %%, and A′ than A by %.2f %%", 100**m.Change, 100**m.Copy.Change)
}

// only is a document with some of its trials, each in a separate block.
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

// slower reports whether benchstat finds the throughput lower: p is not above 0.05.
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
