package result

import (
	"errors"
	"fmt"
	"math"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// The histograms of a document have three significant digits, a unit of one nanosecond and room for 73 minutes.
const (
	MaxLatencyNs    = 1<<42 - 1
	histogramDigits = 3
)

// Histogram is a distribution of latencies: an [hdr.Histogram], which is fast to record into, or an [hdr.PackedHistogram],
// which holds its non-empty buckets only.
type Histogram interface {
	TotalCount() int64
	Max() int64
	Mean() float64
	ValueAtPercentilesSlice(percents []float64) []int64
	EncodeV2() ([]byte, error)
}

// NewHistogram returns an empty histogram to record latencies in nanoseconds into, one that all histograms of documents
// can be merged into without loss.
func NewHistogram() *hdr.Histogram { return hdr.New(1, MaxLatencyNs, histogramDigits) }

// NewSum returns an empty histogram to merge histograms of documents into.
func NewSum() *hdr.PackedHistogram { return hdr.NewPacked(1, MaxLatencyNs, histogramDigits) }

// EncodeHistogram is h in HdrHistogram's compressed V2 form, base64 (which the library's EncodeV2 already applies).
func EncodeHistogram(h Histogram) (string, error) {
	b, err := h.EncodeV2()
	return string(b), err
}

// DecodeHistogram reads what EncodeHistogram wrote. A histogram of another resolution or range is refused: merged with
// others it would make them all as coarse as itself.
func DecodeHistogram(text string) (*hdr.PackedHistogram, error) {
	if text == "" {
		return nil, errors.New("histogram: none")
	}
	h, err := hdr.DecodePacked([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("histogram: %w", err)
	}
	if h.SignificantFigures() != histogramDigits || h.LowestTrackableValue() != 1 || h.HighestTrackableValue() != MaxLatencyNs {
		return nil, fmt.Errorf("histogram: %d digits from %d to %d ns: want %d from 1 to %d", h.SignificantFigures(),
			h.LowestTrackableValue(), h.HighestTrackableValue(), histogramDigits, int64(MaxLatencyNs))
	}
	return h, nil
}

// DecodeWhole is [DecodeHistogram] for a histogram to print.
func DecodeWhole(text string) (*hdr.Histogram, error) {
	if _, err := DecodeHistogram(text); err != nil {
		return nil, err
	}
	return hdr.Decode([]byte(text))
}

// LatencyOf describes the distribution in h.
func LatencyOf(h Histogram) Latency {
	l := Latency{Max: h.Max(), Mean: int64(h.Mean()), Count: h.TotalCount()}
	percentiles := Percentiles()
	for i, v := range h.ValueAtPercentilesSlice(percents(percentiles)) {
		if l.Count >= percentiles[i].Samples() {
			*percentiles[i].In(&l) = &v
		}
	}
	return l
}

// samplesBeyond is how many samples must lie beyond a percentile for it to be reported.
const samplesBeyond = 10

// Percentile is one percentile of a [Latency].
type Percentile struct {
	Name    string                   // in the document: p99_9
	Percent float64                  // 99.9
	In      func(l *Latency) **int64 // its field in l
}

// Percentiles returns the percentiles of a [Latency] in ascending order.
func Percentiles() []Percentile {
	return []Percentile{
		{"p50", 50, func(l *Latency) **int64 { return &l.P50 }},
		{"p90", 90, func(l *Latency) **int64 { return &l.P90 }},
		{"p95", 95, func(l *Latency) **int64 { return &l.P95 }},
		{"p99", 99, func(l *Latency) **int64 { return &l.P99 }},
		{"p99_9", 99.9, func(l *Latency) **int64 { return &l.P999 }},
		{"p99_99", 99.99, func(l *Latency) **int64 { return &l.P9999 }},
	}
}

// Samples is the smallest number of samples of which ten lie beyond the percentile.
func (p Percentile) Samples() int64 {
	return int64(math.Ceil(samplesBeyond*100/(100-p.Percent) - 1e-6)) // 100 - 99.9 is not exactly a tenth
}

func percents(list []Percentile) []float64 {
	xs := make([]float64, len(list))
	for i, p := range list {
		xs[i] = p.Percent
	}
	return xs
}

// OmitHistograms removes the histograms of the latencies from t.
func (t *Trial) OmitHistograms() {
	t.Histogram = ""
	for name, of := range t.Operations {
		of.Histogram, of.Service = "", ""
		t.Operations[name] = of
	}
}
