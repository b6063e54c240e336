package runner

import (
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"pgregory.net/rapid"

	"github.com/sessbench/sessbench/reports/result"
)

// The library's histogram is the reference: the same values must give the same histogram.
func TestRecorderAgainstReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.OneOf(
			rapid.Int64Range(0, 5000),
			rapid.Int64Range(0, 1<<30),
			rapid.Int64Range(0, maxLatency),
		)).Draw(t, "values")
		r, want := newRecorder(), result.NewHistogram()
		for _, v := range values {
			r.record(v)
			if err := want.RecordValue(v); err != nil {
				t.Fatal(err)
			}
		}
		got := result.NewHistogram()
		r.addTo(got)
		if !got.Equals(want) {
			t.Fatalf("histograms differ for %v", values)
		}
	})
}

func TestRecorderCountsValuesOutOfRange(t *testing.T) {
	r := newRecorder()
	r.record(-5)
	r.record(1 << 60)
	h := result.NewHistogram()
	r.addTo(h)
	if h.TotalCount() != 2 || h.Min() != 0 || !h.ValuesAreEquivalent(h.Max(), maxLatency) {
		t.Fatalf("count %d, min %d, max %d: want 2, 0 and about %d", h.TotalCount(), h.Min(), h.Max(), int64(maxLatency))
	}
}

func TestPercentilesNeedTenSamplesBeyond(t *testing.T) {
	for _, row := range []struct {
		samples              int64
		p50, p90, p99, p99_9 bool
	}{
		{samples: 0},
		{samples: 19},
		{samples: 20, p50: true},
		{samples: 99, p50: true},
		{samples: 100, p50: true, p90: true},
		{samples: 999, p50: true, p90: true},
		{samples: 1000, p50: true, p90: true, p99: true},
		{samples: 10_000, p50: true, p90: true, p99: true, p99_9: true},
	} {
		h := result.NewHistogram()
		_ = h.RecordValues(100, row.samples)
		l := result.LatencyOf(h)
		if l.P50 != nil != row.p50 || l.P90 != nil != row.p90 || l.P99 != nil != row.p99 || l.P999 != nil != row.p99_9 {
			t.Errorf("%d samples: p50 %v, p90 %v, p99 %v, p99.9 %v", row.samples, l.P50, l.P90, l.P99, l.P999)
		}
	}
}

func TestHistogramSurvivesEncoding(t *testing.T) {
	want := result.NewHistogram()
	for v := int64(1); v < maxLatency; v *= 3 {
		_ = want.RecordValue(v)
	}
	text, err := result.EncodeHistogram(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := hdr.Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if !got.Equals(want) {
		t.Error("the decoded histogram differs")
	}
}

func TestRecordingAllocatesOnlyPages(t *testing.T) {
	r := newRecorder()
	r.record(1000)
	if n := testing.AllocsPerRun(1000, func() { r.record(1001) }); n != 0 {
		t.Errorf("%v allocations a record", n)
	}
}
