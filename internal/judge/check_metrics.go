package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/reports/result"
)

// GateMetric is a metric that a check judges.
type GateMetric struct {
	Name   string // on the command line: p50
	Metric string // in documents, and in the Gated of a [Duet] or a [Stored]: latency_p50_ns
}

// GateMetrics returns the metrics of checks in the order of their rows.
func GateMetrics() []GateMetric {
	var list []GateMetric
	for _, m := range Metrics() {
		list = append(list, GateMetric{Name: m.Short(), Metric: m.Name})
	}
	return list
}

// DefaultGates returns the metrics that a check gates by default. A p99 depends on the few
// slowest operations of a trial; it is shown, but varies too much to be gated unless it is
// named.
func DefaultGates() []string {
	return []string{"ops_per_sec", "latency_p50_ns", "allocs_per_op", "bytes_per_session"}
}

// gatedMetrics returns the requested metrics, or DefaultGates if there are none. The error
// names an unknown or repeated metric.
func gatedMetrics(names []string) ([]string, error) {
	if len(names) == 0 {
		return DefaultGates(), nil
	}
	var legal []string
	for _, m := range GateMetrics() {
		legal = append(legal, m.Metric)
	}
	for i, name := range names {
		if !slices.Contains(legal, name) {
			return nil, fmt.Errorf("gated metric %q: want some of %s", name, strings.Join(legal, ", "))
		}
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("gated metric %q: named twice", name)
		}
	}
	return names, nil
}

// byDifference reports whether changes of the metric are differences: counts, which may be 0.
// Changes of other metrics are ratios.
func (m *Metric) byDifference() bool { return m.least > 0 }

// Word returns the name of the metric in tables with one metric per line.
func (m *Metric) Word() string {
	if m.Unit == "ns" {
		return m.Short()
	}
	return m.Title
}

// Short returns the metric's name without what its unit expresses: p50 for latency_p50_ns.
func (m *Metric) Short() string {
	return strings.TrimSuffix(strings.TrimPrefix(m.Name, "latency_"), "_ns")
}

// Format writes a value with its unit, except units that the metric's word contains.
func (m *Metric) Format(x float64) string { return FormatValue(m.Unit, x) }

// FormatKnown is Format, and [result.Nothing] for a missing value.
func (m *Metric) FormatKnown(x *float64) string {
	if x == nil {
		return result.Nothing
	}
	return m.Format(*x)
}

// perOp reports whether the metric is a mean over the operations. Without operations there is
// no mean, not a mean of 0.
func (m *Metric) perOp() bool { return m.Name == "allocs_per_op" || m.Name == "bytes_per_op" }

// figures returns the metric of each trial, and the number of trials that lack it.
func (m *Metric) figures(trials []*result.Trial) (xs []float64, lacking int) {
	for _, t := range trials {
		if x, ok := m.Read(t); ok && (t.Ops > 0 || !m.perOp()) {
			xs = append(xs, x)
		} else {
			lacking++
		}
	}
	return xs, lacking
}
