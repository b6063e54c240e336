package metric

import (
	"cmp"
	"fmt"

	"github.com/sessbench/sessbench/reports/result"
)

// openLoop returns the metrics that only trials of an open loop have. There the latency is the response time, which is also available
// under its own name.
func openLoop() []*Metric {
	list := []*Metric{
		{Name: "achieved", Title: "achieved", Unit: "share", Gated: true, Doc: "operations that were completed, of those that arrived", HigherIsBetter: true, Open: true,
			Missing: "nothing arrived", CSV: "achieved",
			Column: &Column{Title: "achieved", Format: result.FormatShare,
				Legend: "operations completed per second, of those that arrived: median of the trials"},
			Read: func(_ *result.Result, t *result.Trial) (float64, bool) {
				if t.OpenLoop == nil || t.OpenLoop.Offered == 0 {
					return 0, false
				}
				return t.OpenLoop.Achieved, true
			}},
		{Name: "visits_per_sec", Unit: "visits/s", Doc: "visits that arrived per second", Open: true, Missing: "nothing arrived", CSV: "visits_per_sec",
			Column: &Column{Title: "visits/s", Spare: 7, Format: result.FormatRate, Legend: "visits that arrived per second"},
			Read: func(_ *result.Result, t *result.Trial) (float64, bool) {
				if t.OpenLoop == nil || t.ElapsedNs == 0 {
					return 0, false
				}
				return float64(t.Visits) / float64(cmp.Or(t.OpenLoop.ArrivalNs, t.ElapsedNs)) * 1e9, true
			}},
	}
	for _, d := range []distribution{
		{name: "response", doc: "from the intended start of an operation to its end",
			all:  func(t *result.Trial) *result.Latency { return &t.LatencyNs },
			ofOp: func(op result.Operation) *result.Latency { return &op.LatencyNs }},
		{name: "service", doc: "from the call of an operation to its return", column: "service p99",
			legend: "p99 of the time from the call of an operation to its return; p50 to max count from the intended start",
			all:    func(t *result.Trial) *result.Latency { return &t.OpenLoop.ServiceNs },
			ofOp:   func(op result.Operation) *result.Latency { return op.ServiceNs }},
		{name: "visit", doc: "from the arrival of a visit to its end, without think times", csv: true,
			all: func(t *result.Trial) *result.Latency { return &t.OpenLoop.VisitNs }},
		{name: "start", doc: "from the arrival of a visit to its start", column: "start p99",
			legend: "p99 of the time from the arrival of a visit to its start: the wait for a user, and the delay of the harness",
			all:    func(t *result.Trial) *result.Latency { return &t.OpenLoop.StartNs }},
	} {
		for _, p := range result.Percentiles() {
			list = append(list, d.percentile(p))
		}
	}
	return list
}

// distribution is one of the distributions of an open loop.
type distribution struct {
	name, doc string
	all       func(t *result.Trial) *result.Latency     // of a trial of an open loop
	ofOp      func(op result.Operation) *result.Latency // nil: single operations have none
	csv       bool                                      // its p99 is in the CSV of trials
	column    string                                    // of its p99 in the table; empty: none
	legend    string
}

// of returns the distribution in a trial, or that of one kind of operation; nil if there is none.
func (d *distribution) of(t *result.Trial, op string) *result.Latency {
	switch {
	case t.OpenLoop == nil:
		return nil
	case op == "":
		return d.all(t)
	case d.ofOp == nil:
		return nil
	}
	return d.ofOp(t.Operations[op])
}

// percentile returns the metric of a percentile.
func (d distribution) percentile(p result.Percentile) *Metric {
	read := func(l *result.Latency) (float64, bool) {
		if l == nil || *p.In(l) == nil {
			return 0, false
		}
		return float64(**p.In(l)), true
	}
	m := &Metric{
		Name: d.name + "." + p.Name + "_ns", Unit: "ns", Doc: fmt.Sprintf("%v %% of the times do not exceed it: %s", p.Percent, d.doc),
		Open: true, Missing: "too few operations beyond it",
		Read: func(_ *result.Result, t *result.Trial) (float64, bool) { return read(d.of(t, "")) },
		Bound: func(t *result.Trial, op string, x float64) bool {
			l := d.of(t, op)
			return l != nil && l.AtLeast(int64(x))
		},
	}
	if d.ofOp != nil {
		m.OfOp = func(t *result.Trial, op result.Operation) (float64, bool) {
			if t.OpenLoop == nil {
				return 0, false
			}
			return read(d.ofOp(op))
		}
	}
	if p.Name == "p99" && (d.csv || d.column != "") {
		m.CSV = d.name + "_p99_ns"
	}
	if p.Name == "p99" && d.column != "" {
		m.Column = &Column{Title: d.column, Spare: 8, Format: formatNs, Legend: d.legend}
	}
	return m
}
