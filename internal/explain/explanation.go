package explain

import (
	"cmp"
	"maps"
	"slices"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/sessbench/sessbench/reports/result"
)

// mostBusy is the number of sessions and shards that are listed.
const mostBusy = 10

// Explanation returns the analysis as in documents. One in so many of the operations was observed. name returns the name of a kind of operation.
func (a *Analysis) Explanation(every int, name func(op uint8) string) *result.Explanation {
	x := &result.Explanation{
		Operations: a.All.Ops, Every: every, All: a.All.parts(), Each: map[string]result.Parts{}, Sessions: busiest(a.Slots), Shards: busiest(a.Shards),
	}
	for op, k := range a.Each {
		p := k.parts()
		p.LockWaits, p.Closures = latency(k.LockWaits), latency(k.Closures)
		if p.LockWaits != nil {
			x.Hooks, p.Contended = true, float64(k.Contended)/float64(p.LockWaits.Count)
		}
		p.Repeated = float64(k.Repeated) / float64(k.Ops)
		x.Each[name(op)] = p
	}
	return x
}

// latency describes a distribution; nil if it is empty.
func latency(h *hdr.Histogram) *result.Latency {
	if h.TotalCount() == 0 {
		return nil
	}
	l := result.LatencyOf(h)
	return &l
}

func (b *Breakdown) parts() result.Parts {
	p := result.Parts{Count: b.Ops, Shares: map[string]float64{}}
	if b.Ops > 0 {
		p.MeanNs = b.TotalNs / float64(b.Ops)
	}
	for _, part := range Parts() {
		if share := b.Share(part); share > 0 {
			p.Shares[part.String()] = share
		}
	}
	return p
}

// busiest returns the numbers with the most operations.
func busiest[K uint32 | int32](counts map[K]int64) (list []result.Busy) {
	var all int64
	for _, n := range counts {
		all += n
	}
	keys := slices.SortedFunc(maps.Keys(counts), func(a, b K) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	for _, k := range keys[:min(mostBusy, len(keys))] {
		list = append(list, result.Busy{Number: int(k), Operations: counts[k], Share: float64(counts[k]) / float64(all)})
	}
	return list
}
