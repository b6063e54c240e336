package reports

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/reports/result"
)

func TestPooledColumnsHaveASign(t *testing.T) {
	for format, title := range map[string]string{"table": "p99 ∑", "markdown": "| p99 ∑ |"} {
		if text := written(t, format, pooled(), Options{}); !strings.Contains(text, title) || !strings.Contains(text, "of all trials together") {
			t.Errorf("%s does not say what is pooled:\n%s", format, text)
		}
		if text := written(t, format, normal(), Options{}); strings.Contains(text, poolSign) {
			t.Errorf("%s says that something is pooled:\n%s", format, text)
		}
	}
}

// The window that is suggested gives the baseline the percentile.
func TestTooFewSamplesSuggestsAWindow(t *testing.T) {
	const want = "global completed too few operations in all trials together for p99.9 (-d 1.9s would suffice)."
	if text := written(t, "table", pooled(), Options{Width: 1000}); !strings.Contains(text, want) {
		t.Errorf("want %q in\n%s", want, text)
	}
	longer, _ := sampled(build("global", 940, 6), 400*19/4, 1) // 1.9 s in place of 400 ms
	if text := written(t, "table", document(longer), Options{Width: 1000}); strings.Contains(text, "too few operations") {
		t.Errorf("the window that was suggested does not suffice:\n%s", text)
	}
	visits := pooled()
	visits.Results[0].Iterations = 4
	if text := written(t, "table", visits, Options{Width: 1000}); strings.Contains(text, "would suffice") {
		t.Errorf("a longer window has no more visits:\n%s", text)
	}
}

// sampled gives r's trials latencies drawn with a seed, n to a trial, with their histograms. It returns all of them.
func sampled(r result.Result, n int, seed uint64) (result.Result, []int64) {
	random := rand.New(rand.NewPCG(seed, 1))
	var all []int64
	for i := range r.Trials {
		h := result.NewHistogram()
		for range n {
			v := 1000 + int64(1e6*random.ExpFloat64())
			_ = h.RecordValue(v)
			all = append(all, v)
		}
		t := &r.Trials[i]
		t.LatencyNs = result.LatencyOf(h)
		t.Histogram, _ = result.EncodeHistogram(h)
	}
	slices.Sort(all)
	return r, all
}

// pooled has a row whose trials are long enough for every percentile, and one whose trials are not.
func pooled() *result.Document {
	slow, _ := sampled(build("global", 940, 6), 400, 1)
	fast, _ := sampled(build("per-session", 76_100, 6), 12_000, 2)
	return document(slow, fast)
}
