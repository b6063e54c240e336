package runner

import (
	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/sessbench/sessbench/reports/result"
)

// times is a histogram of times that one goroutine records. Those that go on after a limit are censored: they are recorded as if
// they had ended there.
type times struct {
	recorder recorder
	censored result.Censored
}

func newTimes() *times { return &times{recorder: *newRecorder()} }

// record counts the time from start to end, or to limit.
func (ts *times) record(start, end, limit int64) {
	if end > limit {
		ts.censor(limit - start)
		end = limit
	}
	ts.recorder.record(end - start)
}

func (ts *times) censor(ns int64) {
	if ts.censored.Count++; ts.censored.Count == 1 || ns < ts.censored.LeastNs {
		ts.censored.LeastNs = ns
	}
}

// sum is the times of several goroutines.
type sum struct {
	histogram *hdr.Histogram
	censored  *result.Censored
}

func newSum() *sum { return &sum{histogram: result.NewHistogram()} }

// add adds times, which may be nil.
func (s *sum) add(ts *times) {
	if ts != nil {
		ts.recorder.addTo(s.histogram)
		s.censored = s.censored.Add(&ts.censored)
	}
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
