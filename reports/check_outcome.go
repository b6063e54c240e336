package reports

import "github.com/sessbench/sessbench/reports/result"

// severity orders the outcomes, the worst last.
func (o Outcome) severity() int {
	switch o {
	case Passed:
		return 0
	case Inconclusive:
		return 1
	case FailedGate:
		return 2
	}
	return 3
}

// worst is what several outcomes come to together: as bad as the worst of them, and [Passed] without any.
func worst(outcomes ...Outcome) Outcome {
	all := Passed
	for _, o := range outcomes {
		if o.severity() > all.severity() {
			all = o
		}
	}
	return all
}

// violationsOf lists the results of a document that have no speed because an audit failed. label is what the document is
// called.
func violationsOf(label string, d *result.Document) (list []CheckedViolation) {
	for i := range d.Results {
		if r := &d.Results[i]; failed(r) {
			list = append(list, CheckedViolation{Document: label, Scenario: r.Scenario, Strategy: r.Strategy, Reason: speedless(r)})
		}
	}
	return list
}
