package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/reports/result"
)

// CheckMetric is a metric that a check judges.
type CheckMetric struct {
	Name   string // on the command line: p50
	Metric string // in documents, and in the Gated of a [Duet] or a [Stored]: latency_p50_ns
}

// CheckMetrics returns the metrics of checks in the order of their rows.
func CheckMetrics() []CheckMetric {
	var list []CheckMetric
	for _, m := range comparedMetrics() {
		list = append(list, CheckMetric{Name: m.short(), Metric: m.name})
	}
	return list
}

// GatedMetrics returns the metrics that a check gates where nothing else is said. A p99 comes from the few slowest
// operations of a trial: it is shown, and too restless to be gated unasked.
func GatedMetrics() []string {
	return []string{"ops_per_sec", "latency_p50_ns", "allocs_per_op", "bytes_per_session"}
}

// gatedMetrics is what was asked for, or GatedMetrics, and an error that names what is no metric.
func gatedMetrics(asked []string) ([]string, error) {
	if len(asked) == 0 {
		return GatedMetrics(), nil
	}
	var legal []string
	for _, m := range CheckMetrics() {
		legal = append(legal, m.Metric)
	}
	for i, name := range asked {
		if !slices.Contains(legal, name) {
			return nil, fmt.Errorf("gated metric %q: want some of %s", name, strings.Join(legal, ", "))
		}
		if slices.Contains(asked[:i], name) {
			return nil, fmt.Errorf("gated metric %q: named twice", name)
		}
	}
	return asked, nil
}

// byDifference reports whether changes of the metric are differences: counts, which may be 0. The others are ratios.
func (m *comparedMetric) byDifference() bool { return m.least > 0 }

// word is what people call the metric in a line of its own.
func (m *comparedMetric) word() string {
	if m.unit == "ns" {
		return m.short()
	}
	return m.title
}

// short is the metric's name without what its unit says: p50 for latency_p50_ns.
func (m *comparedMetric) short() string {
	return strings.TrimSuffix(strings.TrimPrefix(m.name, "latency_"), "_ns")
}

// write writes one value with its unit, but for what the metric's word says already: as in thresholds.
func (m *comparedMetric) write(x float64) string { return (&thresholdMetric{unit: m.unit}).write(x) }

// writeKnown is write, and [result.Nothing] for what does not exist.
func (m *comparedMetric) writeKnown(x *float64) string {
	if x == nil {
		return result.Nothing
	}
	return m.write(*x)
}

// perOp reports whether the metric is a mean over the operations. Of none there is no mean, and no 0.
func (m *comparedMetric) perOp() bool { return m.name == "allocs_per_op" || m.name == "bytes_per_op" }

// figures returns the metric of some trials, and how many of them lack it.
func (m *comparedMetric) figures(trials []*result.Trial) (xs []float64, lacking int) {
	for _, t := range trials {
		if x, ok := m.get(t); ok && (t.Ops > 0 || !m.perOp()) {
			xs = append(xs, x)
		} else {
			lacking++
		}
	}
	return xs, lacking
}
