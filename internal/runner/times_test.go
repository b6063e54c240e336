package runner

import (
	"runtime"
	"sync"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"pgregory.net/rapid"

	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// The library's histogram is the reference: the same values must give the same histogram.
func TestTimesAgainstReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.OneOf(
			rapid.Int64Range(0, 5000),
			rapid.Int64Range(0, 1<<30),
			rapid.Int64Range(0, maxLatency),
		)).Draw(t, "values")
		h, want := newHistograms(nil), result.NewHistogram()
		b := batch{to: h}
		for _, v := range values {
			b.add(startDelays, v)
			if err := want.RecordValue(v); err != nil {
				t.Fatal(err)
			}
		}
		b.flush(result.Point{})
		h.settle()
		got := result.NewHistogram()
		if h.sum(startDelays).histogram.MergeInto(got); !got.Equals(want) {
			t.Fatalf("histograms differ for %v", values)
		}
	})
}

func TestTimesOutOfRangeAreCounted(t *testing.T) {
	of := newHistograms(nil)
	b := batch{to: of}
	b.add(pauseTimes, -5)
	b.add(pauseTimes, 1<<60)
	b.flush(result.Point{})
	of.settle()
	h := of.sum(pauseTimes).histogram
	if h.TotalCount() != 2 || h.Min() != 0 || !result.NewHistogram().ValuesAreEquivalent(h.Max(), maxLatency) {
		t.Fatalf("count %d, min %d, max %d: want 2, 0 and about %d", h.TotalCount(), h.Min(), h.Max(), int64(maxLatency))
	}
}

// Many users record at the same time, in intervals that are not in order, while what they have added is moved; each kind of time keeps all of
// its times, and the series has all response times.
func TestTimesOfManyUsers(t *testing.T) {
	const users, each = 8 * maxStripes, 1000
	first := seriesUser(1000, 16)
	tr, h := first.trial, first.trial.times
	var wg sync.WaitGroup
	for number := range users {
		u := seriesUserOf(tr, number)
		wg.Go(func() {
			for i := range each {
				if i%10 == 0 {
					u.stats.times.flush(result.Point{})
					u.stats.times.interval = int64((i/10 + number*7) % 50)
				}
				u.stats.times.add(responseOf(scenarios.Append), int64(i))
				u.stats.times.record(holdTimes, 0, int64(number), int64(users/2))
				if i%100 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			default:
				h.settle()
			}
		}
	}()
	wg.Wait()
	close(quit)
	<-done
	tr.endTimes()
	held := h.sum(holdTimes)
	if n := h.sum(responseOf(scenarios.Append)).histogram.TotalCount(); n != users*each {
		t.Errorf("%d response times: want %d", n, users*each)
	}
	if n := held.histogram.TotalCount(); n != users*each {
		t.Errorf("%d hold times: want %d", n, users*each)
	}
	if c := held.censored; c == nil || c.Count != (users/2-1)*each || c.LeastNs != users/2 {
		t.Errorf("censored %+v: want %d", c, (users/2-1)*each)
	}
	sum := int64(0)
	for _, p := range tr.series.result().Points {
		sum += p.Latencies
	}
	if sum != users*each {
		t.Errorf("%d response times in the series: want %d", sum, users*each)
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

func TestRecordingTimesAllocatesNothing(t *testing.T) {
	b := batch{to: newHistograms([]timeOf{pauseTimes})}
	if n := testing.AllocsPerRun(10*batchSize, func() { b.add(pauseTimes, 1001) }); n != 0 {
		t.Errorf("%v allocations a time", n)
	}
}

func BenchmarkRecordTime(bench *testing.B) {
	b := batch{to: newHistograms([]timeOf{pauseTimes})}
	for i := int64(0); bench.Loop(); i++ {
		b.add(pauseTimes, i&0xffff)
	}
}
