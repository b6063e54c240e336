package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/reports/result"
)

// planted is a document of one cell: the speeds are those given, times a factor of each block and 2 % of noise. The factor is
// larger than any difference between rows, so that only a comparison within blocks finds the difference.
func planted(scenario string, n int, speeds map[string]float64) *result.Document {
	rng := rand.New(rand.NewPCG(1, uint64(len(scenario))))
	d := &result.Document{Config: result.Config{Overrides: map[string]string{"mix": "append=1"}}}
	for name, speed := range speeds {
		r := result.Result{Strategy: name, Scenario: scenario, Workload: result.Workload{Users: 2, Sessions: 100}}
		r.Summary.OpsPerSec.Median = speed
		for block := range n {
			t := result.Trial{Block: block, OpsPerSec: speed * (1 + 0.02*rng.Float64()) * float64(1+block%5)}
			t.Usage.CPUNsPerOp = 2e9 / speed // two processors
			t.Audit.OK = true
			r.Trials = append(r.Trials, t)
		}
		if name == "xsync" {
			slices.Reverse(r.Trials) // their order is not that of the blocks
		}
		d.Results = append(d.Results, r)
	}
	return d
}

// text is what write prints about documents.
func text(t *testing.T, documents ...*result.Document) string {
	t.Helper()
	var cells []*cell
	for _, d := range documents {
		c, err := newCell(d)
		if err != nil {
			t.Fatal(err)
		}
		cells = append(cells, c)
	}
	var b strings.Builder
	if err := write(&b, cells); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func wants(t *testing.T, text string, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile("(?m)" + p).MatchString(text) {
			t.Errorf("no %q in\n%s", p, text)
		}
	}
}

// TestPlanted plants ratios of 1.5 and 0.6 to the best peer, whose geometric mean is 0.949.
func TestPlanted(t *testing.T) {
	faster := planted("fast", 10, map[string]float64{"noop": 50e6, "xsync": 15e6, "global": 1e6, "otter": 9e6, "scs": 10e6})
	slower := planted("slow", 10, map[string]float64{"noop": 40e6, "xsync": 6e6, "global": 1e6, "otter": 10e6, "scs": 2e6})
	got := text(t, faster, slower)
	wants(t, got,
		`^fast append=1, 100 sessions, 2 users$`,
		`^  xsync +ours +15\.000 M/s .*harness 30 %$`,
		`^  otter +peer +9\.000 M/s`,
		`^fast .* xsync +scs +1\.(49|50|51)\d `,
		`^slow .* xsync +otter +0\.(59|60)\d .*0\.0010 +0\.0020 +0\.600 +BELOW 1$`,
		`^geometric mean of the best of ours over the best peer, 2 cells: 0\.9[45]\d, per CPU second 0\.949$`,
		`^geometric mean of xsync over the best peer, 2 cells: 0\.9[45]\d, per CPU second 0\.949$`,
		`^geometric mean of global over the best peer, 2 cells: 0\.1\d\d, per CPU second 0\.100$`,
		`^significantly below 1 \(Holm, 0\.05\): slow append=1, 100 sessions, 2 users$`)
	if strings.Count(got, "BELOW 1") != 1 {
		t.Errorf("not one cell is below 1:\n%s", got)
	}
}

// TestEqual has two rows of the same speed, which no block tells apart, and a cell that is ahead.
func TestEqual(t *testing.T) {
	equal := planted("equal", 10, map[string]float64{"noop": 40e6, "xsync": 10e6, "otter": 10e6})
	ahead := planted("ahead", 10, map[string]float64{"noop": 40e6, "xsync": 12e6, "otter": 10e6})
	wants(t, text(t, equal, ahead), `^no cell is significantly below 1`)
}

// TestFewBlocks: six blocks that are all slower do not suffice among many cells, and the summary must not claim that none is slower.
func TestFewBlocks(t *testing.T) {
	var documents []*result.Document
	for i := range 17 {
		documents = append(documents, planted(fmt.Sprint("cell", i), 6, map[string]float64{"noop": 40e6, "xsync": 6e6, "otter": 10e6}))
	}
	wants(t, text(t, documents...), `^too few blocks: with 17 cells no p by Holm can be at most 0.05$`)
}

// TestViolated: a row whose audit failed has no speed, however fast it was.
func TestViolated(t *testing.T) {
	d := planted("audit", 10, map[string]float64{"noop": 40e6, "xsync": 10e6, "otter": 8e6, "scs": 20e6})
	for i := range d.Results {
		if r := &d.Results[i]; r.Strategy == "scs" {
			r.Trials[3].Audit = result.Audit{Violations: []result.Violation{{Kind: "lost update"}}}
		}
	}
	wants(t, text(t, d), `^  scs +peer +no speed: lost update$`, `^audit .* xsync +otter +1\.2`)
	without := planted("audit", 10, map[string]float64{"noop": 40e6, "xsync": 10e6})
	wants(t, text(t, d, without), `^1 of 2 cells are not compared: no strategy or no peer has a speed$`)
}

func TestRefused(t *testing.T) {
	two := planted("one", 6, map[string]float64{"noop": 1, "xsync": 1})
	two.Results[1].Scenario = "two"
	for name, d := range map[string]*result.Document{
		"two cells in one document": two,
		"no row of noop":            planted("one", 6, map[string]float64{"xsync": 1}),
	} {
		if _, err := newCell(d); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want %s", err, name)
		}
	}
}

func TestHolm(t *testing.T) {
	// The example of Holm (1979) with four tests: factors 4, 3, 2, 1 by rank, and never less than the one before.
	got := holm([]float64{0.01, 0.04, 0.03, 0.005})
	for i, want := range []float64{0.03, 0.06, 0.06, 0.02} {
		if math.Abs(got[i]-want) > 1e-12 {
			t.Errorf("test %d: %v, want %v", i, got[i], want)
		}
	}
}

func TestInterval(t *testing.T) {
	for _, c := range []struct {
		n, lo, hi int // ranks from 1; 0: none
	}{
		{5, 0, 0}, {6, 1, 6}, {8, 1, 8}, {9, 2, 8}, {10, 2, 9}, {20, 6, 15}, // as in tables of the sign test
	} {
		b, one := blocks{}, blocks{}
		for i := range c.n {
			b[i], one[i] = float64(i+1), 1
		}
		if r := b.over(one); math.Abs(r.lo-float64(c.lo)) > 1e-9 || math.Abs(r.hi-float64(c.hi)) > 1e-9 {
			t.Errorf("%d blocks: [%v, %v], want [%d, %d]", c.n, r.lo, r.hi, c.lo, c.hi)
		}
	}
}
