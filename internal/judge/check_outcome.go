package judge

import "github.com/sessbench/sessbench/reports/result"

// Severity orders verdicts; the worst is the largest.
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

// worst returns the worst of several verdicts, and [Passed] without any.
func worst(outcomes ...Verdict) Verdict {
	all := Passed
	for _, o := range outcomes {
		if o.Severity() > all.Severity() {
			all = o
		}
	}
	return all
}

// violationsOf lists the results of a document whose audit failed. label names the document.
func violationsOf(label string, d *result.Document) (list []FailedAudit) {
	for i := range d.Results {
		if r := &d.Results[i]; Failed(r) {
			list = append(list, FailedAudit{Document: label, Scenario: r.Scenario, Strategy: r.Strategy, Reason: NoSpeed(r)})
		}
	}
	return list
}
