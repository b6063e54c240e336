package judge

import "github.com/sessbench/sessbench/reports/result"

// series adds up the parts' series, which begin at the same time in a distributed run; nil unless all parts have one with the same
// intervals. There are no percentiles, because percentiles cannot be added.
func (m *merger) series() *result.Series {
	var all *result.Series
	for _, t := range m.trials {
		switch s := t.Series; {
		case s == nil, all != nil && s.IntervalNs != all.IntervalNs:
			return nil
		case all == nil:
			all = &result.Series{IntervalNs: s.IntervalNs}
		}
		for i, p := range t.Series.Points {
			if i == len(all.Points) {
				all.Points = append(all.Points, result.Point{})
			}
			sum := &all.Points[i]
			sum.Add(&p)
			sum.Queue += p.Queue
			sum.Open += p.Open
		}
	}
	return all
}
