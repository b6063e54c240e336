package judge

import "github.com/sessbench/sessbench/reports/result"

// Severity orders the outcomes, the worst last.
func (o Verdict) Severity() int {
	switch o {
	case Passed:
		return 0
	case Inconclusive:
		return 1
	case Failing:
		return 2
	}
	return 3
}

// worst is what several outcomes come to together: as bad as the worst of them, and [Passed] without any.
func worst(outcomes ...Verdict) Verdict {
	all := Passed
	for _, o := range outcomes {
		if o.Severity() > all.Severity() {
			all = o
		}
	}
	return all
}

// violationsOf lists the results of a document that have no speed because an audit failed. label is what the document is
// called.
func violationsOf(label string, d *result.Document) (list []FailedAudit) {
	for i := range d.Results {
		if r := &d.Results[i]; Failed(r) {
			list = append(list, FailedAudit{Document: label, Scenario: r.Scenario, Strategy: r.Strategy, Reason: NoSpeed(r)})
		}
	}
	return list
}
