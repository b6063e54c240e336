package metric

import "github.com/sessbench/sessbench/reports/result"

// The names of the metrics that a search for the highest rate finds.
const (
	HighestRate = "highest_rate"
	FailingRate = "failing_rate"
)

// searched returns the metrics that only results of a search have. All trials have the value of their result.
func searched() (list []*Metric) {
	for _, of := range []struct {
		name, doc, missing string
		get                func(*result.Search) float64
	}{
		{HighestRate, "the highest rate at which --find-rate's goal was met", "no rate passes", func(s *result.Search) float64 { return s.Lower }},
		{FailingRate, "the lowest rate at which --find-rate's goal was not met", "no rate fails", func(s *result.Search) float64 { return s.Upper }},
	} {
		list = append(list, &Metric{Name: of.name, Unit: "ops/s", Doc: of.doc, HigherIsBetter: true, Open: true, CSV: of.name,
			Missing: of.missing + ", or none was searched for",
			Read: func(r *result.Result, _ *result.Trial) (float64, bool) {
				if r.Search == nil {
					return 0, false
				}
				x := of.get(r.Search)
				return x, x > 0
			}})
	}
	return list
}
