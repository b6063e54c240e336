package main

import (
	"cmp"
	"math"
	"slices"
)

// ratio is a throughput over another one, from their ratios in each block.
type ratio struct {
	median, lo, hi float64 // lo and hi: distribution-free 95 % interval; both 0 with fewer than six blocks
	below          float64 // one-sided sign test: the probability of so many blocks below 1 if the median is not below 1
	least          float64 // the least value that below can have with this number of blocks
}

// over compares rows block by block. Blocks that only one of them has do not count.
func (b blocks) over(other blocks) ratio {
	var logs []float64
	for block, x := range b {
		if y := other[block]; x > 0 && y > 0 {
			logs = append(logs, math.Log(x/y))
		}
	}
	if len(logs) == 0 {
		return ratio{below: 1, least: 1}
	}
	slices.Sort(logs)
	n, slower := len(logs), 0
	for _, l := range logs {
		if l < 0 {
			slower++
		}
	}
	r := ratio{median: math.Exp(median(logs)), below: atLeast(slower, n), least: atLeast(n, n)}
	// The interval from the k-th ratio from below to that from above misses the median with probability 2·P(fewer than k of n
	// are below it).
	k := 0
	for 2*(1-atLeast(k+1, n)) <= 0.05 {
		k++
	}
	if k > 0 {
		r.lo, r.hi = math.Exp(logs[k-1]), math.Exp(logs[n-k])
	}
	return r
}

// median is that of a sorted slice.
func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// atLeast is the probability of at least k heads in n tosses.
func atLeast(k, n int) (p float64) {
	choose := 1.0 // n over i
	for i := range n + 1 {
		if i >= k {
			p += choose
		}
		choose *= float64(n-i) / float64(i+1)
	}
	return p / math.Pow(2, float64(n))
}

// holm returns p adjusted for several tests (Holm, 1979): tests whose adjusted value is at most α are rejected, and with probability
// 1 − α none of them wrongly.
func holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	adjusted, most := make([]float64, len(p)), 0.0
	for rank, i := range order {
		most = max(most, min(1, p[i]*float64(len(p)-rank)))
		adjusted[i] = most
	}
	return adjusted
}

// geometricMean of positive numbers; 0 if there are none.
func geometricMean(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	sum := 0.0
	for _, v := range x {
		sum += math.Log(v)
	}
	return math.Exp(sum / float64(len(x)))
}
