package runner

import (
	"math/bits"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// timeOf is what a time is of. The times of operations are by kind: from [scenarios.NumOps] on those that a sweep overlapped.
type timeOf uint8

const (
	opKinds = 2 * scenarios.NumOps

	responses   timeOf = 0                           // of operations, from the intended start
	services           = responses + timeOf(opKinds) // of operations, from the call; a closed loop has none: they are its responses
	startDelays        = services + timeOf(opKinds)  // from the arrival of a visit to its start
	visitTimes         = startDelays + 1             // from the arrival of a visit to its end, without think times
	holdTimes          = visitTimes + 1              // work under locks
	pauseTimes         = holdTimes + 1               // between visits
	firstEvents        = pauseTimes + 1              // from the intended start of an operation to the first event of a service's answer
	numTimes           = firstEvents + 1
)

func responseOf(op scenarios.Op) timeOf { return responses + timeOf(op) }

func serviceOf(op scenarios.Op) timeOf { return services + timeOf(op) }

// op returns the kind of operation that a response time is of, and whether t is one.
func (t timeOf) op() (op scenarios.Op, ok bool) { return scenarios.Op(t), t < services }

// batch is times that one user has recorded and not yet added to the trial's histograms. To record one takes a few instructions that
// write only the user's memory; what users share is written once for many times.
//
// Rejected: histograms of each user. A hundred thousand users have gigabytes of them, which their times, spread over a
// millisecond or more, fill page by page for as long as the trial lasts.
type batch struct {
	n        int
	entries  [batchSize]entry
	user     int   // number
	interval int64 // of the series, to which the times belong
	to       *histograms
}

const (
	batchSize = 64
	// batchRoom is how many entries are free when an operation begins, so that the batch is not flushed during one, under a lock.
	batchRoom = 16
)

// entry is a time: what it is of, and its slot in the histogram.
type entry uint32

const entrySlotBits = 16

func (e entry) of() timeOf { return timeOf(e >> entrySlotBits) }

func (e entry) slot() uint32 { return uint32(e & (1<<entrySlotBits - 1)) }

// record records the time from start to end, or to limit: a time that goes on after that is censored.
func (b *batch) record(of timeOf, start, end, limit int64) {
	if end > limit {
		b.to.censor(of, limit-start)
		end = limit
	}
	b.add(of, end-start)
}

// add records a time of ns nanoseconds. What lies outside the range is counted at its end. Hot path.
func (b *batch) add(of timeOf, ns int64) {
	if b.n == batchSize {
		b.flush(result.Point{})
	}
	b.entries[b.n] = entry(of)<<entrySlotBits | entry(slot(uint64(min(max(ns, 0), maxLatency))))
	b.n++
}

// nearlyFull reports whether an operation might not find room.
func (b *batch) nearlyFull() bool { return b.n > batchSize-batchRoom }

// flush adds the times to the trial's histograms, and more to the series' point of their interval.
func (b *batch) flush(more result.Point) {
	b.to.add(b, more)
	b.n = 0
}

// The histograms' layout is HdrHistogram's with three significant digits and a unit of one nanosecond: values below
// 2¹¹ exactly, then 2¹⁰ counts for each doubling, up to maxLatency.
const (
	exactBits  = 11
	halfBits   = exactBits - 1
	maxLatency = result.MaxLatencyNs
	numSlots   = 1<<exactBits + (42-exactBits)<<halfBits
)

// slot is the index of the count that v belongs to. Hot path, hence branch-light.
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

// sum is times, summed up for the document.
type sum struct {
	histogram *hdr.PackedHistogram // most kinds have few times or none
	censored  *result.Censored
}

// latency describes the times.
func (s *sum) latency() result.Latency {
	l := result.LatencyOf(s.histogram)
	l.Censored = s.censored
	return l
}

// some describes the times; nil if there are none.
func (s *sum) some() *result.Latency {
	if s.histogram.TotalCount() == 0 {
		return nil
	}
	l := s.latency()
	return &l
}

// encoded is the histogram as in documents.
func (s *sum) encoded() (string, error) { return result.EncodeHistogram(s.histogram) }
