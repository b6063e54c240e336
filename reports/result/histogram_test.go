package result

import (
	"strings"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

func TestHistogramIsReadBack(t *testing.T) {
	h := NewHistogram()
	for _, v := range []int64{0, 1, 2047, 2048, 1_070_000, MaxLatencyNs} {
		if err := h.RecordValues(v, 3); err != nil {
			t.Fatalf("%d: %v", v, err)
		}
	}
	text, err := EncodeHistogram(h)
	if err != nil {
		t.Fatal(err)
	}
	back, err := DecodeHistogram(text)
	if err != nil {
		t.Fatal(err)
	}
	dense := NewHistogram()
	if back.MergeInto(dense); !dense.Equals(h) || back.TotalCount() != 18 {
		t.Errorf("%d latencies came back of %d", back.TotalCount(), h.TotalCount())
	}
}

func TestAPercentileNeedsTenSamplesBeyondIt(t *testing.T) {
	h := NewHistogram()
	for v := range int64(1000) {
		_ = h.RecordValue(v + 1)
	}
	l := LatencyOf(h)
	if l.P50 == nil || *l.P50 != 500 || l.P99 == nil || *l.P99 != 990 || l.P999 != nil || l.P9999 != nil {
		t.Errorf("of 1,000 latencies: %+v", l)
	}
	if l.Count != 1000 || l.Max != 1000 || l.Mean != 500 {
		t.Errorf("of 1 to 1,000 ns: %d, max %d, mean %d", l.Count, l.Max, l.Mean)
	}
}

func TestHistogramsThatDoNotFitAreRefused(t *testing.T) {
	written := func(h *hdr.Histogram) string {
		text, err := EncodeHistogram(h)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	whole := written(NewHistogram())
	for _, test := range []struct{ why, text, want string }{
		{"none", "", "histogram: none"},
		{"not base64", "%%", "histogram: illegal base64"},
		{"cut short", whole[:len(whole)/2], "histogram: "},
		{"too coarse", written(hdr.New(1, MaxLatencyNs, 2)), "histogram: 2 digits from 1 to"},
		{"too short", written(hdr.New(1, 1000, 3)), "histogram: 3 digits from 1 to 1000 ns: want 3 from 1 to 4398046511103"},
		{"in microseconds", written(hdr.New(1000, MaxLatencyNs, 3)), "histogram: 3 digits from 1000 to"},
	} {
		if _, err := DecodeHistogram(test.text); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %v: want %q", test.why, err, test.want)
		}
	}
}
