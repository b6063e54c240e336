package result

import (
	"errors"
	"fmt"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// The histograms of a document have three significant digits, a unit of one nanosecond and room for 73 minutes.
const (
	MaxLatencyNs    = 1<<42 - 1
	histogramDigits = 3
)

// NewHistogram returns an empty histogram of latencies in nanoseconds, one that all histograms of documents can be merged
// into without loss.
func NewHistogram() *hdr.Histogram { return hdr.New(1, MaxLatencyNs, histogramDigits) }

// EncodeHistogram is h in HdrHistogram's compressed V2 form, base64 (which the library's Encode already applies).
func EncodeHistogram(h *hdr.Histogram) (string, error) {
	b, err := h.Encode(hdr.V2CompressedEncodingCookieBase)
	return string(b), err
}

// DecodeHistogram reads what EncodeHistogram wrote. A histogram of another resolution or range is refused: merged with
// others it would make them all as coarse as itself.
func DecodeHistogram(text string) (*hdr.Histogram, error) {
	if text == "" {
		return nil, errors.New("histogram: none")
	}
	h, err := hdr.Decode([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("histogram: %w", err)
	}
	if h.SignificantFigures() != histogramDigits || h.LowestTrackableValue() != 1 || h.HighestTrackableValue() != MaxLatencyNs {
		return nil, fmt.Errorf("histogram: %d digits from %d to %d ns: want %d from 1 to %d", h.SignificantFigures(),
			h.LowestTrackableValue(), h.HighestTrackableValue(), histogramDigits, int64(MaxLatencyNs))
	}
	return h, nil
}

// LatencyOf describes the distribution in h.
func LatencyOf(h *hdr.Histogram) Latency {
	l := Latency{Max: h.Max(), Mean: int64(h.Mean()), Count: h.TotalCount()}
	percentiles := Percentiles()
	for i, v := range h.ValueAtPercentilesSlice(percents(percentiles)) {
		if l.Count >= percentiles[i].Samples() {
			*percentiles[i].In(&l) = &v
		}
	}
	return l
}
