package live

import (
	"bufio"
	"bytes"
	"io"
	"math"
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// measured runs a trial in an open loop, and returns its snapshots, the times of which are their own.
func measured(t *testing.T, label string) (list []runner.Snapshot, d *result.Document) {
	t.Helper()
	known, ok := strategies.Lookup("sharded")
	s, err := scenarios.Lookup("chatbot")
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	open := *s
	open.Users, open.Hold = 4, 0
	open.Load.Rate = 2000
	open.Load.MaxUsers = 16
	cfg := runner.Config{
		Subjects: []runner.Subject{{Label: label, Strategy: known}}, Scenarios: []scenarios.Scenario{open}, Runs: 1, Seed: 1,
		Window: 1500e6, LiveTimes: true,
		Live: func(s runner.Snapshot) {
			s.Times = append([]byte(nil), s.Times...)
			list = append(list, s)
		},
	}
	if d, err = runner.Run(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	return list, d
}

// families are the metrics of a scrape in a format.
func families(t *testing.T, url, accept string) (map[string]*dto.MetricFamily, string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), "GET", url+"metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Accept", accept)
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	if r.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(r.Body)
		t.Fatalf("%s: %s", r.Status, text)
	}
	return decoded(t, r.Body, r.Header), r.Header.Get("Content-Type")
}

// decoded are the metrics that a library of Prometheus reads.
func decoded(t *testing.T, text io.Reader, header http.Header) map[string]*dto.MetricFamily {
	t.Helper()
	all := map[string]*dto.MetricFamily{}
	for from := expfmt.NewDecoder(bufio.NewReader(text), expfmt.ResponseFormat(header)); ; {
		f := &dto.MetricFamily{}
		if err := from.Decode(f); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[f.GetName()] = f
	}
}

// The metrics of a run satisfy the linter, and agree with its document: in the text format, and in the binary one, which has native
// histograms.
func TestMetrics(t *testing.T) {
	const label = "a \"store\"\\\n" // which is escaped
	shots, d := measured(t, label)
	s := testServer(t)
	for _, shot := range shots {
		if !shot.Final {
			s.Snapshot(shot)
		}
	}
	all := s.metrics.families()
	if n, want := all[len(all)-1].samples[0].times.count, s.metrics.series[0].running.times.count; n != want || n == 0 {
		t.Errorf("%d response times of a trial that runs: want %d", n, want)
	}
	s.Snapshot(shots[len(shots)-1])
	lines, _ := encode(s.metrics.families(), "")
	if problems, err := promlint.New(bytes.NewReader(lines)).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("%+v, error %v", problems, err)
	}

	trial := &d.Results[0].Trials[0]
	text, _ := families(t, s.URL(), "text/plain")
	binary, kind := families(t, s.URL(), string(expfmt.NewFormat(expfmt.TypeProtoDelim)))
	for name, all := range map[string]map[string]*dto.MetricFamily{"text": text, kind: binary} {
		of := func(name string) *dto.Metric {
			f := all["sessbench_"+name]
			if f == nil || len(f.Metric) != 1 {
				t.Fatalf("no %s in %v", name, all)
			}
			return f.Metric[0]
		}
		for _, l := range of("operations_total").Label {
			if want := map[string]string{"strategy": label, "scenario": "chatbot"}[l.GetName()]; l.GetValue() != want {
				t.Errorf("%s: label %v: want %q", name, l, want)
			}
		}
		if n := of("operations_total").Counter.GetValue(); n < float64(trial.Ops) {
			t.Errorf("%s: %v operations: want %d", name, n, trial.Ops)
		}
		for gauge, want := range map[string]float64{"operations_per_second": trial.OpsPerSec, "offered_operations_per_second": trial.OpenLoop.Offered, "users": 0, "queued_visits": 0} {
			if got := of(gauge).Gauge.GetValue(); got != want {
				t.Errorf("%s: %s %v: want %v", name, gauge, got, want)
			}
		}
		of("build_info")
		h := of("response_time_seconds").Histogram
		if mean := h.GetSampleSum() / float64(h.GetSampleCount()) * 1e9; h.GetSampleCount() != uint64(trial.LatencyNs.Count) || math.Abs(mean/float64(trial.LatencyNs.Mean)-1) > 0.01 {
			t.Errorf("%s: %d operations, mean %v: want %+v", name, h.GetSampleCount(), mean, trial.LatencyNs)
		}
		if p := quantile(h, 0.99); trial.LatencyNs.P99 != nil && !(p.below*1e9 <= float64(*trial.LatencyNs.P99)*1.001 && float64(*trial.LatencyNs.P99) <= p.above*1e9*1.001) {
			t.Errorf("%s: p99 from %v to %v: want %v", name, p.below, p.above, *trial.LatencyNs.P99)
		}
	}
	native := binary["sessbench_response_time_seconds"].Metric[0].Histogram
	if native.GetSchema() != nativeSchema || len(native.PositiveSpan) == 0 {
		t.Errorf("no native histogram in %s: %v", kind, native)
	}
	n, at := int64(native.GetZeroCount()), int64(0)
	for _, delta := range native.PositiveDelta {
		at += delta
		n += at
	}
	if n != trial.LatencyNs.Count {
		t.Errorf("%d operations in native buckets: want %d", n, trial.LatencyNs.Count)
	}
}

type bucket struct{ below, above float64 }

// quantile returns the classic bucket that a quantile is in.
func quantile(h *dto.Histogram, q float64) (in bucket) {
	in.above = math.Inf(1)
	for _, b := range h.Bucket {
		if float64(b.GetCumulativeCount()) >= q*float64(h.GetSampleCount()) {
			in.above = b.GetUpperBound()
			return in
		}
		in.below = b.GetUpperBound()
	}
	return in
}

// The native buckets have the bounds of the schema: of a library's histogram with the same factor.
func TestNativeBuckets(t *testing.T) {
	reference := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "reference", NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 1000})
	var h histogram
	for ns := int64(1); ns < 4e12; ns += 1 + ns/3 {
		reference.Observe(float64(ns) / 1e9)
		h.add(ns, 1)
	}
	for _, exact := range []int64{0, 1e9, 2e9, 4e9, 5e8, result.MaxLatencyNs} {
		reference.Observe(float64(exact) / 1e9)
		h.add(exact, 1)
	}
	var want dto.Metric
	if err := reference.Write(&want); err != nil {
		t.Fatal(err)
	}
	text, format := encode([]family{{"times", "", histograms, []sample{{times: &h}}}}, protobufFormat)
	got := decoded(t, bytes.NewReader(text), http.Header{"Content-Type": {format}})["times"]
	w, g := want.Histogram, got.Metric[0].Histogram
	if g.GetSchema() != w.GetSchema() || g.GetZeroCount() != w.GetZeroCount() || g.GetZeroThreshold() != w.GetZeroThreshold() || g.GetSampleCount() != w.GetSampleCount() {
		t.Errorf("%v: want %v", g, w)
	}
	if a, b := occupied(g), occupied(w); len(a) != len(b) {
		t.Errorf("%v: want %v", a, b)
	} else {
		for i, n := range b {
			if a[i] != n {
				t.Errorf("bucket %d has %d: want %d", i, a[i], n)
			}
		}
	}
}

// occupied are the native buckets with their counts.
func occupied(h *dto.Histogram) map[int32]int64 {
	all, index, next, count := map[int32]int64{}, int32(0), 0, int64(0)
	for _, span := range h.PositiveSpan {
		index += span.GetOffset()
		for range span.GetLength() {
			count += h.PositiveDelta[next]
			if next++; count > 0 {
				all[index] = count
			}
			index++
		}
	}
	return all
}

// Counters never decrease: not when a trial ends with fewer operations than were seen, not when its store failed and it has no figures, and
// not when a trial is performed again because its process crashed.
func TestCountersGrow(t *testing.T) {
	m := &metrics{}
	last := 0.
	count := func(why string, s runner.Snapshot, want float64) {
		t.Helper()
		s.Label, s.Scenario = "cow", "chatbot"
		m.snapshot(s)
		for _, f := range m.families() {
			if f.name != "sessbench_operations_total" {
				continue
			}
			if n := f.samples[0].value; n != want || n < last {
				t.Errorf("%s: %v: want %v", why, n, want)
			}
			last = f.samples[0].value
		}
	}
	count("a second", runner.Snapshot{Second: 1, Ops: 10}, 10)
	count("another", runner.Snapshot{Second: 2, Ops: 30}, 30)
	count("the end, with less", runner.Snapshot{Second: 2, Ops: 29, Final: true}, 30)
	count("the next trial", runner.Snapshot{Second: 1, Block: 1, Ops: 5}, 35)
	count("another second", runner.Snapshot{Second: 3, Block: 1, Ops: 15}, 45)
	count("once more after a crash", runner.Snapshot{Second: 1, Block: 1, Ops: 7}, 52)
	count("a failure", runner.Snapshot{Block: 1, Final: true, Failed: true}, 52)
	count("a whole trial", runner.Snapshot{Block: 2, Ops: 8, Final: true}, 60)
}

// Labels that are no UTF-8 do not fail the scrape.
func TestInvalidLabels(t *testing.T) {
	s := testServer(t)
	s.Snapshot(runner.Snapshot{Label: "a\xff", Scenario: "chatbot", Final: true, Ops: 1})
	all, _ := families(t, s.URL(), "text/plain")
	if got := all["sessbench_operations_total"].Metric[0].Label; len(got) != 2 || !model.LabelValue(got[1].GetValue()).IsValid() {
		t.Error(got)
	}
}

// The format is the one that the scraper prefers.
func TestPreferredFormat(t *testing.T) {
	for _, test := range []struct {
		why, accept string
		want        string
	}{
		{"no header", "", textFormat},
		{"a browser", "text/html,application/xhtml+xml,*/*;q=0.8", textFormat},
		{"Prometheus", "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1", textFormat},
		{"Prometheus with native histograms", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6," +
			"application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1", protobufFormat},
		{"protocol buffers as the last resort", "text/plain;q=0.5," + protobufFormat + ";q=0.1", textFormat},
		{"no protocol buffers", protobufFormat + ";q=0", textFormat},
		{"protocol buffers as text", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", textFormat},
	} {
		if _, got := encode(nil, test.accept); got != test.want {
			t.Errorf("%s: %s: want %s", test.why, got, test.want)
		}
	}
}
