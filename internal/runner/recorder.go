package runner

import (
	"math/bits"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/sessbench/sessbench/reports/result"
)

// The histogram's layout is HdrHistogram's with three significant digits and a unit of one nanosecond: values below
// 2¹¹ exactly, then 2¹⁰ counts for each doubling, up to maxLatency.
const (
	exactBits  = 11
	halfBits   = exactBits - 1
	maxLatency = result.MaxLatencyNs

	pageBits = 7
	pageSize = 1 << pageBits
	numPages = (1<<exactBits + (42-exactBits)<<halfBits) >> pageBits
)

// recorder is one user's latency histogram of one kind of operation. A whole histogram takes 130 KB, too much for
// 100,000 users, but one user's latencies lie close together: its pages are made when first needed. Not safe for
// concurrent use.
type recorder struct {
	directory [numPages]uint16 // page number + 1 in pages; 0: not made yet
	pages     [][pageSize]uint32
}

// newRecorder returns a recorder with room for the pages that most users need, so that the window allocates little.
func newRecorder() *recorder { return &recorder{pages: make([][pageSize]uint32, 0, 4)} }

// slot is the index of the count that v belongs to. The hot path, hence branch-light.
func slot(v uint64) uint64 {
	if v < 1<<exactBits {
		return v
	}
	shift := uint64(bits.Len64(v)) - exactBits
	return shift<<halfBits + v>>shift
}

// value is the smallest value whose slot is i.
func value(i uint64) int64 {
	if i < 1<<exactBits {
		return int64(i)
	}
	shift := i>>halfBits - 1
	return int64((i - shift<<halfBits) << shift)
}

// record counts a latency of ns nanoseconds. What lies outside the range is counted at its end.
func (r *recorder) record(ns int64) {
	i := slot(uint64(min(max(ns, 0), maxLatency)))
	page := r.directory[i>>pageBits]
	if page == 0 {
		page = r.newPage(i >> pageBits)
	}
	r.pages[page-1][i%pageSize]++
}

func (r *recorder) newPage(at uint64) uint16 {
	r.pages = append(r.pages, [pageSize]uint32{})
	r.directory[at] = uint16(len(r.pages))
	return r.directory[at]
}

// moveTo adds the counts to both, and clears them.
func (r *recorder) moveTo(one, other counts) {
	for p, number := range r.directory {
		if number == 0 {
			continue
		}
		page := &r.pages[number-1]
		if *page == ([pageSize]uint32{}) {
			continue
		}
		for i, n := range page {
			if n > 0 {
				one[p<<pageBits+i] += uint64(n)
				other[p<<pageBits+i] += uint64(n)
			}
		}
		clear(page[:])
	}
}

// addTo adds the counts to h. A nil recorder has none.
func (r *recorder) addTo(h *hdr.Histogram) {
	if r == nil {
		return
	}
	for p, page := range r.directory {
		if page == 0 {
			continue
		}
		for i, n := range r.pages[page-1] {
			if n > 0 {
				_ = h.RecordValues(value(uint64(p<<pageBits+i)), int64(n)) // in range by construction
			}
		}
	}
}
