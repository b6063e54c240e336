package judge

import (
	"errors"
	"fmt"
	"math"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// Saturated returns how far a store got that could not keep up with its load in at least half of the trials, or "".
func Saturated(r *result.Result) string {
	n := 0
	for i := range r.Trials {
		if o := r.Trials[i].OpenLoop; o != nil && o.Saturated {
			n++
		}
	}
	if n == 0 || 2*n < len(r.Trials) {
		return ""
	}
	offered := metric.MedianOf(r, func(t *result.Trial) float64 {
		if t.OpenLoop == nil {
			return 0
		}
		return t.OpenLoop.Offered
	}).Median
	achieved, _ := metric.Named("achieved").Shown(r)
	return fmt.Sprintf("saturated: %s of %s/s", result.FormatShare(achieved), result.FormatRate(offered))
}

// Saturates reports whether a backlog that grew by so many visits, of so many that arrived, shows that the store cannot keep up. A store
// that can has a backlog that goes up and down, by chance with the arrivals: three standard deviations of their number, and at
// least 1 % of it, is beyond that. What grew for a moment and was made up for within the window, so that most of it was achieved, is
// not beyond the store.
func Saturates(growth float64, arrived int64, achieved float64) bool {
	n := float64(arrived)
	most := max(10, 3*math.Sqrt(n), n/100)
	return growth > most && (1-achieved)*n > most/2
}

// incomparable returns why a metric says nothing about the difference between some results, of which some may be nil, or "". In an open
// loop the throughput follows from the load, and the times of a saturated result from the length of its trials.
func incomparable(m *metric.Metric, results ...*result.Result) string {
	for _, r := range results {
		switch {
		case r == nil:
		case m.Open && r.Load == "":
			return "a closed loop"
		case m.Given && r.Load != "":
			return "it follows from the load: want achieved"
		case m.Unit == "ns" && Saturated(r) != "":
			return Saturated(r)
		}
	}
	return ""
}

// saturatedRows lists the saturated results of rows.
func saturatedRows(sources []Source, rows []alignedRow) (out []Exclusion) {
	for _, row := range rows {
		for i, r := range row.results {
			if r != nil && Saturated(r) != "" {
				out = append(out, Exclusion{Document: sources[i].Label, Scenario: row.scenario, Strategy: row.label,
					Reason: Saturated(r) + ", so that its times are not compared"})
			}
		}
	}
	return out
}

// Responses returns the p99 of the response time by block; nil unless all trials have one that is exact.
func Responses(r *result.Result) stats.Blocks {
	b := stats.Blocks{}
	for i := range r.Trials {
		l := &r.Trials[i].LatencyNs
		if l.P99 == nil || l.AtLeast(*l.P99) {
			return nil
		}
		b[r.Trials[i].Block] = float64(*l.P99)
	}
	return b
}

// openLoop merges what the trials of the parts have of an open loop, at t.OpsPerSec; nil in a closed loop. The growth of the sum of the backlogs,
// which is the sum of their growths, may be beyond chance where that of each part is not.
func (m *merger) openLoop(t *result.Trial) (all *result.OpenLoop, err error) {
	starts, services, visits := &distribution{}, &distribution{}, &distribution{}
	for i, one := range m.trials {
		o := one.OpenLoop
		if o == nil {
			return nil, nil
		}
		if all == nil {
			all = &result.OpenLoop{}
		}
		all.Offered += o.Offered
		all.ArrivalNs = max(all.ArrivalNs, o.ArrivalNs)
		all.Growth += o.Growth
		all.Queue += o.Queue
		all.Users += o.Users
		all.Limit += o.Limit
		all.Unserved += o.Unserved
		all.Serialised += o.Serialised
		all.Saturated = all.Saturated || o.Saturated
		err := errors.Join(starts.add(&o.StartNs, o.Start), services.add(&o.ServiceNs, o.Service), visits.add(&o.VisitNs, o.Visit))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.parts[i].File, err)
		}
	}
	if all.Offered > 0 {
		all.Achieved = t.OpsPerSec / all.Offered
	}
	all.Saturated = all.Saturated || Saturates(all.Growth, t.Visits, all.Achieved)
	if all.StartNs, all.Start, err = starts.merged(); err != nil {
		return nil, err
	}
	if all.ServiceNs, all.Service, err = services.merged(); err != nil {
		return nil, err
	}
	all.VisitNs, all.Visit, err = visits.merged()
	return all, err
}

// distribution is the sum of the distributions of several documents.
type distribution struct {
	histogram *hdr.PackedHistogram
	censored  *result.Censored
}

// add adds a distribution with its histogram, as in documents.
func (d *distribution) add(l *result.Latency, text string) error {
	if l.Count == 0 {
		return nil // an aborted trial has no histogram
	}
	if d.histogram == nil {
		d.histogram = result.NewSum()
	}
	d.censored = d.censored.Add(l.Censored)
	return addHistogram(d.histogram, text, l.Count)
}

// latency describes the sum.
func (d *distribution) latency() result.Latency {
	if d.histogram == nil {
		return result.Latency{}
	}
	l := result.LatencyOf(d.histogram)
	l.Censored = d.censored
	return l
}

// merged returns the sum and its histogram.
func (d *distribution) merged() (l result.Latency, text string, err error) {
	if d.histogram == nil {
		d.histogram = result.NewSum()
	}
	text, err = result.EncodeHistogram(d.histogram)
	return d.latency(), text, err
}

// Together describes the distribution of the times of all trials of r together. get returns those of a trial with their histogram. The
// error says why a histogram cannot be used; an empty one is missing.
func Together(r *result.Result, get func(t *result.Trial) (l *result.Latency, histogram string)) (result.Latency, error) {
	var d distribution
	for i := range r.Trials {
		if err := d.add(get(&r.Trials[i])); err != nil {
			return result.Latency{}, err
		}
	}
	return d.latency(), nil
}
